"""How one loads a table in forty lines, to show what comes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.extras

#: What psycopg2 raises of a server that dies or of values that do not fit.
FAILURES = psycopg2.Error


@dataclass(frozen=True)
class Naive:
    """Loads of ``table``, found at ``source``, into a table of the same name in schema `naive` of ``target`` (libpq URLs).

    The newest stamp at the target is the watermark, rows come as they come and are written and committed by the batch.
    """

    source: str
    target: str
    table: str
    key: tuple[str, ...] = ()
    stamp: str = "updated_at"

    def begin(self, like: str = "") -> None:
        """The empty target: the source's columns as they are now, or ``like`` (SQL)."""
        if not like:
            described = ask(
                self.source,
                "select attname, format_type(atttypid, atttypmod) from pg_attribute"
                f" where attrelid = '{self.table}'::regclass and attnum > 0 and not attisdropped order by attnum",
            )
            like = ", ".join(f"{name} {data_type}" for name, data_type in described)
        key = f", primary key ({', '.join(self.key)})" if self.key else ""
        run(
            self.target,
            "create schema if not exists naive",
            f"drop table if exists naive.{self.table}",
            f"create table naive.{self.table} ({like}{key})",
        )

    def load(self, *, batch: int = 2000, between: Callable[[], None] | None = None) -> None:
        """What is newer than the watermark; ``between`` is called after each batch."""
        (newest,) = ask(self.target, f"select max({self.stamp}) from naive.{self.table}")[0]
        with closing(self.source) as source, closing(self.target) as target:
            reader, writer = source.cursor("rows"), target.cursor()
            reader.execute(f"select * from {self.table} where {self.stamp} > %s or %s is null", [newest, newest])
            while found := reader.fetchmany(batch):
                psycopg2.extras.execute_values(writer, self._insert([c.name for c in reader.description]), found)
                target.commit()
                if between:
                    between()

    def rows(self, columns: str = "*") -> list[tuple[Any, ...]]:
        return ask(self.target, f"select {columns} from naive.{self.table}")

    def _insert(self, columns: Sequence[str]) -> str:
        insert = f"insert into naive.{self.table} values %s"
        if self.key:
            changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in self.key)
            insert += f" on conflict ({', '.join(self.key)}) do update set {changes}"
        return insert


def closing(url: str) -> contextlib.closing[psycopg2.extensions.connection]:
    return contextlib.closing(psycopg2.connect(url))


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with closing(url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def run(url: str, *statements: str) -> None:
    with closing(url) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()
