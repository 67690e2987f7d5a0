"""A night written straight into `ops`, for what only reads it: alerts, report, status. Numbers are the test's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extras import Json

from fupan.warehouse.connection import connect, rows

DIMENSIONS = {"sales_performance": ("Sales performance", "销售业绩"), "after_sales": ("After-sales", "售后服务")}


def insert(table: str, returning: str | None = None, **values: Any) -> Any:
    """Insert one row as the builder; returns column ``returning``. Dictionaries become jsonb, lists arrays."""
    values = {k: Json(v) if isinstance(v, dict) or k in JSON_COLUMNS else v for k, v in values.items()}
    statement = sql.SQL("insert into {} ({}) values ({}) {}").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        sql.SQL("returning {}").format(sql.Identifier(returning)) if returning else sql.SQL(""),
    )
    with connect("builder", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement, list(values.values()))
        found = cursor.fetchone() if returning else None
    return found[0] if found else None


JSON_COLUMNS = {"reasons", "sample_keys", "columns", "observed"}


def query(statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with connect("builder", "test") as connection:
        return rows(connection, statement, parameters)


def execute(statement: str, *parameters: Any, **named: Any) -> None:
    with connect("builder", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement, named or parameters)


@dataclass
class NightRows:
    """One build and what its steps would have written."""

    business_day: date
    build_id: int = field(init=False)
    run_id: int = field(init=False)

    def __post_init__(self) -> None:
        self.run_id = insert("ops.run", "run_id", kind="build", business_day=self.business_day)
        self.build_id = insert(
            "ops.build", "build_id", run_id=self.run_id, business_day=self.business_day, kind="nightly"
        )

    def load(self, table: str, *, state: str = "succeeded", error: str | None = None, **counts: int) -> int:
        """A load of the ERP that this build took up (unless it failed); ``counts`` without their prefix ``rows_``."""
        run = insert(
            "ops.run", "run_id", kind="extract", system="erp", business_day=self.business_day, state=state, error=error
        )
        execute("update ops.run set finished_at = started_at + interval '8 seconds' where run_id = %s", run)
        load_id: int = insert(
            "ops.load",
            "load_id",
            **{"run_id": run, "system": "erp", "table_name": table, "business_day": self.business_day},
            **{"mode": "incremental", "state": state, "error": error},
            **{f"rows_{name}": count for name, count in counts.items()},
        )
        execute("update ops.load set finished_at = started_at + interval '2.5 seconds' where load_id = %s", load_id)
        if state == "succeeded":
            insert("ops.build_load", build_id=self.build_id, load_id=load_id)
        return load_id

    def rule(
        self,
        rule: str,
        table: str,
        *,
        passed: bool = False,
        gate: str = "raw",
        dimensions: Sequence[str] = ("sales_performance",),
        **more: Any,
    ) -> None:
        """A rule that a gate judged."""
        given = {"severity": "critical", "on_fail": "hold", "owner": "sales-operations", "runbook": f"runbooks/{rule}"}
        insert(
            "ops.validation",
            **{"build_id": self.build_id, "gate": gate, "suite": gate, "rule": rule, "expectation": "expect"},
            **{"table_name": table, "dimensions": list(dimensions), "passed": passed},
            **(given | more),
        )

    def reason(self, rule: str | None, table: str | None, **more: Any) -> dict[str, Any]:
        """A reason as a verdict states it."""
        given = {"kind": "raw_gate", "severity": "critical", "owner": "sales-operations", "message": f"{rule} fails"}
        return given | {"rule": rule, "table": table, "runbook": f"runbooks/{rule}"} | more

    def verdict(self, dimension: str, reasons: Sequence[Mapping[str, Any]] = (), verdict: str | None = None) -> None:
        """The verdict, by default held where there is a reason, and what `status` then shows."""
        decided = verdict or ("held" if reasons else "published")
        held = decided == "held"
        release_id = None if held else self.release(dimension)
        insert(
            "ops.verdict",
            **{"build_id": self.build_id, "dimension": dimension, "business_day": self.business_day},
            **{"verdict": decided, "reasons": [dict(reason) for reason in reasons], "release_id": release_id},
        )
        english, chinese = DIMENSIONS[dimension]
        execute(
            """
            insert into status.dimension_status as s (
                dimension, label_en, label_zh, verdict, business_day, release_id, published_at, held_since, why
            )
            values (%(d)s, %(en)s, %(zh)s, %(v)s, case when not %(held)s then %(day)s::date end, %(release)s,
                case when not %(held)s then clock_timestamp() end, case when %(held)s then %(day)s::date end, %(why)s)
            on conflict (dimension) do update set verdict = excluded.verdict,
                business_day = coalesce(excluded.business_day, s.business_day),
                release_id = coalesce(excluded.release_id, s.release_id),
                published_at = coalesce(excluded.published_at, s.published_at),
                held_since = case when %(held)s then coalesce(s.held_since, excluded.held_since) end,
                why = excluded.why
            """,
            **{"d": dimension, "en": english, "zh": chinese, "v": decided, "held": held},
            **{"day": self.business_day, "release": release_id},
            why="; ".join(reason["message"] for reason in reasons) or None,
        )

    def release(self, dimension: str, tables: Mapping[str, int] | None = None) -> int:
        """A release with real tables of so many rows."""
        tables = tables if tables is not None else {"trend": 120, "region": 31}
        schema = f"{dimension}__r{self.build_id}"
        execute(f'create schema "{schema}"')
        for name, count in tables.items():
            execute(f'create table "{schema}"."{name}" as select generate_series(1, %s) as number', count)
        execute("update ops.release set state = 'superseded' where dimension = %s and state = 'current'", dimension)
        release_id: int = insert(
            "ops.release",
            "release_id",
            **{"dimension": dimension, "business_day": self.business_day, "build_id": self.build_id},
            **{
                "schema_name": schema,
                "state": "current",
                "columns": {name: [["number", "integer"]] for name in tables},
            },
        )
        return release_id

    def finish(self, finished_at: datetime | None = None) -> None:
        """Close the build."""
        for table, state, key in (("build", "finished", self.build_id), ("run", "succeeded", self.run_id)):
            execute(
                f"update ops.{table} set state = %s, finished_at = coalesce(%s, clock_timestamp()) where {table}_id = %s",
                *(state, finished_at, key),
            )
