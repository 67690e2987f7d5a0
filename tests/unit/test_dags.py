"""The DAG files as Airflow sees them: they import in no time, tell their story, and retry only what is worth it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from itertools import pairwise
from typing import Any

import pytest

from fupan import settings

#: Task ids by DAG: few tasks, each worth retrying on its own.
EXTRACTIONS = ["extract_ecommerce", "extract_erp", "extract_service"]
READS_THE_SOURCE = ["extract", "load_piece", "join_pieces"]
TASKS = {dag_id: ["build_again", "extract", "join_pieces", "landed_late", "load_piece"] for dag_id in EXTRACTIONS} | {
    "build_warehouse": [
        "await_sources",
        "begin_build",
        "build_core",
        "build_marts",
        "publish",
        "raw_gate",
        "release_gate",
        "report",
    ],
    "maintain": ["clean_up", "prune_releases", "reconcile"],
}

# Airflow reads its configuration once a process, so everything that asks it runs in one of its own.
_SCRIPT = textwrap.dedent(
    """
    import importlib, json, sys, time

    import airflow.sdk
    from airflow.dag_processing.dagbag import DagBag

    before, began = set(sys.modules), time.process_time()
    bag = DagBag(sys.argv[1])
    seconds = time.process_time() - began

    def told(task):
        policy = task.retry_policy
        return {
            "owner": task.owner,
            "retries": task.retries,
            "retried": sum((rule._specs for rule in policy.rules), []),
            "otherwise": policy.default.value,
            "timeout": task.execution_timeout and task.execution_timeout.total_seconds(),
            "downstream": sorted(task.downstream_task_ids),
            "failure_callbacks": len(task.on_failure_callback),
            "mapped": bool(task.is_mapped),
            "at_once": task.max_active_tis_per_dagrun,
            "trigger_rule": task.trigger_rule.value,
            "outlets": [asset.uri for asset in task.outlets],
            "doc": task.doc_md or getattr(getattr(task, "python_callable", None), "__doc__", None),
        }

    dags = {
        dag.dag_id: {
            "doc": dag.doc_md,
            "description": dag.description,
            "tags": sorted(dag.tags),
            "start_date": dag.start_date and dag.start_date.isoformat(),
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "schedule": type(dag.timetable).__name__,
            "key_format": dag.timetable.key_format,
            "params": {name: dag.params[name] for name in dag.params},
            "deadlines": len(dag.deadline or []),
            "timeout": dag.dagrun_timeout and dag.dagrun_timeout.total_seconds(),
            "failure_callback": bool(dag.on_failure_callback),
            "tasks": {task.task_id: told(task) for task in dag.tasks},
        }
        for dag in bag.dags.values()
    }

    from airflow.plugins_manager import _get_plugins
    plugins, plugin_errors = _get_plugins()
    replaced = [
        name for name in sys.stdlib_module_names
        if (module := sys.modules.get(name)) is not None and "fupan" in (getattr(module, "__file__", None) or "")
    ]
    import http.cookies, json.decoder  # fails where a file of ours took the name

    print("RESULT" + json.dumps({
        "errors": bag.import_errors, "seconds": seconds, "dags": dags,
        "loaded": sorted(set(sys.modules) - before),
        "plugins": [plugin.name for plugin in plugins], "plugin_errors": plugin_errors, "replaced": replaced,
    }))
    """
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow makes of dags/ and plugins/."""
    given = {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow home")),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(settings.DAGS)],
        env={name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | given,
        capture_output=True,
        text=True,
        check=False,
    )
    results = [line for line in ended.stdout.splitlines() if line.startswith("RESULT")]
    assert results, ended.stdout + ended.stderr
    answer: dict[str, Any] = json.loads(results[-1].removeprefix("RESULT"))
    return answer


def tasks(seen: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{dag_id}.{name}", task) for dag_id, dag in seen["dags"].items() for name, task in dag["tasks"].items()]


def test_every_file_imports(seen: dict[str, Any]) -> None:
    assert seen["errors"] == {}
    assert {dag_id: sorted(dag["tasks"]) for dag_id, dag in seen["dags"].items()} == TASKS


def test_no_file_is_named_like_a_library() -> None:
    assert [path.name for path in settings.DAGS.glob("*.py") if path.name.startswith("dbt_")] == []


def test_importing_costs_nothing(seen: dict[str, Any]) -> None:
    assert seen["seconds"] < 0.5
    heavy = ["dbt", "great_expectations", "pandas", "sqlalchemy", "apprise"]
    heavy += ["fupan.extract", "fupan.quality", "fupan.transform", "fupan.publish", "fupan.report", "fupan.alerts"]
    assert [name for name in seen["loaded"] if any(name == one or name.startswith(f"{one}.") for one in heavy)] == []


def test_every_dag_tells_its_story(seen: dict[str, Any]) -> None:
    for dag_id, dag in seen["dags"].items():
        assert len(dag["doc"]) > 300, dag_id
        assert "To run it again" in dag["doc"], dag_id
        assert dag["description"], dag_id
        assert dag["tags"], dag_id
    for name, task in tasks(seen):
        assert task["doc"], name
        assert task["owner"] == "data-engineering", name


def test_one_business_day_is_one_partition(seen: dict[str, Any]) -> None:
    for dag_id, dag in seen["dags"].items():
        assert dag["schedule"] == "CronPartitionTimetable", dag_id
        assert dag["key_format"] == "%Y-%m-%d", dag_id
        assert dag["max_active_runs"] == 1, dag_id


def test_unpausing_starts_nothing(seen: dict[str, Any]) -> None:
    for dag_id, dag in seen["dags"].items():
        assert dag["start_date"] is None, dag_id
        assert dag["catchup"] is False, dag_id


def test_only_lost_connections_are_retried(seen: dict[str, Any]) -> None:
    for name, task in tasks(seen):
        # A source may be down for a whole night, the warehouse is not.
        assert task["retries"] == (60 if name.partition(".")[2] in READS_THE_SOURCE else 3), name
        assert task["otherwise"] == "fail", name
        assert set(task["retried"]) == {
            "fupan.errors.SourceUnavailable",
            "fupan.errors.Busy",
            "psycopg2.OperationalError",
            "psycopg2.InterfaceError",
            "builtins.ConnectionError",
        }, name


def test_nothing_runs_for_ever(seen: dict[str, Any]) -> None:
    # The wait is ended by its own deadline; starting a DAG run is one call.
    unlimited = [name for name, task in tasks(seen) if not task["timeout"]]
    assert sorted(unlimited) == ["build_warehouse.await_sources", *(f"{dag_id}.build_again" for dag_id in EXTRACTIONS)]
    build = seen["dags"]["build_warehouse"]
    assert build["deadlines"] == 1
    # A build without an end is taken for dead after six hours.
    assert build["timeout"] < 6 * 3600
    assert build["failure_callback"]
    assert seen["dags"]["maintain"]["failure_callback"]


def test_a_failed_extraction_is_recorded(seen: dict[str, Any]) -> None:
    for dag_id in EXTRACTIONS:
        for name in READS_THE_SOURCE:
            assert seen["dags"][dag_id]["tasks"][name]["failure_callbacks"] == 1


def test_big_tables_are_loaded_in_pieces_that_may_be_none(seen: dict[str, Any]) -> None:
    for dag_id in EXTRACTIONS:
        extraction = seen["dags"][dag_id]["tasks"]
        assert {name: task["mapped"] for name, task in extraction.items()} == {
            name: name == "load_piece" for name in extraction
        }
        assert extraction["load_piece"]["at_once"] == 4
        # A piece that fails keeps the table from being joined, and the day from landing.
        assert {name: task["trigger_rule"] for name, task in extraction.items()} == {
            name: "none_failed_min_one_success" if name == "landed_late" else "all_success" for name in extraction
        }
        assert extraction["extract"]["downstream"] == ["join_pieces", "landed_late", "load_piece"]
        assert extraction["load_piece"]["downstream"] == ["join_pieces"]
        assert extraction["join_pieces"]["downstream"] == ["landed_late"]
        assert extraction["join_pieces"]["outlets"] == extraction["extract"]["outlets"]


def test_the_steps_follow_one_another(seen: dict[str, Any]) -> None:
    build = seen["dags"]["build_warehouse"]["tasks"]
    gates = ["raw_gate", "build_core", "build_marts", "release_gate"]
    order = ["await_sources", "begin_build", *gates, "publish", "report"]
    for earlier, later in pairwise(order):
        assert later in build[earlier]["downstream"]
        assert earlier not in build[later]["downstream"]


def test_assets_name_every_dimension_that_dbt_builds(seen: dict[str, Any]) -> None:
    outlets = {uri for _, task in tasks(seen) for uri in task["outlets"]}
    groups = (settings.DBT_PROJECT / "models" / "marts").glob("*/_*__group.yml")
    dimensions = {path.parent.name for path in groups}
    assert dimensions
    assert {uri for uri in outlets if "/marts/" in uri} == {f"fupan://marts/{name}" for name in dimensions}


def test_assets_name_every_system_of_the_contracts(seen: dict[str, Any]) -> None:
    from fupan.contracts.contract import contracts

    outlets = {uri for _, task in tasks(seen) for uri in task["outlets"]}
    systems = {contract.system for contract in contracts().values()}
    assert {uri for uri in outlets if "/raw/" in uri} == {f"fupan://raw/{system}" for system in systems}
    assert {f"extract_{system}" for system in systems} <= set(seen["dags"])


def test_airflow_loads_our_plugin_and_no_other(seen: dict[str, Any]) -> None:
    assert seen["plugins"] == ["fupan"]
    assert seen["plugin_errors"] == {}


def test_no_module_of_the_standard_library_is_replaced(seen: dict[str, Any]) -> None:
    assert seen["replaced"] == []
