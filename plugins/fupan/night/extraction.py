"""The tasks of an extraction DAG: extract, what is big in pieces, and where that came late, one more build."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
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


#: Pieces of big tables that are read at the same time: a source has other work to do.
AT_ONCE = 4


def extraction(system: str) -> None:
    """Add the tasks of ``system`` to the DAG at hand: extract >> load_piece >> join_pieces >> landed_late >> build_again.

    A night without a first load of a big table has no pieces: Airflow then skips those two tasks without starting them.
    """
    asks_the_source: dict[str, Any] = {
        "execution_timeout": timedelta(hours=2),
        "retries": PATIENCE,
        "on_failure_callback": partial(give_up, system),
    }
    extract = PythonOperator(
        task_id="extract", python_callable=load, op_args=[system], outlets=[RAW[system]], **asks_the_source
    )
    load_piece = PythonOperator.partial(
        task_id="load_piece",
        python_callable=load_one_piece,
        op_args=[system],
        max_active_tis_per_dagrun=AT_ONCE,
        map_index_template="{{ task.op_kwargs['table'] }} {{ task.op_kwargs['piece'] }}",
        doc_md="Load one piece of a big table, by whatever worker is free. A piece that failed is cleared alone.",
        **asks_the_source,
    ).expand(op_kwargs=extract.output)
    join_pieces = PythonOperator(
        task_id="join_pieces",
        python_callable=join_them,
        op_args=[system, extract.output],
        outlets=[RAW[system]],
        **asks_the_source,
    )
    landed_late = ShortCircuitOperator(
        task_id="landed_late",
        python_callable=is_late,
        op_args=[system],
        execution_timeout=timedelta(minutes=5),
        # Where nothing was cut there is nothing to join.
        trigger_rule="none_failed_min_one_success",
    )
    build_again = TriggerDagRunOperator(
        task_id="build_again",
        trigger_dag_id="build_warehouse",
        conf={"business_day": "{{ partition_key }}"},
        doc_md=f"One more build of the day, for the dimensions that were held because {system} was late.",
    )
    load_piece >> join_pieces
    [extract, join_pieces] >> landed_late >> build_again


# What only a running task needs is imported by it: parsing a DAG file must not load the extraction.


def load(system: str, **context: Any) -> list[dict[str, Any]]:
    """Load every table of the system into raw, but those that are big and read whole: returns the pieces they were cut into."""
    from fupan.contracts.installation import systems  # noqa: PLC0415
    from fupan.extract.run import extract_or_cut  # noqa: PLC0415
    from fupan.night.arrivals import has_landed  # noqa: PLC0415

    day, given = business_day(context), context["params"]
    if system not in systems():
        raise AirflowSkipException(f"This installation has no {system}")
    if has_landed(system, day) and not given["force"]:
        raise AirflowSkipException(f"{system} of {day} has landed already; set force to extract it again")
    with _patience(context):
        loads, pieces = extract_or_cut(system, day, orchestrator_run_id=context["run_id"])
    _emit(system, day, len(loads), context)
    return [{"table": piece.table, "load_id": piece.load_id, "piece": piece.number} for piece in pieces]


def load_one_piece(system: str, load_id: int, piece: int, **context: Any) -> None:
    """Load one piece of a big table."""
    from fupan.extract.run import extract_piece  # noqa: PLC0415

    with _patience(context):
        extract_piece(system, load_id, piece)


def join_them(system: str, pieces: Sequence[Mapping[str, Any]], **context: Any) -> None:
    """Make the big tables visible, each whole, and let the system land."""
    from fupan.extract.run import join_pieces  # noqa: PLC0415

    with _patience(context):
        loads = join_pieces(system, [piece["load_id"] for piece in pieces])
    _emit(system, business_day(context), len(loads), context)


@contextlib.contextmanager
def _patience(context: Mapping[str, Any]) -> Iterator[None]:
    """A source that does not answer is asked as often as this run is told."""
    try:
        yield
    except SourceUnavailable as silence:
        if context["ti"].try_number >= context["params"]["tries"]:
            raise AirflowFailException(str(silence)) from silence
        raise


def _emit(system: str, day: date, tables: int, context: Mapping[str, Any]) -> None:
    context["outlet_events"][RAW[system]].extra = {"business_day": day.isoformat(), "tables": tables}


def give_up(system: str, context: Any) -> None:
    """The tries are used up: the build need not wait any longer."""
    from fupan.extract.run import mark_failed  # noqa: PLC0415

    mark_failed(system, business_day(context), str(context.get("exception") or "the task was killed"))


def is_late(system: str, **context: Any) -> bool:
    """Go on only where the build of this day began without this system."""
    from fupan.night.arrivals import came_late  # noqa: PLC0415

    return came_late(system, business_day(context))
