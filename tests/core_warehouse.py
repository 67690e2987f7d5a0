"""A warehouse whose raw rows a test writes by hand, and builds of core on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import psycopg2
from psycopg2 import sql

from fupan.contracts.contract import contracts
from fupan.extract.raw_tables import ensure
from fupan.night.build import begin, finish
from fupan.transform.dbt import StageResult, run_stage
from fupan.warehouse.bootstrap import bootstrap
from fupan.warehouse.connection import connect

Row = Mapping[str, Any]

#: What core computes and keeps; nothing in it depends on how it was computed.
RESULTS = {
    "fct_sales_order_line": "order_id, line_no",
    "fct_return_line": "return_id",
    "fct_target": "target_id",
    "agg_sales_daily": "day, product_line, region_code, channel_id, platform, device_type, price_band, currency",
    "agg_order_daily": "day, product_line, region_code, channel_id, platform, currency",
    "agg_sku_daily": "day, sku, product_line, currency",
    "agg_sku_order_daily": "day, sku",
    "agg_sku_cohort_daily": "day, sku, product_line, category, platform, channel_id, currency",
    "fct_review": "review_id",
    "agg_review_daily": "day, sku, platform, brand",
    "fct_complaint": "complaint_id",
    "fct_service_ticket": "ticket_id",
    "fct_chat": "chat_id",
    "fct_survey_response": "response_key",
    "agg_service_case_daily": "day, case_type, case_class, complaint_type, urgency, region_code",
    "agg_response_time": "period_key, case_type, slice_type, slice_value",
    "agg_complaint_daily": "day, complaint_type, sku, product_line, region_code, root_cause",
}

PRODUCT = {"product_name": "Lamp", "product_line": "Indoor", "list_price": 100, "standard_cost": 40, "is_smart": False}
CUSTOMER = {"company_name": "Customer", "is_b2b": True, "region_code": "R-EAST", "country": "CN"}
ORDER = {
    "order_date": date(2026, 1, 5),
    "customer_id": "C1",
    "channel_id": "CH1",
    "country": "CN",
    "currency": "CNY",
    "status": "paid",
}
LINE = {
    "line_no": 1,
    "sku": "A",
    "qty": 1,
    "list_price": 100,
    "unit_price": 90,
    "discount_amount": 10,
    "net_amount": 90,
    "cost_amount": 40,
    "is_gift": False,
}
RETURN = {"return_type": "return", "qty": 1, "refund_amount": 90, "currency": "CNY"}


class CoreWarehouse:
    """Raw tables, loads, quarantine and builds of one test; `reset` empties it for the next, keeping the database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def close(self) -> None:
        self._connection.close()

    def reset(self) -> None:
        """An empty warehouse, as before the first night."""
        self.execute("drop schema if exists staging, core, raw, ops, status cascade")
        for name in self.column("select nspname from pg_namespace where nspname like 'build\\_%'"):
            self.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))
        bootstrap()
        with connect("loader", "test") as connection:
            ensure(connection, contracts().values())
            connection.commit()
        for system in sorted({contract.system for contract in contracts().values()}):
            self.execute("insert into ops.source_system values (%s, 'Asia/Shanghai', 'test')", [system])

    def execute(self, statement: str | sql.Composable, parameters: Any = None) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    def query(self, statement: str | sql.Composable, parameters: Any = None) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())

    def column(self, statement: str | sql.Composable, parameters: Any = None) -> list[Any]:
        return [row[0] for row in self.query(statement, parameters)]

    def land(self, table: str, *rows: Row, day: date = date(2026, 1, 10)) -> None:
        """One load that upserts these rows into a raw table."""
        contract, load_id = contracts()[table], self._load(table, day)
        for row in rows:
            columns = [*row, "_batch_id"]
            values = sql.SQL(", ").join([*map(sql.Literal, row.values()), sql.Literal(load_id)])
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            self.execute(
                sql.SQL(
                    "insert into raw.{} ({}) values ({}) on conflict ({}) do update set _deleted_at = null, {}"
                ).format(
                    sql.Identifier(table),
                    names,
                    values,
                    sql.SQL(", ").join(map(sql.Identifier, contract.primary_key)),
                    sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in columns),
                )
            )

    def delete(self, table: str, *key: Any, day: date = date(2026, 1, 10)) -> None:
        """A reconciliation that finds a row gone at the source."""
        load_id = self._load(table, day, mode="reconcile")
        self.execute(
            sql.SQL("update raw.{} set _deleted_at = now(), _batch_id = {} where {}").format(
                sql.Identifier(table), sql.Literal(load_id), self._where(table, key)
            )
        )

    def quarantine(self, table: str, *key: Any) -> None:
        self.execute(
            "insert into ops.quarantine (system, table_name, rule, row_key, row_content) values (%s, %s, 'r', %s, '{}')",
            [contracts()[table].system, table, [str(part) for part in key]],
        )

    def release(self, table: str, *key: Any) -> None:
        self.execute(
            "update ops.quarantine set released_at = clock_timestamp() where table_name = %s and row_key = %s",
            [table, [str(part) for part in key]],
        )

    def build(self, day: date = date(2026, 1, 10), *, full_refresh: bool = False) -> StageResult:
        """A whole build as far as core; fails the test where a node fails."""
        build_id = begin(day)
        result = run_stage(build_id, "core", full_refresh=full_refresh)
        assert not result.failed, result.failed
        finish(build_id)
        return result

    def results(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that core computes."""
        return {table: self.query(f"select * from core.{table} order by {key}") for table, key in RESULTS.items()}

    def _load(self, table: str, day: date, mode: str = "incremental") -> int:
        run_id = self.column(
            "insert into ops.run (kind, system, business_day, state) "
            "values ('extract', %s, %s, 'succeeded') returning run_id",
            [contracts()[table].system, day],
        )[0]
        return int(
            self.column(
                "insert into ops.load (run_id, system, table_name, business_day, mode, state, finished_at) "
                "values (%s, %s, %s, %s, %s, 'succeeded', clock_timestamp()) returning load_id",
                [run_id, contracts()[table].system, table, day, mode],
            )[0]
        )

    def _where(self, table: str, key: tuple[Any, ...]) -> sql.Composable:
        return sql.SQL(" and ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in zip(contracts()[table].primary_key, key, strict=True)
        )


def at(text: str) -> datetime:
    """An instant, given in Shanghai."""
    return datetime.fromisoformat(f"{text}+08:00")
