"""A whole system of the real contracts: landing, a table that fails among others, nightly reconciliation, raw tables."""

from __future__ import annotations

import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
from tests.extract_source import DAY, empty_warehouse

from fupan.contracts.contract import contracts
from fupan.errors import ConfigurationError, ContractError, FupanError
from fupan.extract import session
from fupan.extract.landing import outstanding
from fupan.extract.raw_tables import ensure_raw_tables
from fupan.extract.reconcile import reconcile_system
from fupan.extract.run import extract_system, mark_failed
from fupan.server.postgres import EmbeddedPostgres

_TABLES = """
drop schema if exists erp cascade;
create schema erp;
create table erp.channels (channel_id varchar(20), channel_name text, channel_group text, online_flag boolean,
    is_emerging boolean, opened_on date);
create table erp.sales_orders (order_id text, order_date date, customer_id text, channel_id text, platform text,
    device_type text, country char(2), currency char(3), status text, cancelled_at timestamp, updated_at timestamp);
insert into erp.channels values ('tmall', '天猫', 'online', true, false, '2015-01-01');
alter table erp.sales_orders {more};
insert into erp.sales_orders (order_id, order_date, customer_id, channel_id, platform, device_type, country, currency, status,
    cancelled_at, updated_at)
select 'SO' || i, date '2026-03-01', null, 'tmall', null, null, 'CN', 'CNY', 'paid', null,
    timestamp '2026-03-01 08:00' + i * interval '1 hour'
from generate_series(1, 200) as i;
"""


class Erp:
    def __init__(self, source: str, warehouse: str, folder: Path) -> None:
        self.source, self.warehouse, self.folder = source, warehouse, folder
        self.at_source(_TABLES.format(more=self._what_else_is_contracted()))
        self.installation(erp_channels="{relation: erp.channels}", erp_sales_orders="{relation: erp.sales_orders}")

    @staticmethod
    def _what_else_is_contracted() -> str:
        """The contract's further columns, which this shop leaves empty."""
        return ", ".join(
            f"add if not exists {column.name} {column.data_type}" for column in contracts()["erp_sales_orders"].columns
        )

    def installation(self, **tables: str) -> None:
        entries = ", ".join(f"{name}: {entry}" for name, entry in tables.items())
        (self.folder / "erp.yml").write_text(
            f"{{system: erp, kind: sql, connection: erp_test, time_zone: Asia/Shanghai, tables: {{{entries}}}}}"
        )

    def at_source(self, statement: str) -> None:
        connection = psycopg2.connect(self.source)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def ask(self, statement: str) -> list[dict[str, Any]]:
        connection = psycopg2.connect(self.warehouse)
        with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(statement)
            found = [dict(row) for row in cursor.fetchall()]
        connection.close()
        return found

    def cancel_while(self, query: str) -> None:
        """Cancel an order while the extraction runs a query like this at the source."""
        connection = psycopg2.connect(self.source)
        connection.autocommit = True
        with connection.cursor() as cursor:
            for _ in range(600):
                cursor.execute(
                    "select 1 from pg_stat_activity"
                    " where application_name = 'fupan extract' and state = 'active' and query like %s",
                    [query],
                )
                if cursor.fetchone():
                    break
                time.sleep(0.05)
            cursor.execute("update erp.sales_orders set status = 'cancelled' where order_id = 'SO200'")
        connection.close()

    def count(self, table: str) -> Any:
        return self.ask(f"select count(*) as n from raw.{table} where _deleted_at is null")[0]["n"]


