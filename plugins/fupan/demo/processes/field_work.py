"""What sales representatives do all day: visits, calls and demonstrations, and how they keep the CRM."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import network
from fupan.demo.company.assortment import date_of
from fupan.demo.company.clientele import companies
from fupan.demo.company.people import diligence, is_trained, talent
from fupan.demo.company.seasons import is_weekend, spring_festival
from fupan.demo.life import deals
from fupan.demo.process import Frames, Process
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.stamps import at, minute
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Activities a usual rep has on a working day; how often he sees a key account, or a dealer, beside another customer.
A_DAY, KEY_ACCOUNT, DEALER = 3.3, 14.0, 5.0
KINDS, KIND_SHARES = ("visit", "call", "demo", "site_survey", "social"), (0.34, 0.42, 0.08, 0.10, 0.06)
SHARED = ("customer_resource", "market_intelligence")
#: Feature -> how likely it is used on a working day by a usual rep, actions, whether only some learn it.
FEATURES = {"contacts": (0.62, 6.0, False), "activities": (0.80, 5.0, False), "mobile": (0.45, 4.0, False),
            "funnel": (0.50, 3.0, True), "customer_profile": (0.40, 2.5, True), "reports": (0.25, 2.0, True)}  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Activities and use of the CRM on the span's days."""
    return {"crm_activities": _activities(world, span.days), "crm_usage": _usage(world, span.days)}


def _working(days: Ints) -> Floats:
    return np.asarray(np.where(is_weekend(days), 0.08, 1.0) * spring_festival(days))


@lru_cache(maxsize=2)
def _served(world: World) -> pl.DataFrame:
    """Customers that reps look after, by the day they came, with the running sum of how often they are seen."""
    known = companies(world).sort("created_day", "customer_no")
    often = pl.when("is_large").then(KEY_ACCOUNT).when(pl.col("kind") == "dealer").then(DEALER).otherwise(1.0)
    return known.select("customer_no", "place_no", "created_day", "left_day", limit=often.cum_sum())


def _activities(world: World, days: Ints) -> pl.DataFrame:
    draws, known = world.draws("activities"), _served(world)
    reps = network.reps(world)
    hired, left = reps["hired_day"].to_numpy(), reps["left_day"].fill_null(network.NEVER).to_numpy()
    staff = ((hired[None, :] <= days[:, None]) & (days[:, None] < left[None, :])).sum(axis=1)
    # As many as the busiest would have; what a rep does less than that is left out below.
    count = draws.poisson(A_DAY * 1.4 * staff * _working(days), days)
    day = np.repeat(days, count)
    turn = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
    limit = known["limit"].to_numpy()
    standing = np.searchsorted(known["created_day"].to_numpy(), day, side="right")
    seen = np.searchsorted(limit, draws.uniform(day, turn, 1) * limit[standing - 1], side="right").clip(
        0, len(limit) - 1
    )
    customer = known["customer_no"].to_numpy()[seen]
    rep = network.rep_of(world, customer, known["place_no"].to_numpy()[seen], day)
    done = draws.chance(diligence(world, np.maximum(rep, 0)) / 1.4, day, turn, 2)
    done &= (rep >= 0) & (known["left_day"].to_numpy()[seen] > day)
    day, turn, customer, rep = day[done], turn[done], customer[done], rep[done]
    shares = draws.chance(0.06 + 0.14 * talent(world, rep), day, turn, 3)
    what = pl.Series(draws.choice(SHARED, day, turn, 4, weights=(0.6, 0.4)))
    frame = pl.DataFrame(
        {
            "day": day,
            "turn": turn,
            "rep_no": rep,
            "customer_no": customer,
            "activity_type": draws.choice(KINDS, day, turn, 5, weights=KIND_SHARES),
            "minute": day * 1440 + draws.integer(510, 1110, day, turn, 6),
            "shared_flag": shares,
        }
    )
    return frame.select(
            text("ACT{}-{}", "day", "turn").alias("activity_id"),
            "activity_type", "shared_flag",
            rep_id=deals.owner_id(world),
            customer_id=deals.customer_id(),
            occurred_at=minute("minute"),
            shared_type=pl.when("shared_flag").then(what),
            # Written down in the evening.
            updated_at=at("day", 20),
            _changed_on=date_of("day"),
    )  # fmt: skip


def _usage(world: World, days: Ints) -> pl.DataFrame:
    draws, known = world.draws("use of the CRM"), network.reps(world)
    number = known["emp_no"].to_numpy()
    here = (known["hired_day"].to_numpy()[None, :] <= days[:, None]) & (
        days[:, None] < known["left_day"].fill_null(network.NEVER).to_numpy()[None, :]
    )
    row, rep = np.nonzero(here)
    day, rep = days[row], number[rep]
    chance, actions, advanced = (np.array(values) for values in zip(*FEATURES.values(), strict=True))
    keen = 0.5 + 0.5 * diligence(world, rep)
    able = 0.3 + 1.1 * talent(world, rep) + 0.2 * is_trained(world, rep, day)
    likely = chance[None, :] * keen[:, None] * np.where(advanced[None, :], able[:, None], 1.0) * _working(day)[:, None]
    feature = np.arange(len(FEATURES))
    used = draws.chance(np.minimum(0.97, likely), day[:, None], rep[:, None], feature[None, :], 1)
    at_row, which = np.nonzero(used)
    day, rep = day[at_row], rep[at_row]
    complete = 58 + 30 * talent(world, rep) + 6 * is_trained(world, rep, day) + 5 * draws.normal(day, rep, which, 2)
    frame = pl.DataFrame(
        {
            "day": day,
            "rep_no": rep,
            "feature": np.asarray(list(FEATURES))[which],
            "actions": 1 + draws.poisson(actions[which] * keen[at_row], day, rep, which, 3),
            "records_complete_pct": np.round(np.clip(complete, 20, 100) / 100, 4),
        }
    )
    return frame.select(
        "feature", "actions", "records_complete_pct",
        rep_id=deals.owner_id(world), used_on=date_of("day"), updated_at=at("day", 23), _changed_on=date_of("day"),
    )  # fmt: skip


PROCESS = Process(tables=("crm_activities", "crm_usage"), tell=tell, echoes=0)
