"""dbt as this process runs it: unit tests of the models, what is recorded, what is tried again."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
from datetime import date
from pathlib import Path

import psycopg2
import pytest
from tests.core_warehouse import PRODUCT, CoreWarehouse

from fupan.errors import ConfigurationError, SourceUnavailable
from fupan.night.build import begin
from fupan.transform import dbt

DAY = date(2026, 1, 10)


def test_unit_tests_of_every_model(core: CoreWarehouse) -> None:
    build_id = begin(DAY)
    dbt.run_stage(build_id, "core")
    dbt.run_stage(build_id, "marts")
    result = dbt.run_unit_tests()
    assert not result.failed, [f"{node.node_id}: {node.message}" for node in result.failed]
    assert len(result.nodes) >= 15


def test_every_node_is_recorded_and_a_failed_one_does_not_raise(core: CoreWarehouse) -> None:
    core.land("erp_products", {"sku": "A", **PRODUCT})
    core.build()
    nodes = dict(core.query("select node_id, status from ops.dbt_node where stage = 'core'"))
    assert nodes["model.fupan.dim_product"] == "success"
    assert not [name for name in nodes if name.startswith("unit_test.")]
    assert core.column("select state from ops.build") == ["finished"]

    core.execute("alter table core.agg_sku_daily drop column units")
    build_id = begin(DAY)
    result = dbt.run_stage(build_id, "core")
    assert not result.is_built
    assert {n.node_id for n in result.failed} >= {"model.fupan.agg_sku_daily"}
    recorded = core.query(
        "select status, message from ops.dbt_node where build_id = %s and node_id = 'model.fupan.agg_sku_daily'",
        [build_id],
    )
    assert recorded[0][0] == "error"
    assert "units" in recorded[0][1]
    assert core.query("select state, core_built_at from ops.build where build_id = %s", [build_id]) == [
        ("running", None)
    ]


def test_a_lost_connection_is_tried_once_more(core: CoreWarehouse, caplog: pytest.LogCaptureFixture) -> None:
    """A session is ended from outside while it waits to replace a dimension; the second try builds it and the rest."""
    core.build()
    locked, waiting = threading.Event(), "application_name = 'fupan dbt' and wait_event_type = 'Lock'"

    def end_the_session_that_waits() -> None:
        with contextlib.closing(psycopg2.connect(core.url)) as blocker, blocker.cursor() as cursor:
            cursor.execute("lock table core.dim_product")
            locked.set()
            for _ in range(600):
                if core.column(f"select pg_terminate_backend(pid) from pg_stat_activity where {waiting}"):
                    return
                time.sleep(0.1)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        ending = pool.submit(end_the_session_that_waits)
        assert locked.wait(20)
        result = dbt.run_stage(begin(DAY), "core")
        ending.result()
    assert "nodes are tried again" in caplog.text
    assert result.is_built
    assert not result.failed


def test_a_warehouse_that_does_not_answer_is_unavailable(core: CoreWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    build_id = begin(DAY)
    monkeypatch.setenv("FUPAN_BUILDER_URL", "postgresql://fupan_builder:x@127.0.0.1:9/nowhere")
    with pytest.raises(SourceUnavailable):
        dbt.run_stage(build_id, "core")


def test_a_project_that_does_not_parse_says_where(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        (project / name).write_text((dbt.settings.DBT_PROJECT / name).read_text())
    (project / "models" / "broken.sql").write_text("select * from {{ ref('nothing') }}")
    monkeypatch.setattr(dbt.settings, "DBT_PROJECT", project)
    monkeypatch.setenv("FUPAN_HOME", str(tmp_path / "home"))
    with pytest.raises(ConfigurationError, match=r"broken.*nothing"):
        dbt.manifest()