@pytest.fixture
def erp(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Erp:
    source = server.ensure_database("extract_erp")
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    monkeypatch.setenv("AIRFLOW_CONN_ERP_TEST", source)
    monkeypatch.setenv("FUPAN_SOURCES", str(tmp_path))
    return Erp(source, empty_warehouse(server), tmp_path)


def test_a_system_lands(erp: Erp) -> None:
    assert outstanding(DAY) == {"erp": "not started"}

    results = extract_system("erp", DAY, orchestrator_run_id="scheduled__1")

    assert {r.table: r.counts.inserted for r in results} == {"erp_channels": 1, "erp_sales_orders": 200}
    assert outstanding(DAY) == {}
    assert outstanding(date(2026, 3, 11)) == {"erp": "not started"}
    (run,) = erp.ask("select kind, system, business_day, state, orchestrator_run_id from ops.run")
    assert tuple(run.values()) == ("extract", "erp", DAY, "succeeded", "scheduled__1")
    # A step that gives up after the day has landed does not take that back.
    mark_failed("erp", DAY, "too late")
    assert erp.ask("select state, error from ops.landing") == [{"state": "landed", "error": None}]


def test_a_failing_table_does_not_stop_the_others(erp: Erp) -> None:
    erp.at_source("alter table erp.channels rename column online_flag to is_online")

    with pytest.raises(ContractError) as stopped:
        extract_system("erp", DAY)

    assert stopped.value.where == {"system": "erp", "table": "erp_channels", "column": "online_flag"}
    assert (erp.count("erp_channels"), erp.count("erp_sales_orders")) == (0, 200)
    assert {r["table_name"]: r["state"] for r in erp.ask("select * from ops.load")} == {
        "erp_channels": "failed",
        "erp_sales_orders": "succeeded",
    }
    assert {r["kind"] for r in erp.ask("select * from ops.drift")} == {"missing", "added"}
    assert outstanding(DAY) == {"erp": f"to be tried again: {stopped.value}"}

    mark_failed("erp", DAY, stopped.value)
    assert outstanding(DAY) == {}
    (landing,) = erp.ask("select state, error from ops.landing")
    assert landing["state"] == "failed"
    assert "online_flag" in landing["error"]

    erp.at_source("alter table erp.channels rename column is_online to online_flag")
    extract_system("erp", DAY)
    assert erp.ask("select state, error from ops.landing") == [{"state": "landed", "error": None}]
    assert erp.ask("select count(*) as n from ops.drift where resolved_at is null") == [{"n": 0}]


def test_nightly_and_weekly_reconciliation(erp: Erp) -> None:
    extract_system("erp", DAY)
    erp.at_source("delete from erp.sales_orders where order_id in ('SO1', 'SO2')")
    extract_system("erp", DAY)
    assert erp.count("erp_sales_orders") == 200

    weekly = {r.table: r.counts.deleted for r in reconcile_system("erp", DAY)}
    assert weekly == {"erp_channels": 0, "erp_sales_orders": 2}
    assert erp.count("erp_sales_orders") == 198
    assert erp.ask("select kind, state from ops.run order by run_id desc limit 1") == [
        {"kind": "maintain", "state": "succeeded"}
    ]

    erp.at_source("delete from erp.sales_orders where order_id = 'SO3'")
    erp.installation(erp_sales_orders="{relation: erp.sales_orders, reconcile: nightly}")
    nightly = extract_system("erp", DAY)
    assert [(r.mode, r.counts.deleted, r.totals_agree) for r in nightly] == [
        ("incremental", 0, True),
        ("reconcile", 1, True),
    ]
    # Committed long ago under an old stamp, so that no lookback finds it: the night says that a key is missing.
    erp.at_source(
        "insert into erp.sales_orders (order_id, order_date, currency, status, updated_at)"
        " values ('lost', '2026-01-01', 'CNY', 'paid', '2026-01-01')"
    )
    assert extract_system("erp", DAY)[1].totals_agree is False
    window = (date(2026, 1, 1), date(2026, 1, 1))
    assert extract_system("erp", DAY, window=window)[0].counts.inserted == 1
    assert extract_system("erp", DAY)[1].totals_agree is True


def test_orders_and_lines_come_from_one_snapshot(erp: Erp) -> None:
    """A table that is read second shows the source as it was when the first one was."""
    erp.at_source(
        "create function erp.meanwhile() returns text language plpgsql volatile as $$ begin perform pg_sleep(1);"
        " return 'tmall'; end $$"
    )
    erp.installation(
        erp_channels="{query: 'select erp.meanwhile() as channel_id, channel_name, channel_group, online_flag,"
        " is_emerging, opened_on from erp.channels'}",
        erp_sales_orders="{relation: erp.sales_orders}",
    )
    writer = threading.Thread(target=erp.cancel_while, args=["%meanwhile%"])
    writer.start()
    extract_system("erp", DAY)
    writer.join()
    status = erp.ask("select status from raw.erp_sales_orders where order_id = 'SO200'")[0]["status"]
    extract_system("erp", DAY)
    assert (status, erp.ask("select status from raw.erp_sales_orders where order_id = 'SO200'")[0]["status"]) == (
        "paid",
        "cancelled",
    )


def test_raw_has_every_contract_delivered_or_not(erp: Erp) -> None:
    ensure_raw_tables()
    ensure_raw_tables()

    delivered = {r["table_name"]: r["is_delivered"] for r in erp.ask("select * from ops.source_table")}
    assert delivered == {name: name in ("erp_channels", "erp_sales_orders") for name in contracts()}
    freshness = "select freshness from ops.source_table where table_name = 'erp_sales_orders'"
    assert erp.ask(freshness) == [{"freshness": contracts()["erp_sales_orders"].freshness}]
    erp.installation(erp_sales_orders="{relation: erp.sales_orders, freshness: never}")
    ensure_raw_tables()
    assert erp.ask(freshness) == [{"freshness": None}]
    assert erp.ask("select system, time_zone from ops.source_system") == [
        {"system": "erp", "time_zone": "Asia/Shanghai"}
    ]
    columns = erp.ask(
        "select column_name from information_schema.columns where table_schema = 'raw' and table_name = 'hr_targets'"
        " order by ordinal_position"
    )
    assert [c["column_name"] for c in columns] == [
        *(column.name for column in contracts()["hr_targets"].columns),
        "_loaded_at",
        "_batch_id",
        "_deleted_at",
    ]


def test_a_source_that_fails_while_it_is_opened_is_left(erp: Erp, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []

    def fail(_system: Any, connection: Any) -> None:
        opened.append(connection)
        raise psycopg2.OperationalError("cut off")

    monkeypatch.setattr(session, "PostgresSource", fail)
    with pytest.raises(psycopg2.OperationalError):
        extract_system("erp", DAY)
    assert [connection.closed for connection in opened] == [1]


def test_wrong_names_are_refused(erp: Erp) -> None:
    with pytest.raises(ConfigurationError, match="no such system"):
        extract_system("crm", DAY)
    erp.installation(erp_chanels="{relation: erp.channels}")
    with pytest.raises(FupanError, match="No contract names this table"):
        extract_system("erp", DAY)


def test_another_pseudonym_key_is_refused_before_anything_is_read(erp: Erp, monkeypatch: pytest.MonkeyPatch) -> None:
    extract_system("erp", DAY)
    monkeypatch.setenv("FUPAN_PSEUDONYM_KEY", "a key of somebody else")
    with pytest.raises(ConfigurationError, match="The pseudonym key has changed"):
        extract_system("erp", DAY)
    assert erp.ask("select count(*) as runs from ops.run") == [{"runs": 1}]
