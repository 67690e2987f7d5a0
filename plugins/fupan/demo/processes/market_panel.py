"""The market panel: what each brand sells in a quarter by category, province, price tier and channel; it comes 25 days later.

A market is as large as its households and what they build; brands share it by their strength in the cell. Our own row is what
the company expects to sell there; so it has little of the market where much is built and its trade is thin.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, LINES, date_of
from fupan.demo.company.geography import DOMESTIC, places
from fupan.demo.company.periods import Period, quarters
from fupan.demo.company.rivals import IDS, OTHERS, OWN_BRAND, RIVALS, TIERS
from fupan.demo.company.seasons import HOMES
from fupan.demo.life.expectation import months
from fupan.demo.process import Frames, Process
from fupan.demo.tools.draws import Floats
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

PUBLISHED_AFTER = 25
#: A company for tests buys the panel without its channels: a quarter of the rows.
IN_CHANNELS = 0.1
CHANNELS = ("building_material_market", "e_commerce", "designer", "project_procurement")
AGES = ("18-29", "30-39", "40-54", "55+")
#: The industry's sales in a mean year beside ours in the year under review.
INDUSTRY = 29.0
#: Smart luminaires' share of the industry in the middle of the newest four quarters of the year under review, its rise a year,
#: and shares and growth of the other categories.
SMART_SHARE, SMART_RISE, SMART_FROM = 0.25, 0.03, -0.17
CATEGORIES = (("commercial", 0.20, 1.02), ("industrial", 0.14, 0.99), ("outdoor", 0.12, 0.98), ("residential", 0.18, 0.96),
              ("light_sources", 0.11, 0.93))  # fmt: skip
#: Price tiers of the industry: share and growth; the middle is squeezed. Our own, line by line.
TIER_SHARES, TIER_GROWTH = np.array([0.34, 0.42, 0.24]), np.array([1.05, 0.97, 1.09])
OWN_TIERS = np.array(
    [[0.15, 0.5, 0.35], [0.25, 0.55, 0.2], [0.25, 0.5, 0.25], [0.3, 0.5, 0.2], [0.35, 0.5, 0.15], [0.6, 0.35, 0.05]]
)
#: Channels: share of each category, and growth.
CHANNEL_SHARES = np.array([[0.28, 0.36, 0.18, 0.18], [0.28, 0.14, 0.16, 0.42], [0.30, 0.10, 0.04, 0.56],
                           [0.28, 0.12, 0.10, 0.50], [0.46, 0.36, 0.14, 0.04], [0.48, 0.40, 0.02, 0.10]])  # fmt: skip
CHANNEL_GROWTH = np.array([0.95, 1.10, 1.07, 0.90])
#: Where our trades show in the panel.
OWN_CHANNELS = {"dealer": (1, 0, 0, 0), "store": (1, 0, 0, 0), "online": (0, 1, 0, 0), "project": (0, 0, 0.3, 0.7)}
#: What a household spends beside the country's, where most new homes are built, and in cities of each tier.
NEW_HOMES = {"CN-HN": 2.3, "CN-SC": 2.4}
WEALTH = {"tier_1": 1.25, "new_tier_1": 1.05, "tier_2": 0.95, "tier_3": 0.85}
#: How strong brands of a group are in each channel; how large all unnamed brands are in each tier, in mean brands.
REACH = {"international_premium": (0.7, 0.8, 2.0, 1.0), "domestic_leader": (1.1, 0.9, 1.0, 1.4),
         "technology_entrant": (0.4, 2.4, 0.7, 0.5), "regional_niche": (1.7, 0.6, 0.6, 0.7)}  # fmt: skip
UNNAMED = np.array([26.0, 17.0, 12.0])
AT_HOME, AWAY = 5.0, 0.35
#: Pieces' prices by tier, and main ages of the buyers by group (own last but one, unnamed last).
PIECE = np.array([35.0, 140.0, 480.0])
AGE_SHARES = {"international_premium": (0.1, 0.3, 0.4, 0.2), "domestic_leader": (0.2, 0.35, 0.3, 0.15),
              "technology_entrant": (0.42, 0.36, 0.16, 0.06), "regional_niche": (0.1, 0.25, 0.4, 0.25)}  # fmt: skip
_OWN_AGES, _OTHER_AGES = (0.22, 0.36, 0.28, 0.14), (0.2, 0.3, 0.3, 0.2)
#: Users at the end of a quarter, whole country: share of each competitor, millions in the middle of the year under review,
#: growth a year. The rest are users of unnamed brands.
USERS = {
    "smart_wearables": ({"RV07": 0.31, "RV06": 0.22, "RV03": 0.04}, 310.0, 1.12),
    "smart_luminaires": ({"RV06": 0.24, "RV07": 0.17, "RV03": 0.09, "RV04": 0.06, "OWN": 0.08}, 62.0, 1.24),
}
BRANDS = (*(rival.brand for rival in RIVALS), OWN_BRAND, OTHERS)
BRAND_IDS = (*IDS, None, None)


def tell(world: World, span: Span) -> Frames:
    """Quarters that are published on the span's days."""
    days = span.days
    out = [quarter for quarter in quarters(world) if days[0] <= quarter.last + PUBLISHED_AFTER <= days[-1]]
    parts = [_cells(world, quarter) for quarter in out] + [_users(world, quarter) for quarter in out]
    told = pl.concat(parts or [_cells(world, next(quarters(world))).clear()], how="diagonal_relaxed")
    return {"cmp_market_panel": told.with_columns(updated_at=at("day"), _changed_on=date_of("day")).drop("day")}


