"""Visits to install: of projects, and of what households buy in stores or order with installation."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.network import TEAMS
from fupan.demo.company.seasons import months
from fupan.demo.life.sales import told
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Share of orders that are installed, by trade; of those that the customer has measured or collected online and offline, half.
INSTALLED = {"project": 0.60, "store": 0.35, "online": 0.05}
_HOUR_US = 3_600_000_000


def tell(world: World, span: Span) -> Frames:
    """Visits for orders that came in on the span's days."""
    draws = world.draws("installations")
    orders = told(world, span.first, span.last).orders.filter(
        pl.col("group").is_in(list(INSTALLED)), pl.col("delivered_at").is_not_null(), pl.col("gone_on").is_null(),
        pl.col("region_code").is_not_null(),
    )  # fmt: skip
    share = orders["group"].replace_strict(INSTALLED, return_dtype=pl.Float64).to_numpy()
    share = np.where(orders["is_o2o"].to_numpy(), np.maximum(share, 0.5), share)
    orders = orders.filter(pl.Series(draws.chance(share, orders["order_key"].to_numpy())))
    key = orders["order_key"].to_numpy()
    team = draws.integer(1, TEAMS, orders["place_no"].to_numpy(), key % 3, 1)
    # Teams differ for good, and fall behind in the building season.
    skill = draws.uniform(team, 2)
    busy = np.isin(months(orders["order_day"].to_numpy()), [4, 5, 9, 10, 11])
    hours = np.where(
        (orders["group"] == "project").to_numpy(), draws.integer(8, 60, key, 3), draws.integer(2, 6, key, 4)
    )
    late = draws.chance(np.clip(0.06 + 0.18 * (1 - skill) + 0.08 * busy, 0, 1), key, 5)
    booked = draws.integer(2, 30, key, 6)
    ahead = booked + draws.integer(24, 120, key, 7)
    slip = np.where(late, draws.integer(1, 48, key, 8), -draws.integer(0, 3, key, 9))
    items = np.where((orders["group"] == "project").to_numpy(), 24, 12)
    passed = np.rint(items * np.clip(0.86 + 0.14 * skill + 0.03 * draws.normal(key, 10), 0.5, 1)).astype(np.int64)
    mood = 3.4 + 1.6 * skill - 1.2 * late + 0.6 * draws.normal(key, 11)

    def after(hours_later: np.ndarray) -> pl.Expr:
        return pl.col("delivered_at") + pl.Series(hours_later * _HOUR_US).cast(pl.Duration("us"))

    found = orders.with_columns(
        job_id=text("JOB{}", "order_key"),
        team_id=text("TEAM{}", pl.Series(team).cast(pl.String).str.zfill(2)),
        booked_at=after(booked),
        started_at=after(ahead + slip),
        scheduled_at=after(ahead + hours),
        completed_at=after(ahead + slip + hours),
        checklist_items=pl.Series(items),
        checklist_passed=pl.Series(passed),
        rating=pl.Series(np.clip(np.rint(mood), 1, 5).astype(np.int64)),
    )
    jobs = as_of(
        found,
        span.evening,
        ["booked_at", "started_at", "completed_at"],
        reveals={"completed_at": ["checklist_passed", "rating"]},
    )
    return {
        "log_install_jobs": jobs.select(
            "job_id", "order_id", "team_id", "region_code", "booked_at", "scheduled_at", "started_at", "completed_at",
            "checklist_items", "checklist_passed", "rating", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("log_install_jobs",), tell, echoes=80)
