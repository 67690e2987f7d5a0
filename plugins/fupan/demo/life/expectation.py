"""What the company may expect to sell: demand without chance. Planners and the market panel think in it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import clientele
from fupan.demo.company.assortment import LINES, list_prices, products
from fupan.demo.company.geography import places
from fupan.demo.life.sales.arrivals import WANING, WAXING, boom, boom_begins
from fupan.demo.life.sales.baskets import band_tilt, popularity
from fupan.demo.life.sales.plan import DOMESTIC_SHARES, GROWTH, TRADES, Trade, growth, line_shares
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import YEAR, World, day_number

#: What trades with many small buyers turn over in the year under review, beside the revenue by which their tastes are balanced.
LEVEL = {"online": 0.87, "store": 0.65, "dealer": 0.96}
#: Of what accounts are expected to order so much is neither cancelled nor put off.
KEPT = 0.963


@lru_cache(maxsize=2)
def accounts(world: World) -> pl.DataFrame:
    """A row a customer whose orders can be foreseen one by one (business customers, importers): customer_no, group, place_no,
    created_day, left_day, yearly (CNY in the middle of the year under review), growth (a year's factor), booms."""
    businesses, abroad = clientele.businesses(world), clientele.importers(world)
    rises = places()["market"].replace_strict(GROWTH, return_dtype=pl.Float64).to_numpy()
    each_time = pl.when("is_large").then(1).otherwise("orders_a_year")
    project = businesses.select(
        "customer_no", "place_no", "created_day", "left_day",
        group=pl.lit("project"), yearly=pl.col("value") * each_time, booms=pl.col("kind") == "integrator",
    ).with_columns(growth=pl.Series(rises).gather(businesses["place_no"]))  # fmt: skip
    export = abroad.select(
        "customer_no", "place_no", "created_day", "left_day",
        group=pl.lit("export"), yearly="value", booms=pl.lit(False),
        growth=pl.when("is_waning").then(WANING).otherwise(WAXING),
    )  # fmt: skip
    return pl.concat([project, export.select(project.columns)])


def foreseen(world: World, key: Ints, group: str) -> pl.DataFrame:
    """What the accounts of a group are expected to order, by month and ``key`` (an integer for each row of `accounts`, such as
    its place or its rep): month, key, revenue."""
    first = _first_days(world)
    known = accounts(world).with_columns(key=pl.Series(key)).filter(pl.col("group") == group)
    middle = (first[:-1] + first[1:]) // 2
    comes = np.searchsorted(middle, known["created_day"].to_numpy())
    goes = np.searchsorted(middle, known["left_day"].to_numpy())
    keys, number = np.unique(known["key"].to_numpy(), return_inverse=True)
    total = np.zeros((len(middle), len(keys)))
    boom_month = int(np.searchsorted(middle, boom_begins(world)))
    # Those who grow alike and boom alike are summed first, and grow together.
    for (rise, booms), rows in known.with_row_index("at").group_by("growth", "booms", maintain_order=True):
        at = rows["at"].to_numpy()
        change = np.zeros((len(middle) + 1, len(keys)))
        np.add.at(change, (comes[at], number[at]), rows["yearly"].to_numpy())
        np.add.at(change, (np.maximum(comes, goes)[at], number[at]), -rows["yearly"].to_numpy())
        factor = np.power(float(rise), world.years(middle))
        factor = np.where(booms & (np.arange(len(middle)) >= boom_month), factor * boom(world), factor)
        total += np.cumsum(change, axis=0)[:-1] * factor[:, None]
    total *= (KEPT * _demand(world, TRADES[group]) / YEAR)[:, None]
    return pl.DataFrame(
        {"month": np.repeat(first[:-1], len(keys)), "key": np.tile(keys, len(middle)), "revenue": total.ravel()}
    )


@lru_cache(maxsize=4)
def months(world: World) -> pl.DataFrame:
    """A row a month, trade, product line and market, for the company's life and the year after.

    Columns: month (first day, number since 1970), group, line_no, market, revenue (CNY), units."""
    return pl.concat([_trade(world, group, trade) for group, trade in TRADES.items()])


@lru_cache(maxsize=4)
def _first_days(world: World) -> Ints:
    begins = np.arange(
        np.datetime64(world.first, "M"), np.datetime64(world.last, "M") + np.timedelta64(13, "M"), dtype="datetime64[M]"
    )
    return begins.astype("datetime64[D]").astype(np.int64)


def _demand(world: World, trade: Trade) -> Floats:
    """Mean days of demand that each month has."""
    first = _first_days(world)
    days = np.arange(first[0], first[-1], dtype=np.int64)
    return np.asarray(np.bincount(np.searchsorted(first, days, side="right") - 1, trade.demand(days)), dtype=np.float64)


def _trade(world: World, group: str, trade: Trade) -> pl.DataFrame:
    first = _first_days(world)
    middle = (first[:-1] + first[1:]) // 2
    years = world.years(middle)
    if group in LEVEL:
        yearly = trade.revenue * LEVEL[group] * world.scale / YEAR * _demand(world, trade)
        of_market = {market: yearly * share * growth(market, years) for market, share in DOMESTIC_SHARES.items()}
    else:
        seen = foreseen(world, accounts(world)["place_no"].to_numpy(), group)
        market = seen.join(places().select("place_no", "market"), left_on="key", right_on="place_no")
        sums = market.group_by("month", "market").agg(pl.col("revenue").sum()).sort("month")
        of_market = {
            str(name): rows["revenue"].to_numpy() for (name,), rows in sums.group_by("market", maintain_order=True)
        }
    shares, pieces = line_shares(trade, years), _pieces(world, trade, middle)
    frames = []
    for market_name, size in of_market.items():
        revenue = size[:, None] * shares
        frames.append(
            pl.DataFrame(
                {
                    "month": np.repeat(first[:-1], len(LINES)),
                    "group": [group] * revenue.size,
                    "line_no": np.tile(np.arange(len(LINES)), len(first) - 1),
                    "market": [market_name] * revenue.size,
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
