"""Order lines of a lighting factory as a source, and an installation that extracts them: twice, with and without hashes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from fupan import settings
from fupan.contracts.contract import Contract, contracts
from fupan.server.postgres import EmbeddedPostgres, binaries
from fupan.warehouse.bootstrap import bootstrap

DAY = date(2026, 3, 10)
PSQL = binaries() / "bin" / "psql"
PROJECT = Path(__file__).parents[2]

_COLUMNS: list[tuple[str, str, dict[str, Any]]] = [
    ("order_id", "text", {}),
    ("line_no", "smallint", {}),
    ("sku", "text", {"required": True}),
    ("product_name", "text", {}),
    ("category", "text", {}),
    ("channel", "text", {}),
    ("receiver", "text", {"personal_data": "name"}),
    ("phone", "text", {"personal_data": "phone"}),
    ("quantity", "integer", {}),
    ("unit_price", "numeric(12,2)", {}),
    ("amount", "numeric(14,2)", {"required": True}),
    ("discount_rate", "numeric(5,4)", {}),
    ("ordered_at", "timestamptz", {}),
    ("updated_at", "timestamptz", {}),
]

#: Lines in the order in which they were written, three an order, a day's thousands together: a history of three years.
_MAKE = """
create table order_lines (
    order_id text, line_no smallint, sku text, product_name text, category text, channel text, receiver text, phone text,
    quantity integer, unit_price numeric(12,2), amount numeric(14,2), discount_rate numeric(5,4), ordered_at timestamptz,
    updated_at timestamptz, primary key (order_id, line_no)
);
insert into order_lines
select
    'SO' || lpad((n / 3)::text, 10, '0'), n % 3 + 1, 'LT-' || lpad((n * 7919 % 5000)::text, 5, '0'),
    (array['智能吸顶灯', '护眼台灯', '水晶吊灯', '筒灯射灯', '户外投光灯', '浴霸取暖器'])[n % 6 + 1]
        || ' ' || n * 31 % 977 || ' 系列 暖白光',
    (array['客厅照明', '卧室照明', '商业照明', '户外照明', '电工电料'])[n % 5 + 1],
    (array['天猫旗舰店', '京东自营', '抖音直播间', '线下门店'])[n * 13 % 4 + 1],
    (array['王', '李', '张', '刘', '陈', '杨', '赵', '黄'])[n % 8 + 1]
        || (array['小明', '建国', '秀英', '志强', '丽', '伟', '桂兰', '子涵'])[n * 17 % 64 / 8 + 1],
    '+86 13' || lpad((n * 104729 % 1000000000)::text, 9, '0'),
    n % 12 + 1, n * 37 % 100000 / 100.0, n * 37 % 100000 / 100.0 * (n % 12 + 1), n % 30 / 100.0,
    timestamptz '2023-01-01 00:00+08' + n * interval '3 years' / {rows},
    timestamptz '2023-01-01 09:00+08' + n * interval '3 years' / {rows}
from generate_series(0::bigint, {rows} - 1) as n;
create index on order_lines (updated_at);
vacuum (freeze, analyze) order_lines;
"""

TABLES = {"hashed": "order_lines_hashed", "plain": "order_lines_plain"}


@dataclass
class OrderLines:
    """libpq URLs of a source with ``rows`` order lines and of the warehouse; systems `hashed` and `plain` are installed."""

    rows: int
    source: str
    warehouse: str
    server: EmbeddedPostgres
    project: Path

    def contract(self, system: str) -> Contract:
        return contracts(system, folder=self.project / "models" / "staging")[TABLES[system]]

    def command(self, system: str) -> list[str]:
        """Extract a system in a process of its own, as a task does."""
        return [sys.executable, "-m", "tests.bench.extract_once", str(self.project), system, DAY.isoformat()]

    def extract(self, system: str) -> None:
        subprocess.run(self.command(system), check=True, cwd=PROJECT)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """The contracts of these tables are the project's, so that this process can extract them."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "DBT_PROJECT", self.project)
            yield

    def forget(self) -> None:
        """Empty raw, and a server that has nothing left to write."""
        for table in TABLES.values():
            self.run(self.warehouse, f"drop table if exists raw.{table}")
        self.run(self.warehouse, "delete from ops.watermark")
        self.run(self.warehouse, "checkpoint")

    def run(self, address: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """One statement, committed; the rows that it gives."""
        with contextlib.closing(psycopg2.connect(address)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def order_lines(rows: int) -> Iterator[OrderLines]:
    """A server of its own, set up as in production, with the source and an empty warehouse on it."""
    folder = Path(tempfile.mkdtemp(prefix="fupan-bench-"))
    server = EmbeddedPostgres(folder / "postgres")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUPAN_HOME", str(folder))
        patch.setenv("FUPAN_SOURCES", str(folder / "sources"))
        try:
            server.start()
            source, warehouse = server.ensure_database("shop"), server.ensure_database("warehouse")
            patch.setenv("FUPAN_WAREHOUSE_URL", warehouse)
            patch.setenv("AIRFLOW_CONN_BENCH_SHOP", source)
            bootstrap()
            _install(folder)
            found = OrderLines(rows, source, warehouse, server, folder / "project")
            for statement in _MAKE.format(rows=rows).split(";\n"):
                if statement.strip():
                    found.run(source, statement)
            yield found
        finally:
            server.stop()
            server.remove()
            shutil.rmtree(folder)


def _install(folder: Path) -> None:
    (folder / "sources").mkdir()
    for system, table in TABLES.items():
        columns = [
            {
                "name": name,
                "data_type": data_type,
                "description": name,
                "config": {"meta": {k: v for k, v in meta.items() if system == "hashed" or k != "personal_data"}},
            }
            for name, data_type, meta in _COLUMNS
        ]
        meta = {
            "owner": "data-engineering",
            "primary_key": ["order_id", "line_no"],
            "cursor": ["updated_at"],
            "lookback": "0 days",
            "control_totals": {"day": "ordered_at", "sums": ["quantity", "amount"]},
        }
        contract = {"name": table, "description": "Order lines", "config": {"meta": meta}, "columns": columns}
        sources = folder / "project" / "models" / "staging" / system / f"_{system}__sources.yml"
        sources.parent.mkdir(parents=True)
        sources.write_text(yaml.safe_dump({"sources": [{"name": system, "schema": "raw", "tables": [contract]}]}))
        installed = {
            "system": system,
            "kind": "sql",
            "connection": "bench_shop",
            "time_zone": "Asia/Shanghai",
            "tables": {table: {"relation": "order_lines"}},
        }
        (folder / "sources" / f"{system}.yml").write_text(yaml.safe_dump(installed))


def environment() -> dict[str, str]:
    """For psql: nothing of the machine's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
