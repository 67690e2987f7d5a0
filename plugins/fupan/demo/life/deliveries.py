"""What customers have in their hands: lines that were delivered to them, with what decides how content they are with them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import products
from fupan.demo.company.workmanship import failure_factor, lot_factor, lots, serial_numbers
from fupan.demo.life.sales import told
from fupan.demo.tools.draws import Draws
from fupan.demo.world import Span, World

#: Microseconds.
SECOND = 1_000_000
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND


@lru_cache(maxsize=3)
def delivered(world: World, span: Span) -> pl.DataFrame:
    """A row a line that was ordered on the span's days, is ever delivered and never deleted; gifts are none of them.

    Columns: line_key, order_key, line_no, sku_no, sku, qty, net_amount, group, platform, place_no, delivered_us (microseconds
    since 1970, local time), delivered_day, is_late (after the promised day), lot_no, trouble (how often units of its
    model and lot fail, beside what is usual).
    """
    sold = told(world, span.first, span.last)
    lines = sold.lines.filter(
        pl.col("delivered_at").is_not_null() & ~pl.col("is_gift") & pl.col("gone_on").is_null()
    ).join(sold.orders.select("order_key", "promised_date"), on="order_key", how="left", maintain_order="left")
    quality = products(world)["quality"].to_numpy()
    sku_no, key = lines["sku_no"].to_numpy(), lines["line_key"].to_numpy()
    moment = lines["delivered_at"].cast(pl.Int64).to_numpy()
    day = moment // DAY
    lot_no = lots(day, world.draws("lots"), key)
    return lines.select(
        "line_key", "order_key", "line_no", "sku_no", "sku", "qty", "net_amount", "group", "platform", "place_no",
        delivered_us=pl.Series(moment),
        delivered_day=pl.Series(day),
        is_late=pl.col("delivered_at").dt.date() > pl.col("promised_date"),
        lot_no=pl.Series(lot_no),
        trouble=pl.Series(failure_factor(quality)[sku_no] * lot_factor(world, sku_no, lot_no)),
    )  # fmt: skip


def with_orders(world: World, span: Span, lines: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Some of the delivered lines with columns of their orders, and of the products."""
    orders = told(world, span.first, span.last).orders
    of_product = products(world).select("sku_no", "line_no", "product_name", "kind", "power_w")
    return lines.join(
        orders.select("order_key", "order_id", *columns), on="order_key", how="left", maintain_order="left"
    ).join(of_product.rename({"line_no": "product_line_no"}), on="sku_no", how="left", maintain_order="left")


def serials(lines: pl.DataFrame, draws: Draws) -> pl.Series:
    """Serial number of a unit of each delivered line, one of its lot."""
    number = draws.integer(0, 999_999, lines["line_key"].to_numpy(), 1)
    return serial_numbers(lines["sku_no"].to_numpy(), lines["lot_no"].to_numpy(), number)


def moments(name: str, value: np.ndarray, known: np.ndarray | None = None) -> pl.Series:
    """Microseconds since 1970 as the company's local times; null where not ``known``."""
    found = pl.Series(name, np.asarray(value, dtype=np.int64) // SECOND * SECOND).cast(pl.Datetime("us"))
    return found if known is None else found.set(pl.Series(~known), None)
