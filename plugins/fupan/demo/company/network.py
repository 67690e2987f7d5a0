"""How the company reaches its customers: channels, dealers, shops, and the reps of each market."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.geography import DOMESTIC, MARKETS, places
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number

#: A row a channel, as the ERP has it.
CHANNELS = pl.DataFrame(
    [
        ("DEALER", "经销商", "dealer", False, False, date(2009, 3, 1)),
        ("PROJECT", "工程项目", "project", False, False, date(2011, 6, 1)),
        ("STORE", "体验店", "store", False, False, date(2012, 5, 1)),
        ("TMALL", "天猫旗舰店", "online", True, False, date(2013, 9, 1)),
        ("JD", "京东自营", "online", True, False, date(2014, 5, 1)),
        ("DOUYIN", "抖音直播间", "online", True, True, date(2021, 4, 1)),
        ("SITE", "官方商城", "online", True, False, date(2016, 1, 1)),
        ("WECHAT", "微信小程序", "online", True, True, date(2022, 8, 1)),
        ("EXPORT", "海外出口", "export", False, False, date(2012, 10, 1)),
    ],
    schema=["channel_id", "channel_name", "channel_group", "online_flag", "is_emerging", "opened_on"],
    orient="row",
)
#: Designers who refer customers to the company, at every scale.
DESIGNERS = 400
#: Teams that install, at every scale.
TEAMS = 24
NEVER = 1 << 40
#: Share of dealers who break the rules, how often they do beside the mean dealer, and how often the others do.
OFFENDERS, OFTEN, HARDLY = 0.15, (3.0, 8.0), 0.2
#: The company's own warehouses: location, the market it serves, its region.
WAREHOUSES = {
    "WH01": ("east", "CN-JS"),
    "WH02": ("east", "CN-ZJ"),
    "WH03": ("south", "CN-GD"),
    "WH04": ("central_west", "CN-HB"),
    "WH05": ("central_west", "CN-SC"),
    "WH06": ("central_west", "CN-SN"),
    "WH07": ("north", "CN-HE"),
    "WH08": ("north", "CN-LN"),
    "WH09": ("overseas", "CN-GD"),
    "WH10": ("overseas", "DE"),
}
_FANTASY = np.array([*"光明华辉亮恒星彩鑫晨"]).astype(object) + np.array([*"源达美盛佳宇世邦洋泰"]).astype(object)


def spread_over_places(draws: Draws, numbers: Ints, markets: tuple[str, ...] = DOMESTIC) -> Ints:
    """A place for each number: markets by their share of revenue, places by their share of the market's households."""
    return place_at(draws.uniform(numbers), markets)


def place_at(even: Floats, markets: tuple[str, ...] = DOMESTIC) -> Ints:
    """The same for draws in [0, 1)."""
    limits = np.cumsum(_place_shares(markets))
    return np.searchsorted(limits, even, side="right").clip(0, len(limits) - 1).astype(np.int64)


def place_beside(even: Floats, place_no: Ints) -> Ints:
    """The same among the other places at home than ``place_no``."""
    share = _place_shares(DOMESTIC)
    begins = np.cumsum(share) - share
    at = even * (1 - share[place_no])
    return place_at(np.where(at >= begins[place_no], at + share[place_no], at))


def _place_shares(markets: tuple[str, ...]) -> Floats:
    known = places()
    of_market = {market: share if market in markets else 0.0 for market, (_, share, _) in MARKETS.items()}
    share = known["population_share"].to_numpy() * known["market"].replace_strict(of_market).to_numpy()
    return np.asarray(share / share.sum())


