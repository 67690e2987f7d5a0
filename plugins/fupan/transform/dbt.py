"""dbt, run stage by stage inside this process: what ran goes to ops.dbt_node, what failed stands in the result.

dbt's own state (parsed project, artifacts, logs) lies in FUPAN_HOME/dbt, so that installations and tests that share one
project do not meet there.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg2.extras

from fupan import settings
from fupan.errors import ConfigurationError, FupanError, SourceUnavailable
from fupan.transform.manifest import Manifest
from fupan.warehouse.connection import Connection, connect, only_one, rows

log = logging.getLogger(__name__)

Stage = Literal["core", "marts"]

#: A night makes the staging views that something reads: each costs a twentieth of a second, and a source has many tables that
#: wait for their marts. A full refresh makes all of them.
_SELECTION: dict[Stage, list[str]] = {
    "core": ["path:seeds", "+path:snapshots", "+path:models/core"],
    "marts": ["path:models/marts"],
}
_ALL_OF_STAGING = "path:models/staging"

#: How dbt's sessions show in pg_stat_activity; it tells what a killed stage left behind from dbt run by hand.
_APPLICATION_NAME = "fupan dbt"

_GOOD = frozenset({"success", "pass", "warn", "no-op"})
_LOST_CONNECTION = re.compile(
    r"server closed the connection|could not connect|connection refused|connection to server|connection already closed"
    r"|terminating connection|no connection to the server|SSL SYSCALL|database system is",
    re.IGNORECASE,
)


_parsed: dict[tuple[str, ...], Any] = {}


@dataclass(frozen=True)
class NodeResult:
    """What became of one node. ``failures``: rows that a test found; None for what is no test."""

    node_id: str
    resource_type: str
    status: str
    failures: int | None
    rows_affected: int | None
    seconds: float
    message: str | None

    @property
    def ok(self) -> bool:
        """Built or passed, if with a warning."""
        return self.status in _GOOD


@dataclass(frozen=True)
class StageResult:
    """One stage of a build. ``seconds`` is wall time."""

    stage: str
    nodes: tuple[NodeResult, ...]
    seconds: float

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """Nodes that failed or were skipped because of one that did."""
        return tuple(node for node in self.nodes if not node.ok)

    @property
    def is_built(self) -> bool:
        """Whether every seed, snapshot and model was built; what tests say of them is the verdict's business."""
        return all(node.ok for node in self.nodes if node.resource_type in ("seed", "snapshot", "model"))


def run_stage(build_id: int, stage: Stage, *, full_refresh: bool = False) -> StageResult:
    """Build the nodes of a stage with their tests; what failed is tried once more where the connection was lost.

    Writes ops.dbt_node, and to ops.build that core is built. ``full_refresh`` computes facts and aggregates anew from the
    whole of raw. A node that fails is in the result; raises ConfigurationError where the project does not compile,
    SourceUnavailable where the warehouse does not answer, Busy where another dbt is at work on it.
    """
    started = time.monotonic()
    # buildable: a test that reads more than this stage builds runs once all of it has been built.
    everything = [_ALL_OF_STAGING] if full_refresh and stage == "core" else []
    arguments = ["build", "--select", *_SELECTION[stage], *everything, "--indirect-selection", "buildable"]
    arguments += ["--exclude-resource-type", "unit_test", *(["--full-refresh"] if full_refresh else [])]
    results = _first_try(arguments)
    if results is None:
        results = _alone(arguments)
    elif any(_LOST_CONNECTION.search(node.message or "") for node in results.values()):
        log.warning("The connection to the warehouse was lost: %s nodes are tried again", len(_failed(results)))
        results |= _alone(["retry"])
    result = StageResult(stage, tuple(results.values()), time.monotonic() - started)
    _record(build_id, result)
    return result


def manifest() -> Manifest:
    """The parsed project, parsed anew where one of its files changed. Raises ConfigurationError where it does not parse."""
    path, parsed_files = _state() / "target" / "manifest.json", _state() / "parsed_files"
    if not path.exists() or not parsed_files.exists() or parsed_files.read_text() != _fingerprint():
        _parse()
    return Manifest.read(path)


def run_unit_tests(*select: str) -> StageResult:
    """Run the dbt unit tests (of ``select``, else all) in a warehouse where what they read has been built, if empty."""
    started = time.monotonic()
    selection = ["--select", "test_type:unit"] if not select else ["--select", *(f"{s},test_type:unit" for s in select)]
    return StageResult(
        "unit_tests", tuple(_invoke(["test", *selection]).values()), round(time.monotonic() - started, 3)
    )


def _first_try(arguments: Sequence[str]) -> dict[str, NodeResult] | None:
    try:
        return _alone(arguments)
    except SourceUnavailable as lost:
        log.warning("%s dbt is tried again.", lost)
        return None


def _alone(arguments: Sequence[str]) -> dict[str, NodeResult]:
    """Run dbt while no other stage of this warehouse runs, after what a killed one left has been ended."""
    with connect("builder", "dbt lock", autocommit=True) as connection:
        only_one(connection, "dbt")
        _end_leftovers(connection)
        return _invoke(arguments)


def _end_leftovers(connection: Connection) -> None:
    """End the statements of a killed stage, which PostgreSQL goes on with; whoever has the lock has no live predecessor."""
    for session in rows(
        connection,
        "select pid, pg_terminate_backend(pid, 10000) as ended from pg_stat_activity "
        "where application_name = %s and datname = current_database() and usename = current_user",
        [_APPLICATION_NAME],
    ):
        log.warning("Ended session %s, which a killed dbt had left behind", session["pid"])


