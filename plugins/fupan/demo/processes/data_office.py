"""What the data office keeps: security checks with their findings, and the runs of the company's older data pipelines."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.periods import Period, months, quarters
from fupan.demo.company.seasons import HOMES, demand, mean_demand
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import at, minute
from fupan.demo.world import Span, World, day_number

#: Check -> how many are found on average, day of the period on which it is planned, share of findings that are a violation.
CHECKS = {"vulnerability_scan": (1.4, 9, 0.0), "access_review": (0.8, 19, 0.35), "penetration_test": (2.2, 40, 0.0)}
SEVERITIES, SEVERITY_SHARES = ("low", "medium", "high", "critical"), (0.45, 0.35, 0.15, 0.05)
DAYS_TO_FIX = (45, 25, 9, 3)
#: Job -> source, rows of a usual day at scale 1.
JOBS = {
    "load_sales_orders": ("erp", 360.0), "load_order_lines": ("erp", 930.0), "load_returns": ("erp", 45.0),
    "load_inventory": ("erp", 1_800.0), "load_customers": ("erp", 60.0), "load_sessions": ("platform", 2_400.0),
    "load_reviews": ("platform", 160.0), "load_complaints": ("service_desk", 40.0), "load_chats": ("service_desk", 180.0),
    "load_opportunities": ("crm", 30.0), "load_activities": ("crm", 130.0),
    "load_competitor_prices": ("competitor_feed", 330.0),
}  # fmt: skip
#: Share of runs that fail, and of those that come with fewer rows than were expected.
FAILED, SHORT = 0.006, 0.02


def tell(world: World, span: Span) -> Frames:
    """Checks that are planned in the span's days and runs of its nights."""
    return {"hr_security_checks": _checks(world, span), "hr_pipeline_runs": _runs(world, span.days)}


def _checks(world: World, span: Span) -> pl.DataFrame:
    first, last = int(span.days[0]), int(span.days[-1])
    return _told(_all_checks(world).filter(pl.col("known").is_between(first, last)), span.evening)


@lru_cache(maxsize=2)
def _all_checks(world: World) -> pl.DataFrame:
    """Checks of all years; days are numbers since 1970, null: never.

    A check is put on the calendar a fortnight before; what it finds beyond a first row is written down when it is made."""
    rows = [row for number, name in enumerate(CHECKS) for row in _of_kind(world, number, name)]
    names = [
        "check_id",
        "check_type",
        "known",
        "planned",
        "performed",
        "finding_severity",
        "fixed",
        "access_violation_flag",
    ]
    schema = dict.fromkeys(("known", "planned", "performed", "fixed"), pl.Int64)
    found = pl.DataFrame(rows, names, orient="row", schema_overrides=schema, infer_schema_length=None)
    return found.filter(pl.col("planned") - 14 >= day_number(world.first))


def _of_kind(world: World, number: int, name: str) -> list[tuple[object, ...]]:
    """Each check of one kind: a row a finding, or one row without."""
    draws, (mean, day_of_period, violations) = world.draws("security checks"), CHECKS[name]
    found: list[tuple[object, ...]] = []
    periods: list[Period] = list(quarters(world) if name == "penetration_test" else months(world))
    for period in periods:
        planned = period.first + day_of_period
        performed = planned + int(draws.integer(0, 5, number, period.number, 1))
        if bool(draws.chance(0.04, number, period.number, 2)):
            found.append((f"SEC{number + 1}-{period.name}-0", name, planned - 14, planned, None, None, None, False))
            continue
        count = int(draws.poisson(mean, number, period.number, 3))
        if not count:
            found.append(
                (f"SEC{number + 1}-{period.name}-0", name, planned - 14, planned, performed, None, None, False)
            )
        for turn in range(count):
            severity = int(draws.pick(SEVERITY_SHARES, number, period.number, turn, 4))
            days = max(1, round(DAYS_TO_FIX[severity] * float(draws.spread(number, period.number, turn, 5, sigma=0.5))))
            violation = bool(draws.chance(violations, number, period.number, turn, 6))
            known = performed if turn else planned - 14
            found.append(
                (
                    f"SEC{number + 1}-{period.name}-{turn}",
                    name,
                    known,
                    planned,
                    performed,
                    SEVERITIES[severity],
                    performed + days,
                    violation,
                )
            )
    return found


def _told(checks: pl.DataFrame, evening: date) -> pl.DataFrame:
    told = checks.select(
        "check_id", "check_type", "finding_severity", "access_violation_flag",
        planned_on=date_of("planned"), performed_on=date_of("performed"), fixed_on=date_of("fixed"),
        known_at=at("known"), performed_at=at("performed", 17), fixed_at=at("fixed", 17),
    )  # fmt: skip
    reveals = {"performed_at": ["performed_on", "finding_severity", "access_violation_flag"], "fixed_at": ["fixed_on"]}
    return as_of(told, evening, ["known_at", "performed_at", "fixed_at"], reveals=reveals).drop(
        "known_at", "performed_at", "fixed_at"
    )


def _runs(world: World, days: Ints) -> pl.DataFrame:
    """Each job of each night: at two o'clock, what came in the day before."""
    draws, job = world.draws("pipeline runs"), np.arange(len(JOBS), dtype=np.int64)
    usual = np.array([rows for _, rows in JOBS.values()]) * world.scale
    season = demand(days - 1, HOMES, 0.8, 1.0) / mean_demand(HOMES, 0.8, 1.0)
    expected = draws.poisson(usual[None, :] * season[:, None], days[:, None], job[None, :], 1).ravel()
    day, number = np.repeat(days, len(JOBS)), np.tile(job, len(days))
    failed, short = draws.chance(FAILED, day, number, 2), draws.chance(SHORT, day, number, 3)
    loaded = np.where(short, np.floor(expected * draws.between(0.7, 0.98, day, number, 4)), expected).astype(np.int64)
    took = 10 + number * 4 + np.floor(25 * draws.spread(day, number, 5, sigma=0.6)).astype(np.int64)
    frame = pl.DataFrame(
        {
            "job_name": np.asarray(list(JOBS))[number],
            "source_system": np.asarray([source for source, _ in JOBS.values()])[number],
            "planned": day * 1440 + 120,
            "ready": day * 1440 + 120 + took,
            "failed": failed,
            "rows_loaded": np.where(failed, 0, loaded),
            "rows_expected": expected,
        }
    )
    return frame.select(
        "job_name", "source_system", "rows_loaded", "rows_expected",
        scheduled_for=minute("planned"),
        loaded_at=pl.when(~pl.col("failed")).then(minute("ready")),
        updated_at=minute("ready"), _changed_on=minute("ready").dt.date(),
    )  # fmt: skip


PROCESS = Process(tables=("hr_security_checks", "hr_pipeline_runs"), tell=tell, echoes=200)
