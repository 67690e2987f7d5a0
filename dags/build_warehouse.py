"""Build the warehouse of one business day and publish what passes.

One business day is one run, with the partition key `YYYY-MM-DD`; at 02:00 (Asia/Shanghai) it is the day before.

1. **await_sources** waits, holding no worker, until every source of the day has landed or failed for good, three hours
   at most. What is missing then is left out, and the dimensions that depend on it are held.
2. **raw_gate** judges the rows that landed. Bad rows go to quarantine, or hold the dimensions that depend on them.
3. **build_core** and **build_marts**: dbt builds staging and core, then the marts, into `build_<dimension>`, out of the
   sight of BI users.
4. **release_gate** judges the marts and gives one verdict a dimension.
5. **publish** puts the dimensions that passed in front of BI users, each in one transaction; the others keep yesterday's
   release.
6. **report** tells the owners of what was held and writes the night report.

A run that fails, or is at work four hours after it began, is told to the engineers at once.

To run it again after a failure: clear the failed task, or trigger the DAG with the day as partition key: every step may
be killed and run again. A day that is finished is skipped, unless something landed since, or `force` is set.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, DeadlineAlert, DeadlineReference, SyncCallback, task
from airflow.sdk.exceptions import AirflowSkipException

from fupan.night.assets import MARTS, RAW
from fupan.night.await_sources import AwaitSources
from fupan.night.business_day import business_day
from fupan.night.dag_defaults import FORCE, TASK_DEFAULTS, nightly
from fupan.night.trouble import failed, overdue

with DAG(
    "build_warehouse",
    description="One business day from what has landed to what is published.",
    doc_md=__doc__,
    schedule=nightly(),
    catchup=False,
    max_active_runs=1,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=timedelta(hours=4), callback=SyncCallback(overdue)
    ),
    on_failure_callback=failed,
    # Shorter than the six hours after which a build without an end is taken for dead.
    dagrun_timeout=timedelta(hours=5),
    default_args=TASK_DEFAULTS,
    params=FORCE,
    tags=["build", "publish"],
):
    await_sources = AwaitSources(
        task_id="await_sources",
        wait=timedelta(hours=3),
        inlets=list(RAW.values()),
        doc_md="Wait, holding no worker, for the sources of the day; returns what is missing at the deadline.",
    )

    @task(execution_timeout=timedelta(minutes=10))
    def begin_build(**context: Any) -> int:
        """Put a new build in charge; skip a day that is finished."""
        from fupan.night import arrivals, build

        day, force = business_day(context), context["params"]["force"]
        finished = build.already_finished(day)
        if finished and not force:
            raise AirflowSkipException(f"{day} is finished (build {finished}); set force to build it again")
        held = [] if force else arrivals.held_dimensions(day)
        return build.begin(
            day, kind="late" if held else "nightly", dimensions=held or None, orchestrator_run_id=context["run_id"]
        )

    @task(execution_timeout=timedelta(hours=1))
    def raw_gate(build_id: int) -> None:
        """Judge what has landed."""
        from fupan.night import steps

        steps.raw_gate(build_id)

    @task(execution_timeout=timedelta(hours=2))
    def build_core(build_id: int) -> None:
        """Staging, dimensions, facts, daily aggregates."""
        from fupan.night import steps

        steps.core(build_id)

    @task(execution_timeout=timedelta(hours=1))
    def build_marts(build_id: int) -> None:
        """Marts, not yet public."""
        from fupan.night import steps

        steps.marts(build_id)

    @task(execution_timeout=timedelta(hours=1))
    def release_gate(build_id: int) -> None:
        """Judge the marts, then decide: one verdict a dimension."""
        from fupan.night import steps

        steps.release_gate(build_id)

    @task(execution_timeout=timedelta(hours=1), outlets=list(MARTS.values()))
    def publish(build_id: int, **context: Any) -> dict[str, str]:
        """Show BI users what passed; the others keep yesterday's release."""
        from fupan.night import steps

        verdicts = steps.publish(build_id)
        for dimension, asset in MARTS.items():
            context["outlet_events"][asset].extra = {"build_id": build_id, "verdict": verdicts.get(dimension, "held")}
        return verdicts

    @task(execution_timeout=timedelta(minutes=30))
    def report(build_id: int) -> None:
        """Tell the owners, write the night report."""
        from fupan.night import steps

        steps.report(build_id)

    build_id = begin_build()
    await_sources >> build_id
    (
        build_id
        >> raw_gate(build_id)
        >> build_core(build_id)
        >> build_marts(build_id)
        >> release_gate(build_id)
        >> publish(build_id)
        >> report(build_id)
    )
