"""What comes back: online and store purchases as often as the product is bad, deliveries to companies now and then, in part."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import products
from fupan.demo.company.workmanship import EXCHANGED, return_share
from fupan.demo.life.sales import told
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

REASONS = (
    "damaged_in_transit",
    "dead_on_arrival",
    "not_as_described",
    "wrong_item",
    "no_longer_needed",
    "quality_defect",
)
#: Of deliveries to companies a part comes back, this often beside households' goods.
COMPANIES = 0.30
_DAY = 86_400_000_000


def tell(world: World, span: Span) -> Frames:
    """Returns of lines that were ordered on the span's days and are delivered and never deleted."""
    draws = world.draws("returns")
    sold = told(world, span.first, span.last)
    lines = sold.lines.filter(pl.col("delivered_at").is_not_null() & ~pl.col("is_gift") & pl.col("gone_on").is_null())
    key = lines["line_key"].to_numpy()
    share = return_share(products(world)["quality"].to_numpy())[lines["sku_no"].to_numpy()]
    share = share * np.where(lines["group"].is_in(["online", "store"]).to_numpy(), 1.0, COMPANIES)
    back = lines.filter(pl.Series(draws.chance(share, key)))
    key = back["line_key"].to_numpy()
    exchange = draws.chance(EXCHANGED, key, 1)
    retail = back["group"].is_in(["online", "store"]).to_numpy()
    part = np.maximum(1, np.rint(back["qty"].to_numpy() * draws.between(0.02, 0.25, key, 2))).astype(np.int64)
    qty = np.where(retail, back["qty"].to_numpy(), np.minimum(part, back["qty"].to_numpy()))
    asked_after = draws.integer(_DAY // 4, 13 * _DAY, key, 3)
    done_after = draws.integer(2 * _DAY, 10 * _DAY, key, 4)
    heads = sold.orders.select("order_key", "customer_id", "channel_id", "country")
    found = (
        back.select(
            "order_key",
            "order_id",
            "line_no",
            "line_key",
            "sku",
            "unit_price",
            "delivered_at",
            "repriced_at",
            "reprice",
        )
        .join(heads, on="order_key", how="left", maintain_order="left")
        .with_columns(
            return_id=text("RT{}", "line_key"),
            return_type=pl.Series(np.where(exchange, "exchange", "return")),
            qty=pl.Series(qty),
            refund_amount=pl.when(pl.Series(exchange))
            .then(0.0)
            .otherwise((pl.col("unit_price") * pl.Series(qty)).round(2)),
            currency=pl.lit("CNY"),
            reason_code=pl.Series(draws.choice(REASONS, key, 5, weights=[2, 3, 3, 1, 3, 4])),
            touch_count=pl.Series(draws.integer(1, 4, key, 6)),
            requested_at=pl.col("delivered_at") + pl.Series(asked_after).cast(pl.Duration("us")),
        )
        .with_columns(completed_at=pl.col("requested_at") + pl.Series(done_after).cast(pl.Duration("us")))
    )
    columns = (
        "return_id", "order_id", "line_no", "sku", "customer_id", "channel_id", "country", "return_type", "requested_at",
        "completed_at", "qty", "refund_amount", "currency", "reason_code", "touch_count", "updated_at", "_changed_on",
    )  # fmt: skip
    return {"erp_returns": as_of(found, span.evening, ["requested_at", "completed_at"]).select(columns)}


PROCESS = Process(("erp_returns",), tell, echoes=90)
