"""Order lines: which SKU, how many, at which price."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINES, lasting, list_prices, unit_costs
from fupan.demo.company.bundles import KIT, bundles
from fupan.demo.company.campaigns import promotions
from fupan.demo.life.sales.arrivals import Arrivals
from fupan.demo.life.sales.baskets import Shelf
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.world import World

LINES_AN_ORDER = 64
#: Of project lines so many are made to measure, dearer by so much than the standard item.
CUSTOM, CUSTOM_PREMIUM = 0.12, 0.12
#: Online orders with a gift (a light source at no price): on ordinary days, and in a promotion.
GIFTS = 0.03
#: What an advertisement offers to new customers: so much off their first order.
WELCOME = 0.26
_PIECES = np.array([1, 1, 1, 1, 1, 2, 2, 2, 3, 4])


def fill(world: World, arrivals: Arrivals, shelf: Shelf, rows: Ints) -> pl.DataFrame:
    """Lines of the orders, in their order. ``rows``: row of the shelf for each order.

    Columns: order_at (index of the order), line_no, sku_no, qty, list_price, unit_price, is_custom_line, is_gift, promo_no,
    and the amounts that follow from them."""
    draws = world.draws("order lines")
    order_at = np.repeat(np.arange(len(arrivals.day)), arrivals.lines)
    line_no = np.arange(len(order_at)) - np.repeat(np.cumsum(arrivals.lines) - arrivals.lines, arrivals.lines) + 1
    key, day = arrivals.key[order_at], arrivals.day[order_at]
    even = draws.uniform(key, line_no, 1)
    if arrivals.value is not None:
        # A large order takes from the whole of the range, line by line, not from one corner of it by chance.
        even = (line_no - 1 + even) / arrivals.lines[order_at]
    sku = shelf.pick(rows[order_at], even)
    if (is_kit := arrivals.more.get("is_kit")) is not None:
        kit = bundles(world).filter(pl.col("bundle_id") == KIT)["sku_no"].to_numpy()
        inside = is_kit[order_at] & (line_no <= len(kit))
        sku = np.where(inside, kit[np.minimum(line_no, len(kit)) - 1], sku)
    promoted = shelf.promotion[rows[order_at], sku]
    off = draws.between(*arrivals.trade.discount, key, 0) + 0.02 * draws.normal(key, line_no, 2)
    price = list_prices(world, sku, day)
    custom = np.zeros(len(sku), dtype=bool)
    if arrivals.trade.number == 3:
        custom = draws.chance(CUSTOM, key)  # an order is made to measure as a whole
    welcome = arrivals.more.get("is_welcome", np.zeros(len(arrivals.day), dtype=bool))[order_at]
    offered = (1 - promoted) * np.where(welcome, 1 - WELCOME, 1) * np.where(custom, 1 + CUSTOM_PREMIUM, 1)
    unit = np.round(price * (1 - np.clip(off, 0, 0.6)) * offered, 2)
    unit = np.maximum(unit, 0.01)
    if arrivals.value is None:
        qty = _PIECES[draws.integer(0, len(_PIECES) - 1, key, line_no, 3)]
    else:
        qty = _filled(arrivals.value, order_at, 0.4 + draws.uniform(key, line_no, 4), unit)
    lines = pl.DataFrame(
        {
            "order_at": order_at,
            "line_no": line_no,
            "sku_no": sku,
            "qty": qty,
            "list_price": price,
            "unit_price": unit,
            "is_custom_line": custom,
            "is_gift": np.zeros(len(sku), dtype=bool),
            "promo_no": shelf.promo_no[rows[order_at], sku],
        }
    )
    if arrivals.trade.number == 0:
        lines = pl.concat([lines, _gifts(world, draws, arrivals)]).sort("order_at", "line_no")
    return _with_amounts(world, arrivals, lines)


def _filled(value: Floats, order_at: Ints, part: Floats, unit: Floats) -> Ints:
    """Pieces that fill each order up to its value, shared out over its lines by their ``part``."""
    share = part / np.bincount(order_at, part)[order_at]
    return np.maximum(1, np.rint(value[order_at] * share / unit)).astype(np.int64)


def _gifts(world: World, draws: Draws, arrivals: Arrivals) -> pl.DataFrame:
    lamps = lasting(world).filter(pl.col("line_no") == len(LINES) - 1)
    giving = np.flatnonzero(draws.chance(GIFTS, arrivals.key, 5))
    key = arrivals.key[giving]
    sku = lamps["sku_no"].to_numpy()[draws.integer(0, lamps.height - 1, key, 6)]
    free = np.zeros(len(giving))
    return pl.DataFrame(
        {
            "order_at": giving,
            "line_no": arrivals.lines[giving] + 1,
            "sku_no": sku,
            "qty": np.ones(len(giving), dtype=np.int64),
            "list_price": list_prices(world, sku, arrivals.day[giving]),
            "unit_price": free,
            "is_custom_line": free > 0,
            "is_gift": np.ones(len(giving), dtype=bool),
            "promo_no": np.full(len(giving), -1, dtype=np.int64),
        }
    )


def _with_amounts(world: World, arrivals: Arrivals, lines: pl.DataFrame) -> pl.DataFrame:
    order_at = lines["order_at"].to_numpy()
    cost = unit_costs(world, lines["sku_no"].to_numpy(), arrivals.day[order_at])
    key = arrivals.key[order_at]
    promo_id = promotions(world).sort("promo_no")["promo_id"]
    return lines.with_columns(
        order_key=pl.Series(key),
        line_key=pl.Series(key) * LINES_AN_ORDER + pl.col("line_no"),
        order_day=pl.Series(arrivals.day[order_at]),
        net_amount=(pl.col("unit_price") * pl.col("qty")).round(2),
        discount_amount=((pl.col("list_price") - pl.col("unit_price")) * pl.col("qty")).round(2),
        cost_amount=pl.Series(np.round(cost * lines["qty"].to_numpy(), 2)).fill_nan(None),
        promo_id=promo_id.gather(pl.select(pl.when(lines["promo_no"] >= 0).then(lines["promo_no"])).to_series()),
    )
