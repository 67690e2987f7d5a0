"""The few calls of Airflow's REST API that the CLI needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from fupan.errors import SourceUnavailable


@dataclass(frozen=True)
class TaskState:
    """One task of a DAG run as it stands now; ``map_index``: which of a mapped task, -1 of any other."""

    task_id: str
    state: str | None
    try_number: int
    started: datetime | None
    ended: datetime | None
    map_index: int = -1

    @property
    def name(self) -> str:
        """The task's id, with the number of a mapped one."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


@dataclass(frozen=True)
class ActiveRun:
    """A DAG run that has not ended; ``business_day`` as fupan.night.business_day reads it, in ISO form."""

    dag_id: str
    run_id: str
    business_day: str | None


class AirflowApi:
    """A logged-in client; raises SourceUnavailable where Airflow does not answer or refuses."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user, self._password = user, password
        self._session = requests.Session()
        # Airflow is on this machine: no proxy of the environment, no netrc.
        self._session.trust_env = False

    def server_not_ready(self) -> list[str]:
        """The api-server, unless it answers."""
        return [] if self._health() is not None else ["api-server"]

    def not_ready(self, *, since: datetime) -> list[str]:
        """What has not reported since ``since``: components, and "DAG files" that have not been read."""
        health = self._health()
        if health is None:
            return ["api-server"]
        entries = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
        waiting = [
            name
            for name, entry in entries.items()
            if not _later(health.get(entry, {}).get(f"latest_{entry}_heartbeat"), since)
        ]
        dags = self.dags()
        if not dags or not all(_later(dag["last_parsed_time"], since) for dag in dags):
            waiting.append("DAG files")
        return waiting

    def _health(self) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=10).json()
        except (requests.RequestException, ValueError):
            return None
        return answer

    def dags(self) -> list[dict[str, Any]]:
        """Every DAG that a file defines, as the API describes it."""
        found: list[dict[str, Any]] = self._call("GET", "dags", params={"limit": 100, "exclude_stale": True})["dags"]
        return found

    def import_errors(self) -> dict[str, str]:
        """Stack trace by DAG file that can't be imported."""
        errors = self._call("GET", "importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def trigger(self, dag_id: str, partition_key: str, conf: dict[str, Any]) -> str:
        """Start a run of one partition; returns its dag_run_id."""
        body = {"logical_date": None, "partition_key": partition_key, "conf": conf}
        return str(self._call("POST", f"dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def active_runs(self) -> list[ActiveRun]:
        """Every run that is queued or at work, the oldest first."""
        given = {"state": ["queued", "running"], "order_by": "run_after", "limit": 100}
        found = self._call("GET", "dags/~/dagRuns", params=given)["dag_runs"]
        return [
            ActiveRun(run["dag_id"], run["dag_run_id"], run["partition_key"] or (run["conf"] or {}).get("business_day"))
            for run in found
        ]

    def asset_events(self, uri: str, limit: int) -> list[dict[str, Any]]:
        """The newest events of an asset, newest first."""
        assets = self._call("GET", "assets", params={"uri_pattern": uri})["assets"]
        given = {"asset_id": assets[0]["id"], "order_by": "-timestamp", "limit": limit}
        events: list[dict[str, Any]] = self._call("GET", "assets/events", params=given)["asset_events"]
        return events

    def run_state(self, dag_id: str, run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self._call("GET", f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """The tasks of a run, in the order in which they started."""
        found = self._call("GET", f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances")["task_instances"]
        states = [
            TaskState(
                task["task_id"],
                task["state"],
                task["try_number"],
                _time(task["start_date"]),
                _time(task["end_date"]),
                task["map_index"],
            )
            for task in found
        ]
        return sorted(states, key=lambda task: (task.started is None, task.started and task.started.timestamp()))

    def log_tail(self, dag_id: str, run_id: str, task: TaskState, lines: int = 25) -> str:
        """The last lines of a task's log, with the traceback where it failed."""
        address = f"dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task.task_id}/logs/{task.try_number}"
        given = {"map_index": task.map_index}
        content = self._call("GET", address, params=given, headers={"Accept": "application/json"})["content"]
        told: list[str] = []
        for event in content:
            told.extend(_told(event))
        return "\n".join(told[-lines:])

    def _call(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        for _ in range(2):
            if "Authorization" not in self._session.headers:
                self._log_in()
            answer = self._request(method, f"{self.url}/api/v2/{path}", **given)
            if answer.status_code != requests.codes.unauthorized:
                break
            del self._session.headers["Authorization"]
        if not answer.ok:
            raise SourceUnavailable(
                f"Airflow refuses {method} {path}: {answer.status_code} {answer.text[:500]}",
                remedy="See the log of the api-server in FUPAN_HOME/airflow/logs",
            )
        parsed: dict[str, Any] = answer.json()
        return parsed

    def _log_in(self) -> None:
        answer = self._request(
            "POST", f"{self.url}/auth/token", json={"username": self._user, "password": self._password}
        )
        if not answer.ok:
            raise SourceUnavailable(
                f"Airflow refuses the login of {self._user}: {answer.status_code}",
                remedy="`make down` and `make up` set the password again",
            )
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _request(self, method: str, url: str, **given: Any) -> requests.Response:
        try:
            return self._session.request(method, url, timeout=30, **given)
        except requests.RequestException as silence:
            raise SourceUnavailable(
                f"Airflow does not answer at {self.url}: {silence}", remedy="Start it with `make up`"
            ) from silence


def _told(event: Any) -> list[str]:
    if not isinstance(event, dict):
        return [str(event)]
    text = str(event.get("event", ""))
    # Airflow's marks of what its own UI folds up.
    lines = [] if text.startswith("::") else [text]
    # The first is what ended the task, the others are its causes, which its message names where they matter.
    for error in (event.get("error_detail") or [])[:1]:
        lines.extend(
            f"  {frame['filename']}:{frame['lineno']} in {frame['name']}" for frame in (error.get("frames") or [])[-4:]
        )
        lines.append(f"{error.get('exc_type')}: {error.get('exc_value')}")
    return lines


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _later(value: str | None, since: datetime) -> bool:
    moment = _time(value)
    return moment is not None and moment >= since
