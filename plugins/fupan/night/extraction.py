"""The tasks of an extraction DAG: extract, and where that came late, one more build."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator, ShortCircuitOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from fupan.errors import SourceUnavailable
from fupan.night.assets import RAW
from fupan.night.business_day import business_day

#: With half a minute, then twice as long each time up to ten minutes, between two tries: until noon.
PATIENCE = 60

TRIES = {
    "tries": Param(
        PATIENCE,
        type="integer",
        minimum=1,
        maximum=PATIENCE,
        description="How often a source that does not answer is asked before it has failed for good.",
    )
}


def extraction(system: str) -> None:
    """Add the tasks of ``system`` to the DAG at hand: extract >> landed_late >> build_again."""
    extract = PythonOperator(
        task_id="extract",
        python_callable=load,
        op_args=[system],
        execution_timeout=timedelta(hours=2),
        retries=PATIENCE,
        on_failure_callback=partial(give_up, system),
        outlets=[RAW[system]],
    )
    landed_late = ShortCircuitOperator(
        task_id="landed_late",
        python_callable=is_late,
        op_args=[system],
        execution_timeout=timedelta(minutes=5),
    )
    build_again = TriggerDagRunOperator(
        task_id="build_again",
        trigger_dag_id="build_warehouse",
        conf={"business_day": "{{ partition_key }}"},
        doc_md=f"One more build of the day, for the dimensions that were held because {system} was late.",
    )
    extract >> landed_late >> build_again


# What only a running task needs is imported by it: parsing a DAG file must not load the extraction.


def load(system: str, **context: Any) -> None:
    """Load every table of the system into raw."""
    from fupan.contracts.installation import systems  # noqa: PLC0415
    from fupan.extract.run import extract_system  # noqa: PLC0415
    from fupan.night.arrivals import has_landed  # noqa: PLC0415

    day, given = business_day(context), context["params"]
    if system not in systems():
        raise AirflowSkipException(f"This installation has no {system}")
    if has_landed(system, day) and not given["force"]:
        raise AirflowSkipException(f"{system} of {day} has landed already; set force to extract it again")
    try:
        loads = extract_system(system, day, orchestrator_run_id=context["run_id"])
    except SourceUnavailable as silence:
        if context["ti"].try_number >= given["tries"]:
            raise AirflowFailException(str(silence)) from silence
        raise
    context["outlet_events"][RAW[system]].extra = {"business_day": day.isoformat(), "tables": len(loads)}


def give_up(system: str, context: Any) -> None:
    """The tries are used up: the build need not wait any longer."""
    from fupan.extract.run import mark_failed  # noqa: PLC0415

    mark_failed(system, business_day(context), str(context.get("exception") or "the task was killed"))


def is_late(system: str, **context: Any) -> bool:
    """Go on only where the build of this day began without this system."""
    from fupan.night.arrivals import came_late  # noqa: PLC0415

    return came_late(system, business_day(context))