@lru_cache(maxsize=4)
def dealers(world: World) -> pl.DataFrame:
    """A row a dealer of all years, by dealer_no: about 400 stand at any time at scale 1; a few join and leave each year.

    Columns: dealer_no, dealer_id, dealer_name, place_no, city_tier, authorised_region, is_traditional, joined_day,
    left_day (null: stays).
    """
    draws = world.draws("dealers")
    standing, renewed = world.number(400, 8), world.number(24, 1)
    number = np.arange(standing + renewed * LIFE_YEARS, dtype=np.int64)
    first = day_number(world.first)
    place = spread_over_places(draws.of("places"), number)
    joined = np.where(
        number < standing,
        first - draws.integer(100, 4000, number, 1),
        first + (number - standing) * YEAR // renewed + 15,
    )
    leaves = np.where(number < renewed * LIFE_YEARS, first + number * YEAR // renewed + 180, -1)
    region = places().select("region_code", "city", "city_tier")[place]
    name = region["city"].to_numpy().astype(object) + draws.choice(_FANTASY, number, 2).astype(object) + "灯饰"
    return (
        pl.DataFrame(
            {
                "dealer_no": number,
                "dealer_name": name.astype(str),
                "place_no": place,
                "city_tier": region["city_tier"],
                "authorised_region": region["region_code"],
                "is_traditional": draws.chance(0.6, number, 4),
                "joined_day": joined,
                "left_day": leaves,
            }
        )
        .with_columns(left_day=pl.when(pl.col("left_day") >= 0).then("left_day"))
        .with_columns(dealer_id=text("D{}", (pl.col("dealer_no") + 1).cast(pl.String).str.zfill(5)))
    )


def dealer_sizes(world: World) -> Floats:
    """How much each dealer buys beside the mean dealer, by dealer_no."""
    return world.draws("dealer sizes").spread(dealers(world)["dealer_no"].to_numpy(), sigma=0.5)


def offences(world: World) -> Floats:
    """How often each dealer breaks the rules on territory and prices beside the mean dealer, by dealer_no: few do, often."""
    draws, number = world.draws("offences"), dealers(world)["dealer_no"].to_numpy()
    return np.where(draws.chance(OFFENDERS, number, 1), draws.between(*OFTEN, number, 2), HARDLY)


@lru_cache(maxsize=4)
def outlets(world: World) -> pl.DataFrame:
    """A row a point of sale of all years, by outlet_no: the company's own experience stores, then one or two a dealer.

    Columns: outlet_no, outlet_id, dealer_no (null: own), channel_id, outlet_type, place_no, city_tier, latitude, longitude,
    opened_day, closed_day (null: open).
    """
    draws = world.draws("outlets")
    own = np.arange(world.number(40, 4), dtype=np.int64)
    trade = dealers(world)
    dealer = np.repeat(trade["dealer_no"].to_numpy(), draws.integer(1, 2, trade["dealer_no"].to_numpy(), 1))
    number = np.arange(len(own) + len(dealer), dtype=np.int64)
    first = day_number(world.first)
    place = np.concatenate([spread_over_places(draws.of("stores"), own), trade["place_no"].to_numpy()[dealer]])
    opened = np.concatenate(
        [np.where(own < 4, first - 1500, first - 1200 + draws.integer(0, 1200 + 4 * YEAR, own, 2)),
         trade["joined_day"].to_numpy()[dealer] + draws.integer(0, 60, number[len(own):], 3)]
    )  # fmt: skip
    closed = np.concatenate([np.full(len(own), -1), trade["left_day"].fill_null(-1).to_numpy()[dealer]])
    # Within some 25 km of the middle of the city.
    away, angle = 0.02 + 0.2 * draws.uniform(number, 4), 2 * np.pi * draws.uniform(number, 5)
    centre = {name: places()[name].to_numpy()[place] for name in ("latitude", "longitude")}
    return (
        pl.DataFrame(
            {
                "outlet_no": number,
                "dealer_no": np.concatenate([np.full(len(own), -1), dealer]),
                "place_no": place,
                "city_tier": places()["city_tier"].gather(place),
                "outlet_type": np.concatenate(
                    [np.full(len(own), "experience_store"),
                     draws.choice(["street_shop", "lighting_mall", "building_market"], number[len(own):], 6, weights=[3, 4, 3])]
                ),
                "latitude": np.round(centre["latitude"] + away * np.sin(angle), 6),
                "longitude": np.round(centre["longitude"] + away * np.cos(angle), 6),
                "opened_day": opened,
                "closed_day": closed,
            }
        )
        .with_columns(
            *(pl.when(pl.col(name) >= 0).then(name).alias(name) for name in ("dealer_no", "closed_day")),
        )
        .with_columns(
            channel_id=pl.when(pl.col("dealer_no").is_null()).then(pl.lit("STORE")).otherwise(pl.lit("DEALER")),
            outlet_id=text("OUT{}", (pl.col("outlet_no") + 1).cast(pl.String).str.zfill(5)),
        )
    )  # fmt: skip


@lru_cache(maxsize=4)
def reps(world: World) -> pl.DataFrame:
    """A row a sales representative of all years, by emp_no; 60 at any time at scale 1, every market has some.

    Columns: emp_no, emp_id, market, place_no, hired_day, left_day (null: stays), seniority.
    """
    draws = world.draws("reps")
    standing, renewed = world.number(60, 6), world.number(6, 1)
    number = np.arange(standing + renewed * LIFE_YEARS, dtype=np.int64)
    first = day_number(world.first)
    shares = np.array([share for _, share, _ in MARKETS.values()])
    quota = np.concatenate([np.arange(len(MARKETS)), np.searchsorted(np.cumsum(shares) / shares.sum(),
        (np.arange(len(number) - len(MARKETS)) * 0.618034) % 1.0)])  # fmt: skip
    market = np.asarray([*MARKETS])[quota]
    place = np.zeros(len(number), dtype=np.int64)
    for name in MARKETS:
        mine = np.flatnonzero(market == name)
        place[mine] = spread_over_places(draws.of("places"), number[mine], (name,))
    # One of each market stays for good; of the others one goes when a new one comes.
    leaves = np.full(len(number), -1)
    going = np.arange(len(MARKETS), min(standing, len(MARKETS) + renewed * LIFE_YEARS))
    leaves[going] = first + (going - len(MARKETS)) * YEAR // renewed + 200
    return (
        pl.DataFrame(
            {
                "emp_no": number,
                "market": market,
                "place_no": place,
                "hired_day": np.where(
                    number < standing,
                    first - draws.integer(30, 3000, number, 1),
                    first + (number - standing) * YEAR // renewed + 30,
                ),
                "left_day": leaves,
                "seniority": draws.choice(["junior", "regular", "senior"], number, 2, weights=[3, 5, 2]),
            }
        )
        .with_columns(left_day=pl.when(pl.col("left_day") >= 0).then("left_day"))
        .with_columns(emp_id=text("E{}", (pl.col("emp_no") + 1).cast(pl.String).str.zfill(5)))
    )


def rep_of(world: World, customer_no: Ints, place_no: Ints, days: Ints) -> Ints:
    """Number of a customer's rep on a day (-1: nobody): his own, or the colleague who follows when that one is not there."""
    return stand_in(world, own_rep(world, customer_no, place_no), days)


def own_rep(world: World, customer_no: Ints, place_no: Ints) -> Ints:
    """Number of the rep that a customer is given, one of his market (-1: nobody), whether he is there or not."""
    market_of_rep, draws = reps(world)["market"].to_numpy(), world.draws("reps of customers")
    market = places()["market"].gather(pl.Series(place_no)).to_numpy()
    chosen = np.full(len(customer_no), -1, dtype=np.int64)
    for name in np.unique(market):
        mine, rows = np.flatnonzero(market_of_rep == name), np.flatnonzero(market == name)
        if len(mine):
            chosen[rows] = mine[draws.integer(0, len(mine) - 1, customer_no[rows])]
    return chosen


@lru_cache(maxsize=4)
def _deputies(world: World) -> Ints:
    """Rep x place in line: himself, then the others of his market by a lot of his own, so that nobody has all who have gone."""
    known = reps(world)
    number, market_of_rep = known["emp_no"].to_numpy(), known["market"].to_numpy()
    draws, largest = world.draws("deputies"), int(np.unique(market_of_rep, return_counts=True)[1].max())
    line = np.repeat(number[:, None], largest, axis=1)
    for name in np.unique(market_of_rep):
        mine = np.flatnonzero(market_of_rep == name)
        lot = np.where(mine[:, None] == mine[None, :], -1.0, draws.uniform(mine[:, None], mine[None, :]))
        line[mine, : len(mine)] = mine[np.argsort(lot, axis=1, kind="stable")]
    return line


def stand_in(world: World, rep_no: Ints, days: Ints) -> Ints:
    """The rep himself where he is employed on the day, else the next one of his market who is; -1 stays."""
    return spell(world, rep_no, days)[0]


def spell(world: World, rep_no: Ints, days: Ints) -> tuple[Ints, Ints]:
    """Who stands in for reps on the days (himself, where he is there), and the day from which it is somebody else (NEVER)."""
    known, line = reps(world), _deputies(world)
    hired, left = known["hired_day"].to_numpy(), known["left_day"].fill_null(NEVER).to_numpy()
    own = np.where(rep_no < 0, 0, rep_no)
    chosen, ends = own, np.full(len(own), NEVER)
    for place in range(1, line.shape[1]):
        absent = (hired[chosen] > days) | (left[chosen] <= days)
        if not absent.any():
            break
        # Who comes nearer takes over.
        ends = np.where(absent & (hired[chosen] > days), np.minimum(ends, hired[chosen]), ends)
        chosen = np.where(absent, line[own, place], chosen)
    return np.where(rep_no < 0, -1, chosen), np.minimum(ends, left[chosen])
