"""What the company may expect to sell: demand without chance. Planners and the market panel think in it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.assortment import LINES, list_prices, products
from fupan.demo.draws import Floats, Ints
from fupan.demo.geography import MARKETS
from fupan.demo.sales.baskets import band_tilt, popularity
from fupan.demo.sales.plan import DOMESTIC_SHARES, TRADES, Trade, growth, line_shares
from fupan.demo.world import YEAR, World, day_number

#: What a trade turns over in the year under review beside the revenue by which its tastes are balanced.
LEVEL = {"online": 0.87, "store": 0.65, "dealer": 0.96, "project": 0.985, "export": 1.03}
_MARKET_NAMES = tuple(MARKETS)


@lru_cache(maxsize=4)
def months(world: World) -> tuple[Ints, pl.DataFrame]:
    """First days of all months of the company's life and the year after, and a row a month, trade, product line and market.

    Columns of the latter: month (first day, number since 1970), group, line_no, market, revenue (CNY) and units.
    """
    begins = np.arange(
        np.datetime64(world.first, "M"), np.datetime64(world.last, "M") + np.timedelta64(13, "M"), dtype="datetime64[M]"
    )
    first = begins.astype("datetime64[D]").astype(np.int64)
    parts = [_trade(world, group, trade, first) for group, trade in TRADES.items()]
    return first, pl.concat(parts)


def _trade(world: World, group: str, trade: Trade, first: Ints) -> pl.DataFrame:
    days = np.arange(first[0], first[-1], dtype=np.int64)
    number = np.searchsorted(first, days, side="right") - 1
    demand = np.bincount(number, trade.demand(days), len(first) - 1)
    middle = (first[:-1] + first[1:]) // 2
    years = world.years(middle)
    yearly = trade.revenue * LEVEL[group] * world.scale / YEAR
    if group == "export":
        of_market = {"overseas": growth("overseas", years)}
    else:
        of_market = {market: share * growth(market, years) for market, share in DOMESTIC_SHARES.items()}
    shares = line_shares(trade, years)
    pieces = _pieces(world, trade, middle)
    frames = []
    for market, size in of_market.items():
        revenue = (yearly * demand * size)[:, None] * shares
        frames.append(
            pl.DataFrame(
                {
                    "month": np.repeat(first[:-1], len(LINES)),
                    "group": [group] * revenue.size,
                    "line_no": np.tile(np.arange(len(LINES)), len(first) - 1),
                    "market": [market] * revenue.size,
                    "revenue": revenue.ravel(),
                    "units": (revenue * pieces).ravel(),
                }
            )
        )
    return pl.concat(frames)


def _pieces(world: World, trade: Trade, days: Ints) -> Floats:
    """Day x product line: pieces sold for a CNY of revenue."""
    known = products(world)
    line_no, sku = known["line_no"].to_numpy(), known["sku_no"].to_numpy()
    within = np.minimum(days, day_number(world.last))
    liked = (
        np.concatenate([popularity(world, int(day), int(day)) for day in within]) * band_tilt(world)[:, trade.number]
    )
    price = list_prices(world, sku[None, :], within[:, None]) * (1 - float(np.mean(trade.discount)))
    found = np.stack(
        [(liked / price)[:, line_no == n].sum(axis=1) / liked[:, line_no == n].sum(axis=1) for n in range(len(LINES))],
        axis=1,
    )
    return np.asarray(found)
