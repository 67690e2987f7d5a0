"""The company's reviews of all years: weekly and monthly meetings, quarterly market reviews, reviews of campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.periods import months, quarters, weeks
from fupan.demo.company.seasons import spring_festival
from fupan.demo.world import World

DEPTS_INVITED = {"sales_data_weekly": 4, "sales_weekly": 3, "performance_monthly": 7, "market_quarterly": 8,
                 "campaign_stand_up": 5, "post_campaign": 6}  # fmt: skip
#: Stages of a quarterly market review: working days planned, sessions planned.
QUARTERLY_STAGES = {"collection": (3, 0), "analysis": (5, 2), "report": (2, 1), "rollout": (5, 1)}
#: Working days after the end of a quarter, and of a campaign, on which its review begins.
QUARTERLY_AFTER, CAMPAIGN_AFTER = 6, 8
#: Share of weekly meetings that are dropped, and of stages of quarterly reviews that take a day more, or two.
DROPPED, LATE = 0.03, (0.62, 0.28, 0.10)


@dataclass(frozen=True)
class Stage:
    """A row: days are numbers since 1970; ``known``: when it is put on the calendar. ``daily``: a session every day."""

    review_id: str
    review_type: str
    stage: str
    period: str
    planned: tuple[int, int]
    actual: tuple[int, int] | None
    sessions: int
    held: int
    known: int
    daily: bool = False


@lru_cache(maxsize=2)
def stages(world: World) -> pl.DataFrame:
    """A row a review and stage, by review_no and stage_no.

    Columns: review_no, stage_no, review_id, review_type, stage, period, planned_start, planned_end, actual_start, actual_end
    (null: never held), planned_sessions, held_sessions (in the end), known_day, daily, invited, attended.
    """
    rows = [*_weekly(world), *_monthly(world), *_quarterly(world), *_of_campaigns(world)]
    rows.sort(key=lambda row: (row.known, row.review_id, row.planned))
    numbers = {review: number for number, review in enumerate(dict.fromkeys(row.review_id for row in rows))}
    frame = pl.DataFrame(
        {
            "review_no": [numbers[row.review_id] for row in rows],
            "review_id": [row.review_id for row in rows],
            "review_type": [row.review_type for row in rows],
            "stage": [row.stage for row in rows],
            "period": [row.period for row in rows],
            "planned_start": [row.planned[0] for row in rows],
            "planned_end": [row.planned[1] for row in rows],
            "actual_start": [row.actual[0] if row.actual else None for row in rows],
            "actual_end": [row.actual[1] if row.actual else None for row in rows],
            "planned_sessions": [row.sessions for row in rows],
            "held_sessions": [row.held for row in rows],
            "known_day": [row.known for row in rows],
            "daily": [row.daily for row in rows],
            "invited": [DEPTS_INVITED[row.review_type] for row in rows],
        },
        schema_overrides={"actual_start": pl.Int64, "actual_end": pl.Int64},
    )
    draws = world.draws("attendance of reviews")
    at = np.arange(frame.height, dtype=np.int64)
    absent = np.minimum(draws.poisson(0.09 * frame["invited"].to_numpy(), at), frame["invited"].to_numpy() - 2)
    return frame.with_columns(attended=pl.col("invited") - pl.Series(absent))


def _weekly(world: World) -> list[Stage]:
    """Sales data on Monday, the sales team on Tuesday; in the weeks of the Spring Festival there is neither."""
    draws, found = world.draws("weekly reviews"), []
    for week in weeks(world):
        rests = float(spring_festival(np.array([week.first]))[0]) < 0.2
        for number, (kind, code) in enumerate((("sales_data_weekly", "WD"), ("sales_weekly", "WS"))):
            day = week.first + number
            held = not rests and not bool(draws.chance(DROPPED, week.number, number))
            found.append(
                Stage(
                    f"RV-{code}-{week.name}",
                    kind,
                    "session",
                    week.name,
                    (day, day),
                    (day, day) if held else None,
                    1,
                    int(held),
                    day - 7,
                )
            )
    return found


def _monthly(world: World) -> list[Stage]:
    draws, found = world.draws("monthly reviews"), []
    for month in months(world):
        day = working_day(month.last, 5)
        moved = working_day(day, int(draws.integer(0, 2, month.number)))
        found.append(
            Stage(
                f"RV-PM-{month.name}",
                "performance_monthly",
                "session",
                month.name,
                (day, day),
                (moved, moved),
                1,
                1,
                day - 14,
            )
        )
    return found


def _quarterly(world: World) -> list[Stage]:
    draws, found = world.draws("quarterly reviews"), []
    for quarter in quarters(world):
        planned = actual = working_day(quarter.last, QUARTERLY_AFTER)
        begins = planned
        for number, (stage, (length, sessions)) in enumerate(QUARTERLY_STAGES.items()):
            late = int(draws.pick(LATE, quarter.number, number))
            plan = (planned, working_day(planned, length - 1))
            done = (actual, working_day(actual, length - 1 + late))
            found.append(
                Stage(
                    f"RV-MQ-{quarter.name}",
                    "market_quarterly",
                    stage,
                    quarter.name,
                    plan,
                    done,
                    sessions,
                    sessions,
                    begins - 14,
                )
            )
            planned, actual = working_day(plan[1], 1), working_day(done[1], 1)
    return found


def _of_campaigns(world: World) -> list[Stage]:
    """A stand-up on every day of a campaign, and a review after it."""
    found = []
    for campaign_id, start, end in campaigns(world).select("campaign_id", "start_day", "end_day").iter_rows():
        days = end - start + 1
        found.append(
            Stage(
                f"RV-SU-{campaign_id}",
                "campaign_stand_up",
                "session",
                campaign_id,
                (start, end),
                (start, end),
                days,
                days,
                start - 10,
                True,
            )
        )
        day = working_day(end, CAMPAIGN_AFTER)
        found.append(
            Stage(
                f"RV-PC-{campaign_id}",
                "post_campaign",
                "session",
                campaign_id,
                (day, day),
                (day, day),
                1,
                1,
                start - 10,
            )
        )
    return found


def working_day(day: int, after: int) -> int:
    """So many working days (Monday to Friday) after a day; 0: the day itself, or the next working day."""
    while (day + 3) % 7 >= 5:
        day += 1
    for _ in range(after):
        day += 1
        while (day + 3) % 7 >= 5:
            day += 1
    return day
