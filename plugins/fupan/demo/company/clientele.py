"""Who buys: households and their online accounts, business customers, dealers and importers as customers of the ERP."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from fupan.demo.company.geography import places
from fupan.demo.company.network import dealers, place_at, spread_over_places
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number

#: Customer numbers begin here, kind by kind.
HOUSEHOLDS, BUSINESSES, DEALERS, IMPORTERS = 1, 5_000_000, 8_000_000, 9_000_000
NEVER = 1 << 40

#: Business customers by kind: share, industries, days of credit, orders a year.
BUSINESS_KINDS: dict[str, tuple[float, tuple[str, ...], int, tuple[int, ...]]] = {
    "integrator": (0.08, ("smart_home",), 60, (4,)),
    "decorator": (0.22, ("decoration", "interior_design"), 30, (1, 2)),
    "developer": (0.10, ("real_estate",), 90, (1, 2)),
    "commercial": (0.38, ("hotel", "restaurant_chain", "retail_chain", "office", "hospital", "school"), 60, (1, 2)),
    "industrial": (0.22, ("manufacturing", "warehousing", "mining"), 60, (1, 2)),
}
KINDS = tuple(BUSINESS_KINDS)
#: Of a hundred business customers (integrators aside) so many are large enough to be key accounts.
LARGE = 0.109
#: Share of key accounts that order twice a year; the others once.
KEY_ACCOUNTS_ORDER_TWICE = 0.22
#: Share of business customers that leave at the end of a year of the company; of industrial ones it rises by 8 % a year.
LEAVING, INDUSTRIAL_LEAVING, INDUSTRIAL_RISE = 0.10, 0.15, 1.08

_SURNAMES = np.array([*"王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"])
_GIVEN = np.array(
    ["伟", "芳", "娜", "秀英", "敏", "静", "强", "磊", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "霞", "桂兰"]
)
_FOREIGN = np.array(
    ["Anna Weber", "John Miller", "Ahmed Khalid", "Nguyen Van An", "Carlos Souza", "Emily Brown", "Lucas Lima"]
)
_INVENTED = np.array([*"华鼎远恒联金东瑞天光百中万同"]).astype(object) + np.array(
    [*"明盛景泰创辉方和成合信凯象德"]
).astype(object)
_SUFFIX = {
    "integrator": "智能科技有限公司",
    "decorator": "装饰工程有限公司",
    "developer": "置业有限公司",
    "commercial": "商业管理有限公司",
    "industrial": "制造有限公司",
    "dealer": "灯饰经营部",
}


@lru_cache(maxsize=4)
def households(world: World) -> pl.DataFrame:
    """A row a household of all years, by customer_no; those that come later have higher numbers.

    Columns: customer_no, created_day, place_no, moved_day and moved_place_no (NEVER and the same place unless it moves),
    birth_year, is_member (pays for a membership), weight (how often it buys beside others of its kind).
    """
    draws = world.draws("households")
    standing, newcomers = world.number(80_000, 1_200), world.number(13_400, 200)
    index = np.arange(standing + newcomers * LIFE_YEARS, dtype=np.int64)
    first = day_number(world.first)
    place = spread_over_places(draws.of("home"), index)
    moves = draws.chance(0.08, index, 1)
    is_member = draws.chance(0.18, index, 2)
    return pl.DataFrame(
        {
            "customer_no": HOUSEHOLDS + index,
            "created_day": np.where(
                index < standing,
                first - draws.integer(1, 1500, index, 3),
                first + (index - standing) * YEAR // newcomers,
            ),
            "is_newcomer": index >= standing,
            "place_no": place,
            "moved_day": np.where(moves, first + draws.integer(0, LIFE_YEARS * YEAR, index, 4), NEVER),
            "moved_place_no": np.where(moves, spread_over_places(draws.of("next home"), index), place),
            "birth_year": draws.integer(1955, 2005, index, 5),
            "is_member": is_member,
            "weight": draws.spread(index, 6, sigma=0.5) * np.where(is_member, MEMBERS_BUY, 1.0),
        }
    )


#: How often paying members buy beside other households.
MEMBERS_BUY = 3.3


@lru_cache(maxsize=4)
def businesses(world: World) -> pl.DataFrame:
    """A row a business customer of all years, by customer_no.

    Columns: as `households`, and kind, industry, credit_days, is_large (a key account to be), orders_a_year, phase (when in the
    year it orders), value (CNY a year in the middle of the year under review), left_day (NEVER: stays).
    """
    draws = world.draws("businesses")
    standing, newcomers = world.number(5_600, 110), world.number(900, 18)
    index = np.arange(standing + newcomers * LIFE_YEARS, dtype=np.int64)
    first = day_number(world.first)
    kind = draws.pick([share for share, *_ in BUSINESS_KINDS.values()], index, 1)
    is_integrator = kind == KINDS.index("integrator")
    is_large = ~is_integrator & (index < standing) & (_evenly(draws.of("large"), index, kind) < LARGE)
    created = np.where(
        index < standing, first - draws.integer(1, 2500, index, 2), first + (index - standing) * YEAR // newcomers
    )
    # Large enough to stay above the threshold of a key account in the year under review; the others far below it.
    value = np.where(
        is_large,
        np.maximum(640_000, 1_230_000 * draws.spread(index, 4, sigma=0.4)),
        np.minimum(100_000, np.where(is_integrator, 5_000, 8_400) * draws.spread(index, 5, sigma=0.5)),
    )
    industry = np.empty(len(index), dtype=object)
    for number, (_, industries, _, _) in enumerate(BUSINESS_KINDS.values()):
        of_kind = kind == number
        industry[of_kind] = draws.choice(industries, index[of_kind], 6)
    often = np.where(is_integrator, 4.0, draws.integer(1, 2, index, 3))
    # Restaurants of a chain are lit anew every other year.
    often = np.where(industry == "restaurant_chain", 0.5, often)
    twice = _evenly(draws.of("key orders"), index, kind) < KEY_ACCOUNTS_ORDER_TWICE
    frequency = np.where(is_large, np.where(twice, 2.0, 1.0), often)
    # Few key accounts make most of the revenue, so where they are must not hang on chance.
    place = place_at(_evenly(draws.of("home"), index, is_large.astype(np.int64)))
    return pl.DataFrame(
        {
            "customer_no": BUSINESSES + index,
            "kind": np.asarray(KINDS)[kind],
            "industry": industry.astype(str),
            "credit_days": np.asarray([days for _, _, days, _ in BUSINESS_KINDS.values()])[kind],
            "created_day": created,
            "place_no": place,
            "moved_day": np.full(len(index), NEVER),
            "moved_place_no": place,
            "is_large": is_large,
            "orders_a_year": frequency,
            "phase": draws.uniform(index, 7),
            "value": value,
            "left_day": _leaving(world, index, created=created, kind=kind, is_large=is_large),
        }
    )


def _evenly(draws: Draws, index: Ints, kind: Ints) -> Floats:
    """A number in [0, 1) that is spread evenly over the customers of each kind, so that a share of them is just that share."""
    order = np.lexsort((draws.hash(index), kind))
    found = np.empty(len(index))
    _, begins, sizes = np.unique(kind[order], return_index=True, return_counts=True)
    found[order] = (np.arange(len(index)) - np.repeat(begins, sizes) + 0.5) / np.repeat(sizes, sizes)
    return found


def _leaving(world: World, index: Ints, *, created: Ints, kind: Ints, is_large: np.ndarray) -> Ints:
    """First day of a year of the company from which a customer orders no more; key accounts stay."""
    draws, first = world.draws("businesses"), day_number(world.first)
    industrial = kind == KINDS.index("industrial")
    left = np.full(len(index), NEVER)
    for year in range(1, LIFE_YEARS):
        share = np.where(industrial, min(0.4, INDUSTRIAL_LEAVING * INDUSTRIAL_RISE ** (year - 2)), LEAVING)
        boundary = first + year * YEAR
        may = ~is_large & (left == NEVER) & (created < boundary - 30)
        chosen = np.flatnonzero(may)
        left[chosen[_evenly(draws.of(f"leaving {year}"), index[chosen], kind[chosen]) < share[chosen]]] = boundary
    return left


@lru_cache(maxsize=4)
def importers(world: World) -> pl.DataFrame:
    """A row an importer overseas: the columns of `businesses`, and is_waning: buys less from year to year."""
    draws = world.draws("importers")
    index = np.arange(world.number(150, 12), dtype=np.int64)
    place = spread_over_places(draws.of("home"), index, ("overseas",))
    first = day_number(world.first)
    macro = places()["macro_region"].gather(place).to_numpy()
    is_western = np.isin(macro, ["Europe", "North America"])
    return pl.DataFrame(
        {
            "customer_no": IMPORTERS + index,
            "kind": np.full(len(index), "importer"),
            "industry": np.full(len(index), "wholesale"),
            "credit_days": np.full(len(index), 90),
            "created_day": first - draws.integer(1, 2500, index, 1),
            "place_no": place,
            "moved_day": np.full(len(index), NEVER),
            "moved_place_no": place,
            "is_large": np.zeros(len(index), dtype=bool),
            "orders_a_year": np.full(len(index), 6.0),
            "phase": draws.uniform(index, 2),
            "value": 400_000 * draws.spread(index, 3, sigma=0.5),
            "left_day": np.full(len(index), NEVER),
            "is_waning": is_western & (_evenly(draws.of("waning"), index, is_western.astype(np.int64)) < 0.25),
        }
    )


def customers(world: World) -> pl.DataFrame:
    """A row a customer of all years: customer_no, customer_id, kind, industry, is_b2b, credit_days, place_no, moved_day,
    moved_place_no, created_day, left_day, birth_year (households), is_large, dealer_no (dealers).

    Put together whenever it is asked for: who needs no households asks for `companies`."""
    people = households(world).select(
        "customer_no", "created_day", "place_no", "moved_day", "moved_place_no", "birth_year",
        kind=pl.lit("household"), credit_days=pl.lit(0, pl.Int64), left_day=pl.lit(NEVER, pl.Int64),
    )  # fmt: skip
    return _identified(pl.concat([people, companies(world)], how="diagonal"))


@lru_cache(maxsize=4)
def companies(world: World) -> pl.DataFrame:
    """The rows of `customers` that are no household."""
    at_dealers = dealers(world)
    as_customers = at_dealers.select(
        customer_no=DEALERS + pl.col("dealer_no"),
        kind=pl.lit("dealer"),
        industry=pl.lit("wholesale"),
        credit_days=pl.lit(45, pl.Int64),
        created_day="joined_day",
        place_no="place_no",
        moved_day=pl.lit(NEVER, pl.Int64),
        moved_place_no="place_no",
        left_day=pl.col("left_day").fill_null(NEVER),
        dealer_no="dealer_no",
    )
    return _identified(pl.concat([businesses(world), as_customers, importers(world).drop("is_waning")], how="diagonal"))


def _identified(known: pl.DataFrame) -> pl.DataFrame:
    return known.with_columns(
        customer_id=customer_id(pl.col("customer_no")),
        is_b2b=pl.col("kind") != "household",
        is_large=pl.col("is_large").fill_null(False),
    )


@lru_cache(maxsize=4)
def users(world: World) -> pl.DataFrame:
    """A row an online account of all years, by user_no: one a household, and those of people who never bought.

    Columns: user_no, customer_no (null: never bought), registered_day, place_no, birth_year, is_paid_member,
    member_since_day (null: none), acquisition_source, private_domain_since_day (null: none), consent_flag. No texts: of all
    that is kept of a company this is the longest.
    """
    draws = world.draws("users")
    known = households(world)
    index = np.arange(known.height, dtype=np.int64)
    source = draws.pick([SOURCE_SHARES[name] for name in SOURCES], index, 1)
    newcomers = known.filter("is_newcomer").height
    # Of those who register, a share buys within the month: behind each who did stand those of the same source who did not.
    idle_each = np.array([1 / FIRST_ORDERS[name] - 1 for name in SOURCES])
    buyers = np.array([SOURCE_SHARES[name] for name in SOURCES]) * newcomers
    idle_count = round(float((buyers * idle_each).sum()))
    idle = np.arange(idle_count, dtype=np.int64)
    first = day_number(world.first)
    idle_source = draws.of("idle").pick(buyers * idle_each, idle, 1)
    buying = pl.DataFrame(
        {
            "user_no": index,
            "customer_no": known["customer_no"],
            "registered_day": known["created_day"],
            "place_no": known["place_no"],
            "birth_year": known["birth_year"],
            "is_paid_member": known["is_member"],
            "acquisition_source": pl.Series(source, dtype=pl.UInt8),
        }
    )
    looking = pl.DataFrame(
        {
            "user_no": known.height + idle,
            "registered_day": first + idle * (LIFE_YEARS * YEAR) // max(idle_count, 1),
            "place_no": spread_over_places(draws.of("idle home"), idle),
            "birth_year": draws.integer(1960, 2008, idle, 2),
            "is_paid_member": np.zeros(idle_count, dtype=bool),
            "acquisition_source": pl.Series(idle_source, dtype=pl.UInt8),
        }
    )
    everyone = pl.concat([buying, looking], how="diagonal")
    number = everyone["user_no"].to_numpy()
    joins_after = draws.integer(0, 120, number, 3)
    private = draws.chance(0.25, number, 4)
    return everyone.with_columns(
        acquisition_source=pl.col("acquisition_source").cat.to(pl.Enum(SOURCES)),
        member_since_day=pl.when("is_paid_member").then(pl.col("registered_day") + pl.Series(joins_after)),
        private_domain_since_day=pl.when(pl.Series(private))
        .then(pl.col("registered_day") + pl.Series(draws.integer(0, 200, number, 6))),
        consent_flag=pl.Series(draws.chance(0.9, number, 7)),
    )  # fmt: skip


def user_id(number: pl.Expr | pl.Series) -> pl.Expr:
    """What the platform calls an account."""
    return text("U{}", number.cast(pl.String).str.zfill(8))


def customer_id(number: pl.Expr | pl.Series) -> pl.Expr:
    """What the ERP calls a customer."""
    return text("C{}", number.cast(pl.String).str.zfill(7))


def paid_tiers(world: World, number: Ints) -> pl.Series:
    """What paying members are called, by user_no."""
    tiers = ["silver", "gold", "platinum"]
    return pl.Series(world.draws("users").choice(tiers, number, 5, weights=[6, 3, 1]))


#: Where online accounts come from: share of those that buy, and how many of those that register buy within 30 days.
SOURCES = ("platform_search", "advertising", "social_sharing", "live_stream", "offline_store", "referral")
SOURCE_SHARES: dict[str, float] = dict(zip(SOURCES, (0.36, 0.22, 0.14, 0.14, 0.08, 0.06), strict=True))
FIRST_ORDERS: dict[str, float] = dict(zip(SOURCES, (0.30, 0.24, 0.15, 0.22, 0.45, 0.35), strict=True))


def contacts(world: World, numbers: Ints, abroad: np.ndarray) -> dict[str, Any]:
    """Invented names, phones (as people write them, or none) and e-mails of customers, by customer number."""
    draws = world.draws("contacts")
    chinese = np.char.add(draws.choice(_SURNAMES, numbers, 1), draws.choice(_GIVEN, numbers, 2))
    name = np.where(abroad, draws.choice(_FOREIGN, numbers, 1), chinese)
    digits = np.char.add(draws.choice(["13", "15", "17", "18"], numbers, 3),
                         np.char.mod("%09d", draws.integer(0, 10**9 - 1, numbers, 4)))  # fmt: skip
    spaced = pl.Series(digits)
    phone = (
        pl.DataFrame({"digits": spaced, "shape": draws.integer(0, 4, numbers, 5), "abroad": abroad,
                      "code": draws.choice(["1", "49", "971", "84", "55", "61"], numbers, 6)})
        .select(
            pl.when("abroad").then(text("+{} {}", "code", pl.col("digits").str.slice(1)))
            .when(pl.col("shape") <= 1).then("digits")
            .when(pl.col("shape") == 2)
            .then(text("{} {} {}", *(pl.col("digits").str.slice(*part) for part in ((0, 3), (3, 4), (7, 4)))))
            .when(pl.col("shape") == 3).then(text("+86-{}", "digits"))
        )
        .to_series()
    )  # fmt: skip
    email = pl.select(
        pl.when(pl.Series(draws.chance(0.7, numbers, 7))).then(text("contact{}@example.com", pl.Series(numbers)))
    ).to_series()
    return {"contact_name": name, "contact_phone": phone, "contact_email": email}


def company_names(world: World, numbers: Ints, kinds: Any, place_no: Ints) -> np.ndarray:
    """Invented names of companies, by customer number: city, fantasy, trade; importers in English."""
    draws = world.draws("company names")
    city = places()["city"].to_numpy().astype(object)[place_no]
    fantasy = draws.choice(_INVENTED, numbers, 1).astype(object)
    suffix = np.array([_SUFFIX.get(kind, "") for kind in kinds], dtype=object)
    importer = np.asarray(kinds) == "importer"
    english = city + " Lighting Imports " + draws.integer(10, 99, numbers, 2).astype(str).astype(object)
    return np.asarray(np.where(importer, english, city + fantasy + suffix))
