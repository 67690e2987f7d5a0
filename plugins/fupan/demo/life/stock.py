"""Stock of the company's own warehouses, day by day: planners fill it up on Mondays, shipments take from it.

After Monday's delivery a SKU lies there as planners want it; what is shipped in the week is taken off, and what a warehouse
lacks goes straight from the plant. So the stock of any day follows from the plan of its Monday and the shipments since.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import products
from fupan.demo.company.warehouses import IDS, routes
from fupan.demo.life.planning import is_faded, wanted
from fupan.demo.life.sales import told
from fupan.demo.tools.draws import Ints
from fupan.demo.world import Span, World, day_number

#: An order is shipped or cancelled within so many days, unless it is made to measure: that never lies in a warehouse.
_SHIPS_WITHIN = 7
_US_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Stock:
    """Pieces, day x warehouse x SKU, of the days from ``first`` (number since 1970). ``moved_in`` is negative where surplus is
    taken back."""

    first: int
    on_hand: Ints
    allocated: Ints
    moved_in: Ints
    issued: Ints

    def since(self, day: int) -> Stock:
        """The same without the days before ``day``."""
        skip = day - self.first
        return Stock(day, self.on_hand[skip:], self.allocated[skip:], self.moved_in[skip:], self.issued[skip:])


def stock(world: World, span: Span) -> Stock:
    """Of the span's days."""
    return _stock(world, span.first, span.last)


@lru_cache(maxsize=2)
def _stock(world: World, first: date, last: date) -> Stock:
    wanted_day = day_number(first)
    # From the Monday of the week before, whose end says what Monday's delivery adds.
    begins = wanted_day - (wanted_day + 3) % 7 - 7
    days = np.arange(begins, day_number(last) + 1, dtype=np.int64)
    shipped, ordered, settled = _flows(world, first, last, days)
    week = (days - begins) // 7
    target = wanted(world, days[::7])[week]
    since_monday = np.cumsum(shipped, axis=0)
    before_monday = np.concatenate([np.zeros_like(since_monday[:1]), since_monday[:-1]])[::7][week]
    taken = np.minimum(target, since_monday - before_monday)
    on_hand = target - taken
    issued = np.diff(taken, axis=0, prepend=np.zeros_like(taken[:1]))
    issued[::7] = taken[::7]
    moved_in = np.zeros_like(target)
    moved_in[7::7] = target[7::7] - on_hand[6:-1:7]
    waiting = np.maximum(0, np.cumsum(ordered - settled, axis=0))
    return Stock(begins, on_hand, np.minimum(waiting, on_hand), moved_in, issued).since(wanted_day)


def _flows(world: World, first: date, last: date, days: Ints) -> tuple[Ints, Ints, Ints]:
    """Pieces that are shipped, ordered, and shipped or cancelled: day x warehouse x SKU. The span itself is told as others
    tell it, so that it is told once for all."""
    earlier = max(world.first, first - timedelta(days=int(day_number(first) - days[0]) + _SHIPS_WITHIN))
    parts = [told(world, first, last)] + ([told(world, earlier, first - timedelta(days=1))] if earlier < first else [])
    shape = (len(days), len(IDS), products(world).height)
    found = [np.zeros(shape, dtype=np.int64) for _ in range(3)]
    for part in parts:
        orders = part.orders
        origin = pl.DataFrame(
            {
                "order_key": orders["order_key"],
                "origin": routes(world, orders)[1],
                "shipped": orders["shipped_at"].dt.epoch("us") // _US_A_DAY,
                "cancelled": orders["cancelled_at"].dt.epoch("us") // _US_A_DAY,
            }
        )
        # Who buys in bulk wants one fresh batch: what is left of an old fashion goes to households.
        faded = is_faded(world, part.lines["sku_no"].to_numpy(), part.lines["order_day"].to_numpy())
        one_batch = ~pl.col("group").is_in(["online", "store"]) & pl.Series(faded)
        lines = part.lines.filter(~pl.col("is_custom_line") & ~one_batch).join(
            origin, on="order_key", how="left", maintain_order="left"
        )
        lines = lines.with_columns(settled=pl.coalesce("shipped", "cancelled"))
        _add(found[0], lines, "shipped", days)
        # What was ordered before these days is settled by the first of them that anybody asks for.
        recent = lines.filter(pl.col("order_day") >= int(days[0]))
        _add(found[1], recent, "order_day", days)
        _add(found[2], recent, "settled", days)
    return found[0], found[1], found[2]


def _add(sums: Ints, lines: pl.DataFrame, column: str, days: Ints) -> None:
    inside = lines.filter(pl.col(column).is_between(int(days[0]), int(days[-1])))
    place = (inside[column].to_numpy() - days[0], inside["origin"].to_numpy(), inside["sku_no"].to_numpy())
    at = np.ravel_multi_index(place, sums.shape)
    sums += np.bincount(at, inside["qty"].to_numpy(), sums.size).astype(np.int64).reshape(sums.shape)
