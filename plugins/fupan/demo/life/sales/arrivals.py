"""Orders as they come in: how many on each day from each market, from whom, with how many lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from fupan.demo.company import clientele
from fupan.demo.company.geography import places
from fupan.demo.company.network import dealer_sizes, dealers, outlets
from fupan.demo.life.sales.plan import DOMESTIC_SHARES, TRADES, Trade, growth
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number

#: An order's key: day, trade and number of the day in one; its lines have 64 numbers each.
_DAY, _TRADE = 1 << 28, 1 << 25


@dataclass
class Arrivals:
    """Orders of one trade, one element an order. ``value``: CNY to be filled (trades by value). ``more``: further columns."""

    trade: Trade
    day: Ints
    number: Ints
    customer_no: Ints
    place_no: Ints
    lines: Ints
    value: Floats | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Ints:
        """What tells an order from all others, of any day and trade."""
        return self.day * _DAY + self.trade.number * _TRADE + self.number


def order_day(key: pl.Expr) -> pl.Expr:
    """The day on which an order comes in, of its key."""
    return key // _DAY


def order_number(key: pl.Expr) -> pl.Expr:
    """What tells an order from the others of its day, of its key."""
    return key % _DAY


def order_trade(key: pl.Expr) -> pl.Expr:
    """The number of an order's trade, of its key."""
    return order_number(key) // _TRADE


PLATFORMS = ("tmall", "jd", "douyin", "own_site", "wechat")
PLATFORM_SHARES = (0.36, 0.30, 0.18, 0.08, 0.08)
ONLINE_ORDERS, STORE_ORDERS, DEALER_ORDERS = 76_000, 12_000, 9_600
#: Share of online orders whose buyer the ERP does not know, and a year's fall of what a dealer orders at once.
UNKNOWN_BUYERS, DEALER_BASKET, DEALER_BASKET_FALL = 0.06, 19_800, 0.93
#: Lines of an online order beyond the first: of paying members, who order little and often, and of others.
MORE_LINES = (0.60, 1.25)


def online(world: World, days: Ints, lift: Floats) -> Arrivals:
    """Orders on the platforms: of households by how often they buy, and the first one of each new household.

    ``lift``: day x platform, what promotions do to demand."""
    draws, trade = world.draws("online orders"), TRADES["online"]
    day, market_no, sequence = _spread(world, trade, days, draws=draws, orders=ONLINE_ORDERS, lift=lift.mean(axis=1))
    customer = _households(world, draws.of("buyer"), day, market_no, sequence)
    known = clientele.households(world)
    newcomers = known.filter("is_newcomer", pl.col("created_day").is_between(int(days[0]), int(days[-1])))
    day = np.concatenate([day, newcomers["created_day"].to_numpy()])
    customer = np.concatenate([customer, newcomers["customer_no"].to_numpy()])
    number = np.concatenate(
        [market_no * (1 << 21) + sequence, (7 << 21) + newcomers["customer_no"].to_numpy() % (1 << 21)]
    )
    is_first = np.arange(len(day)) >= len(sequence)
    hidden = ~is_first & draws.chance(UNKNOWN_BUYERS, day, number, 1)
    index = customer - clientele.HOUSEHOLDS
    moved = day >= known["moved_day"].to_numpy()[index]
    place = np.where(moved, known["moved_place_no"].to_numpy()[index], known["place_no"].to_numpy()[index])
    row = day - days[0]
    even = draws.uniform(day, number, 2)
    weights = np.asarray(PLATFORM_SHARES)[None, :] * lift
    limits = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    platform = np.minimum((even[:, None] >= limits[row]).sum(axis=1), len(PLATFORMS) - 1)
    return Arrivals(
        trade,
        day,
        number,
        np.where(hidden, -1, customer),
        np.where(hidden, -1, place),
        np.minimum(8, 1 + draws.poisson(np.where(known["is_member"].to_numpy()[index], *MORE_LINES), day, number, 3)),
        more={
            "platform_no": platform,
            "account_no": index,
            "is_first": is_first,
            "is_welcome": is_first & _advertised(world)[index],
        },
    )


def _advertised(world: World) -> np.ndarray:
    """Of each household, whether advertising has won it."""
    won = clientele.users(world)["acquisition_source"] == "advertising"
    return np.asarray(won.to_numpy())


def store(world: World, days: Ints, lift: Floats) -> Arrivals:
    """Orders in the company's own experience stores, of households nearby."""
    draws, trade = world.draws("store orders"), TRADES["store"]
    day, market_no, sequence = _spread(world, trade, days, draws=draws, orders=STORE_ORDERS, lift=lift)
    customer = _households(world, draws.of("buyer"), day, market_no, sequence)
    number = market_no * (1 << 21) + sequence
    shops = outlets(world).filter(pl.col("dealer_no").is_null())
    opened, closed = shops["opened_day"].to_numpy(), shops["closed_day"].fill_null(clientele.NEVER).to_numpy()
    # A shop that is not open yet sends its customers to the next one.
    pick = draws.integer(0, shops.height - 1, day, number, 1)
    for _ in range(shops.height):
        shut = (opened[pick] > day) | (closed[pick] <= day)
        if not shut.any():
            break
        pick = np.where(shut, (pick + 1) % shops.height, pick)
    return Arrivals(
        trade,
        day,
        number,
        customer,
        shops["place_no"].to_numpy()[pick],
        np.minimum(8, 1 + draws.poisson(0.9, day, number, 3)),
        more={"outlet_no": shops["outlet_no"].to_numpy()[pick], "account_no": customer - clientele.HOUSEHOLDS},
    )


