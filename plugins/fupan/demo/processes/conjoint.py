"""Conjoint surveys: respondents choose between luminaires of different power, colour temperature and price."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.survey_waves import respondents
from fupan.demo.life.deliveries import DAY, moments
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.world import Span, World

TASKS, PROFILES = 8, 3
POWER_W, CCT_K, PRICE_CNY = (12, 24, 36), (2700, 4000, 6500), (129, 199, 269, 339)
#: What a respondent of a segment gains by each level of power and of colour temperature, and loses by a hundred yuan: known
#: part-worths, which a fit should find again. Price weighs 60 % with households, 45 % with companies, 31 % with decorators.
PART_WORTHS = {
    "household": ((0.0, 0.55, 0.75), (0.55, 0.70, 0.0), -1.05),
    "company": ((0.0, 0.70, 1.10), (0.0, 0.80, 0.35), -0.75),
    "decorator": ((0.0, 0.50, 0.80), (1.05, 0.60, 0.0), -0.40),
}
SEGMENTS = tuple(PART_WORTHS)
_COLUMNS = (
    "survey_id", "respondent_id", "segment", "task_no", "profile_no", "power_level", "cct_level", "price_level", "chosen",
    "updated_at", CHANGED_ON,
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Choices made on the span's days."""
    days = span.days
    asked = respondents(world, int(days[0]), int(days[-1]), ("conjoint",))
    asked = asked.filter(pl.col("responded_us") // DAY >= days[0], pl.col("responded_us") // DAY <= days[-1])
    draws = world.draws("conjoint")
    segment = np.where(
        ~asked["is_business"].to_numpy(), 0, np.where((asked["segment"] == "decorator").to_numpy(), 2, 1)
    )
    shape = (asked.height, TASKS, PROFILES)
    key = asked["key"].to_numpy()[:, None, None]
    task, profile = np.arange(TASKS)[None, :, None], np.arange(PROFILES)[None, None, :]
    levels = [_levels(draws.integer(0, size - 1, key, task, profile, n), shape) for n, size in enumerate((3, 3, 4))]
    power, cct = (np.array([worths[n] for worths in PART_WORTHS.values()]) for n in (0, 1))
    price = np.array([worths[2] for worths in PART_WORTHS.values()])
    of = segment[:, None, None]
    worth = power[of, levels[0]] + cct[of, levels[1]] + price[of] * np.asarray(PRICE_CNY)[levels[2]] / 100
    whim = -np.log(-np.log(np.clip(draws.uniform(key, task, profile, 9), 1e-12, 1 - 1e-12)))
    chosen = np.argmax(worth + whim, axis=2)[:, :, None] == profile
    rows = asked[np.repeat(np.arange(asked.height), TASKS * PROFILES)]
    told = rows.select(
        "survey_id",
        "respondent_id",
        answered_at=moments("answered", rows["responded_us"].to_numpy()),
        segment=pl.Series(np.asarray(SEGMENTS)[np.broadcast_to(of, shape).ravel()]),
        task_no=pl.Series(np.broadcast_to(task, shape).ravel() + 1),
        profile_no=pl.Series(np.broadcast_to(profile, shape).ravel() + 1),
        power_level=pl.Series(np.asarray(POWER_W)[levels[0]].ravel()),
        cct_level=pl.Series(np.asarray(CCT_K)[levels[1]].ravel()),
        price_level=pl.Series(np.asarray(PRICE_CNY)[levels[2]].ravel()).cast(pl.Float64),
        chosen=pl.Series(chosen.ravel()),
    )
    return {"srv_conjoint_choices": as_of(told, span.evening, ["answered_at"]).select(_COLUMNS)}


def _levels(drawn: Ints, shape: tuple[int, ...]) -> Ints:
    return np.broadcast_to(drawn, shape)


PROCESS = Process(("srv_conjoint_choices",), tell, echoes=1)
