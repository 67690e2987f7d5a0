"""Purchases: each component every ten days from its supplier, now and then from the second one; and what is needed at once."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.life.components import components, consumption, suppliers
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.stamps import at, minute
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World, day_number

#: Days from order to order; days until goods are promised, as planned and at once.
EVERY, PROMISED, PROMISED_AT_ONCE = 10, (12, 20), (3, 6)
#: Urgent lines in the year under review, and their rise a year.
URGENT, URGENT_RISE = 420, 1.20
#: Rise of prices a year.
PRICES = 1.03
#: Goods that are late come so many days late at most.
_LATE = 15


def tell(world: World, span: Span) -> Frames:
    """Purchase lines that are ordered on the span's days."""
    found = pl.concat([_planned(world, span.days), _urgent(world, span.days)])
    seen = as_of(
        found, span.evening, ["ordered_at", "received_at"], reveals={"received_at": ["qty_received", "qty_rejected"]}
    )
    return {
        "erp_purchase_orders": seen.select(
            "po_id", "supplier_id", "component_sku", "qty_ordered", "qty_received", "qty_rejected", "unit_price", "ordered_at",
            "promised_date", "received_at", "is_urgent", "contract_flex_pct", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


def _planned(world: World, days: Ints) -> pl.DataFrame:
    number = components(world)["component_no"].to_numpy()
    row, component = np.nonzero((days[:, None] + number[None, :] * 3) % EVERY == 0)
    return _lines(world, days[row], component, np.zeros(len(row), dtype=np.int64), is_urgent=False)


def _urgent(world: World, days: Ints) -> pl.DataFrame:
    """So many as have come due by the end of each day: their number grows steadily."""
    clock = np.floor(_urgent_until(world, np.append(days[0] - 1, days))).astype(np.int64)
    count = np.diff(clock)
    day = np.repeat(days, count)
    turn = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
    weight = np.sqrt(consumption(world, day_number(world.review_year[0])))
    component = world.draws("urgent purchases").pick(weight, day, turn)
    return _lines(world, day, component, turn + 1, is_urgent=True)


def _urgent_until(world: World, days: Ints) -> Floats:
    """Urgent lines since ever by the end of days, so that the year under review has URGENT of them."""
    rate = np.log(URGENT_RISE)
    a_year = URGENT * rate / (URGENT_RISE**0.5 - URGENT_RISE**-0.5)
    return np.asarray(a_year / rate * np.exp(rate * world.years(days + 1)), dtype=np.float64)


def _lines(world: World, day: Ints, component: Ints, turn: Ints, *, is_urgent: bool) -> pl.DataFrame:
    draws, known, sources = world.draws("purchases"), components(world), suppliers(world)
    key = (day, component, turn)
    backup = known["backup_no"].fill_null(-1).to_numpy()[component]
    other = (backup >= 0) & draws.chance(0.4 if is_urgent else 0.12, *key, 1)
    supplier = np.where(other, backup, known["supplier_no"].to_numpy()[component])
    needed = _needed(world, day)[np.arange(len(day)), component] if len(day) else np.zeros(0)
    qty = np.maximum(1, np.ceil(needed * (3 if is_urgent else EVERY) * draws.between(0.85, 1.2, *key, 2))).astype(
        np.int64
    )
    promised = day + draws.integer(*(PROMISED_AT_ONCE if is_urgent else PROMISED), *key, 3)
    on_time = draws.chance(sources["punctuality"].to_numpy()[supplier], *key, 4)
    received = promised + np.where(on_time, -draws.integer(0, 2, *key, 5), draws.integer(1, _LATE, *key, 6))
    bad = (
        draws.chance(0.16, *key, 7)
        * (0.004 + 0.05 * (1 - sources["care"].to_numpy()[supplier]))
        * draws.spread(*key, 8)
    )
    rejected = np.minimum(qty, np.floor(qty * bad + draws.uniform(*key, 9) * (bad > 0)).astype(np.int64))
    price = known["price"].to_numpy()[component] * np.power(PRICES, world.years(day)) * (1.12 if is_urgent else 1.0)
    return pl.DataFrame(
        {
            "day": day,
            "component_no": component,
            "turn": turn,
            "qty_ordered": qty,
            "qty_received": qty,
            "qty_rejected": rejected,
            "unit_price": np.maximum(0.01, np.round(price * draws.between(0.97, 1.03, *key, 10), 4)),
            "promised": promised,
            "received": np.maximum(received, day + 1) * 1440 + 480 + draws.integer(0, 590, *key, 11),
        }
    ).with_columns(
        po_id=text("PO{}-{}-{}", "day", pl.col("component_no").cast(pl.String).str.zfill(4), "turn"),
        supplier_id=sources["supplier_id"].gather(supplier),
        component_sku=known["component_sku"].gather(component),
        ordered_at=at("day", 10),
        promised_date=date_of("promised"),
        received_at=minute("received"),
        is_urgent=pl.lit(is_urgent),
        contract_flex_pct=pl.Series(sources["flexibility"].to_numpy()[supplier]),
    )


def _needed(world: World, day: Ints) -> Floats:
    """Row x component: pieces a day that production needs. Told month by month: needs hardly change within one."""
    month = day // 30
    of_month = {int(number): consumption(world, int(number) * 30 + 15) for number in np.unique(month)}
    return np.stack([of_month[int(number)] for number in month.tolist()])


PROCESS = Process(("erp_purchase_orders",), tell, echoes=PROMISED[1] + _LATE + 1)
