"""The assortment: product lines, SKUs with their life, price and cost over the years; who changes line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number


@dataclass(frozen=True)
class ProductLine:
    """A product line: series, what is made (category, name), range of list prices in CNY, cost as a share of the list price,
    its share of revenue in the year under review and in the year before.

    The shares before are such that smart luminaires grow by 35 % while the whole grows by some 14 %."""

    product_line: str
    code: str
    series: tuple[str, str]
    kinds: tuple[tuple[str, str], ...]
    prices: tuple[int, int]
    cost_share: tuple[float, float]
    share: float
    share_before: float


LINES = (
    ProductLine("smart_luminaires", "SM", ("星澜", "智界"), (("smart_ceiling", "智能吸顶灯"), ("smart_downlight", "智能筒灯"),
        ("smart_strip", "智能灯带"), ("smart_desk", "智能台灯")), (129, 1899), (0.36, 0.48), 0.42, 0.3543),
    ProductLine("commercial", "CO", ("明商", "衡光"), (("panel", "面板灯"), ("track", "轨道射灯"), ("downlight", "商用筒灯"),
        ("linear", "办公线条灯")), (69, 899), (0.42, 0.52), 0.20, 0.2230),
    ProductLine("industrial", "IN", ("工匠", "磐石"), (("high_bay", "工矿灯"), ("tri_proof", "三防灯"),
        ("explosion_proof", "防爆灯"), ("flood", "工业投光灯")), (159, 2599), (0.42, 0.52), 0.12, 0.1335),
    ProductLine("outdoor", "OU", ("远照", "夜行"), (("street", "路灯"), ("landscape", "景观灯"), ("solar", "太阳能灯"),
        ("wall_washer", "洗墙灯")), (89, 1699), (0.42, 0.52), 0.10, 0.1113),
    ProductLine("residential", "RE", ("暖居", "素雅"), (("ceiling", "吸顶灯"), ("pendant", "吊灯"), ("desk", "护眼台灯"),
        ("wall", "壁灯")), (59, 799), (0.38, 0.50), 0.11, 0.1224),
    ProductLine("light_sources", "LS", ("常明", "通用"), (("bulb", "LED 球泡"), ("tube", "LED 灯管"), ("driver", "驱动电源"),
        ("fitting", "灯座配件")), (9, 89), (0.44, 0.54), 0.05, 0.0555),
)  # fmt: skip
LINE_NAMES = tuple(line.product_line for line in LINES)
#: New and discontinued SKUs a year, as a share of the assortment.
RENEWED = 0.16
#: Price bands of the review by net unit price (CNY): upper limits.
BAND_LIMITS = (200.0, 500.0)


def size(world: World) -> int:
    """SKUs on sale at any time: 300, fewer in a company for tests."""
    return 300 if world.scale >= 0.1 else 120


@lru_cache(maxsize=4)
def products(world: World) -> pl.DataFrame:
    """A row a SKU of all years, by `sku_no` (0, 1, …).

    Columns: sku_no, sku, line_no, category, series, kind (Chinese), power_w, product_name, item_role, base_price and base_cost
    (CNY, of the day of launch; cost null where nobody knows it), launch_day and discontinue_day (numbers since 1970, the latter
    null for those that stay), popularity (mean 1, long tail), quality (0 poor to 1 excellent), is_hit (a launch made big),
    moved_day and moved_line_no (null unless the SKU changes line once).
    """
    draws, standing = world.draws("assortment"), size(world)
    renewed = max(1, round(standing * RENEWED))
    count = standing + renewed * LIFE_YEARS
    number = np.arange(count, dtype=np.int64)
    first = day_number(world.first)
    is_new = number >= standing
    newcomer = np.where(is_new, number - standing, 0)
    launch = np.where(
        is_new,
        first + (newcomer * YEAR) // renewed + 7,
        first - draws.integer(60, 3000, number, 1),
    )
    # The standing assortment leaves one after the other, and is replaced one by one.
    leaving = draws.hash(number, 2) % np.uint64(1 << 30)
    order = np.argsort(np.where(is_new, 1 << 40, leaving.astype(np.int64)), kind="stable")
    place = np.empty(count, dtype=np.int64)
    place[order] = number
    leaves = first + (place * YEAR) // renewed + 20
    goes = ~is_new & (place < renewed * LIFE_YEARS) & (place < standing)
    line_no = number % len(LINES)
    of_line = number // len(LINES)
    rung = draws.uniform(number, 3)
    # Three cheap light sources a year are launched big, the first three of it: when it ends, many customers have bought them.
    is_hit = is_new & (line_no == len(LINES) - 1) & (newcomer % renewed < 0.375 * renewed)
    # The others are dearer: of a cheap one a few large orders take as many pieces as of a hit.
    is_other = is_new & (line_no == len(LINES) - 1) & ~is_hit
    rung = np.select([is_hit, is_other], [0.2 + 0.1 * rung, 0.35 + 0.65 * rung], rung)
    low = np.array([line.prices[0] for line in LINES])[line_no]
    high = np.array([line.prices[1] for line in LINES])[line_no]
    # Prices lie evenly on a logarithmic scale, and end in 9 as prices do.
    price = np.floor(low * (high / low) ** rung) // 10 * 10 + 9
    cost_low = np.array([line.cost_share[0] for line in LINES])[line_no]
    cost_high = np.array([line.cost_share[1] for line in LINES])[line_no]
    cost = np.round(price * draws.between(cost_low, cost_high, number, 4), 2)
    unknown = (line_no == len(LINES) - 1) & (of_line % 17 == 6)
    kind = of_line % 4
    power = np.array([6, 9, 12, 18, 24, 36, 48, 60, 100, 150])[
        np.clip(np.floor(rung * 7).astype(np.int64) + draws.integer(0, 2, number, 5), 0, 9)
    ]
    # Luminaires change line; a bulb never becomes one.
    luminaires = len(LINES) - 1
    moves = draws.chance(0.12, number, 6) & (line_no < luminaires)
    moved_line = (line_no + draws.integer(1, luminaires - 1, number, 7)) % luminaires
    moved_day = first + draws.integer(0, LIFE_YEARS * YEAR, number, 8)
    names = [
        (LINES[n].kinds[k][0], LINES[n].series[o % 2], LINES[n].kinds[k][1], f"{LINES[n].code}-{1001 + o}")
        for n, k, o in zip(line_no.tolist(), kind.tolist(), of_line.tolist(), strict=True)
    ]
    category, series, kind_name, sku = zip(*names, strict=True)
    return pl.DataFrame(
        {
            "sku_no": number,
            "sku": sku,
            "line_no": line_no,
            "category": category,
            "series": series,
            "kind": kind_name,
            "power_w": power,
            "item_role": np.array(["traffic", "profit", "image"])[np.minimum(2, (rung * 3).astype(np.int64))],
            "base_price": price,
            "base_cost": np.where(unknown, np.nan, cost),
            "launch_day": launch,
            "discontinue_day": np.where(goes, leaves, 1 << 40),
            "popularity": np.where(
                is_new & (line_no == len(LINES) - 1),
                np.where(is_hit, 1.0, 0.6),
                np.minimum(12.0, (1 - draws.uniform(number, 9)) ** (-1 / 1.4)) / 2.2,
            ),
            "quality": draws.uniform(number, 10),
            "is_hit": is_hit,
            "moved_day": np.where(moves & (moved_day > launch), moved_day, 1 << 40),
            "moved_line_no": moved_line,
        }
    ).with_columns(
        pl.col("base_cost").fill_nan(None),
        *(pl.when(pl.col(name) < 1 << 40).then(pl.col(name)).alias(name) for name in ("discontinue_day", "moved_day")),
        product_name=text("{} {} {}W", "series", "kind", "power_w"),
    )


@lru_cache(maxsize=4)
def price_factors(world: World) -> Floats:
    """SKU x day of the company's life: list price as a multiple of the base price; it changes twice a year."""
    draws = world.draws("list prices")
    count, days = products(world).height, LIFE_YEARS * YEAR + 1
    sku, day = np.arange(count)[:, None], np.arange(days)[None, :]
    step = np.asarray([0.95, 0.97, 1.03, 1.05])[draws.integer(0, 3, sku, day, 1)]
    changes = draws.chance(2 / YEAR, sku, day)
    return np.asarray(np.cumprod(np.where(changes, step, 1.0), axis=1), dtype=np.float64)


