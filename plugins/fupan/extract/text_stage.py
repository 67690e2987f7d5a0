"""What files and JSON bring is text: it lands as text, is mapped by the installation's SELECT, and is cast row by row.

A value that does not fit its contracted type makes a rejected row, not an error; a column none of whose values fits was
retyped. Dates and time stamps are read where the year comes first (2026-01-30, 2026/1/30 9:05, 20260130, ISO 8601): what the
other orders mean, only the installation's SELECT can say. An empty text says nothing: it is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import psycopg2
from psycopg2 import sql

from fupan.contracts.contract import Column
from fupan.errors import ContractError
from fupan.extract.copy_text import copy_lines, line
from fupan.extract.drift import Difference
from fupan.extract.pseudonym import sql_hashed, sql_key
from fupan.extract.source import Read
from fupan.extract.sql_postgres import without_values
from fupan.extract.stage import REJECTED_CONTENT, REJECTED_REASON
from fupan.extract.text_casts import bare, cast_of, is_cast
from fupan.warehouse.connection import Connection

#: What a SELECT sees beside the landed columns: where a row comes from, and the order of reading. One that yields them
#: has rejected rows say where they come from, and of two rows that are equally new the one read later win.
ORIGIN, ROW = "fupan_origin", "fupan_row"
#: A column counts as retyped when at least so many values were read and none of them fits.
RETYPED_FROM = 10

#: Rows that are written at once where none of them needs a closer look.
_BLOCK = 500
_LANDED, _FAULT = "fupan_landed", "fupan_fault"


@dataclass(frozen=True)
class Fault:
    """A row that can't even be read as fields; ``reason`` tells nothing of its content."""

    origin: str
    reason: str


def create_landed(warehouse: Connection, columns: Sequence[str]) -> None:
    """Make the empty relation of these text columns; it goes with the transaction, or when the next one is made."""
    with warehouse.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("pg_temp", _LANDED)))
        cursor.execute(
            sql.SQL(
                "create temporary table {} ({}{} text, {} bigint generated always as identity, {} text) on commit drop"
            ).format(
                sql.Identifier(_LANDED),
                sql.SQL("").join(sql.SQL("{} text, ").format(sql.Identifier(name)) for name in columns),
                *map(sql.Identifier, (ORIGIN, ROW, _FAULT)),
            )
        )


def extend_landed(warehouse: Connection, columns: Sequence[str]) -> None:
    """Give the relation more text columns; rows that are there lack them."""
    with warehouse.cursor() as cursor:
        for name in columns:
            cursor.execute(
                sql.SQL("alter table {} add column {} text").format(
                    sql.Identifier("pg_temp", _LANDED), sql.Identifier(name)
                )
            )


def copy_landed(
    warehouse: Connection, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str | None]] | Fault]
) -> int:
    """Stream (origin, values in the order of ``columns``) into the relation; returns how many, faults among them."""
    return copy_lines(warehouse, _LANDED, [*columns, ORIGIN, _FAULT], _lines(len(columns), rows))


def convert(
    warehouse: Connection, read: Read, columns: Sequence[Column], stage: str, select: str | None
) -> tuple[Difference, ...]:
    """Append the landed rows to ``stage``, by ``select`` over `landed` or, without one, by name; faults as rejected rows.

    A missing column is told before anything is staged, one none of whose values fits afterwards. Raises ContractError
    where the SELECT fails.
    """
    query = sql.SQL((select or "select * from landed").strip().rstrip(";"))
    with warehouse.cursor() as cursor:
        cursor.execute("savepoint fupan_landed")
        try:
            cursor.execute(sql.SQL("with {} select * from ({}\n) as q limit 0").format(_landed(), query))
            delivered = [column.name for column in cursor.description or ()]
            found = [
                Difference(column.name, "missing", f"contract says {column.data_type}")
                for column in columns
                if column.name not in delivered
            ]
            if not found:
                if any(column.personal_data for column in columns):
                    cursor.execute(sql_key())
                place = _end(cursor, stage)
                cursor.execute(_staging(warehouse, columns, stage, query, delivered))
                found = _retyped(cursor, columns, stage, place)
                cursor.execute(_faults(stage))
            cursor.execute("release savepoint fupan_landed")
        except psycopg2.errors.UndefinedColumn as unknown:
            cursor.execute("rollback to savepoint fupan_landed")
            found = [Difference(_quoted(unknown), "missing", "the installation's select names it")]
        except (psycopg2.DataError, psycopg2.ProgrammingError, psycopg2.NotSupportedError) as error:
            raise ContractError(
                f"The installation's select fails: {without_values(error)}",
                system=read.contract.system,
                table=read.contract.name,
                remedy="Correct it; leave values as text where they may be malformed: a bad one is then a rejected row",
            ) from None
    return tuple(found)


