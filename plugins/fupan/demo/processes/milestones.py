"""Milestones of campaigns: what each department does for one, from the first plan to the review."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.campaigns import campaigns
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.stamps import minute
from fupan.demo.world import Span, World

#: Task -> phase, department, planned start and end in days before the campaign begins (or, of the last ones, after it ends).
TASKS = {
    "goal_and_budget": ("preparation", "sales", -70, -56),
    "media_warm_up": ("preparation", "marketing", -45, -1),
    "stock_up": ("preparation", "production", -42, -10),
    "creative_and_materials": ("preparation", "marketing", -40, -18),
    "staff_training": ("preparation", "after_sales", -14, -6),
    "logistics_capacity": ("preparation", "logistics", -20, -5),
    "launch_check": ("execution", "sales", -3, -1),
    "on_site_execution": ("execution", "marketing", 0, None),
    "sprint_push": ("sprint", "sales", None, None),
    "settlement": ("review", "finance", 3, 15),
    "retrospective": ("review", "marketing", 8, 14),
}
#: An exhibition is warmed up in the media three months ahead.
WARM_UP_EXHIBITION = 91
#: Share of tasks that are late by some days, and that have to be done again.
LATE, REWORK = 0.16, 0.07
#: Tasks are entered so many days before the campaign.
ENTERED = 100


def tell(world: World, span: Span) -> Frames:
    """Tasks of the campaigns that are prepared by the evening."""
    draws, known = world.draws("milestones"), campaigns(world)
    number = known["campaign_no"].to_numpy()
    start, end = known["start_day"].to_numpy(), known["end_day"].to_numpy()
    exhibition = (known["campaign_type"] == "exhibition").to_numpy()
    parts = []
    for task_no, (task, (phase, dept, _, _)) in enumerate(TASKS.items()):
        first, last = _planned(task, start, end)
        if task == "media_warm_up":
            first = np.where(exhibition, start - WARM_UP_EXHIBITION, first)
        late = np.where(draws.chance(LATE, number, task_no, 1), draws.integer(1, 6, number, task_no, 2), 0)
        # What belongs to the days of the campaign itself can't be late.
        late = np.where(phase in ("execution", "sprint"), 0, late)
        begun = first + np.where(draws.chance(0.1, number, task_no, 3), 1, 0)
        done = np.maximum(begun, last + late - draws.integer(0, 1, number, task_no, 4))
        parts.append(
            known.select("campaign_id").with_columns(
                task=pl.lit(task),
                phase=pl.lit(phase),
                dept=pl.lit(dept),
                **{
                    name: pl.Series(days)
                    for name, days in (("first", first), ("last", last), ("begun", begun), ("done", done))
                },
                entered=pl.Series(start - ENTERED),
                rework_flag=pl.Series(draws.chance(REWORK, number, task_no, 5)),
            )
        )
    found = pl.concat(parts).with_columns(
        planned_start=date_of("first"), planned_end=date_of("last"), actual_start=date_of("begun"), actual_end=date_of("done"),
        entered_at=minute(pl.col("entered") * 1440 + 600),
        begun_at=minute(pl.max_horizontal("begun", pl.col("entered") + 1) * 1440 + 540),
        done_at=minute(pl.max_horizontal("done", pl.col("entered") + 2) * 1440 + 1050),
    )  # fmt: skip
    reveals = {"begun_at": ["actual_start"], "done_at": ["actual_end", "rework_flag"]}
    seen = as_of(found, span.evening, ["entered_at", "begun_at", "done_at"], reveals=reveals)
    return {
        "evt_milestones": seen.select(
            "campaign_id", "task", "phase", "dept", "planned_start", "planned_end", "actual_start", "actual_end",
            pl.col("rework_flag").fill_null(False), "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


def _planned(task: str, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last day that are planned for a task of campaigns that last from ``start`` to ``end``."""
    phase, _, begins, ends = TASKS[task]
    if phase == "review":
        return end + (begins or 0), end + (ends or 0)
    if begins is None:
        return np.maximum(start, end - 2), end
    return start + begins, end if ends is None else start + ends


PROCESS = Process(("evt_milestones",), tell)
