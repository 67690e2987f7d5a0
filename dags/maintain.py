"""Weekly care of the warehouse, on Sunday at noon (Asia/Shanghai).

**reconcile** compares the keys of every source table with raw: rows that were deleted at the source, without a trace
there, get `_deleted_at`, and the next build drops them from facts and marts. **prune_releases** removes releases of the
marts beyond those kept for rollback. **clean_up** removes run records and reports that are older than a year or so.

To run it again: clear the failed task, or trigger the DAG with a day as partition key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from fupan.night.assets import RAW
from fupan.night.business_day import business_day
from fupan.night.dag_defaults import TASK_DEFAULTS, weekly
from fupan.night.trouble import failed

KEPT_RELEASES = 7

with DAG(
    "maintain",
    description="Deletes at the source, old releases, old run records.",
    doc_md=__doc__,
    schedule=weekly(),
    catchup=False,
    max_active_runs=1,
    on_failure_callback=failed,
    dagrun_timeout=timedelta(hours=8),
    default_args=TASK_DEFAULTS,
    tags=["maintain"],
):

    @task(execution_timeout=timedelta(hours=4), outlets=list(RAW.values()))
    def reconcile(**context: Any) -> None:
        """Find rows that were deleted at the source."""
        from fupan.contracts.installation import systems
        from fupan.extract.reconcile import reconcile_system

        for system in systems():
            reconcile_system(system, business_day(context), orchestrator_run_id=context["run_id"])

    @task(execution_timeout=timedelta(minutes=30))
    def prune_releases() -> None:
        """Remove releases beyond those kept for rollback."""
        from fupan.publish.release import prune

        prune(KEPT_RELEASES)

    @task(execution_timeout=timedelta(minutes=30))
    def clean_up() -> None:
        """Remove old run records and reports."""
        from fupan.night.maintain import retention

        retention()

    reconcile()
    prune_releases()
    clean_up()
