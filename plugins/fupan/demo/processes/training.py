"""Courses of staff and of dealers' people, and checks of what they know. Whoever attends knows more, and checks find it."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.network import dealers
from fupan.demo.company.people import attends, course_day, employee_id, employees, talent
from fupan.demo.company.periods import Period, quarters
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

COURSES = ("product", "needs_analysis", "crm", "negotiation")
#: Course of a quarter, by role: which of COURSES (None: the four in turn), in which quarters of a year.
TAUGHT = {
    "sales_rep": (None, (0, 1, 2, 3)),
    "shop_guide": (0, (0, 2)),
    "service_agent": (0, (1, 3)),
    "service_engineer": (0, (1,)),
    "marketer": (1, (2,)),
}
#: Dealers send two people to a course before the spring and before the autumn season; fewer come from traditional ones.
DEALER_QUARTERS, DEALER_PEOPLE, DEALER_ATTENDED, TRADITIONAL_ATTENDED = (0, 2), 2, 0.80, 0.64
#: Score from which a learner is certified, and a check is passed.
CERTIFIED, PASSED = 70.0, 60.0
#: Skill -> role that is checked, mean score of the least talented, what talent and a course add, quarters of the year.
CHECKS = {
    "spec_parameters": ("shop_guide", 36.0, 26.0, 9.0, (0, 1, 2, 3)),
    "optical_parameters": ("sales_rep", 48.0, 30.0, 8.0, (0, 2)),
    "energy_standards": ("sales_rep", 45.0, 30.0, 8.0, (1, 3)),
    "crm": ("sales_rep", 52.0, 32.0, 6.0, (1, 3)),
    "negotiation": ("sales_rep", 47.0, 34.0, 7.0, (0, 2)),
}
#: A course is planned when its quarter begins and held at most so many days later.
LONGEST = 45


def tell(world: World, span: Span) -> Frames:
    """Courses that are planned, and checks that are made, on the span's days."""
    days = span.days
    planned = [quarter for quarter in quarters(world) if days[0] <= quarter.first <= days[-1]]
    checked = [
        quarter for quarter in quarters(world) if quarter.first + 55 <= days[-1] and quarter.first + 80 >= days[0]
    ]
    courses = [part for quarter in planned for part in (_staff(world, quarter), _dealers(world, quarter))]
    checks = [_checks(world, number, quarter) for quarter in checked for number in range(len(CHECKS))]
    sample = next(quarters(world))
    training = pl.concat(courses or [_dealers(world, sample).clear()], how="diagonal_relaxed")
    found = pl.concat(checks or [_checks(world, 0, sample).clear()])
    found = found.filter(pl.col("day").is_between(int(days[0]), int(days[-1])))
    return {"hr_training": _training(training, span), "hr_skill_checks": _told(found)}


def _staff(world: World, quarter: Period) -> pl.DataFrame:
    everyone = employees(world).filter(pl.col("role").is_in(list(TAUGHT)))
    key, season = everyone["emp_key"].to_numpy(), quarter.number % 4
    day = course_day(np.full(len(key), quarter.first), key)
    here = (everyone["hired_day"].to_numpy() <= quarter.first) & (everyone["left_day"].to_numpy() > day)
    role = everyone["role"]
    course = np.full(len(key), -1)
    for name, (which, seasons) in TAUGHT.items():
        if season in seasons:
            mine = (role == name).to_numpy()
            course[mine] = (key[mine] + quarter.number) % len(COURSES) if which is None else which
    rows = np.flatnonzero(here & (course >= 0))
    came = attends(world, np.full(len(rows), quarter.number), key[rows])
    told = pl.DataFrame({"key": key[rows], "course": course[rows], "day": day[rows], "came": came})
    return _learners(world, quarter, told).with_columns(
        learner_id=employee_id("key"), learner_type=pl.lit("employee"), dealer_id=pl.lit(None, pl.String)
    )


