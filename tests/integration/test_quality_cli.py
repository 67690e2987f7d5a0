"""`fupan validate` and `fupan quarantine`: what they print, their exit codes, and no effect that nobody asked for."""

from __future__ import annotations

from datetime import date
from typing import Any

import click
import psycopg2
import pytest
from click.testing import CliRunner

from fupan.cli.quarantine import quarantine
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
    assert "7 rules judged, 0 failed, 0 of them critical" in result.output


def test_a_critical_failure_ends_with_one_and_shows_the_rule(connection: Any) -> None:
    connection.cursor().execute("update raw.erp_channels set channel_name = null where channel_id = 'C3'")
    result = run("--full", "--table", "erp_channels")
    assert result.exit_code == 1
    assert "channel_name_present" in result.output
    assert "7 rules judged, 1 failed, 1 of them critical" in result.output


def test_a_warning_ends_with_zero(connection: Any) -> None:
    connection.cursor().execute("update raw.erp_channels set channel_group = null where channel_id = 'C3'")
    result = run("--full")
    assert result.exit_code == 0
    assert "7 rules judged, 1 failed, 0 of them critical" in result.output


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
    assert "7 rules judged, 0 failed" in result.output
    cursor.execute("select count(*) from ops.validation")
    assert cursor.fetchone() == (0,)
    with connect("builder", "a night") as night:
        only_one(night, "build")
        assert isinstance(run().exception, Busy)


@pytest.fixture
def kept_out(connection: Any) -> Any:
    """Two customers whose number is blank: one with a phone in a note, one who has been named since."""
    cursor = connection.cursor()
    cursor.execute("insert into ops.source_table values ('erp', 'erp_customers', true)")
    cursor.execute(
        "insert into raw.erp_customers (customer_id, company_name, contact_phone, _batch_id) "
        "values (' ', 'Call 13800138000', 'hashed-phone', 1), ('', 'Lamps Ltd', 'hashed', 1)"
    )
    assert run("--full", "--table", "erp_customers", "--quarantine").exit_code == 0
    cursor.execute("update raw.erp_customers set customer_id = 'C-9' where customer_id = ''")
    return cursor


def command(*arguments: str) -> Any:
    return CliRunner().invoke(quarantine, list(arguments), catch_exceptions=True, standalone_mode=False)


def test_quarantine_is_listed_by_rule_with_owner(kept_out: Any) -> None:
    result = command("list")
    assert result.exception is None, result.output
    (line,) = [line for line in result.output.splitlines() if "customer_id_filled" in line]
    assert line.split()[:4] == ["erp", "erp_customers", "customer_id_filled", "2"]
    assert "sales-operations" in line
    assert "Customer number is not blank" in line
    assert "2 kept out" in result.output
    assert "Nothing is in quarantine" in command("list", "--table", "erp_channels").output


def test_quarantined_rows_are_shown_without_personal_data(kept_out: Any) -> None:
    result = command("show", "--table", "erp_customers")
    assert result.exception is None, result.output
    assert "company_name=Call [phone]" in result.output
    assert "hashed" not in result.output
    assert "still fails" in result.output
    assert "would return: deleted at the source" in result.output
    assert "2 in quarantine: 1 pass or are gone, 1 still fail" in result.output
    kept_out.execute("select count(*) from ops.quarantine where released_at is null")
    assert kept_out.fetchone() == (2,)
    assert "1 more with --limit 2" in command("show", "--rule", "customer_id_filled", "--limit", "1").output


def test_replay_lets_go_what_passes_and_says_what_stays(kept_out: Any) -> None:
    result = command("replay", "--system", "erp")
    assert result.return_value == 1, result.output
    assert "deleted at the source (1)" in result.output
    assert "the next build" in result.output
    kept_out.execute("delete from raw.erp_customers")
    assert command("replay").return_value == 0
    assert "Nothing is in quarantine" in command("replay").output


def test_what_is_not_there_is_an_error(kept_out: Any) -> None:
    assert isinstance(command("show").exception, click.UsageError)
    for option, name in (("--rule", "no_such_rule"), ("--table", "nothing"), ("--system", "moon")):
        wrong = command("list", option, name).exception
        assert isinstance(wrong, ConfigurationError)
        assert name in str(wrong)
