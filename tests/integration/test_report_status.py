"""`fupan status` against a real warehouse: what it shows, and its exit codes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from tests.night_rows import NightRows, query

from fupan import settings
from fupan.cli import main
from fupan.server.postgres import EmbeddedPostgres

SALES, SERVICE = "sales_performance", "after_sales"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["status", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def a_night(day: date, finished_at: datetime | None = None) -> NightRows:
    night = NightRows(day)
    night.verdict(SALES)
    night.finish(finished_at)
    return night


def test_json_holds_roles_night_and_dimensions(warehouse: str, capsys: pytest.CaptureFixture[str]) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    a_night(yesterday - timedelta(days=1))
    night = NightRows(yesterday)
    night.verdict(SALES)
    night.verdict(SERVICE, [night.reason("qty_not_negative", "erp_sales_order_lines")])
    night.finish()
    NightRows(yesterday + timedelta(days=1))
    assert run("--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown["warehouse"]) == ["owner", "loader", "builder", "reader"]
    assert "bi_reader:***@" in shown["warehouse"]["reader"]
    assert shown["airflow"] is None
    last = shown["last_night"]
    assert (last["build_id"], last["business_day"]) == (night.build_id, yesterday.isoformat())
    assert last["verdicts"] == {SALES: "published", SERVICE: "held"}
    [status_row] = query("select business_day, release_id from status.dimension_status where dimension = %s", SALES)
    dimensions = {one["dimension"]: one for one in shown["dimensions"]}
    assert dimensions[SALES]["release_id"] == status_row["release_id"]
    assert dimensions[SALES]["age_hours"] < 24
    assert dimensions[SERVICE]["age_hours"] is None


def test_what_people_read_masks_passwords_unless_asked(warehouse: str, capsys: pytest.CaptureFixture[str]) -> None:
    a_night(datetime.now(UTC).date() - timedelta(days=1))
    assert run() == 0
    shown = capsys.readouterr().out
    assert settings.secret("reader_password") not in shown
    assert "sales_performance 销售业绩  published" in shown
    assert run("--show-passwords") == 0
    url = settings.warehouse_url("reader")
    assert f"psql '{url}'" in capsys.readouterr().out
    psycopg2.connect(url).close()


def test_max_age(warehouse: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--max-age", "30") == 1, "no night yet"
    now = datetime.now(UTC)
    a_night(now.date() - timedelta(days=3))
    assert run("--max-age", "1000") == 0
    assert run("--max-age", "30") == 1
    assert "sales_performance shows" in capsys.readouterr().out
    a_night(now.date() - timedelta(days=1))
    assert run("--max-age", "30") == 0


def test_a_night_that_ended_long_ago_is_too_old_although_the_day_it_shows_is_not(warehouse: str) -> None:
    now = datetime.now(UTC)
    a_night(now.date() - timedelta(days=1), now - timedelta(hours=31))
    assert run("--max-age", "30") == 1


def test_no_warehouse_is_exit_2_with_what_to_do(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", "postgresql://fupan@127.0.0.1:1/fupan")
    assert run("--max-age", "30") == 2
    assert "does not answer" in capsys.readouterr().err
    monkeypatch.delenv("FUPAN_WAREHOUSE_URL")
    monkeypatch.setenv("FUPAN_HOME", str(state / "never started"))
    assert run("--json") == 2
    told = capsys.readouterr()
    assert "Run `make up`" in told.err
    assert told.out == ""


def test_a_database_that_is_not_ours_is_exit_2(
    server: EmbeddedPostgres, warehouse: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("empty"))
    assert run() == 2
    assert "no warehouse of Fupan yet" in capsys.readouterr().err
