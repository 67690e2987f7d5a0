"""`fupan validate`: what it prints, its exit codes, and that it has no effect that nobody asked for."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg2
import pytest
from click.testing import CliRunner

from fupan.cli.validate import validate
from fupan.contracts.contract import contracts
from fupan.errors import Busy, ConfigurationError
from fupan.extract.raw_tables import ensure
from fupan.transform import dbt
from fupan.transform.manifest import Manifest
from fupan.warehouse.connection import connect, only_one

DAY = date(2026, 7, 21)


@pytest.fixture
def connection(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(dbt, "manifest", lambda: Manifest({"nodes": {}, "sources": {}, "groups": {}}))
    monkeypatch.setenv("COLUMNS", "200")
    with connect("loader", "test") as loader:
        ensure(loader, contracts().values())
        loader.commit()
    own = psycopg2.connect(warehouse)
    own.autocommit = True
    with own.cursor() as cursor:
        cursor.execute("insert into ops.source_table values ('erp', 'erp_channels', true)")
        cursor.execute(
            "insert into raw.erp_channels (channel_id, channel_name, channel_group, online_flag, _batch_id) "
            "select 'C' || g, 'Channel ' || g, 'dealer', true, 1 from generate_series(1, 5) as g"
        )
    yield own
    own.close()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(validate, list(arguments), catch_exceptions=True)


def test_good_history_ends_with_zero(connection: Any) -> None:
    result = run("--full")
    assert result.exit_code == 0, result.output
    assert "5 rules judged, 0 failed, 0 of them critical" in result.output


def test_a_critical_failure_ends_with_one_and_shows_the_rule(connection: Any) -> None:
    connection.cursor().execute("update raw.erp_channels set channel_name = null where channel_id = 'C3'")
    result = run("--full", "--table", "erp_channels")
    assert result.exit_code == 1
    assert "channel_name_present" in result.output
    assert "5 rules judged, 1 failed, 1 of them critical" in result.output


def test_a_warning_ends_with_zero(connection: Any) -> None:
    connection.cursor().execute("update raw.erp_channels set channel_group = null where channel_id = 'C3'")
    result = run("--full")
    assert result.exit_code == 0
    assert "5 rules judged, 1 failed, 0 of them critical" in result.output


def test_wrong_usage_says_so(connection: Any) -> None:
    assert run("--quarantine").exit_code == 2
    assert isinstance(run("--full", "--table", "nothing").exception, ConfigurationError)
    assert isinstance(run().exception, ConfigurationError), "there is no build to judge yet"


def test_the_last_build_is_judged_again_unless_one_is_under_way(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("insert into ops.run (kind, business_day) values ('extract', %s), ('build', %s)", [DAY, DAY])
    cursor.execute(
        "insert into ops.load (run_id, system, table_name, business_day, mode, state) "
        "select min(run_id), 'erp', 'erp_channels', %s, 'full', 'succeeded' from ops.run",
        [DAY],
    )
    cursor.execute(
        "insert into ops.build (run_id, business_day, kind) select max(run_id), %s, 'nightly' from ops.run", [DAY]
    )
    cursor.execute("insert into ops.build_load select build_id, load_id from ops.build, ops.load")
    cursor.execute("insert into ops.clock (business_day, build_id) select business_day, build_id from ops.build")
    result = run()
    assert result.exit_code == 0, result.output
    assert "5 rules judged, 0 failed" in result.output
    cursor.execute("select count(*) from ops.validation")
    assert cursor.fetchone() == (0,)
    with connect("builder", "a night") as night:
        only_one(night, "build")
        assert isinstance(run().exception, Busy)