def dealer(world: World, days: Ints) -> Arrivals:
    """Dealers' orders, every other week or so; the baskets shrink as dealers order closer to their own sales."""
    draws, trade = world.draws("dealer orders"), TRADES["dealer"]
    orders = DEALER_ORDERS * np.power(1 / DEALER_BASKET_FALL, world.years(days))
    day, market_no, sequence = _spread(world, trade, days, draws=draws, orders=orders, lift=np.ones(len(days)))
    number = market_no * (1 << 21) + sequence
    known = dealers(world)
    joined, left = known["joined_day"].to_numpy(), known["left_day"].fill_null(clientele.NEVER).to_numpy()
    market = places()["market"].gather(known["place_no"]).to_numpy()
    weight = dealer_sizes(world)
    chosen = np.zeros(len(day), dtype=np.int64)
    for market_index, name in enumerate(DOMESTIC_SHARES):
        mine, rows = np.flatnonzero(market == name), np.flatnonzero(market_no == market_index)
        pick = mine[draws.pick(weight[mine], day[rows], number[rows], 1)]
        for turn in range(2, 8):
            absent = (joined[pick] > day[rows]) | (left[pick] <= day[rows])
            again = mine[draws.pick(weight[mine], day[rows], number[rows], turn)]
            pick = np.where(absent, again, pick)
        for _ in range(len(mine)):
            absent = (joined[pick] > day[rows]) | (left[pick] <= day[rows])
            following = mine[(np.searchsorted(mine, pick) + 1) % len(mine)]
            pick = np.where(absent, following, pick)
        chosen[rows] = pick
    for _ in range(len(market)):
        # A small company may have nobody in a market for a while: a dealer of another one steps in.
        absent = (joined[chosen] > day) | (left[chosen] <= day)
        if not absent.any():
            break
        chosen = np.where(absent, (chosen + 1) % len(market), chosen)
    value = DEALER_BASKET * np.power(DEALER_BASKET_FALL, world.years(day)) * draws.spread(day, number, 9, sigma=0.6)
    return Arrivals(
        trade,
        day,
        number,
        clientele.DEALERS + known["dealer_no"].to_numpy()[chosen],
        known["place_no"].to_numpy()[chosen],
        np.clip(3 + draws.poisson(5.0, day, number, 10), 1, 40),
        value,
        {"dealer_no": known["dealer_no"].to_numpy()[chosen]},
    )


def project(world: World, days: Ints) -> Arrivals:
    """Orders of business customers, each of which orders at its own time of the year, and of importers."""
    known = clientele.businesses(world)
    which, turn, day = _scheduled(world, known, TRADES["project"], days)
    draws = world.draws("project orders")
    customer = known["customer_no"].to_numpy()[which]
    market = places()["market"].gather(known["place_no"].gather(which)).to_numpy()
    value = known["value"].to_numpy()[which] * draws.between(0.94, 1.06, customer, turn)
    is_large = known["is_large"].to_numpy()[which]
    value = np.where(is_large, value / known["orders_a_year"].to_numpy()[which], value)
    for name in DOMESTIC_SHARES:
        value = np.where(market == name, value * growth(name, world.years(day)), value)
    is_integrator = known["kind"].to_numpy()[which] == "integrator"
    value = np.where(is_integrator & (day >= boom_begins(world)), value * boom(world), value)
    is_chain = np.isin(known["industry"].to_numpy()[which], ["retail_chain", "restaurant_chain"]) & ~is_large
    # Chains that order twice a year take the kit every other time.
    is_kit = is_chain & (known["orders_a_year"].to_numpy()[which] == 2) & ((turn + customer) % 2 == 0)
    value = np.where(is_kit, value * KIT_UPLIFT, value)
    return Arrivals(
        TRADES["project"],
        day,
        customer - clientele.BUSINESSES,
        customer,
        known["place_no"].to_numpy()[which],
        np.where(is_large, draws.integer(24, 36, customer, turn, 1), draws.integer(3, 7, customer, turn, 2)),
        value,
        {"turn": turn, "is_kit": is_kit, "is_large": is_large},
    )


def export(world: World, days: Ints) -> Arrivals:
    """Importers' orders; some in Europe and North America buy 30 % less from year to year, the others more."""
    known = clientele.importers(world)
    which, turn, day = _scheduled(world, known, TRADES["export"], days)
    draws, customer = world.draws("export orders"), known["customer_no"].to_numpy()[which]
    change = np.where(known["is_waning"].to_numpy()[which], WANING, WAXING)
    each = known["value"].to_numpy()[which] / known["orders_a_year"].to_numpy()[which]
    value = each * np.power(change, world.years(day)) * draws.between(0.9, 1.1, customer, turn)
    return Arrivals(
        TRADES["export"],
        day,
        customer - clientele.IMPORTERS,
        customer,
        known["place_no"].to_numpy()[which],
        draws.integer(9, 15, customer, turn, 1),
        value,
        {"turn": turn, "is_waning": known["is_waning"].to_numpy()[which]},
    )