def staged(warehouse: Connection, stage: str) -> int:
    """Rows in the stage, rejected ones among them: what a source reports as read."""
    with warehouse.cursor() as cursor:
        cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(stage)))
        row = cursor.fetchone()
    return row[0] if row else 0


def _lines(width: int, rows: Iterable[tuple[str, Sequence[str | None]] | Fault]) -> Iterator[bytes]:
    remaining = iter(rows)
    while block := list(islice(remaining, _BLOCK)):
        if (text := _plain(width, block)) is not None:
            yield text
        else:
            yield from map(partial(_line, width), block)


def _plain(width: int, block: Sequence[tuple[str, Sequence[str | None]] | Fault]) -> bytes | None:
    """Rows at once, at a fifth of what they cost one by one; None where any of them needs a closer look."""
    try:
        # A fault does not unpack and a null does not join: both are TypeErrors, and cost nothing where there are none.
        text = "\n".join(["\t".join([*values, origin, "\\N"]) for origin, values in block])  # type: ignore[misc]
        count = len(block)
        marks = text.count("\t"), text.count("\n"), text.count("\\")
        if marks != ((width + 1) * count, count - 1, count) or "\r" in text or "\0" in text:
            return None
        return f"{text}\n".encode()
    except (TypeError, UnicodeEncodeError):
        return None


def _line(width: int, row: tuple[str, Sequence[str | None]] | Fault) -> bytes:
    nothing: list[None] = [None] * width
    if isinstance(row, Fault):
        return line([*nothing, row.origin, row.reason])
    try:
        text = line([*row[1], row[0], None])
        is_text = b"\0" not in text
    except UnicodeEncodeError:
        is_text = False
    return text if is_text else line([*nothing, row[0], "holds bytes that are no text"])


def _landed() -> sql.Composed:
    return sql.SQL("landed as not materialized (select * from {} where {} is null)").format(
        sql.Identifier("pg_temp", _LANDED), sql.Identifier(_FAULT)
    )


def _staging(
    warehouse: Connection, columns: Sequence[Column], stage: str, query: sql.Composable, delivered: Sequence[str]
) -> sql.Composed:
    """The statement that stages every row of ``query``; `offset 0` has each text told and each value cast only once."""
    cast = {column.name: sql.Identifier(f"fupan_{n}") for n, column in enumerate(columns) if is_cast(column)}
    misfits = {
        name: sql.SQL("({} is null and {} is not null)").format(value, bare(sql.Identifier(name)))
        for name, value in cast.items()
    }
    types = {column.name: column.data_type for column in columns}
    reasons = [
        sql.SQL("case when {} then {}::jsonb else '[]' end").format(
            condition, sql.Literal(json.dumps([[name, f"is no {types[name]}"]]))
        )
        for name, condition in misfits.items()
    ]
    has_origin = ORIGIN in delivered
    shown = {name: bare(sql.Identifier(name)) if name in cast else sql.Identifier(name) for name in [*types, ORIGIN]}
    return sql.SQL(
        """
        with {landed}
        insert into {stage} ({names}, {reasons_name}, {content_name})
        select {staged}, case when {is_rejected} then {reasons} end,
            case when {is_rejected} then jsonb_object(array[{shown_names}], array[{shown}]) else {origin_alone} end
        from (
            select *{values}
            from (select {texts}, {origin} as {origin_name} from ({query}
            ) as q{order} offset 0) as told
            offset 0
        ) as valued
        """
    ).format(
        landed=_landed(),
        stage=sql.Identifier(stage),
        names=sql.SQL(", ").join(map(sql.Identifier, types)),
        reasons_name=sql.Identifier(REJECTED_REASON),
        content_name=sql.Identifier(REJECTED_CONTENT),
        staged=sql.SQL(", ").join(cast.get(name, sql.Identifier(name)) for name in types),
        is_rejected=sql.SQL(" or ").join([sql.SQL("false"), *misfits.values()]),
        reasons=sql.SQL(" || ").join([sql.SQL("'[]'::jsonb"), *reasons]),
        shown_names=sql.SQL(", ").join(map(sql.Literal, shown)),
        shown=sql.SQL(", ").join(sql.SQL("left({}, 1000)").format(text) for text in shown.values()),
        origin_alone=sql.SQL("jsonb_build_object({}, {})").format(sql.Literal(ORIGIN), sql.Identifier(ORIGIN))
        if has_origin
        else sql.SQL("null"),
        values=sql.SQL("").join(
            sql.SQL(", {} as {}").format(cast_of(warehouse, column), cast[column.name])
            for column in columns
            if column.name in cast
        ),
        texts=sql.SQL(", ").join(sql.SQL("{} as {}").format(_text(c), sql.Identifier(c.name)) for c in columns),
        origin=sql.SQL("q.{}::text").format(sql.Identifier(ORIGIN)) if has_origin else sql.SQL("null::text"),
        origin_name=sql.Identifier(ORIGIN),
        query=query,
        order=sql.SQL(" order by q.{}").format(sql.Identifier(ROW)) if ROW in delivered else sql.SQL(""),
    )


