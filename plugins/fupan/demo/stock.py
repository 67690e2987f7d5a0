"""Stock of finished goods: how many months of demand lie where, and why some of it is too much.

A location's stock is demand times cover. Last year's hits, premium goods that lie in shops while they are asked for online, and
traditional dealers' shelves have too much of it; seasonal goods have less since they are sold in advance.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.assortment import is_on_sale, list_prices, products
from fupan.demo.draws import Floats, Ints
from fupan.demo.geography import MARKETS, places
from fupan.demo.network import NEVER, WAREHOUSES, dealer_sizes, dealers
from fupan.demo.sales.arrivals import DEALER_BASKET, DEALER_ORDERS
from fupan.demo.seasons import months
from fupan.demo.specifications import specifications
from fupan.demo.supply import units_a_month
from fupan.demo.world import YEAR, World, day_number

#: Months of demand that lie in the company's warehouses.
COVER = 2.2
#: Last year's hit: its stock is so much more than what is needed in 90 days.
OVERSTOCK = 0.35
#: Premium goods of households' lines lie so many months longer.
PREMIUM_MONTHS = 1.55
#: Seasonal goods turn so much faster in seasons with sales in advance, which began with the year under review.
PRESALE_UPLIFT = 0.22
#: How often a year a traditional and a modern dealer turns its stock; share of the assortment that each holds.
TURNS, RANGE = (2.6, 4.2), (0.80, 0.30)
#: What a dealer pays beside the list price.
DEALER_PRICE = 0.68


def warehouses(world: World) -> list[str]:
    """The warehouses that the company has: all ten, fewer in a company for tests."""
    return list(WAREHOUSES) if world.scale >= 0.1 else ["WH01", "WH03", "WH05", "WH07", "WH09"]


@lru_cache(maxsize=2)
def shares(world: World) -> Floats:
    """Share of the whole stock in each warehouse, by the revenue of the market that it serves."""
    known = warehouses(world)
    market = [WAREHOUSES[location][0] for location in known]
    share = np.array([MARKETS[name][1] / market.count(name) for name in market])
    return np.asarray(share / share.sum())


def cover(world: World, days: Ints) -> Floats:
    """Day x SKU: months of demand in the company's warehouses."""
    known, draws = products(world), world.draws("cover")
    sku = known["sku_no"].to_numpy()
    found = np.repeat((COVER * draws.between(0.8, 1.2, sku))[None, :], len(days), axis=0)
    premium = (known["item_role"] == "image").to_numpy() & np.isin(known["line_no"].to_numpy(), [0, 4])
    found = found + np.where(premium, PREMIUM_MONTHS, 0.0)[None, :]
    seasonal = (specifications(world)["season_tag"] == "winter_warm").fill_null(False).to_numpy()
    in_season = np.isin(months(days), [11, 12, 1])
    since = day_number(world.first) + 2 * YEAR - 60
    sold_ahead = in_season & (days >= since)
    found = np.where(seasonal[None, :] & sold_ahead[:, None], found / (1 + PRESALE_UPLIFT), found)
    aged_hit = known["is_hit"].to_numpy()[None, :] & (days[:, None] - known["launch_day"].to_numpy()[None, :] >= YEAR)
    return np.where(aged_hit, 3.0 / (1 - OVERSTOCK), found)


def on_hand(world: World, days: Ints) -> Floats:
    """Day x SKU: pieces in all warehouses together; 0 where a SKU is not on sale."""
    ahead = (units_a_month(world, days) + units_a_month(world, days + 30) + units_a_month(world, days + 60)) / 3
    wave = 1 + 0.08 * world.draws("stock wave").normal(days[:, None] // 7, np.arange(ahead.shape[1])[None, :])
    is_hit = products(world)["is_hit"].to_numpy()[None, :]
    return np.asarray(ahead * cover(world, days) * np.where(is_hit, 1.0, wave) * is_on_sale(world, days))


@lru_cache(maxsize=2)
def dealer_shelves(world: World) -> pl.DataFrame:
    """A row a dealer and SKU that it holds: dealer_no, dealer_id, sku_no, part (of its stock's value)."""
    draws, known, goods = world.draws("dealer shelves"), dealers(world), products(world)
    number, sku = known["dealer_no"].to_numpy()[:, None], goods["sku_no"].to_numpy()[None, :]
    share = np.where(known["is_traditional"].to_numpy(), *RANGE)[:, None]
    rows, columns = np.nonzero(draws.chance(share, number, sku))
    weight = goods["popularity"].to_numpy()[columns] * draws.between(0.5, 1.5, rows, columns, 1)
    return pl.DataFrame({"dealer_no": rows, "sku_no": columns, "weight": weight}).with_columns(
        dealer_id=known["dealer_id"].gather(rows)
    )


def dealer_stock(world: World, days: Ints) -> pl.DataFrame:
    """Day, dealer_id, sku_no, pieces and unit_cost (what the dealer paid) of dealers that stand on the days."""
    shelves, known = dealer_shelves(world), dealers(world)
    value = dealer_stock_value(world)
    parts = []
    for day in days.tolist():
        here = is_on_sale(world, np.array([day]))[0]
        stands = ((known["joined_day"] <= day) & (known["left_day"].fill_null(NEVER) > day)).to_numpy()
        held = shelves.filter(pl.Series(here[shelves["sku_no"].to_numpy()] & stands[shelves["dealer_no"].to_numpy()]))
        held = held.with_columns(part=pl.col("weight") / pl.col("weight").sum().over("dealer_no"))
        sku, who = held["sku_no"].to_numpy(), held["dealer_no"].to_numpy()
        cost = np.round(list_prices(world, sku, np.full(len(sku), day)) * DEALER_PRICE, 2)
        moving = world.draws("dealer stock").between(0.85, 1.15, who, sku, day)
        pieces = np.maximum(1, np.rint(value[who] * held["part"].to_numpy() * moving / cost)).astype(np.int64)
        parts.append(
            pl.DataFrame(
                {"day": np.full(len(sku), day), "sku_no": sku, "pieces": pieces, "unit_cost": cost}
            ).with_columns(dealer_id=held["dealer_id"])
        )
    return pl.concat(parts)


def dealer_stock_value(world: World) -> Floats:
    """What each dealer's stock is worth (CNY at the prices that it paid), by dealer_no."""
    bought = DEALER_ORDERS * DEALER_BASKET / 400 * dealer_sizes(world)
    return np.asarray(bought / np.where(dealers(world)["is_traditional"].to_numpy(), *TURNS))


def provinces_of(market: str) -> str:
    """Regions of a market, their codes separated by commas."""
    return ",".join(places().filter(pl.col("market") == market)["region_code"])
