"""Conflicts between dealers and channels: goods in foreign territory, undercut prices, shops that lose to the web.

Diverted goods are found by their serial numbers some weeks after they were delivered; other cases come up day by day, most of
them against the few dealers who break the rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from fupan.demo.company.assortment import is_on_sale, products
from fupan.demo.company.geography import places
from fupan.demo.company.network import NEVER, dealer_sizes, dealers, offences
from fupan.demo.company.seasons import months, shopping_festival
from fupan.demo.company.warehouses import routes
from fupan.demo.life.sales import told
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.processes.price_lists import is_deep_online
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Share of diverted orders that are found, and the days after delivery on which they are.
FOUND, FOUND_AFTER = 0.5, (2, 30)
#: Other kinds: cases a day at scale 1 in the year under review, and how they are noticed. The last two have no dealer at fault:
#: one is with the company, over what was paid back, one with its shops on the web.
KINDS = {
    "price_undercut": (0.26, "price_robot"),
    "territory": (0.11, "visit"),
    "rebate_dispute": (0.08, "complaint"),
    "online_price": (0.24, "complaint"),
}
GROWTH = 1.2
_BETWEEN_DEALERS = ("price_undercut", "territory")
#: Who is not there on the day is not asked: somebody else is, so many times.
_TURNS = 8


def tell(world: World, span: Span) -> Frames:
    """Cases of orders and of days of the span."""
    draws = world.draws("conflicts")
    found = pl.concat([_diversions(world, span, draws.of("diversion")), _quarrels(world, span, draws)])
    cases = as_of(
        _settled(found, draws.of("settlement")), span.evening, ["detected_at", "resolved_at"],
        reveals={"resolved_at": ["resolution_type", "penalty_amount"]},
    )  # fmt: skip
    known = dealers(world)
    return {
        "crm_channel_conflicts": cases.with_columns(
            dealer_id=_id_of(known, cases["who"]),
            counter_dealer_id=_id_of(known, cases["whom"]),
            sku=products(world)["sku"].gather(cases["sku_no"]),
            region_code=places()["region_code"].gather(cases["place_no"]),
        ).select(
            "conflict_id", "conflict_type", "severity", "dealer_id", "counter_dealer_id", "sku", "region_code", "detected_at",
            "detection_source", "resolved_at", "resolution_type", "penalty_amount", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


def _id_of(known: pl.DataFrame, number: pl.Series) -> pl.Series:
    return known["dealer_id"].gather(number.clip(0)).set(number < 0, None)


def _diversions(world: World, span: Span, draws: Draws) -> pl.DataFrame:
    """Orders of dealers that were delivered in another region; the one who suffers is a dealer there, if there is one."""
    sold = told(world, span.first, span.last)
    orders = sold.orders.filter(
        pl.col("group") == "dealer", pl.col("delivered_at").is_not_null(), pl.col("gone_on").is_null()
    )
    place, _ = routes(world, orders)
    orders = orders.with_columns(went_to=pl.Series(place))
    is_found = pl.Series(draws.chance(FOUND, orders["order_key"].to_numpy(), 1))
    orders = orders.filter((pl.col("went_to") != pl.col("place_no")) & is_found)
    first = sold.lines.filter(pl.col("line_no") == 1).select("order_key", "sku_no")
    orders = orders.join(first, on="order_key", how="left", maintain_order="left")
    number = orders["order_key"].to_numpy()
    day = orders["delivered_at"].dt.epoch("d").to_numpy().astype(np.int64) + draws.integer(*FOUND_AFTER, number, 2)
    who, went_to = orders["dealer_no"].to_numpy().astype(np.int64), orders["went_to"].to_numpy()
    return pl.DataFrame(
        {
            "conflict_id": pl.select(text("CF{}", pl.Series(number))).to_series(),
            "conflict_type": pl.Series(["diversion"] * len(number), dtype=pl.String),
            "detection_source": pl.Series(["serial_scan"] * len(number), dtype=pl.String),
            "day": day,
            "number": number,
            "who": who,
            "whom": _neighbour(world, draws, went_to, day, number, but=who),
            "place_no": went_to,
            "sku_no": orders["sku_no"],
        }
    )


def _quarrels(world: World, span: Span, draws: Draws) -> pl.DataFrame:
    return pl.concat([_of_kind(world, span, draws.of(kind), kind) for kind in KINDS])


def _of_kind(world: World, span: Span, draws: Draws, kind: str) -> pl.DataFrame:
    rate, source = KINDS[kind]
    days, known = span.days, dealers(world)
    mean = rate * world.scale * np.power(GROWTH, world.years(days))
    if kind == "online_price":
        mean = mean * (1 + 2 * shopping_festival(days))
    if kind == "rebate_dispute":
        # Rebates are paid in the first month after a quarter.
        mean = mean * np.where(months(days) % 3 == 2, 2.0, 0.5)
    count = draws.poisson(mean, days)
    day = np.repeat(days, count)
    number = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
    place_of = known["place_no"].to_numpy()
    if kind in _BETWEEN_DEALERS:
        who = _one_of_all(world, draws, offences(world) * dealer_sizes(world), day, number)
        whom = _neighbour(world, draws, place_of[who], day, number, but=who)
        place, kept = place_of[who], who >= 0
    else:
        who, whom = np.full(len(day), -1), _one_of_all(world, draws, dealer_sizes(world), day, number)
        place, kept = place_of[whom], whom >= 0
    return pl.DataFrame(
        {
            "conflict_id": [f"CF-{kind}-{d}-{n}" for d, n in zip(day.tolist(), number.tolist(), strict=True)],
            "conflict_type": pl.Series([kind] * len(day), dtype=pl.String),
            "detection_source": pl.Series([source] * len(day), dtype=pl.String),
            "day": day,
            "number": number + list(KINDS).index(kind) * 1_000_000,
            "who": who,
            "whom": whom,
            "place_no": place,
            "sku_no": _sku(world, draws, days, day, number, deep=kind == "online_price"),
        },
        schema_overrides={"conflict_id": pl.String},
    ).filter(pl.Series(kept))


def _there(world: World, number: Ints, day: Ints) -> npt.NDArray[np.bool_]:
    """Whether dealers are dealers on the days."""
    known = dealers(world)
    joined, left = known["joined_day"].to_numpy(), known["left_day"].fill_null(NEVER).to_numpy()
    found: npt.NDArray[np.bool_] = (joined[number] <= day) & (day < left[number])
    return found


def _one_of_all(world: World, draws: Draws, weight: Floats, day: Ints, number: Ints) -> Ints:
    """A dealer for each case, as likely as its ``weight``, who is there on the day (-1: none was found)."""
    found = np.full(len(day), -1, dtype=np.int64)
    for turn in range(_TURNS):
        pick = draws.pick(weight, day, number, 10 + turn)
        found = np.where((found < 0) & _there(world, pick, day), pick, found)
    return found


def _neighbour(world: World, draws: Draws, place_no: Ints, day: Ints, number: Ints, *, but: Ints) -> Ints:
    """A dealer of the place who is there on the day and another one than ``but`` (-1: none was found)."""
    home = dealers(world)["place_no"].to_numpy()
    order = np.argsort(home, kind="stable")
    begins = np.searchsorted(home[order], place_no, side="left")
    ends = np.searchsorted(home[order], place_no, side="right")
    found = np.full(len(day), -1, dtype=np.int64)
    for turn in range(_TURNS):
        at_place = begins + np.floor(draws.uniform(day, number, 30 + turn) * (ends - begins)).astype(np.int64)
        pick = order[np.minimum(at_place, len(order) - 1)]
        fits = (ends > begins) & (pick != but) & _there(world, pick, day)
        found = np.where((found < 0) & fits, pick, found)
    return found


def _sku(world: World, draws: Draws, days: Ints, day: Ints, number: Ints, *, deep: bool) -> Ints:
    """What it is about: something on sale on the day; ``deep``: of what the web sells far below the shops, if that is any."""
    offered = is_on_sale(world, days)
    if deep:
        undercut = offered & is_deep_online(world, products(world)["sku_no"].to_numpy())[None, :]
        offered = np.where(undercut.any(axis=1, keepdims=True), undercut, offered)
    rank = np.cumsum(offered, axis=1)[day - days[0]]
    wanted = np.floor(draws.uniform(day, number, 50) * rank[:, -1]) + 1
    return np.asarray(np.argmax(rank >= wanted[:, None], axis=1), dtype=np.int64)


def _settled(found: pl.DataFrame, draws: Draws) -> pl.DataFrame:
    """With severity, and how and when each case is settled."""
    day, number = found["day"].to_numpy(), found["number"].to_numpy()
    severity = draws.choice(["minor", "major", "severe"], day, number, 2, weights=[6, 3, 1])
    weight = np.select([severity == "severe", severity == "major"], [3.0, 1.6], 1.0)
    open_days = np.maximum(2, 9 * weight * draws.spread(day, number, 6, sigma=0.6)).astype(np.int64).clip(2, 120)
    resolution = np.where(
        severity == "severe",
        draws.choice(["penalty", "arbitration", "compensation"], day, number, 7),
        draws.choice(["mediation", "area_adjustment", "compensation", "penalty"], day, number, 8, weights=[5, 2, 2, 2]),
    )
    # Nobody is punished where no dealer is at fault.
    resolution = np.where((found["who"].to_numpy() < 0) & (resolution == "penalty"), "compensation", resolution)
    penalty = np.where(resolution == "penalty", np.round(2_000 * weight * draws.spread(day, number, 9), -2), 0.0)
    hour = 9 + draws.integer(0, 7, day, number, 10)
    return found.with_columns(
        severity=pl.Series(severity, dtype=pl.String),
        resolution_type=pl.Series(resolution, dtype=pl.String),
        penalty_amount=pl.Series(penalty),
        detected_at=at("day", 0) + pl.duration(hours=pl.lit(pl.Series(hour))),
    ).with_columns(resolved_at=pl.col("detected_at") + pl.duration(days=pl.lit(pl.Series(open_days))))


#: A dealer's order is delivered within two weeks, found within 30 days, and settled within 120.
PROCESS = Process(("crm_channel_conflicts",), tell, echoes=170)