def _end(cursor: psycopg2.extensions.cursor, stage: str) -> str:
    """Physical place from which on a table's next rows will stand."""
    cursor.execute(
        "select greatest(pg_relation_size(%s::regclass) / current_setting('block_size')::bigint - 1, 0)",
        [f'pg_temp."{stage}"'],
    )
    (block,) = cursor.fetchone() or (0,)
    return f"({block},0)"


def _retyped(cursor: psycopg2.extensions.cursor, columns: Sequence[Column], stage: str, place: str) -> list[Difference]:
    """Columns none of whose values fit, among the rows from ``place`` on."""
    cursor.execute(
        sql.SQL(
            "select reason ->> 0 from {}, jsonb_array_elements({}) as reason where ctid >= {place}::tid"
            " group by 1 having count(*) >= {}"
        ).format(*map(sql.Identifier, (stage, REJECTED_REASON)), sql.Literal(RETYPED_FROM), place=sql.Literal(place))
    )
    often = {name for (name,) in cursor.fetchall()}
    found = []
    for column in (column for column in columns if column.name in often):
        cursor.execute(
            sql.SQL("select not exists (select from {} where ctid >= {}::tid and {} is not null)").format(
                sql.Identifier(stage), sql.Literal(place), sql.Identifier(column.name)
            )
        )
        if cursor.fetchone() == (True,):
            found.append(Difference(column.name, "retyped", f"no value is {column.data_type}"))
    return found


def _faults(stage: str) -> sql.Composed:
    return sql.SQL(
        "insert into {} ({}, {}) select jsonb_build_array(jsonb_build_array(null, {fault})), jsonb_build_object({}, {})"
        " from {} where {fault} is not null"
    ).format(
        *map(sql.Identifier, (stage, REJECTED_REASON, REJECTED_CONTENT)),
        sql.Literal(ORIGIN),
        sql.Identifier(ORIGIN),
        sql.Identifier("pg_temp", _LANDED),
        fault=sql.Identifier(_FAULT),
    )


def _text(column: Column) -> sql.Composable:
    name = sql.SQL("q.{}").format(sql.Identifier(column.name))
    if column.personal_data:
        return sql_hashed(name, column.personal_data)
    # Of one that is cast the cast itself says what an empty one, or one of blanks, is: most need no closer look.
    return sql.SQL("{}::text" if is_cast(column) else "nullif({}::text, '')").format(name)


def _quoted(error: psycopg2.Error) -> str:
    """Name of the column that does not exist, out of `column "x" does not exist` or `column landed.x does not exist`."""
    found = re.search(r'column "?(?:\w+\.)?(.+?)"? does not exist', error.diag.message_primary or "")
    return found[1] if found else "?"
