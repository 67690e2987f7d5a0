"""Stock that lies with dealers and in the company's own stores at the end of a month.

Dealers report theirs. A traditional dealer shows almost the whole range and orders by what he remembers; his stock turns
slowly, and some of it is old.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.assortment import LINE_NAMES, products, unit_costs
from fupan.demo.draws import Floats, Ints
from fupan.demo.network import NEVER, dealer_sizes, dealers, outlets
from fupan.demo.planning import demand, on_days, remembered
from fupan.demo.sales.arrivals import DEALER_BASKET, DEALER_ORDERS
from fupan.demo.world import YEAR, World

#: Days of its demand that a traditional dealer, a modern one and a store hold, and how many SKUs (lowest and highest).
TRADITIONAL, MODERN, STORE = (136.0, (206, 262)), (84.0, (70, 120)), (55.0, (90, 140))
#: Dear luminaires for homes are bought online; in the shops they wait so many times as long as the rest.
PREMIUM_WAITS = 1.6
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
    yearly = DEALER_ORDERS * DEALER_BASKET / 400 * known["size"].to_numpy()
    now, past = _mix(world, "dealer", day)
    mix = np.where(traditional[:, None], past[None, :], now[None, :])
    cover = np.where(traditional, TRADITIONAL[0], MODERN[0])
    number = known["dealer_no"].to_numpy()
    low, high = (np.where(traditional, TRADITIONAL[1][end], MODERN[1][end]) for end in (0, 1))
    listed = world.draws("dealers' range").integer(low, high, number, 0)
    found = _shelves(world, "dealers' range", number, yearly[:, None] / YEAR * mix, cover=cover, listed=listed)
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
    found = _shelves(world, "stores' range", number, each, cover=np.full(known.height, STORE[0]), listed=listed)
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
def _pieces(world: World, group: str) -> tuple[Floats, Floats]:
    """Month x SKU: pieces a day that a trade sells, and as they are remembered."""
    units = demand(world, group).sum(axis=1)
    return units, remembered(units)


def _mix(world: World, group: str, day: int) -> tuple[Floats, Floats]:
    """SKU: pieces for a CNY of the trade's revenue on a day, and the same as a slow mind sees it."""
    now, past = (on_days(world, series, np.array([day]))[0] for series in _pieces(world, group))
    price = products(world)["base_price"].to_numpy() * 0.68
    return now / (now * price).sum(), past / (past * price).sum()


def _shelves(world: World, purpose: str, holder: Ints, daily: Floats, *, cover: Floats, listed: Ints) -> pl.DataFrame:
    """Rows of stock. ``daily``: holder x SKU, pieces a day; ``listed``: how many SKUs each keeps, rather those that sell."""
    draws, sku = world.draws(purpose), np.arange(daily.shape[1])
    taste = -np.log(1 - draws.uniform(holder[:, None], sku[None, :], 1)) / np.maximum(daily, 1e-12) ** 0.4
    taste = np.where(daily > 0, taste, np.inf)
    place = np.argsort(np.argsort(taste, axis=1, kind="stable"), axis=1, kind="stable")
    keeps = (place < listed[:, None]) & (daily > 0)
    kept = np.where(keeps, daily, 0.0)
    kept *= (daily.sum(axis=1) / np.maximum(kept.sum(axis=1), 1e-12))[:, None]
    waits = np.where(is_premium(world), PREMIUM_WAITS, 1.0)[None, :]
    waits = waits * draws.spread(holder[:, None], sku[None, :], 2, sigma=0.5)
    row, column = np.nonzero(keeps)
    qty = np.maximum(1, np.rint((kept * cover[:, None] * waits)[row, column])).astype(np.int64)
    age = qty / np.maximum(kept[row, column], 1e-9) * draws.between(0.7, 1.3, holder[row], column, 3)
    return pl.DataFrame(
        {"holder": holder[row], "sku_no": column, "qty": qty, "age": np.clip(np.rint(age), 3, 1400).astype(np.int64)}
    )
