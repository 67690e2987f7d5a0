"""A little shop as a source, in PostgreSQL or SQLite, and loads of its one table; the table has no key, so it can go wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras

from fupan.contracts.contract import Column, Contract, ControlTotals
from fupan.contracts.installation import SqlSystem, SqlTable
from fupan.extract.ledger import LoadResult
from fupan.extract.reconcile import reconcile_table
from fupan.extract.session import running
from fupan.extract.table import load_table
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap

DAY = date(2026, 3, 10)
QUERY = "select * from shop_orders"

COLUMNS = (
    Column(name="order_id", data_type="text", description="Order 订单"),
    Column(name="buyer", data_type="text", description="Name 姓名", personal_data="name"),
    Column(name="phone", data_type="text", description="Phone 电话", personal_data="phone"),
    Column(name="qty", data_type="smallint", description="Units 数量"),
    Column(name="amount", data_type="numeric(10,2)", description="Amount 金额", required=True),
    Column(name="paid", data_type="boolean", description="Paid 已付款"),
    Column(name="ordered_on", data_type="date", description="Day 日期"),
    Column(name="updated_at", data_type="timestamptz", description="Last change 更新时间"),
)


def contract(**changes: Any) -> Contract:
    """The shop's one contract, changed as the test needs."""
    given: dict[str, Any] = {
        "system": "shop",
        "name": "shop_orders",
        "description": "One row an order",
        "owner": "nobody",
        "primary_key": ("order_id",),
        "cursor": ("updated_at",),
        "lookback": timedelta(days=2),
        "control_totals": ControlTotals(day="ordered_on", sums=("amount", "qty")),
        "columns": COLUMNS,
    }
    return Contract(**(given | changes))


class Shop:
    """The source: ``kind`` postgres or sqlite; its time stamps carry no zone."""

    def __init__(self, kind: str, address: str, warehouse: str) -> None:
        self.kind, self.warehouse, self.time_zone = kind, warehouse, "Asia/Shanghai"
        self.address = f"sqlite:///{address}" if kind == "sqlite" else address
        self._path = address
        self.execute("drop table if exists shop_orders")
        self.execute(
            "create table shop_orders (order_id text, buyer text, phone text, qty integer, amount numeric,"
            f" paid boolean, ordered_on date, updated_at {'text' if kind == 'sqlite' else 'timestamp'})"
        )

    def execute(self, statement: str, values: Iterable[Any] = ()) -> None:
        """One statement; `?` stands for a value."""
        if self.kind == "sqlite":
            with sqlite3.connect(self._path) as database:
                database.execute(statement, tuple(values))
            database.close()
            return
        connection = psycopg2.connect(self.address)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement.replace("?", "%s"), tuple(values))
        connection.close()

    def put(self, order_id: str | None, **values: Any) -> None:
        """Add a row, whether or not the key is there; what is not given is an ordinary order's."""
        row: dict[str, Any] = {
            "order_id": order_id,
            "buyer": "王小明",
            "phone": "+86 138-0013-8000",
            "qty": 2,
            "amount": "19.90",
            "paid": True,
            "ordered_on": "2026-03-01",
            "updated_at": "2026-03-01 10:00:00",
        } | values
        self.execute(
            f"insert into shop_orders ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            [str(v) if isinstance(v, date) else v for v in row.values()],
        )

    def change(self, order_id: str, **values: Any) -> None:
        """Change rows of a key."""
        changes = ", ".join(f"{name} = ?" for name in values)
        self.execute(f"update shop_orders set {changes} where order_id = ?", [*values.values(), order_id])

    def delete(self, order_id: str) -> None:
        self.execute("delete from shop_orders where order_id = ?", [order_id])

    def system(self, **parameters: Any) -> SqlSystem:
        return SqlSystem(
            system="shop",
            kind="sql",
            connection="shop_test",
            time_zone=self.time_zone,
            parameters=parameters,
            tables={},
        )

    def load(
        self, table: Contract | None = None, query: str = QUERY, *, window: Any = None, **parameters: Any
    ) -> LoadResult:
        """One run that loads the table."""
        with running(self.system(**parameters), DAY) as session:
            return load_table(session, table or contract(), SqlTable(query=query), window)

    def reconcile(self, table: Contract | None = None, query: str = QUERY) -> LoadResult:
        """One run that reconciles the table."""
        with running(self.system(), DAY, kind="maintain") as session:
            return reconcile_table(session, table or contract(), SqlTable(query=query), after_load=False)

    def session(self) -> Any:
        """A run whose session the test uses itself."""
        return running(self.system(), DAY)

    def ask(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the warehouse, as its owner; time stamps come in UTC."""
        connection = psycopg2.connect(self.warehouse, options="-c timezone=UTC")
        with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(statement, values or None)
            found = [dict(row) for row in cursor.fetchall()]
        connection.close()
        return found

    def raw(self) -> dict[str, dict[str, Any]]:
        """Raw's rows by order; live ones alone."""
        return {r["order_id"]: r for r in self.ask("select * from raw.shop_orders where _deleted_at is null")}

    def loads(self) -> list[dict[str, Any]]:
        return self.ask("select * from ops.load order by load_id")

    def watermark(self) -> dict[str, str] | None:
        found = self.ask("select position from ops.watermark")
        return found[0]["position"] if found else None

    def written(self) -> list[tuple[str, str]]:
        """Where each raw row physically stands and who locked it: the same before and after means nothing was written."""
        return [
            (r["place"], r["xmax"])
            for r in self.ask("select ctid::text as place, xmax::text from raw.shop_orders order by ctid")
        ]


def empty_warehouse(server: EmbeddedPostgres) -> str:
    """A bootstrapped warehouse with nothing in it; one database for all these tests, for making one takes a second.

    FUPAN_WAREHOUSE_URL must name it already (`server.ensure_database("extract_tests")`).
    """
    url = server.ensure_database("extract_tests")
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("select to_regclass('ops.run') is null")
        if (cursor.fetchone() or (True,))[0]:
            bootstrap()
            # Hundreds of small commits: what a crash of the machine would lose is no matter here.
            cursor.execute("alter database extract_tests set synchronous_commit = off")
        cursor.execute("select format('%I.%I', schemaname, tablename), schemaname from pg_tables")
        found = cursor.fetchall()
        ours = {schema: [name for name, of in found if of == schema] for schema in ("raw", "ops")}
        cursor.execute(f"truncate {', '.join(ours['ops'])} restart identity cascade")
        if ours["raw"]:
            cursor.execute(f"drop table {', '.join(ours['raw'])}")
    connection.close()
    return url


def file_of(folder: Path) -> str:
    return str(folder / "shop of tests.db")
