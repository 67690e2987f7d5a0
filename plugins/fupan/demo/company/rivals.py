"""The competitors: who they are, what they promise, which of our products they match, and when they cut prices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, LINES, products
from fupan.demo.company.geography import DOMESTIC, places
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number

OWN_BRAND, OTHERS = "明禾照明", "others"
#: Price tiers of the market, and platforms on which rivals' prices are read.
TIERS = ("entry", "mid", "high")
PLATFORMS = ("tmall", "jd", "douyin")


@dataclass(frozen=True)
class Rival:
    """A competitor.

    ``home``: province of its home market (None: abroad or everywhere). ``tiers``: how strong it is in each of TIERS, beside a
    mean brand. ``smart``: how much stronger it is in smart luminaires. ``growth``: a year's. ``warranty``: years, today and
    before it was raised. ``design``: plans the lighting for free. ``hours``: within which it answers. ``busy``: moves a year.
    """

    competitor_id: str
    brand: str
    player_group: str
    cluster: str
    home: str | None
    tiers: tuple[float, float, float]
    smart: float
    growth: float
    warranty: tuple[int, int]
    design: bool
    hours: int
    busy: int

    @property
    def focus(self) -> str:
        """The price tier it lives from."""
        return TIERS[self.tiers.index(max(self.tiers))]


RIVALS = (
    Rival("RV01", "Lumeris", "international_premium", "荷兰", None, (0.1, 0.8, 3.2), 1.2, 1.01, (3, 3), False, 48, 14),
    Rival("RV02", "Osterlicht", "international_premium", "德国", None, (0.1, 0.4, 2.2), 0.6, 0.99, (3, 3), False, 48, 10),
    Rival("RV03", "华耀", "domestic_leader", "惠州", "CN-GD", (0.9, 2.6, 1.6), 0.9, 1.06, (5, 5), False, 24, 26),
    Rival("RV04", "欧佰特", "domestic_leader", "中山古镇", "CN-GD", (1.2, 2.2, 1.0), 1.0, 1.05, (3, 2), True, 12, 24),
    Rival("RV05", "雄极", "domestic_leader", "广州", "CN-GD", (0.8, 1.9, 1.1), 0.5, 1.03, (5, 3), False, 24, 18),
    Rival("RV06", "智居米", "technology_entrant", "北京", "CN-BJ", (1.0, 1.2, 0.5), 3.2, 1.22, (3, 3), False, 8, 30),
    Rival("RV07", "云联智家", "technology_entrant", "深圳", "CN-GD", (0.7, 1.0, 0.8), 2.8, 1.25, (3, 2), True, 8, 28),
    Rival("RV08", "灯都王", "regional_niche", "中山古镇", "CN-GD", (2.4, 0.6, 0.1), 0.4, 0.99, (1, 1), False, 72, 16),
    Rival("RV09", "湘光", "regional_niche", "长沙", "CN-HN", (0.8, 0.4, 0.1), 0.4, 1.02, (2, 1), False, 48, 10),
    Rival("RV10", "蜀明", "regional_niche", "成都", "CN-SC", (0.8, 0.4, 0.1), 0.4, 1.02, (2, 1), False, 48, 10),
)  # fmt: skip
IDS = tuple(rival.competitor_id for rival in RIVALS)
#: From this year of the company on rivals give the warranty of today.
WARRANTY_RAISED = 1

#: What rivals do: type, how often beside others, where it is seen, days it lasts (None: it stays).
MOVES: dict[str, tuple[float, tuple[str, ...], tuple[int, int] | None]] = {
    "launch": (0.22, ("short_video", "influencer", "experience_store", "decoration_platform"), None),
    "promotion": (0.40, ("e_commerce", "short_video", "influencer", "decoration_platform"), (5, 20)),
    "price_cut": (0.16, ("e_commerce", "decoration_platform"), (20, 60)),
    "alliance": (0.07, ("decoration_platform", "experience_store"), None),
    "membership_change": (0.06, ("e_commerce",), None),
    "show_presence": (0.09, ("exhibition", "pop_up_store"), (3, 5)),
}
_TYPES = tuple(MOVES)
#: Two or three rivals cut prices in the same line within days of each other: so many times a year.
WARS = 3


@lru_cache(maxsize=4)
def moves(world: World) -> pl.DataFrame:
    """A row a move of a competitor of all years, by the day it starts.

    Columns: move_no, rival_no, action_type, channel, region_code (null: everywhere), line_no (-1: all), depth (0: no price),
    start_day, end_day (null: it stays), observed_minute (minutes since 1970), answer_minute (null: never answered), aspect_no
    and score (of a stand).
    """
    draws = world.draws("moves of rivals")
    busy = np.array([rival.busy for rival in RIVALS])
    rival = np.repeat(np.arange(len(RIVALS)), busy * LIFE_YEARS)
    turn = np.concatenate([np.arange(count * LIFE_YEARS) for count in busy])
    kind = draws.pick([share for share, *_ in MOVES.values()], rival, turn, 1)
    start = day_number(world.first) + ((turn + draws.uniform(rival, turn, 2)) * YEAR / busy[rival]).astype(np.int64)
    common = pl.DataFrame({"rival_no": rival, "turn": turn, "kind": kind, "start_day": start})
    frame = pl.concat([common, _wars(world)])
    rival, turn, kind, start = (frame[name].to_numpy() for name in frame.columns)
    is_war = turn >= _WAR_TURNS
    line = np.where(draws.chance(0.85, rival, turn, 3), draws.pick([line.share for line in LINES], rival, turn, 4), -1)
    war_line = draws.of("wars").pick([line.share for line in LINES], turn // 8)
    line = np.where(is_war, war_line, line)
    is_cut, is_promotion = kind == _TYPES.index("price_cut"), kind == _TYPES.index("promotion")
    depth = np.where(is_cut, draws.between(0.05, 0.16, rival, turn, 5), draws.between(0.08, 0.25, rival, turn, 5))
    lasting = np.array([(days or (0, 0)) for *_, days in MOVES.values()])[kind]
    length = draws.integer(lasting[:, 0], lasting[:, 1], rival, turn, 6)
    seen = (start + draws.integer(0, 3, rival, turn, 7)) * 1440 + draws.integer(9 * 60, 18 * 60, rival, turn, 8)
    # A war is answered within days, other cuts within weeks, what touches no price rarely at all.
    answers = draws.chance(np.where(is_war, 0.95, np.where(is_cut | is_promotion, 0.75, 0.25)), rival, turn, 9)
    answer = (
        seen
        + draws.integer(1, np.where(is_war, 5, 18), rival, turn, 10) * 1440
        + draws.integer(0, 400, rival, turn, 11)
    )
    known = places().filter(pl.col("market").is_in(DOMESTIC))
    local = ~is_war & draws.chance(0.45, rival, turn, 12)
    region = known["region_code"].gather(draws.pick(known["households"].to_numpy(), rival, turn, 13))
    channel = np.empty(len(kind), dtype=object)
    for number, (_, channels, _) in enumerate(MOVES.values()):
        channel[kind == number] = draws.choice(channels, rival[kind == number], turn[kind == number], 14)
    return (
        pl.DataFrame(
            {
                "rival_no": rival,
                "turn": turn,
                "action_type": np.asarray(_TYPES)[kind],
                "channel": channel.astype(str),
                "region_code": region,
                "line_no": line,
                "depth": np.where(is_cut | is_promotion, np.round(depth, 3), 0.0),
                "start_day": start,
                "end_day": np.where(lasting[:, 1] > 0, start + length, -1),
                "observed_minute": seen,
                "answer_minute": np.where(answers, answer, -1),
                "aspect_no": draws.integer(0, 2, rival, turn, 15),
                "score": draws.integer(1, 5, rival, turn, 16),
                "is_local": local,
            }
        )
        .with_columns(
            pl.when("is_local").then("region_code").alias("region_code"),
            *(pl.when(pl.col(name) >= 0).then(name).alias(name) for name in ("end_day", "answer_minute")),
        )
        .drop("is_local")
        .sort("start_day", "rival_no", "turn")
        .with_row_index("move_no")
    )


#: Turns of moves from here on belong to price wars: eight numbers each.
_WAR_TURNS = 1 << 20


def _wars(world: World) -> pl.DataFrame:
    """Price wars: three rivals of the middle and lower tiers cut in one line within ten days."""
    draws = world.draws("price wars")
    war = np.repeat(np.arange(WARS * LIFE_YEARS), 3)
    part = np.tile(np.arange(3), WARS * LIFE_YEARS)
    pool = np.array([2, 3, 4, 5, 6, 7])
    begins = day_number(world.first) + ((war + draws.uniform(war, 1)) * YEAR / WARS).astype(np.int64)
    return pl.DataFrame(
        {
            "rival_no": pool[(draws.integer(0, 5, war, 2) + part * 2 + part // 3) % len(pool)],
            "turn": _WAR_TURNS + war * 8 + part,
            "kind": np.full(len(war), _TYPES.index("price_cut")),
            "start_day": begins + part * draws.integer(2, 4, war, 3),
        }
    )


#: Our price above that of a rival's item of the same specification: the middle one of all items, and its standard deviation
#: (a quarter of the items lies below 15 %, a quarter above 20 %). International brands are dearer than we are.
PRICED_ABOVE, SPREAD, DEARER = 0.175, 0.034, -0.14
#: Of rivals' items so many have another power than ours.
OTHER_POWER = 0.12


@lru_cache(maxsize=4)
def items(world: World) -> pl.DataFrame:
    """A row an item of a competitor on a platform, of all years, which matches one of our products.

    Columns: item_no, rival_no, platform, comp_sku, sku_no, line_no, power_w, ratio (its usual price over our list price),
    first_day, last_day (numbers since 1970, the latter null: stays).
    """
    draws, known = world.draws("items of rivals"), products(world)
    sku = np.repeat(known["sku_no"].to_numpy(), 2)
    slot = np.tile(np.arange(2, dtype=np.int64), known.height)
    premium = known["item_role"].to_numpy()[sku] == "image"
    # Image items are matched by international brands, all others by those who sell to the middle and below.
    rival = np.where(
        premium, draws.integer(0, 1, sku, 1), 2 + (draws.integer(0, 7, sku, 2) + slot * draws.integer(1, 7, sku, 3)) % 8
    )
    exists = (slot == 0) | (~premium & draws.chance(0.25, sku, 4))
    other = draws.chance(OTHER_POWER, sku, slot, 5)
    power = np.where(other, known["power_w"].to_numpy()[sku] * 1.25, known["power_w"].to_numpy()[sku])
    above = np.where(premium, DEARER + 0.05 * draws.normal(sku, 6), PRICED_ABOVE + SPREAD * draws.normal(sku, 6))
    above = above + 0.004 * draws.normal(sku, slot, 7)
    ratio = 1 / (1 + above) * np.where(other, 1.12, 1.0)
    launch = known["launch_day"].to_numpy()[sku] + draws.integer(20, 120, sku, slot, 8)
    return (
        pl.DataFrame(
            {
                "rival_no": rival,
                "platform": draws.choice(PLATFORMS, sku, slot, 9, weights=(0.45, 0.35, 0.2)),
                "sku_no": sku,
                "line_no": known["line_no"].to_numpy()[sku],
                "power_w": np.round(power, 1),
                "ratio": ratio,
                "first_day": launch,
                "last_day": known["discontinue_day"].gather(sku),
                "slot": slot,
            }
        )
        .filter(exists)
        .with_row_index("item_no")
        .with_columns(
            pl.col("item_no").cast(pl.Int64),
            comp_sku=text("{}-{}", rival_id(), (pl.col("sku_no") * 2 + pl.col("slot")) * 7 + 1003),
        )
        .drop("slot")
    )


def cut_depths(world: World, rival_no: Ints, line_no: Ints, days: Ints) -> tuple[np.ndarray, np.ndarray]:
    """Day x item: share off the usual price by cuts that hold everywhere, and by promotions."""
    cut, promotion = np.zeros((len(days), len(rival_no))), np.zeros((len(days), len(rival_no)))
    running = moves(world).filter(
        pl.col("depth") > 0,
        pl.col("region_code").is_null(),
        pl.col("start_day") <= int(days[-1]),
        pl.col("end_day") >= int(days[0]),
    )
    for move in running.iter_rows(named=True):
        mine = (rival_no == move["rival_no"]) & ((line_no == move["line_no"]) | (move["line_no"] < 0))
        rows = np.flatnonzero((days >= move["start_day"]) & (days <= move["end_day"]))
        found = cut if move["action_type"] == "price_cut" else promotion
        block = np.ix_(rows, np.flatnonzero(mine))
        found[block] = np.maximum(found[block], move["depth"])
    return cut, promotion


def line_name(column: str) -> pl.Expr:
    """Product line of a number of `assortment.LINES`; null below 0."""
    names = dict(enumerate(LINE_NAMES))
    return pl.col(column).replace_strict(names, default=None, return_dtype=pl.String)


def rival_id(column: str = "rival_no") -> pl.Expr:
    """Competitor of a number of RIVALS."""
    return pl.col(column).replace_strict(dict(enumerate(IDS)), default=None, return_dtype=pl.String)
