"""Nights of one installation under the real scheduler, as a user runs them; its state folder has a space in its name.

The tests are one story and run in its order: two nights, a night with the service desk down, its return, the end.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.company import Company

from fupan import settings
from fupan.demo.systems import erp
from fupan.demo.systems.platform_server import PlatformServer
from fupan.server.airflow import AirflowFailed, EmbeddedAirflow
from fupan.server.postgres import EmbeddedPostgres

pytestmark = pytest.mark.timeout(600)

FIRST = date(2026, 11, 20)
SECOND = FIRST + timedelta(days=3)
THIRD = SECOND + timedelta(days=1)

DIMENSIONS = ["after_sales", "product_structure", "sales_performance"]
EXTRACTIONS = ["extract_ecommerce", "extract_erp", "extract_service"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """FUPAN_HOME of the story; whatever still runs at its end is stopped."""
    folder = tmp_path_factory.mktemp("e2e") / "state with a space"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("FUPAN_", "AIRFLOW"))]:
            patch.delenv(name)
        patch.setenv("FUPAN_HOME", str(folder))
        patch.setenv("FUPAN_DEMO_UNTIL", str(FIRST))
        yield folder
        EmbeddedAirflow().stop()
        PlatformServer().stop()
        EmbeddedPostgres().stop()


def fupan(*arguments: str, code: int = 0) -> str:
    """Run the command line from another folder; returns what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "fupan", *arguments], capture_output=True, text=True, cwd="/", check=False
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == code, said
    return said


def company(day: date = SECOND) -> Company:
    """The installation's warehouse and ERP, for questions."""
    return Company(warehouse="", source=settings.embedded_url(erp.DATABASE), day=day)


def released() -> dict[str, date]:
    """Dimension -> business day that BI users see."""
    found = company().ask("select dimension, business_day from ops.release where state = 'current' order by 1")
    return {one["dimension"]: one["business_day"] for one in found}


def at_work(home: Path) -> list[str]:
    """Processes that belong to the installation, by what their command line or a file they hold open says."""
    found = []
    for process in psutil.process_iter():
        try:
            traces = [*process.cmdline(), *(file.path for file in process.open_files())]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(home) in trace for trace in traces):
            found.append(" ".join(process.cmdline()))
    return found


