"""What stands behind the shelves: how many of each SKU are expected to be sold, and the components of which they are made."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.assortment import LINES, list_prices, products
from fupan.demo.draws import Floats, Ints
from fupan.demo.expectation import months
from fupan.demo.sales.baskets import band_tilt, popularity
from fupan.demo.sales.plan import TRADES
from fupan.demo.world import World, day_number

#: Class of components: material, share of a unit's cost, how many different ones there are.
CLASSES = {
    "led_chip": ("semiconductor", 0.22, 8),
    "driver": ("electronics", 0.20, 8),
    "housing": ("die_cast_aluminium", 0.36, 10),
    "optics": ("polycarbonate", 0.08, 6),
    "circuit_board": ("fr4", 0.09, 6),
    "packaging": ("cardboard", 0.05, 4),
}


def component_sku(class_no: int, number: Ints) -> pl.Series:
    """Code of a component of a class."""
    prefix = list(CLASSES)[class_no][:3].upper()
    return pl.Series([f"CMP-{prefix}-{n + 1:02d}" for n in number.tolist()], dtype=pl.String)


@lru_cache(maxsize=4)
def monthly_units(world: World) -> tuple[Ints, Floats]:
    """First days of the months of the company's life, and month x SKU: units that may be expected to be sold."""
    expected = months(world)
    begins = np.unique(expected["month"].to_numpy())
    first = np.append(begins, begins[-1] + 31)
    known = products(world)
    line_no, sku = known["line_no"].to_numpy(), known["sku_no"].to_numpy()
    count = len(first) - 1
    middles = np.minimum((first[:-1] + first[1:]) // 2, day_number(world.last))
    liked = np.concatenate([popularity(world, int(day), int(day)) for day in middles])
    price = list_prices(world, sku[None, :], middles[:, None])
    revenue = expected.group_by("month", "group", "line_no").agg(pl.col("revenue").sum())
    units = np.zeros((count, known.height))
    for group, trade in TRADES.items():
        here = liked * band_tilt(world)[None, :, trade.number]
        of_line = np.stack([here[:, line_no == n].sum(axis=1) for n in range(len(LINES))], axis=1)
        share = here / np.maximum(of_line[:, line_no], 1e-12)
        of_group = revenue.filter(pl.col("group") == group)
        table = np.zeros((count, len(LINES)))
        table[np.searchsorted(first, of_group["month"].to_numpy()), of_group["line_no"].to_numpy()] = of_group[
            "revenue"
        ].to_numpy()
        units += table[:, line_no] * share / (price * (1 - float(np.mean(trade.discount))))
    return first[:-1], units


def units_a_month(world: World, days: Ints) -> Floats:
    """Day x SKU: units expected in the month of each day."""
    begins, units = monthly_units(world)
    return np.asarray(units[np.clip(np.searchsorted(begins, days, side="right") - 1, 0, len(begins) - 1)])
