"""A big table of a shop as a PostgreSQL source, and its extraction in pieces, step by step, as the tasks of a DAG do it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
import yaml

from fupan import settings
from fupan.contracts import contract
from fupan.extract.ledger import LoadResult
from fupan.extract.pieces import Piece
from fupan.extract.run import extract_or_cut, extract_piece, extract_system, join_pieces
from fupan.server.postgres import EmbeddedPostgres
from tests.extract_source import DAY, empty_warehouse

PIECE_ROWS = 500
#: Columns beside the key -> type in the contract.
VALUES = {"amount": "numeric(10,2)", "note": "text", "day": "date", "changed_at": "timestamptz"}
COLUMNS = ", ".join(VALUES)


class BigTable:
    """Table `big` with a key of ``key`` columns (name -> types at the source and in the contract), and its contract."""

    def __init__(self, source: str, warehouse: str, folder: Path, key: dict[str, tuple[str, str]]) -> None:
        self.source, self.warehouse, self.key = source, warehouse, ", ".join(key)
        self._types = {name: contracted for name, (_, contracted) in key.items()} | VALUES
        self._folder = folder
        self.promise()
        self.install()
        self.at_source("drop table if exists big")
        definitions = ", ".join(f"{name} {at_source}" for name, (at_source, _) in key.items())
        self.at_source(f"create table big ({definitions}, amount numeric, note text, day date, changed_at timestamp)")

    def promise(self, *more: str) -> None:
        """The contract, with ``more`` text columns."""
        columns = [
            {
                "name": name,
                "data_type": data_type,
                "description": name,
                "config": {"meta": {"required": name == "amount"}},
            }
            for name, data_type in (self._types | dict.fromkeys(more, "text")).items()
        ]
        meta = {
            "owner": "nobody",
            "primary_key": self.key.split(", "),
            "cursor": ["changed_at"],
            "lookback": "1 day",
            "reconcile": "nightly",
            "control_totals": {"day": "day", "sums": ["amount"]},
        }
        table = {"name": "big", "description": "Big", "config": {"meta": meta}, "columns": columns}
        path = self._folder / "project" / "models" / "staging" / "shop" / "_shop__sources.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"sources": [{"name": "shop", "schema": "raw", "tables": [table]}]}))
        contract._load.cache_clear()

    def install(self, **entry: Any) -> None:
        """The table's entry in the installation."""
        given = {"relation": "big", "pieces": {"rows": PIECE_ROWS}} | entry
        installed = {
            "system": "shop",
            "kind": "sql",
            "connection": "shop_test",
            "time_zone": "Asia/Shanghai",
            "tables": {"big": given},
        }
        path = self._folder / "sources" / "shop.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(installed))

    def at_source(self, statement: str) -> None:
        with contextlib.closing(psycopg2.connect(self.source)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def fill(self, keys: str, rows: int = 3000) -> None:
        """Rows 1 to ``rows`` of a year, with the values ``keys`` of row i, and the source's statistics of them."""
        self.at_source(
            f"insert into big select {keys}, i % 97 + 0.5, '行' || i, date '2026-01-01' + i % 7,"
            f" timestamp '2025-03-01' + i * interval '1 year' / {rows} from generate_series(1, {rows}) as i"
        )
        self.at_source("analyze big")

    def ask(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        connection = psycopg2.connect(self.warehouse)
        with contextlib.closing(connection), connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(statement, values or None)
            return [dict(row) for row in cursor.fetchall()]

    def execute(self, statement: str) -> None:
        with (
            contextlib.closing(psycopg2.connect(self.warehouse)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def raw(self) -> list[str]:
        """Raw's live rows."""
        rows = self.ask(
            f"select ({self.key}, {COLUMNS})::text as row from raw.big where _deleted_at is null order by 1"
        )
        return [row["row"] for row in rows]

    def there(self, condition: str = "true") -> list[str]:
        """The source's rows as raw has them."""
        keys = ", ".join(f"{name}::text" for name in self.key.split(", "))
        connection = psycopg2.connect(self.source, options="-c timezone=Asia/Shanghai")
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(
                f"select ({keys}, amount::numeric(10,2), note, day, changed_at::timestamptz at time zone 'UTC' || '+00')::text"
                f" from big where {condition} order by 1"
            )
            return [row[0] for row in cursor.fetchall()]

    def outcome(self) -> dict[str, Any]:
        """All that a load leaves behind but its times and numbers."""
        counts = ", ".join(
            f"rows_{name}" for name in ("read", "inserted", "updated", "unchanged", "duplicate", "rejected", "deleted")
        )
        return {
            "raw": self.ask(f"select {self.key}, {COLUMNS}, _deleted_at from raw.big order by {self.key}"),
            "rejected": self.ask(
                "select column_name, reason, row_content from ops.rejected_row order by row_content::text"
            ),
            "load": self.ask(f"select mode, state, watermark_before, watermark_after, {counts} from ops.load"),
            "totals": self.ask(
                "select day, measure, source_value::text, raw_value, agrees from ops.control_total order by 1, 2"
            ),
            "watermark": self.ask("select position from ops.watermark"),
            "key": self.ask("select conname from pg_constraint where conrelid = 'raw.big'::regclass and contype = 'p'"),
            "landing": self.ask("select system, business_day, state from ops.landing"),
            "runs": self.ask("select kind, state from ops.run"),
            "left": self.ask("select relname from pg_class where relnamespace = 'raw_pieces'::regnamespace"),
        }

    def single(self) -> list[LoadResult]:
        return extract_system("shop", DAY)

    def cut(self) -> list[Piece]:
        return extract_or_cut("shop", DAY)[1]

    def load(self, parts: Sequence[Piece]) -> None:
        for part in parts:
            extract_piece("shop", part.load_id, part.number)

    def join(self, parts: Sequence[Piece]) -> list[LoadResult]:
        return join_pieces("shop", [part.load_id for part in parts])

    def in_pieces(self) -> list[Piece]:
        """All of it; returns the pieces."""
        parts = self.cut()
        self.load(parts)
        self.join(parts)
        return parts


def big_table(
    server: EmbeddedPostgres, folder: Path, patch: pytest.MonkeyPatch, key: dict[str, tuple[str, str]]
) -> BigTable:
    """A big table, empty, and an empty warehouse."""
    patch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    patch.setenv("FUPAN_SOURCES", str(folder / "sources"))
    patch.setattr(settings, "DBT_PROJECT", folder / "project")
    source = server.ensure_database("extract_pieces")
    patch.setenv("AIRFLOW_CONN_SHOP_TEST", source)
    return BigTable(source, empty_warehouse(server), folder, key)
