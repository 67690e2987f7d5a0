"""A dimension that dbt might have built, its manifest and its verdicts, made by hand: what the publish step works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extras import Json

from fupan import settings
from fupan.transform.manifest import Manifest
from fupan.warehouse.connection import Connection, connect, rows

SALES = "sales_performance"
DAY = date(2026, 3, 1)

#: Public table -> select that dbt would build it from; `%s` is the number by which tests tell releases apart.
MARTS: Mapping[str, str] = {
    "trend": "select %s as release_no, date '2026-03-01' as day, 'lamps'::varchar(20) as product_line, "
    "1.5::numeric(18, 2) as revenue",
    "region": "select %s as release_no, 'EAST'::text as region_code from generate_series(1, 50)",
}


def manifest(
    *dimensions: str,
    marts: Iterable[str] = MARTS,
    breaking: Mapping[str, Any] | None = None,
    without: tuple[str, ...] = (),
) -> Manifest:
    """A manifest of ``marts`` of each dimension; ``breaking``: table (or `*` for the group) -> meta.breaking_release."""
    breaking = breaking or {}
    nodes: dict[str, Any] = {}
    for dimension in dimensions or (SALES,):
        for table in marts:
            if table not in without:
                nodes[f"model.fupan.{dimension}__{table}"] = {
                    "resource_type": "model",
                    "name": f"{dimension}__{table}",
                    "fqn": ["fupan", "marts", dimension, f"{dimension}__{table}"],
                    "config": {"meta": {"breaking_release": breaking[table]} if table in breaking else {}},
                    "depends_on": {"nodes": [f"source.fupan.erp.erp_{table}"]},
                }
    group_meta = {"label_en": "Sales", "label_zh": "销售"} | (
        {"breaking_release": breaking["*"]} if "*" in breaking else {}
    )
    return Manifest(
        {
            "nodes": nodes,
            "sources": {
                f"source.fupan.erp.erp_{table}": {"resource_type": "source", "schema": "raw", "name": f"erp_{table}"}
                for table in marts
            },
            "groups": {
                f"group.fupan.{name}": {
                    "name": name,
                    "owner": {"name": "sales-operations"},
                    "config": {"meta": group_meta},
                }
                for name in dimensions or (SALES,)
            },
        }
    )


def build(
    release_no: int,
    *,
    day: date = DAY,
    verdicts: Mapping[str, str] | None = None,
    marts: Mapping[str, str] = MARTS,
    comment: str = "Revenue 收入",
    restrict_to: list[str] | None = None,
) -> int:
    """A finished build: its tables in build_<dimension>, its verdicts; returns the build_id."""
    verdicts = verdicts or {SALES: "published"}
    with connect("builder", "test build") as connection, connection.cursor() as cursor:
        for dimension in verdicts:
            schema = sql.Identifier(f"build_{dimension}")
            cursor.execute(sql.SQL("drop schema if exists {} cascade; create schema {}").format(schema, schema))
            for table, select in marts.items():
                name = sql.Identifier(f"build_{dimension}", table)
                cursor.execute(sql.SQL("create table {} as {}").format(name, sql.SQL(select)), [release_no])
                cursor.execute(sql.SQL("comment on table {} is %s").format(name), [comment])
                cursor.execute(sql.SQL("comment on column {}.release_no is %s").format(name), [comment])
        cursor.execute("insert into ops.run (kind, business_day) values ('build', %s) returning run_id", [day])
        [run_id] = cursor.fetchone() or ()
        cursor.execute(
            "insert into ops.build (run_id, business_day, kind, dimensions, state) "
            "values (%s, %s, 'nightly', %s, 'finished') returning build_id",
            [run_id, day, restrict_to],
        )
        [build_id] = cursor.fetchone() or ()
        for dimension, verdict in verdicts.items():
            reasons = (
                [] if verdict == "published" else [{"kind": "rule", "severity": "warning", "message": "too few rows"}]
            )
            cursor.execute(
                "insert into ops.verdict (build_id, dimension, business_day, verdict, reasons) values (%s, %s, %s, %s, %s)",
                [build_id, dimension, day, verdict, Json(reasons)],
            )
        connection.commit()
    return int(build_id)


def query(statement: str, *parameters: Any, role: settings.Role = "builder") -> list[dict[str, Any]]:
    with connect(role, "test") as connection:
        return rows(connection, statement, parameters)


def execute(statement: str, *parameters: Any, role: settings.Role = "owner") -> None:
    with connect(role, "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def visible(table: str = f"{SALES}.trend", role: settings.Role = "reader") -> list[int]:
    """The distinct release numbers that a BI user sees in a table."""
    return [row["release_no"] for row in query(f"select distinct release_no from {table} order by 1", role=role)]


def verdict(build_id: int, dimension: str = SALES) -> dict[str, Any]:
    [row] = query("select * from ops.verdict where build_id = %s and dimension = %s", build_id, dimension)
    return row


def status(dimension: str = SALES) -> dict[str, Any]:
    """The row as a BI user reads it."""
    [row] = query("select * from status.dimension_status where dimension = %s", dimension, role="reader")
    return row


def view_columns(table: str, schema: str = SALES) -> list[str]:
    return [
        row["attname"]
        for row in query(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 order by attnum",
            f"{schema}.{table}",
        )
    ]


@dataclass
class BiUser:
    """A BI user with a schema of views of his own, in the warehouse of the test; `drop` ends the role."""

    name: str
    password: str = field(default="bi user of a test", repr=False)

    def __post_init__(self) -> None:
        role = sql.Identifier(self.name)
        with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("create role {} login password %s").format(role), [self.password])
            cursor.execute(sql.SQL("grant bi_reader to {}").format(role))
            cursor.execute(sql.SQL("create schema {} authorization {}").format(role, role))

    def connect(self) -> Connection:
        return psycopg2.connect(
            settings.warehouse_url("owner"), user=self.name, password=self.password, application_name="dashboard"
        )

    def execute(self, statement: str) -> None:
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            connection.commit()

    def query(self, statement: str) -> list[dict[str, Any]]:
        with closing(self.connect()) as connection:
            return rows(connection, statement)

    def drop(self) -> None:
        role = sql.Identifier(self.name)
        with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("drop owned by {} cascade; drop role {}").format(role, role))
