"""The company's campaigns and what they put on offer: festivals of the platforms, building seasons, fairs, launches.

Some of the SKUs on sale are cheaper in a campaign; how much more is bought for it follows ELASTICITY.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, is_on_sale, products
from fupan.demo.company.geography import places
from fupan.demo.company.seasons import SPRING_FESTIVALS
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import World, day_number

#: Change of demand in percent when a price rises by one, by product line.
ELASTICITY = dict(zip(LINE_NAMES, (-1.4, -1.1, -0.8, -0.9, -1.7, -2.2), strict=True))

#: Mechanism -> least and greatest discount on the list price.
MECHANISMS = {
    "discount": (0.05, 0.15),
    "coupon": (0.05, 0.12),
    "flash_sale": (0.15, 0.30),
    "bundle": (0.08, 0.15),
    "presale": (0.06, 0.14),
}
#: Where an offer holds that does not hold in all online shops.
PLATFORMS = ("tmall", "jd", "douyin", "offline")

_ALL = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
_HOMES = (1.6, 0.3, 0.1, 0.3, 1.8, 1.2)
_TRADE = (0.7, 1.6, 1.6, 1.5, 0.3, 0.6)


@dataclass(frozen=True)
class Plan:
    """A campaign of every year: ``begins`` (month, day; None: by the Spring Festival), ``days`` it lasts, the mechanisms it
    uses, how its discounts compare with the usual, the share of SKUs that it offers, and how likely each line is among them."""

    key: str
    name: str
    kind: str
    online: bool
    begins: tuple[int, int] | None
    days: int
    objective: str
    mechanisms: tuple[str, ...]
    phase: str = "main"
    depth: float = 1.0
    offered: float = 0.15
    lines: tuple[float, ...] = _ALL
    region_code: str | None = None
    platform: str | None = None


_DEAL = ("discount", "coupon", "bundle")
PLANS = (
    Plan("new_year", "年货节", "shopping_festival", True, None, 16, "sales", ("discount", "coupon"), offered=0.14,
         lines=_HOMES),
    Plan("womens_day", "三八焕新周", "shopping_festival", True, (3, 4), 5, "sales", ("coupon", "flash_sale"), offered=0.11,
         lines=_HOMES),
    Plan("spring_homes", "春季家装节", "home_season", False, (3, 15), 32, "sales", _DEAL, offered=0.22, lines=_HOMES),
    Plan("fair_east", "华东经销商订货会", "dealer_fair", False, (3, 20), 3, "channel", ("discount", "bundle"), lines=_TRADE,
         region_code="CN-ZJ"),
    Plan("fair_south", "华南经销商订货会", "dealer_fair", False, (4, 10), 3, "channel", ("discount", "bundle"), lines=_TRADE,
         region_code="CN-GD"),
    Plan("brand_day", "抖音超级品牌日", "live_commerce", True, (4, 18), 3, "acquisition", ("flash_sale", "coupon"), depth=1.1,
         offered=0.12, lines=_HOMES, platform="douyin"),
    Plan("may_day", "五一门店焕新", "store_promotion", False, (5, 1), 5, "sales", _DEAL, offered=0.16, lines=_HOMES),
    Plan("618_presale", "618 年中大促", "shopping_festival", True, (5, 24), 8, "sales", ("presale", "coupon"), "warm_up",
         offered=0.18),
    Plan("618", "618 年中大促", "shopping_festival", True, (6, 1), 18, "sales", ("discount", "coupon", "flash_sale", "bundle"),
         depth=1.2, offered=0.25),
    Plan("618_encore", "618 年中大促", "shopping_festival", True, (6, 19), 2, "clearance", ("discount",), "encore",
         offered=0.12),
    Plan("light_expo", "广州国际照明展览会(光亚展)", "exhibition", False, (6, 9), 4, "brand", ("discount",), depth=0.8,
         offered=0.10, lines=_TRADE, region_code="CN-GD"),
    Plan("sharing", "分享有礼", "social_sharing", True, (7, 1), 45, "acquisition", ("coupon",), offered=0.10, lines=_HOMES),
    Plan("school", "开学季", "shopping_festival", True, (8, 20), 17, "acquisition", ("discount", "coupon"), offered=0.12,
         lines=_HOMES),
    Plan("autumn_homes", "秋季家装节", "home_season", False, (9, 8), 30, "sales", _DEAL, offered=0.22, lines=_HOMES),
    Plan("fair_central", "华中经销商订货会", "dealer_fair", False, (9, 15), 3, "channel", ("discount", "bundle"),
         lines=_TRADE, region_code="CN-HB"),
    Plan("fair_southwest", "西南经销商订货会", "dealer_fair", False, (9, 25), 3, "channel", ("discount", "bundle"),
         lines=_TRADE, region_code="CN-SC"),
    Plan("national_day", "国庆门店促销", "store_promotion", False, (10, 1), 7, "sales", _DEAL, offered=0.16, lines=_HOMES),
    Plan("fair_north", "华北经销商订货会", "dealer_fair", False, (10, 15), 3, "channel", ("discount", "bundle"), lines=_TRADE,
         region_code="CN-BJ"),
    Plan("1111_presale", "双11 狂欢季", "shopping_festival", True, (10, 20), 12, "sales", ("presale", "coupon"), "warm_up",
         offered=0.20),
    Plan("1111", "双11 狂欢季", "shopping_festival", True, (11, 1), 11, "sales", ("discount", "coupon", "flash_sale", "bundle"),
         depth=1.25, offered=0.25),
    Plan("1111_encore", "双11 狂欢季", "shopping_festival", True, (11, 12), 2, "clearance", ("discount",), "encore",
         offered=0.12),
    Plan("members", "会员回馈日", "member_day", True, (11, 24), 3, "recall", ("coupon",), offered=0.15, lines=_HOMES),
    Plan("1212", "双12 年终盛典", "shopping_festival", True, (12, 8), 5, "clearance", ("discount", "coupon"), offered=0.18),
)  # fmt: skip
_LAUNCH = Plan("launch", "新品上市", "product_launch", True, None, 31, "launch", ("coupon", "presale"), depth=0.9)
_LAUNCH_OFFLINE = replace(_LAUNCH, online=False, mechanisms=("discount", "bundle"))
#: Lines whose launches are made online: what households buy.
_ONLINE_LINES = (0, 4, 5)
#: The new year's campaign begins so many days before the Spring Festival.
_BEFORE_SPRING_FESTIVAL = 26


@lru_cache(maxsize=4)
def campaigns(world: World) -> pl.DataFrame:
    """A row a campaign (a phase of one) of all years, in the order of their beginning, by `campaign_no` (0, 1, …).

    Columns: campaign_no, campaign_id, campaign_name, campaign_type, online (sold by online shops; else by stores, dealers and
    at fairs), phase (warm_up, main, encore), start_day, end_day (numbers since 1970, both included), region_code and market
    (null: everywhere), objective, plan_no (index of PLANS; -1: a product launch), sku_no (what is launched, else null).
    """
    begun = [
        (*_begins(world, plan, year), number)
        for year in range(world.first.year, world.last.year + 1)
        for number, plan in enumerate(PLANS)
    ]
    hits = products(world).filter("is_hit").select("sku_no", "launch_day", "product_name", "line_no")
    rows = [
        (start, start + PLANS[number].days - 1, PLANS[number], f"{year} {PLANS[number].name}", number, None)
        for start, year, number in begun
    ] + [
        (day, day + _LAUNCH.days - 1, _launch(line_no), f"{name} {_LAUNCH.name}", -1, sku_no)
        for sku_no, day, name, line_no in hits.iter_rows()
    ]
    rows = sorted(
        (row for row in rows if row[1] >= day_number(world.first) and row[0] <= day_number(world.last)),
        key=lambda row: (row[0], row[4], row[5] or 0),
    )
    frame = pl.DataFrame(
        {
            "campaign_no": np.arange(len(rows), dtype=np.int64),
            "campaign_name": [row[3] for row in rows],
            "campaign_type": [row[2].kind for row in rows],
            "online": [row[2].online for row in rows],
            "phase": [row[2].phase for row in rows],
            "start_day": pl.Series([row[0] for row in rows], dtype=pl.Int64),
            "end_day": pl.Series([row[1] for row in rows], dtype=pl.Int64),
            "region_code": pl.Series([row[2].region_code for row in rows], dtype=pl.String),
            "objective": [row[2].objective for row in rows],
            "plan_no": pl.Series([row[4] for row in rows], dtype=pl.Int64),
            "sku_no": pl.Series([row[5] for row in rows], dtype=pl.Int64),
        }
    )
    return frame.join(places().select("region_code", "market"), on="region_code", how="left").select(
        "campaign_no",
        text("CP{}", pl.col("campaign_no").cast(pl.String).str.zfill(5)).alias("campaign_id"),
        pl.exclude("campaign_no"),
    )


@lru_cache(maxsize=4)
def promotions(world: World) -> pl.DataFrame:
    """A row a promotion and SKU, by `promo_no` (0, 1, …); on a day a SKU may be in more than one.

    Columns: promo_no, promo_id (one a campaign, mechanism and platform), campaign_no, campaign_id, online, phase, sku_no,
    line_no, platform (null: all online shops; offline: stores, dealers and fairs, of a campaign that is not online),
    mechanism (of MECHANISMS), discount_rate (share of the list price), item_role, start_day, end_day (both included),
    region_code and market (null: everywhere).
    """
    draws, known = world.draws("promotions"), campaigns(world)
    sku_no, line_no = products(world)["sku_no"].to_numpy(), products(world)["line_no"].to_numpy()
    on_sale = is_on_sale(world, known["start_day"].to_numpy())
    parts = []
    for campaign_no, plan_no, launched in known.select("campaign_no", "plan_no", "sku_no").iter_rows():
        plan = _launch(int(line_no[launched])) if plan_no < 0 else PLANS[plan_no]
        if launched is not None:
            offered = np.array([launched], dtype=np.int64)
        else:
            liking = np.asarray(plan.lines)[line_no] / np.mean(plan.lines)
            offered = sku_no[on_sale[campaign_no] & draws.chance(plan.offered * liking, campaign_no, sku_no, 1)]
        parts.append(_offers(world, plan, campaign_no, offered))
    offers = pl.concat(parts).sort("campaign_no", "mechanism_no", "platform_no", "sku_no")
    of_campaign = known.select(
        "campaign_no", "campaign_id", "online", "phase", "start_day", "end_day", "region_code", "market"
    )
    return (
        offers.join(of_campaign, on="campaign_no", how="left", maintain_order="left")
        .join(products(world).select("sku_no", "line_no", "item_role"), on="sku_no", how="left", maintain_order="left")
        .with_row_index("promo_no")
        .select(
            pl.col("promo_no").cast(pl.Int64),
            text("PR{}{}{}", pl.col("campaign_no").cast(pl.String).str.zfill(5), "mechanism_no", "platform_no").alias(
                "promo_id"
            ),
            *("campaign_no", "campaign_id", "online", "phase", "sku_no", "line_no"),
            pl.col("platform_no")
            .replace_strict(dict(enumerate((None, *PLATFORMS))), return_dtype=pl.String)
            .alias("platform"),
            pl.col("mechanism_no")
            .replace_strict(dict(enumerate(MECHANISMS)), return_dtype=pl.String)
            .alias("mechanism"),
            *("discount_rate", "item_role", "start_day", "end_day", "region_code", "market"),
        )
    )


def lift(line_no: Ints, discount_rate: npt.ArrayLike) -> Floats:
    """Demand at that discount on the usual price, as a multiple of the demand without it."""
    return np.asarray(
        (1 - np.asarray(discount_rate)) ** np.asarray(list(ELASTICITY.values()))[line_no], dtype=np.float64
    )


def _begins(world: World, plan: Plan, year: int) -> tuple[int, int]:
    """First day of a plan in a year, and that year. What the company plans for itself moves by some days."""
    if plan.begins is None:
        festival = next(first for first in SPRING_FESTIVALS if first.year == year)
        return day_number(festival - timedelta(days=_BEFORE_SPRING_FESTIVAL)), year
    moves = not plan.online or plan.kind == "member_day"
    shift = int(world.draws("campaigns").integer(-2, 2, year, PLANS.index(plan))) if moves and plan.days != 5 else 0
    return day_number(date(year, *plan.begins)) + shift, year


def _launch(line_no: int) -> Plan:
    return _LAUNCH if line_no in _ONLINE_LINES else _LAUNCH_OFFLINE


def _offers(world: World, plan: Plan, campaign_no: int, sku_no: Ints) -> pl.DataFrame:
    draws = world.draws("offers")
    names = list(MECHANISMS)
    mechanism_no = draws.choice([names.index(name) for name in plan.mechanisms], campaign_no, sku_no, 1)
    low, high = (np.array([MECHANISMS[name][end] for name in names])[mechanism_no] for end in (0, 1))
    rate = np.round(plan.depth * draws.between(low, high, campaign_no, sku_no, 2), 2)
    if plan.platform:
        platform_no = np.full(len(sku_no), PLATFORMS.index(plan.platform) + 1, dtype=np.int64)
    else:
        weights = (0.7, 0.12, 0.08, 0.10, 0) if plan.online else (0, 0, 0, 0, 1)
        platform_no = draws.pick(weights, campaign_no, sku_no, 3)
    return pl.DataFrame(
        {
            "campaign_no": np.full(len(sku_no), campaign_no, dtype=np.int64),
            "sku_no": sku_no,
            "mechanism_no": mechanism_no,
            "platform_no": platform_no,
            "discount_rate": rate,
        }
    )
