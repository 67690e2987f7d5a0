"""What planners expect a SKU to sell, and how much stock they therefore want: cover of demand, and of demand that is long gone.

Planners believe slowly: a share of their plan is a mean of the months before, so that what was a hit last year, or is no longer
made, lies about for longer than it should.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fupan.demo.company.assortment import LINES, list_prices, products
from fupan.demo.company.seasons import months as month_of
from fupan.demo.company.warehouses import MARKET_OF, MARKETS, PART
from fupan.demo.life import expectation
from fupan.demo.life.sales.baskets import band_tilt, popularity
from fupan.demo.life.sales.plan import TRADES
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import YEAR, World, day_number

#: Days of demand that lie in a warehouse after a delivery, and days of remembered demand below which no planner goes.
COVER, REMEMBERED_COVER = 38.0, 34.0
#: Days of demand that are still held of what was launched big a year ago, now that the fashion has changed, for so many days.
FADED_COVER, FADED_FOR = 130.8, 2 * YEAR
#: What is remembered of demand from one month to the next.
MEMORY = 0.90
#: Cover of winter goods by month beside the usual: built up in November, sold off until January.
WINTER = {10: 1.15, 11: 1.75, 12: 1.50, 1: 1.20}
#: With pre-sale: built up a month earlier, and less of it, since orders are known.
WINTER_PRESALE = {10: 1.95, 11: 1.56, 12: 1.317, 1: 1.057}


def season_tags(world: World) -> np.ndarray:
    """SKU -> season in which it is wanted: ceiling lamps that warm a bathroom, lanterns for the Spring Festival; else empty."""
    known = products(world)
    kind = known["category"].to_numpy()
    return np.select(
        [np.isin(kind, ["ceiling", "smart_ceiling"]), kind == "landscape"], ["winter_warm", "festival_decor"], ""
    )


@lru_cache(maxsize=2)
def months(world: World) -> Ints:
    """First days of the months that are planned, and the first day after them."""
    known = expectation.months(world)["month"].unique().sort().to_numpy()
    after = (known[-1].astype("datetime64[D]").astype("datetime64[M]") + 1).astype("datetime64[D]").astype(np.int64)
    return np.append(known, after)


@lru_cache(maxsize=4)
def demand(world: World, group: str) -> Floats:
    """Month x market x SKU: pieces a day that a trade is expected to sell."""
    first = months(world)
    middle = np.minimum((first[:-1] + first[1:]) // 2, day_number(world.last))
    known, trade = products(world), TRADES[group]
    line_no, sku = known["line_no"].to_numpy(), known["sku_no"].to_numpy()
    liked = _liked(world) * band_tilt(world)[:, trade.number] / list_prices(world, sku[None, :], middle[:, None])
    of_line = np.stack([liked[:, line_no == n].sum(axis=1) for n in range(len(LINES))], axis=1)
    share = liked / np.maximum(of_line[:, line_no], 1e-12)
    expected = expectation.months(world).filter(group=group)
    units = np.zeros((len(middle), len(MARKETS), len(LINES)))
    market = expected["market"].replace_strict({name: n for n, name in enumerate(MARKETS)}).to_numpy()
    at = np.searchsorted(first, expected["month"].to_numpy())
    units[at, market, expected["line_no"].to_numpy()] = expected["units"].to_numpy()
    return np.asarray(units[:, :, line_no] * share[:, None, :] / np.diff(first)[:, None, None])


@lru_cache(maxsize=2)
def _liked(world: World) -> Floats:
    first = months(world)
    middle = np.minimum((first[:-1] + first[1:]) // 2, day_number(world.last))
    return np.concatenate([popularity(world, int(day), int(day)) for day in middle])


@lru_cache(maxsize=2)
def whole_demand(world: World) -> Floats:
    """Month x market x SKU: pieces a day of all trades."""
    return np.asarray(sum(demand(world, group) for group in TRADES))


def remembered(monthly: Floats) -> Floats:
    """What planners remember of demand at the end of each month (first axis)."""
    found = np.empty_like(monthly)
    last = monthly[0]
    for number, now in enumerate(monthly):
        last = MEMORY * last + (1 - MEMORY) * now
        found[number] = last
    return found


@lru_cache(maxsize=2)
def _remembered(world: World) -> Floats:
    return remembered(whole_demand(world))


def on_days(world: World, monthly: Floats, days: Ints) -> Floats:
    """A monthly series (first axis) on days: straight from the middle of one month to that of the next."""
    first = months(world)
    middle = (first[:-1] + first[1:]) / 2
    place = np.interp(days, middle, np.arange(len(middle)))
    low = np.floor(place).astype(np.int64)
    part = (place - low).reshape(-1, *(1,) * (monthly.ndim - 1))
    return monthly[low] * (1 - part) + monthly[np.minimum(low + 1, len(middle) - 1)] * part


def at_warehouses(by_market: Floats) -> Floats:
    """Day x market x SKU as day x warehouse x SKU."""
    return np.asarray(by_market[:, MARKET_OF] * PART[None, :, None])


def wanted(world: World, days: Ints) -> Ints:
    """Day x warehouse x SKU: pieces that planners want to lie there after a delivery on that day."""
    now = on_days(world, whole_demand(world), days + 15)
    before = on_days(world, _remembered(world), days)
    is_winter = season_tags(world) == "winter_warm"
    in_season = is_winter[None, :] & np.isin(month_of(days), list(WINTER))[:, None]
    # A season is planned anew each year, from what is expected of it alone.
    cover = np.maximum(COVER * now, np.where(in_season[:, None, :], 0.0, REMEMBERED_COVER * before))
    numbers = np.arange(now.shape[2])
    faded = is_faded(world, numbers[None, :], days[:, None])
    ahead = sum(on_days(world, whole_demand(world), days + later) for later in (18, 48, 78)) / 3
    cover = np.where(faded[:, None, :], FADED_COVER * ahead, cover)
    habit = world.draws("planners").between(0.85, 1.15, np.arange(len(PART))[:, None], numbers[None, :])
    fair = at_warehouses(cover)
    target = fair * habit[None]
    # What was launched big is planned as a whole: one warehouse has too much of it, another too little.
    whole = fair.sum(axis=1) / np.maximum(target.sum(axis=1), 1e-12)
    target *= np.where(products(world)["is_hit"].to_numpy()[None, :], whole, 1.0)[:, None, :]
    return np.rint(target * _season(world, days)[:, None, :]).astype(np.int64)


def is_faded(world: World, sku_no: Ints, days: Ints) -> np.ndarray:
    """Whether SKUs were launched big and the fashion has changed by then, element by element."""
    known = products(world)
    age = days - known["launch_day"].to_numpy()[sku_no]
    return np.asarray(known["is_hit"].to_numpy()[sku_no] & (age >= YEAR) & (age < YEAR + FADED_FOR))


def presale_begins(world: World) -> int:
    """First day of the October from which winter goods are sold in advance; that winter ends in the year under review."""
    end = world.review_year[0]
    year = end.year - 1 if end.month == 1 else end.year
    return day_number(end.replace(year=year, month=10, day=1))


def _season(world: World, days: Ints) -> Floats:
    """Day x SKU: cover beside the usual."""
    is_winter = season_tags(world) == "winter_warm"
    month, presale = month_of(days), days >= presale_begins(world)
    factor = np.array(
        [
            (WINTER_PRESALE if new else WINTER).get(m, 1.0)
            for m, new in zip(month.tolist(), presale.tolist(), strict=True)
        ]
    )
    return np.where(is_winter[None, :], factor[:, None], 1.0)
