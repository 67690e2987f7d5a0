"""dbt as this process runs it: unit tests of the models, what is recorded, what is tried again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

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

    core.execute("alter table core.fct_target rename to something_else")
    core.execute("create view core.fct_target as select 1 as target_id")
    core.execute("create view core.depends as select * from core.fct_target")
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


def test_a_lost_connection_is_tried_once_more(core: CoreWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session is ended from outside while it builds a fact; the second try builds that fact and what follows from it."""
    core.build()
    ended = []
    progress = dbt._progress

    def end_the_other_sessions(event: object) -> None:
        progress(event)
        if not ended and "changed_sales_orders" in event.info.msg and "OK" in event.info.msg:  # type: ignore[attr-defined]
            ended.append(True)
            core.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'fupan dbt' and datname = current_database()"
            )

    monkeypatch.setattr(dbt, "_progress", end_the_other_sessions)
    result = dbt.run_stage(begin(DAY), "core")
    assert ended
    assert result.is_built


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
