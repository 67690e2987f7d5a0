"""Stock that lies with dealers and in the company's own stores at the end of a month.

Dealers report theirs. A traditional dealer shows almost the whole range and orders by what he remembers; his stock turns
slowly, and some of it is old.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, products, unit_costs
from fupan.demo.company.geography import places
from fupan.demo.company.network import NEVER, dealer_sizes, dealers, outlets
from fupan.demo.company.warehouses import MARKETS
from fupan.demo.life.planning import demand, on_days, remembered
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import World

#: Days of its demand that a traditional dealer, a modern one and a store hold, and how many SKUs (lowest and highest).
TRADITIONAL, MODERN, STORE = (140.0, (206, 262)), (54.0, (70, 120)), (55.0, (90, 140))
#: Dear luminaires for homes are bought online; in the shops they wait so many times as long as the rest.
PREMIUM_WAITS = 1.06
#: Age of the oldest pieces of what a traditional dealer and others hold longest (days), and how steeply it falls from there.
OLDEST, STEEP = (600.0, 330.0), 2.3
_PREMIUM_LINES = [LINE_NAMES.index(name) for name in ("smart_luminaires", "residential")]


def is_premium(world: World) -> np.ndarray:
    """SKUs at the top of the lines that households buy."""
    known = products(world)
    return ((known["item_role"] == "image") & known["line_no"].is_in(_PREMIUM_LINES)).to_numpy()


def dealer_shelves(world: World, day: int) -> pl.DataFrame:
    """A row a dealer that stands on ``day`` and SKU that it holds: dealer_no, sku_no, qty, age (days of the oldest piece)."""
    known = dealers(world).with_columns(size=pl.Series(dealer_sizes(world)))
    known = known.filter(pl.col("joined_day") <= day, pl.col("left_day").fill_null(NEVER) > day)
    traditional = known["is_traditional"].to_numpy()
    # What a market's dealers buy is shared out among them by their size.
    market = (
        places()["market"]
        .gather(known["place_no"])
        .replace_strict({name: n for n, name in enumerate(MARKETS)})
        .to_numpy()
    )
    size = known["size"].to_numpy()
    part = size / np.bincount(market, size)[market]
    now, past = (on_days(world, series, np.array([day]))[0] for series in _pieces(world))
    daily = part[:, None] * np.where(traditional[:, None], past[market], now[market])
    cover = np.where(traditional, TRADITIONAL[0], MODERN[0])
    number = known["dealer_no"].to_numpy()
    low, high = (np.where(traditional, TRADITIONAL[1][end], MODERN[1][end]) for end in (0, 1))
    listed = world.draws("dealers' range").integer(low, high, number, 0)
    found = _shelves(
        world,
        "dealers' range",
        number,
        daily,
        cover=cover,
        listed=listed,
        oldest=np.where(traditional, *OLDEST),
    )
    return found.rename({"holder": "dealer_no"})


def store_shelves(world: World, day: int) -> pl.DataFrame:
    """The same of the company's own stores: outlet_no, sku_no, qty, age."""
    known = outlets(world).filter(
        pl.col("dealer_no").is_null(), pl.col("opened_day") <= day, pl.col("closed_day").fill_null(NEVER) > day
    )
    daily = on_days(world, demand(world, "store"), np.array([day]))[0].sum(axis=0) / max(1, known.height)
    number = known["outlet_no"].to_numpy()
    listed = world.draws("stores' range").integer(*STORE[1], number, 0)
    each = np.broadcast_to(daily, (known.height, len(daily)))
    found = _shelves(
        world,
        "stores' range",
        number,
        each,
        cover=np.full(known.height, STORE[0]),
        listed=listed,
        oldest=np.full(known.height, OLDEST[1]),
    )
    return found.rename({"holder": "outlet_no"})


@lru_cache(maxsize=64)
def dealer_stock_value(world: World, day: int) -> pl.DataFrame:
    """A row a dealer that stands on ``day``: dealer_no, value of its stock at the company's cost (CNY)."""
    held = dealer_shelves(world, day)
    cost = unit_costs(world, held["sku_no"].to_numpy(), np.full(held.height, day))
    return (
        held.with_columns(value=pl.col("qty") * pl.Series(cost).fill_nan(None))
        .group_by("dealer_no", maintain_order=True)
        .agg(pl.col("value").sum())
    )


@lru_cache(maxsize=4)
def _pieces(world: World) -> tuple[Floats, Floats]:
    """Month x market x SKU: pieces a day that dealers buy, and as they remember it."""
    pieces = demand(world, "dealer")
    return pieces, remembered(pieces)


def _shelves(
    world: World, purpose: str, holder: Ints, daily: Floats, *, cover: Floats, listed: Ints, oldest: Floats
) -> pl.DataFrame:
    """Rows of stock. ``daily``: holder x SKU, pieces a day; ``listed``: how many SKUs each keeps, rather those that sell."""
    draws, sku = world.draws(purpose), np.arange(daily.shape[1])
    taste = -np.log(1 - draws.uniform(holder[:, None], sku[None, :], 1)) / np.maximum(daily, 1e-12) ** 0.4
    taste = np.where(daily > 0, taste, np.inf)
    place = np.argsort(np.argsort(taste, axis=1, kind="stable"), axis=1, kind="stable")
    keeps = (place < listed[:, None]) & (daily > 0)
    row, column = np.nonzero(keeps)
    cost = products(world)["base_cost"].fill_null(pl.col("base_cost").median()).to_numpy()
    premium = is_premium(world)
    # What a holder does not keep it sells instead of: dear goods for dear ones, others for others.
    group = row * 2 + premium[column]
    wanted = np.stack([(daily * cost)[:, ~premium].sum(axis=1), (daily * cost)[:, premium].sum(axis=1) * PREMIUM_WAITS])
    worth = (wanted * cover[None, :]).T.ravel()
    usual = daily[row, column] * draws.spread(holder[row], column, 2, sigma=0.5)
    factor = np.repeat(cover, 2)
    # One piece of everything is on show: the rest is cut until all together is worth what it should be.
    for _ in range(8):
        qty = np.maximum(1, np.rint(usual * factor[group]))
        factor *= worth / np.maximum(np.bincount(group, qty * cost[column], len(worth)), 1e-9)
    qty = np.maximum(1, np.rint(usual * factor[group])).astype(np.int64)
    return pl.DataFrame({"holder": holder[row], "sku_no": column, "qty": qty}).with_columns(
        age=pl.Series(_ages(row, qty * cost[column], qty / daily[row, column], oldest))
    )


def _ages(row: Ints, worth: Floats, lasts: Floats, oldest: Floats) -> Ints:
    """Days since the oldest piece came in: first in, first out, what lasts longest is oldest. Even over a holder's stock by
    value, so that a tenth of it is about as old with every holder."""
    order = np.lexsort((lasts, row))
    sums = np.cumsum(worth[order])
    ends = (
        np.searchsorted(row[order], np.arange(row.max() + 1), side="right") if len(row) else np.zeros(0, dtype=np.int64)
    )
    before = np.concatenate([[0.0], sums])[np.concatenate([[0], ends[:-1]])]
    total = np.bincount(row, worth)
    share = np.empty(len(row))
    share[order] = (sums - worth[order] / 2 - before[row[order]]) / total[row[order]]
    return np.maximum(3, np.rint(oldest[row] * share**STEEP)).astype(np.int64)
