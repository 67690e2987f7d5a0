"""Extract the ERP.

One business day is one run, with the partition key `YYYY-MM-DD`. At 02:00 (Asia/Shanghai) the day before is extracted:
every table that the installation delivers, each in a transaction of its own, checked against its contract, changed rows
only where the table has a cursor. A table that fails does not stop the others.

When the day has **landed**, `build_warehouse` goes on. When it has failed for good (connections are tried again, a broken
contract is not), `build_warehouse` goes on too, and holds the dimensions that depend on it. Should it land after all,
after the build began, one more build of that day publishes what was held.

To run it again: clear the failed task, or trigger the DAG with the day as partition key. A day that has landed is
skipped, unless `force` is set.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException

from fupan.night.assets import RAW
from fupan.night.business_day import business_day
from fupan.night.dag_defaults import FORCE, TASK_DEFAULTS, nightly

SYSTEM = "erp"


def give_up(context: Any) -> None:
    """The retries are used up: the build need not wait any longer."""
    from fupan.extract.run import mark_failed

    mark_failed(SYSTEM, business_day(context), str(context.get("exception") or "the task was killed"))


with DAG(
    "extract_erp",
    description="The ERP of one business day into schema raw.",
    doc_md=__doc__,
    schedule=nightly(),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params=FORCE,
    tags=["extract", "erp"],
):

    @task(execution_timeout=timedelta(hours=2), on_failure_callback=give_up, outlets=[RAW[SYSTEM]])
    def extract(**context: Any) -> None:
        """Load every table of the ERP into raw."""
        from fupan.extract.run import extract_system
        from fupan.night.arrivals import has_landed

        day = business_day(context)
        if has_landed(SYSTEM, day) and not context["params"]["force"]:
            raise AirflowSkipException(f"{SYSTEM} of {day} has landed already; set force to extract it again")
        loads = extract_system(SYSTEM, day, orchestrator_run_id=context["run_id"])
        context["outlet_events"][RAW[SYSTEM]].extra = {"business_day": day.isoformat(), "tables": len(loads)}

    @task.short_circuit(execution_timeout=timedelta(minutes=5))
    def landed_late(**context: Any) -> bool:
        """Go on only where the build of this day began without the ERP."""
        from fupan.night.arrivals import came_late

        return came_late(SYSTEM, business_day(context))

    build_again = TriggerDagRunOperator(
        task_id="build_again",
        trigger_dag_id="build_warehouse",
        conf={"business_day": "{{ partition_key }}"},
        doc_md="One more build of the day, for the dimensions that were held because the ERP was late.",
    )

    extract() >> landed_late() >> build_again
