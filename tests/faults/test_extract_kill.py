"""An extraction that is killed with -9, wherever it is, and run again leaves what an undisturbed one would have left."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from tests.extract_source import DAY, empty_warehouse

from fupan.errors import Busy
from fupan.extract.run import extract_system
from fupan.server.postgres import EmbeddedPostgres

ROWS = 60_000
SEED = 20260310

_SOURCE = f"""
create table sales_order_lines (
    order_id text, line_no integer, sku text, qty integer, list_price numeric(14, 4), unit_price numeric(14, 4),
    discount_amount numeric(16, 4), net_amount numeric(16, 4), cost_amount numeric(16, 4), is_gift boolean,
    updated_at timestamptz, primary key (order_id, line_no)
);
insert into sales_order_lines
select 'SO' || i / 3, i % 3, 'SKU' || i % 50, 1 + i % 7, 19.9, 18.5, 0, 18.5 * (1 + i % 7), null, false,
    timestamptz '2026-01-01' + i * interval '1 min'
from generate_series(1, {ROWS}) as i;
"""

#: A night at the source: rows change, come, go, and go without a trace.
_NIGHT = f"""
update sales_order_lines set qty = qty + 1, updated_at = timestamptz '2026-03-01' + %(night)s * interval '1 day'
where hashtext(order_id || %(night)s) %% 4 = 0;
insert into sales_order_lines
select 'NEW' || %(night)s || '-' || i, 1, 'SKU1', i, 1, 1, 0, i, 0.5, true,
    timestamptz '2026-03-01' + %(night)s * interval '1 day'
