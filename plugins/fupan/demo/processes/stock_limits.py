"""Least and most stock of a SKU in a warehouse, and sales that are too weak: set anew on the first day of a company year."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINES, date_of, products
from fupan.demo.company.warehouses import IDS
from fupan.demo.life.planning import COVER, at_warehouses, on_days, whole_demand
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.stamps import at
from fupan.demo.world import LIFE_YEARS, YEAR, Span, World, day_number

#: Days of demand that are kept for bad days, and more than which nobody wants; a month's sales below this part of what the
#: median SKU of the line turns over are weak.
SAFETY, MOST, WEAK = 14.0, 2.2 * COVER, 0.55
#: Limits are entered so many days before they hold.
_AHEAD = 10


def tell(world: World, span: Span) -> Frames:
    """Limits that are entered by the evening, of SKUs that are on sale then or will be within the year."""
    first, evening = day_number(world.first), day_number(span.evening)
    begins = first + np.arange(LIFE_YEARS) * YEAR
    begins = begins[begins - _AHEAD <= evening]
    known = products(world)
    demand = on_days(world, whole_demand(world), begins + 180)
    local = at_warehouses(demand)
    leaves = known["discontinue_day"].fill_null(1 << 40).to_numpy()
    active = (known["launch_day"].to_numpy()[None, :] < begins[:, None] + YEAR) & (leaves[None, :] > begins[:, None])
    year, warehouse, sku = np.nonzero(active[:, None, :] & (local > 0))
    weak = _weak(world, demand.sum(axis=1))
    share = local / np.maximum(demand.sum(axis=1)[:, None, :], 1e-12)
    start = begins[year]
    followed = (start + YEAR - _AHEAD) <= evening
    entered = np.where(followed, start + YEAR - _AHEAD, start - _AHEAD)
    found = pl.DataFrame(
        {
            "location_id": np.asarray(IDS)[warehouse],
            "start": start,
            "end": start + YEAR - 1,
            "followed": followed,
            "entered": np.maximum(entered, first),
            "safety_stock_qty": np.rint(SAFETY * local[year, warehouse, sku]).astype(np.int64),
            "max_stock_qty": np.ceil(MOST * local[year, warehouse, sku]).astype(np.int64),
            "sales_warning_line_qty": np.rint((weak[:, None, :] * share)[year, warehouse, sku]).astype(np.int64),
        }
    ).with_columns(
        sku=known["sku"].gather(sku),
        valid_from=date_of("start"),
        valid_to=pl.when("followed").then(date_of("end")),
        updated_at=at("entered", 9),
    )
    return {
        "inv_thresholds": found.select(
            "sku", "location_id", "safety_stock_qty", "max_stock_qty", "sales_warning_line_qty", "valid_from", "valid_to",
            "updated_at", date_of("entered").alias(CHANGED_ON),
        )
    }  # fmt: skip


def _weak(world: World, daily: np.ndarray) -> np.ndarray:
    """Year x SKU: pieces a month below which sales are weak; what is dearer may sell fewer."""
    price = products(world)["base_price"].to_numpy()
    line = products(world)["line_no"].to_numpy()
    value = daily * price[None, :] * YEAR / 12
    found = np.zeros_like(value)
    for number in range(len(LINES)):
        mine = line == number
        sold = np.where(value[:, mine] > 0, value[:, mine], np.nan)
        found[:, mine] = WEAK * np.nanmedian(sold, axis=1)[:, None]
    return np.asarray(found / price[None, :])


PROCESS = Process(("inv_thresholds",), tell)
