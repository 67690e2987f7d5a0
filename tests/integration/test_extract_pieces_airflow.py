"""The extraction DAG under Airflow: a big table goes through mapped tasks, a night without one skips them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from tests.extract_source import empty_warehouse

from fupan import settings
from fupan.contracts.contract import contracts
from fupan.server.postgres import EmbeddedPostgres

ROWS = 3000
DAYS = ["2026-03-10", "2026-03-11"]

_SOURCE = f"""
drop table if exists lines;
create table lines ({{columns}}, primary key (order_id, line_no));
insert into lines (order_id, line_no, sku, qty, list_price, unit_price, discount_amount, net_amount, is_gift, updated_at)
select 'SO' || i / 3, i % 3, 'SKU' || i % 50, 1 + i % 7, 19.9, 18.5, 0, 18.5 * (1 + i % 7), false,
    timestamptz '2026-01-01' + i * interval '20 min'
from generate_series(1, {ROWS}) as i;
analyze lines;
"""

_RUNS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
dag = DagBag(sys.argv[1]).dags["extract_erp"]
for day in sys.argv[2:]:
    run = dag.test(run_conf={"business_day": day})
    tasks = sorted((ti.task_id, ti.map_index, ti.state and str(ti.state)) for ti in run.get_task_instances())
    print("RESULT" + json.dumps(tasks), flush=True)
"""


@pytest.fixture
def environment(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    source = server.ensure_database("extract_erp")
    with psycopg2.connect(source) as connection, connection.cursor() as cursor:
        columns = contracts("erp")["erp_sales_order_lines"].columns
        cursor.execute(_SOURCE.format(columns=", ".join(f"{column.name} {column.data_type}" for column in columns)))
    connection.close()
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    empty_warehouse(server)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "erp.yml").write_text(
        "{system: erp, kind: sql, connection: erp_test, time_zone: Asia/Shanghai,"
        " tables: {erp_sales_order_lines: {relation: lines, pieces: {rows: 1000}}}}"
    )
    return {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(tmp_path / "airflow home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.PROJECT / "plugins"),
        "AIRFLOW_CONN_ERP_TEST": source,
        "FUPAN_SOURCES": str(tmp_path / "sources"),
    }


def run(environment: dict[str, str], *command: str) -> str:
    ended = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False, cwd="/"
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


def test_a_first_night_maps_and_the_next_one_skips(server: EmbeddedPostgres, environment: dict[str, str]) -> None:
    run(environment, "-m", "airflow", "db", "migrate")
    said = run(environment, "-c", _RUNS, str(settings.DAGS / "extract_erp.py"), *DAYS)
    results: list[Any] = [json.loads(line.removeprefix("RESULT")) for line in said.splitlines() if "RESULT" in line]
    assert results[0] == [
        ["build_again", -1, "skipped"],
        ["extract", -1, "success"],
        ["join_pieces", -1, "success"],
        ["landed_late", -1, "success"],
        *(["load_piece", number, "success"] for number in range(3)),
    ]
    assert results[1] == [
        ["build_again", -1, "skipped"],
        ["extract", -1, "success"],
        ["join_pieces", -1, "skipped"],
        ["landed_late", -1, "success"],
        ["load_piece", -1, "skipped"],
    ]
    with psycopg2.connect(server.database_url("extract_tests")) as connection, connection.cursor() as cursor:
        cursor.execute("select business_day::text, state from ops.landing order by 1")
        assert cursor.fetchall() == [(day, "landed") for day in DAYS]
        cursor.execute("select mode, rows_read, rows_inserted from ops.load order by load_id limit 1")
        assert cursor.fetchall() == [("full", ROWS, ROWS)]
    connection.close()