@lru_cache(maxsize=4)
def _own(world: World) -> pl.DataFrame:
    """What we expect to sell at home, by month, trade, line and market."""
    return months(world).filter(pl.col("market").is_in(DOMESTIC))


def _own_cells(world: World, quarter: Period) -> Floats:
    """Line x domestic place x tier x channel."""
    mine = _own(world).filter(pl.col("month").is_between(quarter.first, quarter.last))
    home = places().filter(pl.col("market").is_in(DOMESTIC))
    found = np.zeros((len(LINES), home.height, len(TIERS), len(CHANNELS)))
    sums = mine.group_by("group", "line_no", "market").agg(pl.col("revenue").sum())
    for group, line_no, market, revenue in sums.iter_rows():
        here = (home["population_share"] * (home["market"] == market)).to_numpy()
        found[line_no] += (
            revenue
            * here[:, None, None]
            * OWN_TIERS[line_no][None, :, None]
            * np.array(OWN_CHANNELS[group])[None, None, :]
        )
    return found


@lru_cache(maxsize=4)
def _industry(world: World) -> float:
    """What the industry sells in a mean year (CNY)."""
    first, last = (np.datetime64(day).astype("datetime64[D]").astype(np.int64) for day in world.review_year)
    return INDUSTRY * float(_own(world).filter(pl.col("month").is_between(int(first), int(last)))["revenue"].sum())


