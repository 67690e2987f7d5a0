"""The wait for sources, what comes late, and what is told when the night itself is in trouble."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from fupan import settings
from fupan.extract import landing
from fupan.extract.raw_tables import ensure_raw_tables
from fupan.extract.run import mark_failed
from fupan.night import arrivals, build
from fupan.warehouse.connection import connect, rows

DAY = date(2026, 3, 1)


@pytest.fixture
def installed(warehouse: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A warehouse of an installation with the reference company's ERP alone, into which nothing has landed."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    sources = tmp_path / "sources"
    sources.mkdir()
    shutil.copy(settings.DAGS / "sources" / "reference" / "erp.yml", sources)
    monkeypatch.setenv("FUPAN_SOURCES", str(sources))
    ensure_raw_tables()
    return warehouse


def land(day: date = DAY) -> int:
    """The ERP lands with one load; returns its load_id."""
    with connect("loader", "test") as connection:
        run = rows(
            connection,
            "insert into ops.run (kind, system, business_day, state) values ('extract', 'erp', %s, 'succeeded') "
            "returning run_id",
            [day],
        )[0]["run_id"]
        load: Any = rows(
            connection,
            "insert into ops.load (run_id, system, table_name, business_day, mode, state, finished_at) "
            "values (%s, 'erp', 'erp_products', %s, 'full', 'succeeded', clock_timestamp()) returning load_id",
            [run, day],
        )[0]["load_id"]
        landing.landed(connection, "erp", day, int(str(run)))
        connection.commit()
    return int(load)


def wait_for(until: datetime) -> dict[str, str]:
    """Run the trigger as the triggerer does; returns its event."""
    from fupan.night.await_sources import SourcesTrigger

    path, given = SourcesTrigger(DAY.isoformat(), until.isoformat()).serialize()
    assert path == "fupan.night.await_sources.SourcesTrigger"

    async def first() -> Any:
        async for event in SourcesTrigger(**given).run():
            return event.payload

    answer: dict[str, str] = asyncio.run(first())
    return answer


def test_the_wait_ends_when_the_source_lands(installed: str) -> None:
    landing_soon = threading.Timer(1.5, land)
    landing_soon.start()
    began = time.monotonic()
    assert wait_for(datetime.now(UTC) + timedelta(seconds=60)) == {}
    assert 1.5 <= time.monotonic() - began < 20
    landing_soon.join()


def test_the_wait_ends_when_the_source_has_failed_for_good(installed: str) -> None:
    mark_failed("erp", DAY, "the server is gone")
    assert wait_for(datetime.now(UTC) + timedelta(seconds=60)) == {}
    assert not arrivals.has_landed("erp", DAY)
    assert arrivals.missing(DAY) == ["erp"]


def test_the_wait_ends_at_the_deadline_with_what_is_missing(installed: str) -> None:
    began = time.monotonic()
    assert wait_for(datetime.now(UTC) + timedelta(seconds=2)) == {"erp": "not started"}
    assert 1.9 <= time.monotonic() - began < 20


def test_the_wait_outlives_a_warehouse_that_is_away(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    land()
    monkeypatch.setenv("FUPAN_LOADER_URL", "postgresql://fupan_loader:x@127.0.0.1:1/nowhere")
    threading.Timer(1.5, lambda: monkeypatch.delenv("FUPAN_LOADER_URL")).start()
    assert wait_for(datetime.now(UTC) + timedelta(seconds=60)) == {}


def test_the_task_goes_on_at_once_where_nothing_is_outstanding(installed: str) -> None:
    from fupan.night.await_sources import AwaitSources

    land()
    context = {"partition_key": DAY.isoformat(), "dag_run": SimpleNamespace(run_after=datetime.now(UTC), conf={})}
    assert AwaitSources(task_id="wait", wait=timedelta(hours=1)).execute(context) == {}


def test_the_task_holds_no_worker_while_it_waits(installed: str) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    from fupan.night.await_sources import AwaitSources

    due = datetime.now(UTC)
    context = {"partition_key": DAY.isoformat(), "dag_run": SimpleNamespace(run_after=due, conf={})}
    task = AwaitSources(task_id="wait", wait=timedelta(hours=1))
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    assert deferred.value.trigger.serialize()[1] == {
        "day": "2026-03-01",
        "until": (due + timedelta(hours=1)).isoformat(),
    }
    assert task.go_on(context, {"erp": "not started"}) == {"erp": "not started"}


def test_the_task_does_not_wait_for_a_deadline_that_has_passed(installed: str) -> None:
    from fupan.night.await_sources import AwaitSources

    context = {
        "partition_key": DAY.isoformat(),
        "dag_run": SimpleNamespace(run_after=datetime.now(UTC) - timedelta(days=3), conf={}),
    }
    assert AwaitSources(task_id="wait", wait=timedelta(hours=1)).execute(context) == {"erp": "not started"}


def test_a_source_is_late_when_the_build_began_without_it(installed: str) -> None:
    assert not arrivals.came_late("erp", DAY)
    mark_failed("erp", DAY, "the server is gone")
    build.begin(DAY)
    land()
    assert arrivals.has_landed("erp", DAY)
    assert arrivals.came_late("erp", DAY)
    build.begin(DAY, kind="late", dimensions=["sales_performance"])
    assert not arrivals.came_late("erp", DAY)


def test_a_source_is_late_when_the_build_began_amid_its_loads(installed: str) -> None:
    land()
    build.begin(DAY)
    land()
    assert arrivals.came_late("erp", DAY)


def test_a_source_that_is_extracted_again_is_waited_for_again(installed: str) -> None:
    mark_failed("erp", DAY, "the server is gone")
    assert landing.outstanding(DAY) == {}
    arrivals.expect_again(DAY, landed_too=False)
    assert landing.outstanding(DAY) == {"erp": "not started"}
    land()
    arrivals.expect_again(DAY, landed_too=False)
    assert landing.outstanding(DAY) == {}
    arrivals.expect_again(DAY, landed_too=True)
    assert landing.outstanding(DAY) == {"erp": "not started"}


def test_a_source_in_time_is_not_late(installed: str) -> None:
    land()
    assert arrivals.missing(DAY) == []
    build.begin(DAY)
    assert not arrivals.came_late("erp", DAY)
    assert not arrivals.came_late("erp", DAY + timedelta(days=1))


def test_a_late_build_is_for_what_was_held(installed: str) -> None:
    assert arrivals.held_dimensions(DAY) == []
    build_id = build.begin(DAY)
    with connect("builder", "test") as connection, connection.cursor() as cursor:
        for dimension, verdict in (("after_sales", "held"), ("sales_performance", "published")):
            cursor.execute(
                "insert into ops.verdict (build_id, dimension, business_day, verdict) values (%s, %s, %s, %s)",
                [build_id, dimension, DAY, verdict],
            )
        connection.commit()
    assert arrivals.held_dimensions(DAY) == []
    build.finish(build_id)
    assert arrivals.held_dimensions(DAY) == ["after_sales"]
    assert arrivals.held_dimensions(DAY - timedelta(days=1)) == []


def telling_trouble() -> Any:
    """The callbacks; imported late, since Airflow makes AIRFLOW_HOME when it is imported."""
    from fupan.night import trouble

    return trouble


def alerts() -> list[dict[str, object]]:
    with connect("builder", "test") as connection:
        return rows(connection, "select * from ops.alert order by alert_id")


def test_a_dead_night_is_told_to_its_engineers(installed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("FUPAN_ALERT_URLS", raising=False)
    run = SimpleNamespace(dag_id="build_warehouse", run_id="manual__1", partition_key=DAY.isoformat(), conf={})
    telling_trouble().failed({"dag_run": run, "reason": "task_failure"})
    told = alerts()
    assert [(one["owner"], one["severity"], one["business_day"]) for one in told] == [
        ("data-engineering", "critical", DAY)
    ]
    assert "build_warehouse has failed" in str(told[0]["subject"])
    assert "manual__1 has failed (task_failure)" in str(told[0]["body"])
    assert told[0]["sent_at"] is None
    assert told[0]["error"] == "no channel configured"


def test_a_late_night_is_told_to_its_engineers(installed: str) -> None:
    run = {
        "dag_id": "build_warehouse",
        "dag_run_id": "manual__2",
        "partition_key": None,
        "conf": {"business_day": "2026-03-01"},
    }
    telling_trouble().overdue({"dag_run": run, "deadline": {"deadline_time": datetime(2026, 3, 1, 22, tzinfo=UTC)}})
    told = alerts()
    assert [one["business_day"] for one in told] == [DAY]
    assert "by its deadline, 2026-03-01 22:00 UTC" in str(told[0]["body"])


def test_trouble_is_told_without_a_warehouse_too(
    installed: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", "json://127.0.0.1:1/hook")
    monkeypatch.setattr("fupan.alerts.channels.WAIT_SECONDS", 0.0)
    monkeypatch.setenv("FUPAN_BUILDER_URL", "postgresql://fupan_builder:x@127.0.0.1:1/nowhere")
    run = SimpleNamespace(dag_id="maintain", run_id="manual__3", partition_key=None, conf=None)
    telling_trouble().failed({"dag_run": run})
    assert "was not delivered: everyone json://127.0.0.1:1/hook" in caplog.text