def _dealers(world: World, quarter: Period) -> pl.DataFrame:
    known = dealers(world)
    here = known.filter(
        pl.col("joined_day") <= quarter.first,
        pl.col("left_day").fill_null(1 << 40) > quarter.last,
        pl.lit(quarter.number % 4 in DEALER_QUARTERS),
    )
    number = np.repeat(here["dealer_no"].to_numpy(), DEALER_PEOPLE)
    person = np.tile(np.arange(DEALER_PEOPLE), here.height)
    key = 1_000_000 + number * DEALER_PEOPLE + person
    course = np.where(person == 0, 0, 1)
    share = np.where(np.repeat(here["is_traditional"].to_numpy(), DEALER_PEOPLE), TRADITIONAL_ATTENDED, DEALER_ATTENDED)
    came = world.draws("dealers' people").chance(share, quarter.number, key)
    day = quarter.first + 24 + number % 3 * 7
    told = pl.DataFrame({"key": key, "course": course, "day": day, "came": came})
    return (
        _learners(world, quarter, told)
        .with_columns(
            dealer_id=pl.Series(np.repeat(here["dealer_id"].to_numpy(), DEALER_PEOPLE), dtype=pl.String),
            learner_type=pl.lit("dealer_staff"),
        )
        .with_columns(learner_id=text("{}-P{}", "dealer_id", pl.Series(person + 1)))
    )


def _learners(world: World, quarter: Period, planned: pl.DataFrame) -> pl.DataFrame:
    """Who is planned for a course of the quarter (key, course, day, came), with scores before and after it."""
    draws, key = world.draws("courses"), planned["key"].to_numpy()
    before = np.clip(42 + 28 * talent(world, key) + 7 * draws.normal(quarter.number, key, 1), 5, 98)
    after = np.clip(before + 6 + 14 * draws.uniform(quarter.number, key, 2), 5, 100)
    return planned.with_columns(
        planned=pl.lit(quarter.first, pl.Int64),
        before=pl.Series(np.round(before, 1)),
        after=pl.Series(np.round(after, 1)),
        course_type=pl.col("course").replace_strict(dict(enumerate(COURSES)), return_dtype=pl.String),
        quarter=pl.lit(quarter.name),
    )


def _training(learners: pl.DataFrame, span: Span) -> pl.DataFrame:
    came, code = pl.col("came"), pl.col("course_type").str.slice(0, 3).str.to_uppercase()
    told = learners.select(
        "course_type", "learner_id", "learner_type", "dealer_id",
        course_id=text("TR{}-{}-{}", pl.col("quarter").str.replace("-", ""), code, pl.col("day") - pl.col("planned")),
        planned_on=date_of("day"),
        planned_at=at("planned"),
        held_at=at("day", 18),
        attended="came",
        pre_score=pl.when(came).then("before"),
        post_score=pl.when(came).then("after"),
        certified=came & (pl.col("after") >= CERTIFIED),
    )  # fmt: skip
    results = {"held_at": ["attended", "pre_score", "post_score", "certified"]}
    return as_of(told, span.evening, ["planned_at", "held_at"], reveals=results).drop("planned_at", "held_at")


def _checks(world: World, number: int, quarter: Period) -> pl.DataFrame:
    """One skill in one quarter: who of the role is employed is checked on one of ten days, most of them."""
    skill = list(CHECKS)[number]
    role, base, gift, course, seasons = CHECKS[skill]
    draws = world.draws("skill checks").of(skill)
    everyone = employees(world).filter(pl.col("role") == role, pl.lit(quarter.number % 4 in seasons))
    key = everyone["emp_key"].to_numpy()
    day = quarter.first + 55 + key % 10 * 2 + number
    here = (everyone["hired_day"].to_numpy() <= day) & (everyone["left_day"].to_numpy() > day)
    rows = np.flatnonzero(here & draws.chance(0.93, quarter.number, key, 1))
    key, day = key[rows], day[rows]
    score = base + gift * talent(world, key) + 8 * draws.normal(quarter.number, key, 2)
    # Those of the role who came to this quarter's course, if there was one.
    taught = attends(world, np.full(len(key), quarter.number), key) & (quarter.number % 4 in TAUGHT[role][1])
    score = score + np.where(taught, course, 0.0)
    return pl.DataFrame({"key": key, "day": day, "score": np.round(np.clip(score, 0, 100), 1)}).with_columns(
        skill=pl.lit(skill)
    )


def _told(checks: pl.DataFrame) -> pl.DataFrame:
    return checks.select(
        "skill", "score",
        emp_id=employee_id("key"), passed=pl.col("score") >= PASSED, assessed_on=date_of("day"),
        updated_at=at("day", 17), _changed_on=date_of("day"),
    )  # fmt: skip


PROCESS = Process(tables=("hr_training", "hr_skill_checks"), tell=tell, echoes=LONGEST)