from generate_series(1, {ROWS // 10}) as i;
delete from sales_order_lines where hashtext(order_id || %(night)s) %% 50 = 1;
"""

_EXTRACT = """
import datetime, sys
from fupan.extract.run import extract_system
print("ready", flush=True)
extract_system("erp", datetime.date.fromisoformat(sys.argv[1]))
"""


class Erp:
    """The source with one big table, and the warehouse that it goes to."""

    def __init__(self, source: str, warehouse: str) -> None:
        self.source, self.warehouse = source, warehouse

    def at_source(self, statement: str, night: int = 0) -> None:
        connection = psycopg2.connect(self.source)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, {"night": night} if night else None)
        connection.close()

    def lines(self, address: str, relation: str, condition: str) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(address)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "select order_id, line_no, sku, qty, list_price, unit_price, discount_amount, net_amount, cost_amount,"
                f" is_gift, updated_at from {relation} where {condition} order by 1, 2"
            )
            found = cursor.fetchall()
        connection.close()
        return found

    def ask(self, statement: str, *values: str) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.warehouse)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            found = cursor.fetchall()
        connection.close()
        return found


@pytest.fixture
def erp(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Erp]:
    source = server.ensure_database("extract_kill_source")
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    monkeypatch.setenv("AIRFLOW_CONN_KILL_TEST", source)
    monkeypatch.setenv("FUPAN_SOURCES", str(tmp_path))
    (tmp_path / "erp.yml").write_text(
        "{system: erp, kind: sql, connection: kill_test, time_zone: Asia/Shanghai,"
        " tables: {erp_sales_order_lines: {relation: sales_order_lines, reconcile: nightly, lookback: 1 day}}}"
    )
    found = Erp(source, empty_warehouse(server))
    found.at_source(_SOURCE)
    yield found
    found.at_source("drop table sales_order_lines")


def extract_again() -> None:
    """Once the server has noticed that the killed process is gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            extract_system("erp", DAY)
            return
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def start() -> subprocess.Popen[str]:
    """An extraction in a process of its own, its imports done."""
    process = subprocess.Popen(
        [sys.executable, "-c", _EXTRACT, DAY.isoformat()], stdout=subprocess.PIPE, text=True, env=os.environ.copy()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_killed_at_any_moment_and_run_again(erp: Erp) -> None:
    process, begun = start(), time.monotonic()
    assert process.wait(120) == 0
    undisturbed = time.monotonic() - begun
    dice, killed, night = random.Random(SEED), 0, 0

    # A load of what one night changed may end before its killer comes: five that did not.
    while killed < 5 and night < 20:
        night += 1
        before = erp.lines(erp.warehouse, "raw.erp_sales_order_lines", "_deleted_at is null")
        erp.at_source(_NIGHT, night)
        process = start()
        time.sleep(dice.uniform(0.02, 0.6) * undisturbed)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL

        # Nothing half-written is visible: the load's rows are all there or none of them.
        after = erp.lines(erp.warehouse, "raw.erp_sales_order_lines", "_deleted_at is null")
        loaded = [row for row in after if str(row[0]).startswith(f"NEW{night}-")]
        assert len(loaded) in (0, len(erp.lines(erp.source, "sales_order_lines", f"order_id like 'NEW{night}-%'")))
        assert (after == before) == (not loaded)

        extract_again()

        assert erp.lines(erp.warehouse, "raw.erp_sales_order_lines", "_deleted_at is null") == erp.lines(
            erp.source, "sales_order_lines", "true"
        )
        assert erp.ask(
            "select position ->> 'updated_at' = (select max(updated_at) from raw.erp_sales_order_lines)"
            "::timestamptz at time zone 'Asia/Shanghai' || '+08' from ops.watermark"
        ) == [(True,)]
        assert erp.ask("select count(*) from ops.load where state = 'running'") == [(0,)]
        assert erp.ask("select count(*) from ops.run where state = 'running'") == [(0,)]

    assert killed == 5, "the process was too fast for its killer"
    assert erp.ask("select bool_and(agrees) from ops.control_total") == [(True,)]
    # What the loads say they did is what raw went through: rows that stand there were inserted, each once.
    assert erp.ask(
        "select sum(rows_inserted) = (select count(*) from raw.erp_sales_order_lines) from ops.load"
        " where state = 'succeeded'"
    ) == [(True,)]
    assert erp.ask("select count(*) from ops.load where state = 'failed' and error like 'The process ended%'") >= [(1,)]


@pytest.mark.parametrize("statement", ['copy "fupan_stage"%', "%with compared as%", "%_deleted_at = now()%"])
def test_killed_in_the_middle_of_a_statement(erp: Erp, statement: str) -> None:
    """Killed while the warehouse is busy with that statement."""
    extract_system("erp", DAY)
    erp.at_source(_NIGHT, 1)
    kill_during(erp, statement)

    extract_again()

    assert erp.lines(erp.warehouse, "raw.erp_sales_order_lines", "_deleted_at is null") == erp.lines(
        erp.source, "sales_order_lines", "true"
    )


@pytest.mark.parametrize("statement", ['copy "raw"%', "analyze%", "alter table%add constraint%"])
def test_killed_in_the_middle_of_a_first_load(erp: Erp, statement: str) -> None:
    """Killed while raw is without its key, for a while: neither a row of it nor the lack of the key is ever visible."""
    kill_during(erp, statement)
    key = (
        "select count(*) from pg_constraint where conrelid = 'raw.erp_sales_order_lines'::regclass and contype = 'p'"
        " and conname = 'erp_sales_order_lines_pkey'"
    )

    assert erp.lines(erp.warehouse, "raw.erp_sales_order_lines", "true") == []
    assert erp.ask(key) == [(1,)]

    extract_again()

    assert erp.lines(erp.warehouse, "raw.erp_sales_order_lines", "_deleted_at is null") == erp.lines(
        erp.source, "sales_order_lines", "true"
    )
    assert erp.ask(key) == [(1,)]


def kill_during(erp: Erp, statement: str) -> None:
    """Start an extraction and kill it as soon as the warehouse is busy with that statement."""
    process = start()
    deadline, seen = time.monotonic() + 60, False
    with contextlib.closing(psycopg2.connect(erp.warehouse)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while process.poll() is None and time.monotonic() < deadline and not seen:
            cursor.execute(
                "select count(*) > 0 from pg_stat_activity where application_name = 'fupan extract erp load'"
                " and state = 'active' and query ilike %s",
                [statement],
            )
            seen = cursor.fetchone() == (True,)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert seen