def list_prices(world: World, sku_no: Ints, days: Ints) -> Floats:
    """List price (CNY, to the fen) of SKUs on days, element by element."""
    base = products(world)["base_price"].to_numpy()[sku_no]
    within = np.clip(days - day_number(world.first), 0, LIFE_YEARS * YEAR)
    return np.round(base * price_factors(world)[sku_no, within], 2)


def unit_costs(world: World, sku_no: Ints, days: Ints) -> Floats:
    """Cost of a unit (CNY); rises year by year while prices do not, so that the margin falls. NaN where nobody knows it."""
    base = products(world)["base_cost"].to_numpy()[sku_no]
    return np.round(base * cost_level(world, days), 4)


#: Share of net revenue that is cost in the middle of the year under review, and its rise a year: the margin falls by 5 points.
COST_SHARE, COST_RISE = 0.635, 0.0538


def cost_level(world: World, days: Ints) -> Floats:
    """Costs as a multiple of those in the middle of the year under review."""
    return 1 + COST_RISE / COST_SHARE * world.years(days)


def is_on_sale(world: World, days: Ints) -> np.ndarray:
    """Day x SKU: launched and not yet discontinued."""
    known = products(world)
    leaves = known["discontinue_day"].fill_null(1 << 40).to_numpy()
    found: np.ndarray = (known["launch_day"].to_numpy()[None, :] <= days[:, None]) & (days[:, None] < leaves[None, :])
    return found


@lru_cache(maxsize=4)
def lasting(world: World) -> pl.DataFrame:
    """The SKUs of the first day that stay longest, a few of each line: what bundles and gifts are made of."""
    standing = products(world).filter(pl.col("launch_day") <= day_number(world.first), pl.col("moved_day").is_null())
    return (
        standing.sort(pl.col("discontinue_day").fill_null(1 << 40), "sku_no", descending=[True, False])
        .group_by("line_no", maintain_order=True)
        .head(5)
    )


def date_of(column: str) -> pl.Expr:
    """A number of days since 1970 as a date."""
    return pl.col(column).cast(pl.Int32).cast(pl.Date)
