"""Pieces of a load of a big table: their rows in ops.load_piece, and in schema raw_pieces the tables that hold what came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.extract.cursors import Position
from fupan.extract.ledger import describe
from fupan.extract.raw_tables import definition
from fupan.extract.stage import staged
from fupan.warehouse.connection import Connection, wait_for_disk

SCHEMA = "raw_pieces"

Limit = tuple[str, ...] | None
#: A piece has two tables: of what fits raw, in raw's types, and of what does not, as wide as the stage.
Kind = Literal["piece", "misfits"]
_KINDS: tuple[Kind, ...] = ("piece", "misfits")


@dataclass(frozen=True)
class Piece:
    """One piece as ops knows it: ``low`` <= primary key < ``high``."""

    table: str
    load_id: int
    number: int
    low: Limit = None
    high: Limit = None
    state: str = "waiting"


def record(
    connection: Connection, contract: Contract, load_id: int, cut_at: Position, limits: Sequence[Limit]
) -> list[Piece]:
    """Write into which pieces a load is cut, at ``limits`` in ascending order; they are numbered from 1 (not committed)."""
    ends = [None, *limits, None]
    found = [Piece(contract.name, load_id, number, ends[number - 1], ends[number]) for number in range(1, len(ends))]
    wait_for_disk(connection)
    with connection.cursor() as cursor:
        cursor.execute("update ops.load set cut_at = %s where load_id = %s", [json.dumps(cut_at), load_id])
        for piece in found:
            cursor.execute(
                "insert into ops.load_piece (load_id, piece, low, high) values (%s, %s, %s, %s)",
                [load_id, piece.number, _list(piece.low), _list(piece.high)],
            )
    return found


def table_of(connection: Connection, load_id: int) -> tuple[str, Position]:
    """The table that a load is of, and the value of its cursor from which on rows are in no piece."""
    with connection.cursor() as cursor:
        cursor.execute("select table_name, cut_at from ops.load where load_id = %s", [load_id])
        row = cursor.fetchone()
    assert row is not None
    return row[0], row[1]


def of_load(connection: Connection, load_id: int) -> list[Piece]:
    """The pieces of a load in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_name, load_id, piece, low, high, p.state from ops.load_piece as p join ops.load using (load_id)"
            " where load_id = %s order by piece",
            [load_id],
        )
        return [
            Piece(table, load, number, low and tuple(low), high and tuple(high), state)
            for table, load, number, low, high, state in cursor.fetchall()
        ]


def begin(connection: Connection, load_id: int, number: int) -> None:
    """Note one more try of a piece."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.load_piece set state = 'running', tries = tries + 1, started_at = clock_timestamp(),"
            " finished_at = null, error = null where load_id = %s and piece = %s",
            [load_id, number],
        )


def succeed(connection: Connection, load_id: int, number: int, *, fitting: int, misfitting: int) -> None:
    """Close a piece within the transaction that wrote its tables (not committed)."""
    # Once its task is done nobody looks at a piece again before all are joined.
    wait_for_disk(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.load_piece set state = 'loaded', finished_at = clock_timestamp(),"
            " rows_fitting = %s, rows_misfitting = %s where load_id = %s and piece = %s",
            [fitting, misfitting, load_id, number],
        )


def fail(connection: Connection, load_id: int, number: int, error: BaseException) -> None:
    """Note that a try has failed; the load goes on, the piece alone is to be loaded again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.load_piece set state = 'failed', finished_at = clock_timestamp(), error = %s"
            " where load_id = %s and piece = %s and state = 'running'",
            [describe(error), load_id, number],
        )


def relation(kind: Kind, load_id: int, number: int) -> sql.Identifier:
    """A table of a piece."""
    return sql.Identifier(SCHEMA, f"load_{load_id}_{kind}_{number}")


def make_tables(work: Connection, contract: Contract, load_id: int, number: int) -> None:
    """Make a piece's tables anew, empty."""
    narrow = sql.SQL(", ").join(map(definition, contract.columns))
    columns = {"piece": sql.SQL("{}, _batch_id bigint").format(narrow), "misfits": staged(contract.columns)}
    with work.cursor() as cursor:
        for kind in _KINDS:
            table = relation(kind, load_id, number)
            cursor.execute(sql.SQL("drop table if exists {}").format(table))
            cursor.execute(sql.SQL("create table {} ({})").format(table, columns[kind]))


def drop_tables(work: Connection, load_id: int, pieces: Sequence[Piece]) -> None:
    """Drop the tables of a load (not committed)."""
    tables = [relation(kind, load_id, piece.number) for piece in pieces for kind in _KINDS]
    with work.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists {}").format(sql.SQL(", ").join(tables)))


def clear_away(work: Connection, system: str) -> None:
    """Drop what loads of a system that are over have left behind (not committed)."""
    with work.cursor() as cursor:
        cursor.execute(
            """
            select relname from pg_class
            where relnamespace = %s::regnamespace and relkind = 'r' and split_part(relname, '_', 2)::bigint in (
                select load_id from ops.load where system = %s and state <> 'running' and cut_at is not null
            )
            """,
            [SCHEMA, system],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(SCHEMA, name)))


def _list(limit: Limit) -> list[str] | None:
    return None if limit is None else list(limit)