def components(home: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((home / "airflow" / "state.json").read_text())
    return dict(state["components"])


def test_a_night_that_is_interrupted_leaves_nothing_running(home: Path) -> None:
    command = [sys.executable, "-m", "fupan", "nightly", "--date", str(FIRST)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd="/") as night:
        assert night.stderr is not None
        said: list[str] = []
        # A second time while it stops, as somebody does who sees nothing happen.
        moments = ["build_core (running)", "stopping Airflow"]
        for line in night.stderr:
            said.append(line)
            if moments and moments[0] in line:
                moments.pop(0)
                night.terminate()
        assert night.wait() == 130, "".join(said)
    assert components(home) == {}
    assert at_work(home) == []


def test_the_first_night_goes_on_where_it_was_interrupted(home: Path) -> None:
    said = fupan("nightly", "--date", str(FIRST))
    assert "build_warehouse.publish" in said
    assert "night report" in said
    assert components(home) == {}
    assert at_work(home) == []
    assert (home / "reports" / f"night-{FIRST}.html").exists()


def test_the_same_night_again_is_over_at_once(home: Path) -> None:
    log = (home / "airflow" / "logs" / "scheduler.log").stat().st_mtime
    said = fupan("nightly", "--date", str(FIRST))
    assert f"Business day {FIRST} is finished" in said
    assert "night report" in said
    assert (home / "airflow" / "logs" / "scheduler.log").stat().st_mtime == log
    assert at_work(home) == []


def test_the_second_night_runs_on_the_airflow_that_is_up_and_leaves_it_up(home: Path) -> None:
    said = fupan("up")
    # The interrupted night and its end were one build.
    assert company().ask("select state, business_day from ops.build") == [{"state": "finished", "business_day": FIRST}]
    address = EmbeddedAirflow().url
    assert address in said
    assert f"admin / {EmbeddedAirflow().password}" in said
    assert settings.warehouse_url("reader") in said
    before = components(home)
    fupan("demo", "advance", "--days", str((SECOND - FIRST).days))

    fupan("nightly", "--date", str(SECOND))
    assert components(home) == before
    EmbeddedAirflow().check()
    assert released() == dict.fromkeys(DIMENSIONS, SECOND)
    [days] = company().ask("select min(day) as first, max(day) as last from sales_performance.trend")
    assert days["last"] == SECOND
    assert days["first"] < FIRST


def test_a_second_run_of_a_finished_day_is_a_no_op_under_the_scheduler(home: Path) -> None:
    builds = company().ask("select count(*) as builds from ops.build")
    contents = company().contents("raw", "core", *DIMENSIONS)
    api = EmbeddedAirflow().api()
    runs = {dag_id: api.trigger(dag_id, str(SECOND), {"force": False}) for dag_id in [*EXTRACTIONS, "build_warehouse"]}
    states = {dag_id: ended(dag_id, run_id) for dag_id, run_id in runs.items()}
    for dag_id in EXTRACTIONS:
        assert set(states[dag_id].values()) == {"skipped"}
    assert states["build_warehouse"].pop("await_sources") == "success"
    assert set(states["build_warehouse"].values()) == {"skipped"}
    assert company().ask("select count(*) as builds from ops.build") == builds
    assert company().contents("raw", "core", *DIMENSIONS) == contents


def ended(dag_id: str, run_id: str) -> dict[str, str | None]:
    """Wait for the end of a run; returns the state of its tasks."""
    api, deadline = EmbeddedAirflow().api(), time.monotonic() + 120
    while api.run_state(dag_id, run_id) not in {"success", "failed"}:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return {task.task_id: task.state for task in api.tasks(dag_id, run_id)}


def test_the_verdict_stands_on_the_event_of_the_marts_asset(home: Path) -> None:
    verdicts = company().ask("select dimension, build_id, verdict from ops.verdict order by build_id desc limit 3")
    for verdict in verdicts:
        [event] = EmbeddedAirflow().api().asset_events(f"fupan://marts/{verdict.pop('dimension')}", limit=1)
        assert event["extra"] == verdict
        assert event["source_dag_id"] == "build_warehouse"


def model_contents() -> dict[str, str]:
    """Dimensions, facts, aggregates and marts; not the working tables, which tell what changed in the last build."""
    found = company().contents("core", *DIMENSIONS)
    return {name: rows for name, rows in found.items() if not re.match(r'"core"\."(?!dim_|fct_|agg_)', name)}


def test_the_second_night_equals_a_full_refresh(home: Path) -> None:
    incremental = model_contents()
    assert {'"core"."fct_complaint"', '"sales_performance"."trend"', '"after_sales"."response_sla"'} <= set(incremental)
    fupan("rebuild")
    assert model_contents() == incremental


def test_a_source_that_is_down_costs_its_dimensions_not_the_night(home: Path) -> None:
    public = company().contents("after_sales")
    fupan("demo", "stop", "service")
    fupan("demo", "advance", "--days", "1")
    said = fupan("nightly", "--date", str(THIRD), code=1)
    assert "extract_service has failed; the build went on without it" in said
    assert f"complaints_{THIRD}.xlsx" in said
    assert company().contents("after_sales") == public
    assert released() == dict.fromkeys(DIMENSIONS, THIRD) | {"after_sales": SECOND}
    status = company().ask("select dimension, verdict, business_day, why from status.dimension_status order by 1")
    assert [(one["dimension"], one["verdict"] == "held", one["business_day"]) for one in status] == [
        ("after_sales", True, SECOND),
        ("product_structure", False, THIRD),
        ("sales_performance", False, THIRD),
    ]
    assert "service" in status[0]["why"]
    # Asked once more, since somebody waits; a scheduled night asks until noon.
    runs = company().ask(
        "select system, count(*) as runs from ops.run where kind = 'extract' and business_day = %s group by 1 order by 1",
        THIRD,
    )
    assert [(one["system"], one["runs"]) for one in runs] == [("ecommerce", 1), ("erp", 1), ("service", 2)]


def test_a_source_that_lands_late_gets_one_more_build(home: Path) -> None:
    fupan("demo", "start", "service")
    fupan("nightly", "--date", str(THIRD))
    builds = company().ask(
        "select kind, dimensions, state from ops.build where business_day = %s order by build_id", THIRD
    )
    assert [(one["kind"], one["dimensions"], one["state"]) for one in builds] == [
        ("nightly", None, "finished"),
        ("late", ["after_sales"], "finished"),
    ]
    assert released() == dict.fromkeys(DIMENSIONS, THIRD)


def test_the_doctor_finds_everything_in_order(home: Path) -> None:
    said = fupan("doctor")
    assert "FAIL" not in said
    assert said.count("\nok") + said.startswith("ok") == 14


def test_a_component_that_dies_is_named_with_its_log(home: Path) -> None:
    psutil.Process(components(home)["scheduler"]["pid"]).kill()
    time.sleep(0.5)
    with pytest.raises(AirflowFailed, match="scheduler has ended by itself"):
        EmbeddedAirflow().check()
    assert not EmbeddedAirflow().running()
    assert "scheduler has ended by itself" in fupan("doctor", code=1)


def test_a_changed_pseudonym_key_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_PSEUDONYM_KEY", "another")
    assert "The pseudonym key has changed" in fupan("nightly", "--date", str(THIRD), code=2)
    assert "FAIL  pseudonym key" in fupan("doctor", code=1)


def test_down_leaves_nothing_running(home: Path) -> None:
    assert at_work(home) != []
    fupan("down")
    assert at_work(home) == []
    fupan("down")
