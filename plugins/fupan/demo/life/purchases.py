"""Who buys when, online and in the company's own stores: what campaigns and coupons look back at, told without order lines."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.life.sales import arrivals
from fupan.demo.life.sales.arrivals import PLATFORMS, Arrivals, order_day
from fupan.demo.life.sales.baskets import shelf
from fupan.demo.life.sales.fate import fate
from fupan.demo.life.sales.plan import TRADES
from fupan.demo.tools.columns import DAY_S
from fupan.demo.world import World, day_number

#: Days are told so many at a time, counted from the company's first day, so that the same are told but once.
_BLOCK = 91


def purchases(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """A row an order of a household on the days ``first_day`` to ``last_day``, of those in the company's life.

    Columns: order_key (tells its day, number and trade), user_no, day, second (of the day).
    """
    start = day_number(world.first)
    first, last = max(first_day, start), min(last_day, day_number(world.last))
    blocks = [_block(world, number) for number in range((first - start) // _BLOCK, (last - start) // _BLOCK + 1)]
    found = pl.concat(blocks or [_block(world, 0)]).with_columns(day=order_day(pl.col("order_key")))
    return found.filter(pl.col("day").is_between(first, last))


@lru_cache(maxsize=20)
def _block(world: World, number: int) -> pl.DataFrame:
    days = day_number(world.first) + number * _BLOCK + np.arange(_BLOCK, dtype=np.int64)
    return pl.concat([_bought(world, _online(world, days)), _bought(world, _store(world, days))])


def _online(world: World, days: np.ndarray) -> Arrivals:
    offer = shelf(world, TRADES["online"], days, platforms=PLATFORMS, by_value=False)
    return arrivals.online(world, days, offer.lift.reshape(len(days), len(PLATFORMS)))


def _store(world: World, days: np.ndarray) -> Arrivals:
    return arrivals.store(world, days, shelf(world, TRADES["store"], days, platforms=("offline",), by_value=False).lift)


def _bought(world: World, came: Arrivals) -> pl.DataFrame:
    placed = fate(world, came, np.zeros(len(came.day), dtype=bool)).placed
    return pl.DataFrame(
        {
            "order_key": came.key,
            "user_no": came.more["account_no"],
            "second": placed - came.day * DAY_S,
        }
    )
