"""Opportunities of all years: those that became orders of key accounts, and those that were lost on the way.

Every order of a key account comes from an opportunity. Behind it stand those that its rep lost meanwhile: as many as talent,
diligence and training (`people.wins`) let through. Why one is lost, and to whom, follows from the customer's trade.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import clientele, network
from fupan.demo.company.people import wins
from fupan.demo.company.rivals import IDS
from fupan.demo.life.sales.arrivals import project
from fupan.demo.life.sales.told import PROJECT_TYPES
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number

STAGES = ("prospecting", "needs_analysis", "proposal", "negotiation", "contract")
#: Chance of winning that a stage stands for, and the share of an opportunity's time by which it is entered.
PROBABILITIES, ENTERED = (0.10, 0.25, 0.45, 0.65, 0.90), (0.0, 0.15, 0.35, 0.62, 0.88)
REASONS = ("delivery_time", "price", "specification", "service", "relationship")
#: Why opportunities are lost, by kind of customer; and the stage (index of STAGES) at which that shows.
WHY = {
    "decorator": (0.30, 0.34, 0.14, 0.10, 0.12),
    "developer": (0.26, 0.38, 0.12, 0.08, 0.16),
    "commercial": (0.34, 0.26, 0.18, 0.12, 0.10),
    "industrial": (0.18, 0.20, 0.20, 0.34, 0.08),
}
ENDS_AT = (2, 3, 2, 3, 1)
#: To whom, by reason (in the order of rivals.RIVALS); industrial accounts go to those with the longest warranty.
WINNERS = (
    (0, 0, 2, 4, 3, 1, 2, 1, 1, 1),
    (0, 0, 2, 2, 1, 3, 1, 4, 2, 2),
    (4, 3, 3, 1, 1, 1, 2, 0, 0, 0),
    (1, 0, 1, 4, 1, 1, 4, 0, 0, 0),
    (1, 1, 2, 2, 2, 0, 0, 2, 2, 2),
)
INDUSTRIAL_WINNERS = (0.5, 0.5, 4.5, 0.5, 3.5, 0.3, 0.2, 0.2, 0.2, 0.2)
UNKNOWN_WINNER = 0.2
#: Days from opening to decision, on average, by kind.
CYCLE = {"decorator": 55, "developer": 110, "commercial": 80, "industrial": 70}
#: Once a year a shopping centre's order of track lights is lost because we deliver too late.
TRACK_LOSS = 2_000_000
#: Won and lost opportunities that began as a lead; the lost ones of customers who already buy.
FROM_LEAD, OF_CUSTOMER = 0.25, 0.45
MAJOR = 1_000_000


@lru_cache(maxsize=2)
def deals(world: World) -> pl.DataFrame:
    """A row an opportunity of all years, by opp_no.

    Columns: opp_no, opp_id, customer_no (-1: never bought), kind, industry, place_no, rep_no, created_day, closed_day,
    is_won, amount (CNY: of the contract, else expected), expected, reason (index of REASONS, -1: won), winner (of IDS, -1: not
    known), ends_at (index of STAGES), has_lead, is_track (the one for track lights alone).
    """
    won = _won(world)
    found = pl.concat([won, _lost(world, won), _track_losses(world)], how="diagonal_relaxed").sort(
        "created_day", "opp_id"
    )
    return found.with_row_index("opp_no").with_columns(pl.col("opp_no").cast(pl.Int64))


def _won(world: World) -> pl.DataFrame:
    first, draws = day_number(world.first), world.draws("won deals")
    came = project(world, np.arange(first, first + LIFE_YEARS * YEAR, dtype=np.int64))
    rows = np.flatnonzero(came.more["is_large"])
    customer, turn, closed = came.customer_no[rows], came.more["turn"][rows], came.day[rows]
    known = clientele.businesses(world)[customer - clientele.BUSINESSES]
    assert came.value is not None
    amount = np.round(came.value[rows], 2)
    cycle = _cycle(draws, known["kind"], customer, turn)
    return pl.DataFrame(
        {
            "opp_id": pl.select(text("OPP{}-{}", pl.Series(customer), pl.Series(turn))).to_series(),
            "customer_no": customer,
            "kind": known["kind"],
            "industry": known["industry"],
            "place_no": known["place_no"],
            "rep_no": network.rep_of(world, customer, known["place_no"].to_numpy(), closed),
            "created_day": np.maximum(closed - cycle, np.minimum(known["created_day"].to_numpy() + 1, closed - 12)),
            "closed_day": closed,
            "is_won": np.full(len(rows), True),
            "amount": amount,
            "expected": np.round(amount * draws.between(0.9, 1.15, customer, turn, 2), -2),
            "reason": np.full(len(rows), -1),
            "winner": np.full(len(rows), -1),
            "ends_at": np.full(len(rows), len(STAGES) - 1),
            "has_lead": draws.chance(FROM_LEAD, customer, turn, 3),
            "is_track": np.full(len(rows), False),
        }
    )


def _cycle(draws: Draws, kind: pl.Series, *keys: Ints) -> Ints:
    mean = kind.replace_strict(CYCLE, return_dtype=pl.Float64).to_numpy()
    return np.clip(np.rint(mean * draws.spread(*keys, 1, sigma=0.35)), 14, 200).astype(np.int64)


def _lost(world: World, won: pl.DataFrame) -> pl.DataFrame:
    """Opportunities that the rep of a won one lost around it."""
    draws = world.draws("lost deals")
    at = np.arange(won.height, dtype=np.int64)
    chance = wins(world, won["rep_no"].to_numpy(), won["closed_day"].to_numpy())
    behind = draws.poisson((1 - chance) / chance, won["customer_no"].to_numpy(), won["closed_day"].to_numpy())
    parent = np.repeat(at, behind)
    turn = np.arange(len(parent)) - np.repeat(np.cumsum(behind) - behind, behind)
    base = won[parent]
    key = (base["customer_no"].to_numpy(), base["closed_day"].to_numpy(), turn)
    kind, rep = base["kind"], base["rep_no"].to_numpy()
    known = network.reps(world)
    hired, left = known["hired_day"].to_numpy()[rep], known["left_day"].fill_null(network.NEVER).to_numpy()[rep]
    # Decided while its rep is there, or the share that he wins would not be his.
    closed = np.clip(key[1] + draws.integer(-50, 50, *key, 4), hired + 15, left - 1)
    reason = _reasons(draws, kind, *key)
    customer = np.where(draws.chance(OF_CUSTOMER, *key, 5), _neighbour(world, draws, base, closed, *key), -1)
    amount = np.round(base["amount"].to_numpy() * draws.spread(*key, 6, sigma=0.35), -3)
    return pl.DataFrame(
        {
            "opp_id": pl.select(text("OPL{}-{}-{}", *(pl.Series(part) for part in key))).to_series(),
            "customer_no": customer,
            "kind": kind,
            "industry": base["industry"],
            "place_no": base["place_no"],
            "rep_no": rep,
            "created_day": closed - _cycle(draws, kind, *key),
            "closed_day": closed,
            "is_won": np.full(len(parent), False),
            "amount": np.clip(amount, 60_000, 1_800_000),
            "expected": np.clip(amount, 60_000, 1_800_000),
            "reason": reason,
            "winner": _winners(draws, kind, reason, *key),
            "ends_at": np.array(ENDS_AT)[reason],
            "has_lead": (customer < 0) | draws.chance(FROM_LEAD, *key, 7),
            "is_track": np.full(len(parent), False),
        }
    )


def _reasons(draws: Draws, kind: pl.Series, *key: Ints) -> Ints:
    limits = np.cumsum(list(WHY.values()), axis=1)[
        kind.replace_strict({name: n for n, name in enumerate(WHY)}).to_numpy()
    ]
    found: Ints = (draws.uniform(*key, 8)[:, None] >= limits).sum(axis=1).clip(0, len(REASONS) - 1)
    return found


def _winners(draws: Draws, kind: pl.Series, reason: Ints, *key: Ints) -> Ints:
    weights = np.array(WINNERS, dtype=np.float64)[reason]
    weights[(kind == "industrial").to_numpy()] = INDUSTRIAL_WINNERS
    limits = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    winner = (draws.uniform(*key, 9)[:, None] >= limits).sum(axis=1).clip(0, len(IDS) - 1)
    return np.where(draws.chance(UNKNOWN_WINNER, *key, 10), -1, winner)


def _neighbour(world: World, draws: Draws, base: pl.DataFrame, days: Ints, *key: Ints) -> Ints:
    """Another business customer of that kind and place, if there is one by then."""
    known = (
        clientele.businesses(world)
        .select("customer_no", "kind", "place_no", "created_day")
        .sort("kind", "place_no", "customer_no")
    )
    groups = known.group_by("kind", "place_no", maintain_order=True).agg(pl.len().alias("size")).with_columns(
        begins=pl.col("size").cum_sum() - pl.col("size")
    )  # fmt: skip
    mine = base.select("kind", "place_no").join(groups, on=["kind", "place_no"], how="left", maintain_order="left")
    pick = mine["begins"].to_numpy() + np.floor(draws.uniform(*key, 11) * mine["size"].to_numpy()).astype(np.int64)
    chosen = known[pick]
    return np.where(chosen["created_day"].to_numpy() < days - 220, chosen["customer_no"].to_numpy(), -1)


def _track_losses(world: World) -> pl.DataFrame:
    year, draws = np.arange(LIFE_YEARS, dtype=np.int64), world.draws("track losses")
    closed = day_number(world.first) + year * YEAR + draws.integer(120, 240, year)
    place = np.full(LIFE_YEARS, 8)
    return pl.DataFrame(
        {
            "opp_id": [f"OPT{number + 1:02d}" for number in year.tolist()],
            "customer_no": np.full(LIFE_YEARS, -1),
            "kind": ["commercial"] * LIFE_YEARS,
            "industry": ["retail_chain"] * LIFE_YEARS,
            "place_no": place,
            "rep_no": network.rep_of(world, year, place, closed),
            "created_day": closed - 64,
            "closed_day": closed,
            "is_won": np.full(LIFE_YEARS, False),
            "amount": np.full(LIFE_YEARS, float(TRACK_LOSS)),
            "expected": np.full(LIFE_YEARS, float(TRACK_LOSS)),
            "reason": np.zeros(LIFE_YEARS, dtype=np.int64),
            "winner": np.full(LIFE_YEARS, 3),
            "ends_at": np.full(LIFE_YEARS, 3),
            "has_lead": np.full(LIFE_YEARS, True),
            "is_track": np.full(LIFE_YEARS, True),
        }
    )


def project_type(column: str = "industry") -> pl.Expr:
    """What is lit, by industry, as orders have it."""
    return pl.col(column).replace_strict(PROJECT_TYPES, default="other", return_dtype=pl.String)


def entered(world: World, known: pl.DataFrame) -> Ints:
    """Opportunity x stage: minute (since 1970) in which it is entered; `network.NEVER` where it ends before."""
    draws, number = world.draws("stages"), known["opp_no"].to_numpy()
    created, closed = known["created_day"].to_numpy(), known["closed_day"].to_numpy()
    share = np.array(ENTERED)[None, :] + np.array([0, 0.06, 0.08, 0.08, 0.04]) * draws.between(
        -1, 1, number[:, None], np.arange(5)[None, :]
    )
    minute = opened_minute(world, known)[:, None] + np.floor(share * ((closed - created) * 1440)[:, None]).astype(
        np.int64
    )
    minute[:, 0] = opened_minute(world, known)
    reached = np.arange(len(STAGES))[None, :] <= known["ends_at"].to_numpy()[:, None]
    return np.where(reached, minute, network.NEVER)


def opened_minute(world: World, known: pl.DataFrame) -> Ints:
    """Minute (since 1970) in which an opportunity is opened."""
    number = known["opp_no"].to_numpy()
    return known["created_day"].to_numpy() * 1440 + 540 + world.draws("openings").integer(0, 480, number)


def closed_minute(world: World, known: pl.DataFrame) -> Ints:
    """Minute in which it is decided: a won one before its order comes in."""
    lost = 600 + world.draws("closings").integer(0, 420, known["opp_no"].to_numpy())
    return known["closed_day"].to_numpy() * 1440 + np.where(known["is_won"].to_numpy(), 30, lost)


def owner_id(world: World) -> pl.Expr:
    """The rep of `rep_no` as an employee."""
    ids = dict(zip(network.reps(world)["emp_no"].to_list(), network.reps(world)["emp_id"].to_list(), strict=True))
    return pl.col("rep_no").replace_strict(ids, default=None, return_dtype=pl.String)


def customer_id(column: str = "customer_no") -> pl.Expr:
    """Customer of a number; null below 0."""
    return pl.when(pl.col(column) >= 0).then(text("C{}", pl.col(column).cast(pl.String).str.zfill(7)))


def lead_id() -> pl.Expr:
    """The lead from which an opportunity grew; null: none."""
    return pl.when("has_lead").then(text("LD{}", "opp_id"))


def rows_of(days: tuple[int, int], begins: Floats | Ints, first: int) -> np.ndarray:
    """Rows that begin on the days; what was under way on the company's first day is told with that day."""
    clipped = np.maximum(begins, first)
    return np.flatnonzero((clipped >= days[0]) & (clipped <= days[1]))
