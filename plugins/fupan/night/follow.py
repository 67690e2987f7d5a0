"""Start the DAG runs of a night through Airflow's REST API and follow them to their end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date

from fupan.errors import FupanError
from fupan.night.arrivals import expect_again
from fupan.progress import Progress
from fupan.server.airflow import EmbeddedAirflow
from fupan.server.airflow_api import AirflowApi, TaskState

BUILD = "build_warehouse"
#: Somebody waits for this night: a source that does not answer is asked once more, not until noon.
TRIES = 2
ENDED = {"success", "failed"}
TASK_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}


class NightFailed(FupanError):
    """A DAG run of the night ended with a failed task."""


@dataclass
class Run:
    """One DAG run that is being followed."""

    dag_id: str
    run_id: str
    state: str = "queued"
    tasks: list[TaskState] = field(default_factory=list)
    told: set[tuple[str, int, str]] = field(default_factory=set)


def run_night(airflow: EmbeddedAirflow, day: date, *, force: bool, progress: Progress) -> None:
    """Trigger every extraction and the build of ``day`` and follow them, or those of a night that was interrupted.

    A failed extraction is told, with the end of its log, and the build goes on without it. Raises NightFailed when the
    build fails, AirflowFailed when Airflow dies meanwhile.
    """
    api = airflow.api()
    _require_importable(api)
    runs = _interrupted(api, day) or _triggered(api, day, force=force)
    while not all(run.state in ENDED for run in runs):
        airflow.check()
        for run in runs:
            if run.state not in ENDED:
                run.state = api.run_state(run.dag_id, run.run_id)
                run.tasks = api.tasks(run.dag_id, run.run_id)
                _tell(run, progress)
        # An extraction that lands late starts one more build.
        known = {run.run_id for run in runs}
        runs += [Run(one.dag_id, one.run_id) for one in api.active_runs() if one.run_id not in known]
        progress.say(_at_work(runs))
        time.sleep(0.5)
    for run in runs:
        if run.state == "failed":
            _tell_failure(api, run, day, progress)


def _interrupted(api: AirflowApi, day: date) -> list[Run]:
    """The runs of ``day`` that have not ended, where its build is among them: Airflow was stopped, and takes them up again."""
    found = [Run(one.dag_id, one.run_id) for one in api.active_runs() if one.business_day == day.isoformat()]
    return found if any(run.dag_id == BUILD for run in found) else []


def _triggered(api: AirflowApi, day: date, *, force: bool) -> list[Run]:
    expect_again(day, landed_too=force)
    extractions = sorted(dag["dag_id"] for dag in api.dags() if dag["dag_id"].startswith("extract_"))
    conf = {dag_id: {"force": force, "tries": TRIES} for dag_id in extractions} | {BUILD: {"force": force}}
    return [Run(dag_id, api.trigger(dag_id, day.isoformat(), given)) for dag_id, given in conf.items()]


def _require_importable(api: AirflowApi) -> None:
    errors = api.import_errors()
    if errors:
        told = "\n".join(f"{file}:\n{trace}" for file, trace in errors.items())
        raise NightFailed(
            f"A DAG file can't be imported:\n{told}", remedy="Correct it; Airflow reads it again by itself"
        )


def _tell(run: Run, progress: Progress) -> None:
    for task in run.tasks:
        key = (task.name, task.try_number, task.state or "")
        # Of what was skipped without ever having started there is nothing to tell.
        if task.state == "skipped" and task.started is None:
            continue
        if (task.state in TASK_ENDED or task.state == "up_for_retry") and key not in run.told:
            run.told.add(key)
            seconds = (task.ended - task.started).total_seconds() if task.started and task.ended else 0
            took = f"{seconds:5.1f} s" if task.state != "skipped" and seconds else "       "
            progress.done(f"{took}  {run.dag_id}.{task.name}{'' if task.state == 'success' else f': {task.state}'}")


def _at_work(runs: list[Run]) -> str:
    working = [
        f"{run.dag_id}.{task.name} ({task.state})"
        for run in runs
        for task in run.tasks
        if task.state and task.state not in TASK_ENDED
    ]
    return "at work: " + (", ".join(working) or "the scheduler")


def _tell_failure(api: AirflowApi, run: Run, day: date, progress: Progress) -> None:
    failed = [task for task in run.tasks if task.state == "failed"]
    log = "\n".join(f"--- {run.dag_id}.{task.name}\n{api.log_tail(run.dag_id, run.run_id, task)}" for task in failed)
    remedy = (
        f"Mend the cause, then run `fupan nightly --date {day}` again, or clear the failed task in Airflow (`fupan up`)"
    )
    if run.dag_id == BUILD:
        raise NightFailed(f"The night of {day} has failed:\n{log or run.state}\n", remedy=remedy)
    progress.done(f"{run.dag_id} has failed; the build went on without it.\n{log}\n{remedy}.")
