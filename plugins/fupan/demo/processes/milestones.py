"""Tasks of campaigns, from the plan to the review: most in time, some late, some done twice."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of
from fupan.demo.campaigns import campaigns
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.stamps import at
from fupan.demo.world import Span, World

#: Task -> phase, department, first and last day from the campaign's beginning ("end": from its end).
TASKS: dict[str, tuple[str, str, int, int, bool]] = {
    "plan": ("preparation", "marketing", -55, -45, False),
    "media_warmup": ("preparation", "marketing", -30, -3, False),
    "materials": ("preparation", "production", -40, -10, False),
    "stock_allocation": ("preparation", "logistics", -30, -5, False),
    "staff_training": ("preparation", "sales", -14, -4, False),
    "launch": ("execution", "sales", 0, 1, False),
    "daily_stand_up": ("execution", "sales", 0, 0, True),
    "final_sprint": ("sprint", "sales", -2, 0, True),
    "review": ("review", "marketing", 3, 8, True),
}
#: An exhibition's media warm-up begins three months ahead.
EXHIBITION_WARMUP = -92
IN_TIME, REWORK = 0.82, 0.09


def tell(world: World, span: Span) -> Frames:
    """Tasks that have been planned by the evening."""
    draws, known = world.draws("milestones"), campaigns(world)
    parts = []
    for number, (task, (phase, dept, begins, ends, from_end)) in enumerate(TASKS.items()):
        key = known["campaign_no"].to_numpy()
        base = known["end_day" if from_end else "start_day"].to_numpy()
        first = base + np.where(
            (known["campaign_type"] == "exhibition").to_numpy() & (task == "media_warmup"), EXHIBITION_WARMUP, begins
        )
        first = np.where(task == "daily_stand_up", known["start_day"].to_numpy(), first)
        last = np.maximum(first, base + ends)
        late = np.where(
            draws.chance(IN_TIME, key, number),
            -draws.integer(0, 2, key, number, 1),
            draws.integer(1, 6, key, number, 2),
        )
        done = np.maximum(first, last + late)
        parts.append(
            known.select("campaign_id", "start_day").with_columns(
                task=pl.lit(task),
                phase=pl.lit(phase),
                dept=pl.lit(dept),
                first=pl.Series(first),
                last=pl.Series(last),
                done=pl.Series(done),
                rework_flag=pl.Series(draws.chance(REWORK, key, number, 3)),
            )
        )
    found = pl.concat(parts).with_columns(
        planned_at=at(pl.min_horizontal("first", pl.col("start_day") - 60) - 2, 10),
        begun_at=at("first", 9),
        done_at=at("done", 18),
        planned_start=date_of("first"),
        planned_end=date_of("last"),
        actual_start=date_of("first"),
        actual_end=date_of("done"),
    )
    reveals = {"begun_at": ["actual_start"], "done_at": ["actual_end", "rework_flag"]}
    return {
        "evt_milestones": as_of(found, span.evening, ["planned_at", "begun_at", "done_at"], reveals=reveals).select(
            "campaign_id", "task", "phase", "dept", "planned_start", "planned_end", "actual_start", "actual_end", "rework_flag",
            "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("evt_milestones",), tell)