def _market(world: World, quarter: Period) -> Floats:
    """What all brands sell: line x domestic place x tier x channel."""
    years = float(world.years(np.array([(quarter.first + quarter.last) // 2]))[0])
    home = places().filter(pl.col("market").is_in(DOMESTIC))
    smart = SMART_SHARE + SMART_RISE * (years - SMART_FROM)
    others = {name: share * growth**years for name, share, growth in CATEGORIES}
    rest = (1 - smart) / sum(others.values())
    category = np.array([smart if line == LINE_NAMES[0] else others[line] * rest for line in LINE_NAMES])
    tier = TIER_SHARES * TIER_GROWTH**years
    channel = CHANNEL_SHARES * CHANNEL_GROWTH**years
    channel /= channel.sum(axis=1, keepdims=True)
    wealth = (
        home["city_tier"].replace_strict(WEALTH).to_numpy()
        * home["region_code"].replace_strict(NEW_HOMES, default=1.0).to_numpy()
    )
    place = home["households"].to_numpy() * wealth
    month = quarter.number % 4 * 3
    season = float(np.mean(HOMES[month : month + 3]) / np.mean(HOMES)) / 4
    size = _industry(world) * season * 1.01**years
    cells = (
        category[:, None, None, None]
        * (place / place.sum())[None, :, None, None]
        * (tier / tier.sum())[None, None, :, None]
    )
    return np.asarray(size * cells * channel[:, None, None, :])


def _strength(world: World, quarter: Period) -> Floats:
    """Brand (rivals, then unnamed ones) x line x place x tier x channel, beside a mean brand."""
    years = float(world.years(np.array([quarter.last]))[0])
    home = places().filter(pl.col("market").is_in(DOMESTIC))["region_code"].to_list()
    found = np.ones((len(RIVALS) + 1, len(LINES), len(home), len(TIERS), len(CHANNELS)))
    for number, rival in enumerate(RIVALS):
        found[number] *= (
            np.array(rival.tiers)[None, None, :, None] * np.array(REACH[rival.player_group])[None, None, None, :]
        )
        found[number, 0] *= rival.smart
        found[number] *= rival.growth**years
        if rival.player_group == "regional_niche":
            found[number] *= np.where(np.array(home) == rival.home, AT_HOME, AWAY)[None, :, None, None]
    found[-1] *= UNNAMED[None, None, :, None]
    shape = found[:-1].shape
    index = np.arange(found[:-1].size, dtype=np.int64).reshape(shape)
    found[:-1] *= world.draws("market panel").spread(quarter.number, index, sigma=0.08)
    return found


def _cells(world: World, quarter: Period) -> pl.DataFrame:
    market, strength = _market(world, quarter), _strength(world, quarter)
    own = np.minimum(_own_cells(world, quarter), 0.8 * market)
    rest = (market - own)[None] * strength / strength.sum(axis=0, keepdims=True)
    value = np.concatenate([rest[:-1], own[None], rest[-1:]])
    in_channels = world.scale >= IN_CHANNELS
    if not in_channels:
        value = value.sum(axis=4, keepdims=True)
    draws, index = world.draws("panel rows"), np.arange(value.size, dtype=np.int64)
    brand, line, place, tier, channel = (axis.ravel() for axis in np.indices(value.shape))
    home = places().filter(pl.col("market").is_in(DOMESTIC))
    limits = np.cumsum([*(AGE_SHARES[rival.player_group] for rival in RIVALS), _OWN_AGES, _OTHER_AGES], axis=1)
    age = (draws.uniform(quarter.number, index)[:, None] >= limits[brand]).sum(axis=1).clip(0, len(AGES) - 1)
    return pl.DataFrame(
        {
            "panel_id": pl.Series(index).cast(pl.String).str.zfill(6),
            "period": pl.Series([quarter.name]).new_from_index(0, len(index)),
            "brand_no": brand,
            "category": pl.Series(LINE_NAMES).gather(line),
            "price_tier": pl.Series(TIERS).gather(tier),
            "channel_group": pl.Series(CHANNELS if in_channels else [None], dtype=pl.String).gather(channel),
            "province": home["province"].gather(place),
            "country": pl.Series(["CN"]).new_from_index(0, len(index)),
            "age_band": pl.Series(AGES).gather(age),
            "is_smart": line == 0,
            "sales_value": np.round(value.ravel(), 2),
            "sales_units": np.rint(value.ravel() / (PIECE[tier] * np.where(line == 5, 0.3, 1.0))).astype(np.int64),
            "user_base": pl.Series([None], dtype=pl.Int64).new_from_index(0, len(index)),
            "day": np.full(len(index), quarter.last + PUBLISHED_AFTER),
        }
    ).with_columns(
        text("MP{}-{}", "period", "panel_id").alias("panel_id"),
        pl.when(pl.col("channel_group").ne_missing(CHANNELS[-1])).then("age_band").alias("age_band"),
        brand=_brand(BRANDS),
        competitor_id=_brand(BRAND_IDS),
    ).drop("brand_no")  # fmt: skip


def _brand(names: tuple[str | None, ...]) -> pl.Expr:
    return pl.col("brand_no").replace_strict(dict(enumerate(names)), return_dtype=pl.String)


def _users(world: World, quarter: Period) -> pl.DataFrame:
    """Users of each brand in the whole country."""
    years = float(world.years(np.array([quarter.last]))[0])
    numbers = {owner: number for number, owner in enumerate((*IDS, "OWN", OTHERS))}
    rows = []
    for category, (shares, millions, growth) in USERS.items():
        users = millions * growth**years * 1e6 * world.scale
        for owner, share in (*shares.items(), (OTHERS, 1 - sum(shares.values()))):
            panel_id = f"MP{quarter.name}-{category[6:10].upper()}{numbers[owner]:02d}"
            rows.append((panel_id, category, numbers[owner], round(share * users)))
    return pl.DataFrame(rows, ["panel_id", "category", "brand_no", "user_base"], orient="row").select(
        "panel_id", "category", "user_base",
        period=pl.lit(quarter.name), brand=_brand(BRANDS), competitor_id=_brand(BRAND_IDS), country=pl.lit("CN"),
        is_smart=pl.lit(True), day=pl.lit(quarter.last + PUBLISHED_AFTER),
    )  # fmt: skip


PROCESS = Process(tables=("cmp_market_panel",), tell=tell, echoes=0)
