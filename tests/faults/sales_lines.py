"""A source with one big table, loaded by an extraction that can be killed, and beside it by the simple way."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest
from tests.extract_source import DAY
from tests.faults.sql_naive import Naive, ask, closing, run

from fupan import settings
from fupan.errors import Busy, SourceUnavailable
from fupan.extract.run import extract_system

ROWS = 60_000
#: What the orchestrator takes for worth another try.
TRIED_AGAIN = (SourceUnavailable, Busy, psycopg2.OperationalError, psycopg2.InterfaceError)

_PROJECT = Path(__file__).parents[2]
_RAW = "raw.erp_sales_order_lines"
_COLUMNS = (
    "order_id, line_no, sku, qty, list_price, unit_price, discount_amount, net_amount, cost_amount, is_gift, updated_at"
)

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

#: A contract of the table's own, in a project of its own.
_CONTRACT = """
sources:
  - name: erp
    schema: raw
    tables:
      - name: erp_sales_order_lines
        description: "One row an order line 订单行"
        config:
          meta:
            owner: nobody
            primary_key: [order_id, line_no]
            cursor: [updated_at]
            lookback: 1 day
            reconcile: nightly
            control_totals: {sums: [qty, net_amount]}
        columns:
          - {name: order_id, data_type: text}
          - {name: line_no, data_type: integer}
          - {name: sku, data_type: text}
          - {name: qty, data_type: integer}
          - {name: list_price, data_type: "numeric(14,4)"}
          - {name: unit_price, data_type: "numeric(14,4)"}
          - {name: discount_amount, data_type: "numeric(16,4)"}
          - {name: net_amount, data_type: "numeric(16,4)"}
          - {name: cost_amount, data_type: "numeric(16,4)"}
          - {name: is_gift, data_type: boolean}
          - {name: updated_at, data_type: timestamptz}
"""

#: A night at the source: rows change, come, go, and go without a trace.
_NIGHT = f"""
update sales_order_lines set qty = qty + 1, updated_at = timestamptz '2026-03-01' + {{night}} * interval '1 hour'
where hashtext(order_id || {{night}}) % 4 = 0;
insert into sales_order_lines
select 'NEW' || {{night}} || '-' || i, 1, 'SKU1', i, 1, 1, 0, i, 0.5, true,
    timestamptz '2026-03-01' + {{night}} * interval '1 hour'
from generate_series(1, {ROWS // 10}) as i;
delete from sales_order_lines where hashtext(order_id || {{night}}) % 50 = 1;
delete from sales_order_lines where order_id like 'NEW' || {{night}} - 5 || '-%';
"""

_EXTRACT = """
import datetime, pathlib, sys
from fupan import settings
from fupan.extract.run import extract_system
settings.DBT_PROJECT = pathlib.Path(sys.argv[2])
print("ready", flush=True)
extract_system("erp", datetime.date.fromisoformat(sys.argv[1]))
"""
_NAIVE = """
import sys
from tests.faults.sql_naive import Naive
print("ready", flush=True)
Naive(*sys.argv[1:4], key=("order_id", "line_no")).load()
"""


class SalesLines:
    """The source and the warehouse; ``source`` and ``warehouse`` are libpq URLs, which a restart may change."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch, self._project = patch, folder / "project"
        staging = self._project / "models" / "staging" / "erp"
        staging.mkdir(parents=True)
        (staging / "_erp__sources.yml").write_text(_CONTRACT)
        patch.setattr(settings, "DBT_PROJECT", self._project)
        self.source = self.warehouse = ""
        self.night = 0
        patch.setenv("FUPAN_SOURCES", str(folder))
        (folder / "erp.yml").write_text(
            "{system: erp, kind: sql, connection: kill_test, time_zone: Asia/Shanghai, tables:"
            " {erp_sales_order_lines: {relation: sales_order_lines}}}"
        )

    def at(self, source: str, warehouse: str) -> None:
        """Where both are from now on."""
        self.source, self.warehouse = source, warehouse
        self._patch.setenv("FUPAN_WAREHOUSE_URL", warehouse)
        self._patch.setenv("AIRFLOW_CONN_KILL_TEST", source)

    @property
    def naive(self) -> Naive:
        return Naive(self.source, self.warehouse, "sales_order_lines", key=("order_id", "line_no"))

    def make(self) -> None:
        """The table at the source, and the simple way's."""
        run(self.source, "drop table if exists sales_order_lines", _SOURCE)
        self.naive.begin()

    def pass_a_night(self) -> None:
        self.night += 1
        run(self.source, _NIGHT.format(night=self.night))

    def forget(self) -> None:
        """Raw is empty again, and so is the simple way's table: what comes next is a first load."""
        run(self.warehouse, f"truncate {_RAW}, ops.watermark, naive.sales_order_lines")

    def extract(self) -> None:
        """Once whoever holds the lock of a killed process has noticed that it is gone."""
        deadline = time.monotonic() + 30
        while True:
            try:
                extract_system("erp", DAY)
                return
            except Busy:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def started(self) -> subprocess.Popen[str]:
        """An extraction in a process of its own, its imports done."""
        return _begun([sys.executable, "-c", _EXTRACT, DAY.isoformat(), str(self._project)])

    def started_naive(self) -> subprocess.Popen[str]:
        return _begun([sys.executable, "-c", _NAIVE, self.source, self.warehouse, "sales_order_lines"])

    def there(self, condition: str = "true") -> tuple[int, object]:
        """Number and fingerprint of the source's rows."""
        return _fingerprint(self.source, "sales_order_lines", condition)

    def here(self, condition: str = "true") -> tuple[int, object]:
        """Number and fingerprint of raw's live rows."""
        return _fingerprint(self.warehouse, _RAW, f"_deleted_at is null and {condition}")

    def must_be_equal(self) -> None:
        """Raw is the source to the row, the watermark its newest stamp, and ops says of nothing that it is under way."""
        assert self.here() == self.there()
        (watermark,) = ask(self.warehouse, "select (position ->> 'updated_at')::timestamptz from ops.watermark")
        assert [watermark] == ask(self.warehouse, f"select max(updated_at) from {_RAW}")
        for table in ("ops.load", "ops.run"):
            assert ask(self.warehouse, f"select * from {table} where state = 'running'") == []
        newest = ask(
            self.warehouse,
            "select agrees, rows_read = rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected"
            " from ops.load left join ops.control_total using (load_id)"
            " where run_id = (select max(run_id) from ops.run) and state = 'succeeded' and mode <> 'reconcile'",
        )
        assert newest
        assert set(newest) <= {(True, True), (None, True)}

    def lost_by_the_simple_way(self) -> int:
        """Rows of the source that it lacks or has otherwise, after another run of it."""
        self.naive.load()
        rows = "order_id, line_no, qty, updated_at"
        return len({*ask(self.source, f"select {rows} from sales_order_lines")} - {*self.naive.rows(rows)})


def _begun(command: list[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=_PROJECT, env=os.environ | {"PYTHONPATH": str(_PROJECT)}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _fingerprint(url: str, relation: str, condition: str) -> tuple[int, object]:
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(closing(url))
        cursor = stack.enter_context(connection.cursor())
        cursor.execute("set time zone 'UTC'")
        cursor.execute(
            f"select count(*), sum(hashtextextended(row({_COLUMNS})::text, 0)) from {relation} where {condition}"
        )
        found = cursor.fetchone()
    assert found is not None
    return found
