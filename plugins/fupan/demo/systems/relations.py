"""The source systems' own tables: made from the contracts, filled by COPY, changed by key."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import psycopg2.extensions
from polars._typing import PolarsDataType
from psycopg2 import sql

from fupan.contracts.contract import Contract, contracts
from fupan.demo.process import CHANGED_ON, GONE_ON, Process

Connection = psycopg2.extensions.connection

#: Source system -> its schema in the company's database, and the prefixes that its relations do without.
SCHEMAS = {
    "erp": ("erp", ("erp_",)),
    "ecommerce": ("shop_platform", ("rev_",)),
    "service": ("service_desk", ("cs_", "srv_")),
}
#: A larger frame is copied in parts, so that its text is never held as a whole.
ROWS_AT_ONCE = 200_000
_POLARS: dict[str, PolarsDataType] = {
    "text": pl.String,
    "smallint": pl.Int64,
    "integer": pl.Int64,
    "bigint": pl.Int64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamptz": pl.Datetime("us"),
}


@dataclass(frozen=True)
class Relation:
    """A table of a source system. ``columns``: the source's name -> data type; ``given``: a frame's name -> the source's."""

    schema: str
    name: str
    columns: Mapping[str, str]
    given: Mapping[str, str]
    key: tuple[str, ...]
    stamp: str | None

    @property
    def identifier(self) -> sql.Identifier:
        """Quoted name."""
        return sql.Identifier(self.schema, self.name)

    @property
    def full_name(self) -> str:
        """schema.name, for people."""
        return f"{self.schema}.{self.name}"


#: What every text is really about; no source system, and no login but the owner's reads it.
TEXT_KEY = Relation(
    "demo",
    "text_key",
    dict.fromkeys(("system", "table_name", "row_key", "topic", "sentiment", "shape"), "text"),
    {name: name for name in ("system", "table_name", "row_key", "topic", "sentiment", "shape")},
    ("table_name", "row_key"),
    None,
)


def relation(table: str, process: Process) -> Relation:
    """The source's table for a contract (or the text key)."""
    if table == "text_key":
        return TEXT_KEY
    contract: Contract = contracts()[table]
    schema, prefixes = SCHEMAS[contract.system]
    renamed = process.renamed.get(table, {})
    given = {column.name: renamed.get(column.name, column.name) for column in contract.columns}
    name = next((table.removeprefix(prefix) for prefix in prefixes if table.startswith(prefix)), table)
    return Relation(
        schema,
        name,
        {given[column.name]: column.data_type for column in contract.columns},
        given,
        tuple(given[column] for column in contract.primary_key),
        given.get("updated_at"),
    )


def create(connection: Connection, of: Relation) -> None:
    """Make the table, without its key: `finish` adds that when it is filled."""
    columns = [sql.SQL("{} {}").format(sql.Identifier(n), sql.SQL(t)) for n, t in of.columns.items()]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("create table {} ({})").format(of.identifier, sql.SQL(", ").join(columns)))


def finish(connection: Connection, of: Relation) -> None:
    """Primary key, index on the change stamp, statistics."""
    key = sql.SQL(", ").join(map(sql.Identifier, of.key))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("alter table {} add primary key ({})").format(of.identifier, key))
        if of.stamp:
            stamped = sql.SQL(", ").join(map(sql.Identifier, (of.stamp, *of.key)))
            cursor.execute(sql.SQL("create index on {} ({})").format(of.identifier, stamped))
        cursor.execute(sql.SQL("analyze {}").format(of.identifier))


def append(connection: Connection, of: Relation, frame: pl.DataFrame, *, into: sql.Composable | None = None) -> int:
    """Copy the rows of a frame; returns how many."""
    if frame.is_empty():
        return 0
    names = sql.SQL(", ").join(map(sql.Identifier, of.columns))
    copying = sql.SQL("copy {} ({}) from stdin (format csv, null '\\N')").format(into or of.identifier, names)
    with connection.cursor() as cursor:
        for part in frame.iter_slices(ROWS_AT_ONCE):
            written = io.BytesIO()
            _as_columns(of, part).write_csv(written, include_header=False, null_value="\\N")
            written.seek(0)
            cursor.copy_expert(copying.as_string(cursor), written, size=1 << 20)
    return frame.height


def upsert(connection: Connection, of: Relation, frame: pl.DataFrame) -> tuple[int, int]:
    """Write rows that are new or have changed; returns how many of each."""
    if frame.is_empty():
        return 0, 0
    stage = sql.Identifier("told")
    key = sql.SQL(", ").join(map(sql.Identifier, of.key))
    others = [name for name in of.columns if name not in of.key]
    setting = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in others)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("create temp table told (like {}) on commit drop").format(of.identifier))
        append(connection, of, frame, into=stage)
        cursor.execute(
            sql.SQL(
                "with written as (insert into {relation} select * from told on conflict ({key}) do {update} "
                "returning xmax = 0 as is_new) select count(*) filter (where is_new), count(*) from written"
            ).format(
                relation=of.identifier,
                key=key,
                update=sql.SQL("update set ") + setting if others else sql.SQL("nothing"),
            )
        )
        new, written = cursor.fetchone() or (0, 0)
        cursor.execute("drop table told")
    return int(new), int(written) - int(new)


def remove(connection: Connection, of: Relation, frame: pl.DataFrame) -> int:
    """Delete the rows that have the keys of a frame; returns how many there were."""
    if frame.is_empty():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("create temp table told (like {}) on commit drop").format(of.identifier))
        append(connection, of, frame, into=sql.Identifier("told"))
        same = sql.SQL(" and ").join(sql.SQL("it.{0} = told.{0}").format(sql.Identifier(name)) for name in of.key)
        cursor.execute(sql.SQL("delete from {} as it using told where {}").format(of.identifier, same))
        gone = cursor.rowcount
        cursor.execute("drop table told")
    return gone


def frame(of: Relation, rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """Rows that were read in the order of the columns, under the contract's names; stamps in the company's local time."""
    types = {name: _POLARS.get(of.columns[called], pl.Float64) for name, called in of.given.items()}
    plain = [
        [
            value.replace(tzinfo=None)
            if isinstance(value, datetime)
            else float(value)
            if isinstance(value, Decimal)
            else value
            for value in row
        ]
        for row in rows
    ]
    return pl.DataFrame(plain, schema=types, orient="row")


def standing(frame: pl.DataFrame, evening: date) -> pl.DataFrame:
    """Rows that are there at the end of ``evening``."""
    found = frame.filter(pl.col(CHANGED_ON) <= evening)
    if GONE_ON in frame.columns:
        found = found.filter(pl.col(GONE_ON).is_null() | (pl.col(GONE_ON) > evening))
    return found


def _as_columns(of: Relation, frame: pl.DataFrame) -> pl.DataFrame:
    missing = of.given.keys() - set(frame.columns)
    extra = set(frame.columns) - of.given.keys() - {CHANGED_ON, GONE_ON}
    if missing or extra:
        raise ValueError(f"{of.full_name} is told without {sorted(missing)} and with {sorted(extra)}")
    return frame.select(
        pl.col(name).cast(_POLARS.get(of.columns[called], pl.Float64)) for name, called in of.given.items()
    )