KIT_UPLIFT, WANING, WAXING = 1.23, 0.70, 1.11
#: Integrators of smart homes order so many times as much from one quarter to the next, the newest whole one of a new company.
BOOM = 2.2


def boom_begins(world: World) -> int:
    """First day of the newest whole calendar quarter in the first three years."""
    end = world.review_year[1]
    quarter = (end.month - 1) // 3
    year, quarter = (end.year, quarter - 1) if quarter else (end.year - 1, 3)
    return day_number(end.replace(year=year, month=quarter * 3 + 1, day=1))


@lru_cache(maxsize=4)
def boom(world: World) -> float:
    """By what integrators' orders grow, so that their quarter is BOOM times the one before, season and all."""
    begins = boom_begins(world)
    quarter = np.arange(begins, begins + 91, dtype=np.int64)
    trade = TRADES["project"]
    return float(BOOM * trade.demand(quarter - 91).sum() / trade.demand(quarter).sum())


@lru_cache(maxsize=8)
def _clock(world: World, trade: Trade) -> Floats:
    """Years of demand that have passed by the end of each day of the company's life, from its first day."""
    first = day_number(world.first)
    days = np.arange(first, first + LIFE_YEARS * YEAR + 1, dtype=np.int64)
    return np.cumsum(trade.demand(days)) / YEAR


def _scheduled(world: World, known: pl.DataFrame, trade: Trade, days: Ints) -> tuple[Ints, Ints, Ints]:
    """Which customers order on these days: index of the customer, its how-manieth order, the day.

    A customer's orders lie evenly in years of demand: closer together in the season, never in the Spring Festival."""
    clock, first = _clock(world, trade), day_number(world.first)
    since = clock[days[0] - first - 1] if days[0] > first else 0.0
    until = clock[days[-1] - first]
    frequency, phase = known["orders_a_year"].to_numpy(), known["phase"].to_numpy()
    # The k-th order is due at (k + phase) / frequency years of demand.
    lowest = np.ceil(since * frequency - phase).astype(np.int64).clip(0)
    count = np.maximum(0, np.ceil(until * frequency - phase).astype(np.int64) - lowest)
    which = np.repeat(np.arange(known.height), count)
    turn = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(lowest, count)
    day = first + np.searchsorted(clock, (turn + phase[which]) / frequency[which], side="right")
    standing = (known["created_day"].to_numpy()[which] <= day) & (day < known["left_day"].to_numpy()[which])
    inside = standing & (day >= days[0]) & (day <= days[-1])
    return which[inside], turn[inside], day[inside]


def _spread(
    world: World, trade: Trade, days: Ints, *, draws: Draws, orders: Any, lift: Floats
) -> tuple[Ints, Ints, Ints]:
    """Orders by chance: day, number of the market, number within both. ``orders``: a year's at scale 1, under review."""
    usual = np.asarray(orders) * world.scale / YEAR * trade.demand(days) * lift
    years = world.years(days)
    mean = np.stack([usual * share * growth(market, years) for market, share in DOMESTIC_SHARES.items()], axis=1)
    markets = np.arange(mean.shape[1], dtype=np.int64)
    count = draws.poisson(mean, days[:, None], markets[None, :], 0)
    flat = count.ravel()
    day = np.repeat(np.repeat(days, len(markets)), flat)
    market_no = np.repeat(np.tile(markets, len(days)), flat)
    sequence = np.arange(len(day)) - np.repeat(np.cumsum(flat) - flat, flat)
    return day, market_no, sequence


@lru_cache(maxsize=4)
def _by_market(world: World) -> list[tuple[Ints, Ints, Floats]]:
    """Of each market: households' numbers by the day they came, that day, and the running sum of how often they buy."""
    known = clientele.households(world)
    market = places()["market"].gather(known["place_no"]).to_numpy()
    found = []
    for name in DOMESTIC_SHARES:
        mine = known.filter(market == name).sort("created_day", "customer_no")
        found.append(
            (mine["customer_no"].to_numpy(), mine["created_day"].to_numpy(), mine["weight"].cum_sum().to_numpy())
        )
    return found


def _households(world: World, draws: Draws, day: Ints, market_no: Ints, sequence: Ints) -> Ints:
    customer = np.zeros(len(day), dtype=np.int64)
    for number, (ids, created, weight) in enumerate(_by_market(world)):
        rows = np.flatnonzero(market_no == number)
        standing = np.searchsorted(created, day[rows], side="right")
        even = draws.uniform(day[rows], market_no[rows], sequence[rows])
        customer[rows] = ids[np.searchsorted(weight, even * weight[standing - 1], side="right").clip(0, len(ids) - 1)]
    return customer
