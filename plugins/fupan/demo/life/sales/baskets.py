"""Which SKUs a trade sells on a day, and at which price: popularity, life cycle, price band, promotions and elasticity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fupan.demo.company.assortment import BAND_LIMITS, LINES, is_on_sale, list_prices, products
from fupan.demo.company.campaigns import ELASTICITY, promotions
from fupan.demo.life.sales.plan import TRADES, Trade, line_shares
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import YEAR, World

#: What the market wants of the band from 200 to 500 CNY: its share of revenue in the year under review.
MIDDLE_SHARE = 0.45
#: A launch made big sells so many times as well in its first year.
HIT = 8.0
#: No other launch becomes a best seller in its first year, however much it will be liked: the most it is liked by then, for a
#: CNY of its price, times its line's share of revenue. It needs its second year to find its market.
LAUNCHED = 0.0012
#: CNY that a unit of a household is usually worth.
UNIT_VALUE = 150.0


@dataclass(frozen=True)
class Shelf:
    """What a trade offers on days: rows are days (and platforms, where it has some: day by day, platform by platform).

    ``chances``: cumulative, row by row from 0 to 1, of the SKUs in ``order`` (by line, kind and price).
    ``promotion``: share off, ``promo_no`` the promotion (-1: none), both row x SKU.
    ``lift``: how many orders more a row has for its promotions, and for a unit that is worth less than usual.
    """

    chances: Floats
    order: Ints
    promotion: Floats
    promo_no: Ints
    lift: Floats

    def pick(self, rows: Ints, even: Floats) -> Ints:
        """SKU for each row and even draw."""
        width = self.chances.shape[1]
        flat = (self.chances + np.arange(len(self.chances))[:, None]).ravel()
        return np.asarray(
            self.order[np.minimum(np.searchsorted(flat, rows + even, side="right") - rows * width, width - 1)]
        )


@lru_cache(maxsize=8)
def popularity(world: World, first_day: int, last_day: int) -> Floats:
    """Day x SKU: how well a SKU sells beside others of its line. It grows for a quarter, and once more in its second year if it
    is liked much, fades, and is 0 when not on sale."""
    known = products(world)
    days = np.arange(first_day, last_day + 1, dtype=np.int64)[:, None]
    age = days - known["launch_day"].to_numpy()[None, :]
    left = known["discontinue_day"].fill_null(1 << 40).to_numpy()[None, :] - days
    rising = np.clip(0.3 + 0.7 * age / 90, 0, 1)
    fading = np.clip(0.25 + 0.75 * left / 200, 0, 1)
    liked = known["popularity"].to_numpy()
    share = np.asarray([line.share for line in LINES])[known["line_no"].to_numpy()]
    launched = np.minimum(liked, LAUNCHED * known["base_price"].to_numpy() / share)
    found = launched + (liked - launched) * np.clip(age / YEAR - 1, 0, 1)
    found = np.where(known["is_hit"].to_numpy(), liked * np.where(age < YEAR, HIT, 1.0), found)
    return np.asarray(found * rising * fading * is_on_sale(world, days[:, 0]))


@lru_cache(maxsize=4)
def band_tilt(world: World) -> Floats:
    """SKU x trade: factor on popularity that gives the middle price band its share of the whole in the year under review."""
    known = products(world)
    line_no = known["line_no"].to_numpy()
    start = world.review_year[0]
    middle_day = (start - type(start)(1970, 1, 1)).days + YEAR // 2
    liked = popularity(world, middle_day, middle_day)[0]
    # Share of a SKU's sales in a trade that falls into the band, over the whole range of the trade's discounts.
    off = np.stack([np.linspace(*trade.discount, 15) for trade in TRADES.values()], axis=0)
    net = list_prices(world, np.arange(known.height), np.full(known.height, middle_day))[:, None, None] * (1 - off)
    inside = ((net >= BAND_LIMITS[0]) & (net <= BAND_LIMITS[1])).mean(axis=2)
    revenue = np.asarray([trade.revenue for trade in TRADES.values()])
    shares = np.stack([line_shares(trade, np.zeros(1))[0] for trade in TRADES.values()], axis=1)[line_no]

    def middle_share(tilt: float) -> float:
        weight = liked[:, None] * np.power(tilt, inside)
        of_line = np.stack([np.bincount(line_no, weight[:, n], len(LINES)) for n in range(len(TRADES))], axis=1)
        value = weight / of_line[line_no] * shares * revenue
        return float((value * inside).sum() / value.sum())

    low, high = 0.01, 100.0
    for _ in range(60):
        tilt = (low * high) ** 0.5
        low, high = (tilt, high) if middle_share(tilt) < MIDDLE_SHARE else (low, tilt)
    return np.asarray(np.power(tilt, inside))


def shelf(world: World, trade: Trade, days: Ints, *, platforms: tuple[str, ...] = (), by_value: bool) -> Shelf:
    """What ``trade`` offers on ``days``, on each of ``platforms`` if it has some.

    ``by_value``: chances are shares of revenue, for orders that are filled up to a sum; else of units, for orders by the piece.
    """
    known = products(world)
    line_no = known["line_no"].to_numpy()
    liked = popularity(world, int(days[0]), int(days[-1])) * band_tilt(world)[None, :, trade.number]
    shares = line_shares(trade, world.years(days))
    of_line = np.stack([liked[:, line_no == n].sum(axis=1) for n in range(len(LINES))], axis=1)
    revenue = liked / np.maximum(of_line[:, line_no], 1e-12) * shares[:, line_no]
    sku = np.arange(known.height)
    price = list_prices(world, sku[None, :], days[:, None]) * (1 - float(np.mean(trade.discount)))
    rows = max(1, len(platforms))
    revenue, price = np.repeat(revenue, rows, axis=0), np.repeat(price, rows, axis=0)
    off, promo_no = _promoted(world, days, platforms, known.height)
    elasticity = np.asarray([ELASTICITY[line.product_line] for line in LINES])[line_no]
    pull = np.power(1 - off, elasticity)
    units = revenue / price
    weight = revenue if by_value else units * pull
    # A large order takes a like share of every kind, so that what a kind sells hangs less on chance.
    kind = known["category"].rank("dense").to_numpy()
    order = np.lexsort((known["base_price"].to_numpy(), kind, line_no))
    chances = np.cumsum(weight[:, order], axis=1)
    total = chances[:, -1:]
    return Shelf(
        chances / total,
        order,
        off,
        promo_no,
        # Demand is revenue: where tastes move to dearer goods, fewer of them are bought.
        lift=np.ones(len(revenue)) if by_value else total[:, 0] / revenue.sum(axis=1) * UNIT_VALUE,
    )


def _promoted(world: World, days: Ints, platforms: tuple[str, ...], width: int) -> tuple[Floats, Ints]:
    """Row x SKU: the deepest discount of the promotions that run, and which it is; none where the trade has no platforms."""
    off = np.zeros((len(days) * max(1, len(platforms)), width))
    promo_no = np.full(off.shape, -1, dtype=np.int64)
    if not platforms:
        return off, promo_no
    running = promotions(world)
    starts, ends = running["start_day"].to_numpy(), running["end_day"].to_numpy()
    running = running.filter((ends >= days[0]) & (starts <= days[-1])).sort("discount_rate")
    for promo in running.iter_rows(named=True):
        first = max(0, promo["start_day"] - int(days[0]))
        last = min(len(days) - 1, promo["end_day"] - int(days[0]))
        for number, platform in enumerate(platforms):
            if promo["platform"] in (None, platform):
                rows = np.arange(first, last + 1) * len(platforms) + number
                off[rows, promo["sku_no"]] = promo["discount_rate"]
                promo_no[rows, promo["sku_no"]] = promo["promo_no"]
    return off, promo_no