def _invoke(arguments: Sequence[str]) -> dict[str, NodeResult]:
    """Results by node id; raises where nothing could run."""
    outcome = _run(arguments, _parse())
    executed = getattr(outcome, "results", None) or []
    return {result.node.unique_id: _node_result(result) for result in executed}


def _parse() -> Any:
    """dbt's own manifest, parsed once a process for the same files and warehouse; on disk only what changed is parsed."""
    files = _fingerprint()
    key = (files, *_profile_variables().values())
    if key not in _parsed:
        _parsed.clear()
        _parsed[key] = _run(["parse"], None)
        (_state() / "parsed_files").write_text(files)
    return _parsed[key].deepcopy()


def _run(arguments: Sequence[str], project: Any) -> Any:
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  two seconds, which only those who run dbt should pay

    with _environment():
        outcome = dbtRunner(manifest=project, callbacks=[_progress]).invoke(
            [
                *arguments,
                *("--project-dir", str(settings.DBT_PROJECT), "--profiles-dir", str(settings.DBT_PROJECT)),
                *("--target-path", str(_state() / "target"), "--log-path", str(_state() / "logs")),
                *("--log-level", "none", "--log-level-file", "info", "--no-use-colors"),
            ]
        )
    if isinstance(outcome.exception, KeyboardInterrupt | SystemExit):
        raise outcome.exception
    if outcome.exception is not None:
        raise _explained(outcome.exception) from outcome.exception
    return outcome.result


def _explained(exception: BaseException) -> FupanError:
    if _LOST_CONNECTION.search(str(exception)):
        return SourceUnavailable(
            f"dbt lost the warehouse: {exception}",
            remedy="Check that it runs (`fupan status`), then run the step again",
        )
    return ConfigurationError(
        f"dbt could not run: {exception}",
        remedy=f"Correct the project; {_state() / 'logs' / 'dbt.log'} has the details",
    )


def _without_trace(message: str | None) -> str | None:
    """What went wrong, without the macros that dbt was in: an owner reads it in an alert; dbt.log has the rest."""
    if message is None:
        return None
    return re.split(r"\n\s*> (?:in macro|called by|in \w+ )", message, maxsplit=1)[0].rstrip()


def _node_result(result: Any) -> NodeResult:
    rows_affected = (result.adapter_response or {}).get("rows_affected")
    return NodeResult(
        node_id=result.node.unique_id,
        resource_type=str(result.node.resource_type),
        status=str(result.status),
        failures=result.failures,
        rows_affected=rows_affected if rows_affected is not None and rows_affected >= 0 else None,
        seconds=result.execution_time,
        message=_without_trace(result.message),
    )


def _failed(results: dict[str, NodeResult]) -> list[NodeResult]:
    return [node for node in results.values() if not node.ok]


def _progress(event: Any) -> None:
    """One line a finished node, as dbt prints it."""
    if event.info.name.startswith("Log") and event.info.name.endswith("Result"):
        log.log(logging.ERROR if event.info.level == "error" else logging.INFO, "dbt %s", event.info.msg)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """The variables that profiles.yml reads; parsing works without a warehouse, by the profile's defaults."""
    before = dict(os.environ)
    os.environ.update({"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"} | _profile_variables())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _profile_variables() -> dict[str, str]:
    try:
        parts = urlsplit(settings.warehouse_url("builder"))
    except ConfigurationError:
        return {}
    return {
        "FUPAN_DBT_HOST": parts.hostname or "127.0.0.1",
        "FUPAN_DBT_PORT": str(parts.port or 5432),
        "FUPAN_DBT_USER": unquote(parts.username or ""),
        "FUPAN_DBT_PASSWORD": unquote(parts.password or ""),
        "FUPAN_DBT_DBNAME": unquote(parts.path.removeprefix("/")),
        "FUPAN_DBT_SSLMODE": parse_qs(parts.query).get("sslmode", ["prefer"])[0],
        "FUPAN_DBT_APPLICATION_NAME": _APPLICATION_NAME,
    }


def _state() -> Path:
    folder = settings.home() / "dbt"
    folder.mkdir(exist_ok=True)
    return folder


def _fingerprint() -> str:
    """Which files the project has, and when each was written."""
    names = hashlib.sha256()
    for path in sorted(settings.DBT_PROJECT.rglob("*")):
        if path.suffix in (".sql", ".yml", ".csv") and "target" not in path.parts:
            names.update(f"{path.relative_to(settings.DBT_PROJECT)} {path.stat().st_mtime_ns}\n".encode())
    return names.hexdigest()


def _record(build_id: int, result: StageResult) -> None:
    with connect("builder", "dbt results") as connection, connection.cursor() as cursor:
        cursor.execute("delete from ops.dbt_node where build_id = %s and stage = %s", [build_id, result.stage])
        psycopg2.extras.execute_values(
            cursor,
            "insert into ops.dbt_node (build_id, stage, node_id, resource_type, status, failures, rows_affected, seconds, "
            "message) values %s",
            [
                (
                    build_id,
                    result.stage,
                    n.node_id,
                    n.resource_type,
                    n.status,
                    n.failures,
                    n.rows_affected,
                    n.seconds,
                    n.message,
                )
                for n in result.nodes
            ],
        )
        if result.stage == "core" and result.is_built:
            cursor.execute(
                "update ops.build set core_built_at = clock_timestamp(), "
                "state = case when state = 'running' then 'core_built' else state end where build_id = %s",
                [build_id],
            )
        connection.commit()
