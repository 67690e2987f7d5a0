"""Rows of ops that say what an extraction did. Its connection commits each statement: it must outlive a failing load."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fupan.contracts.contract import Contract
from fupan.errors import FupanError
from fupan.extract.cursors import Position
from fupan.extract.load import Counts
from fupan.warehouse.connection import Connection

LoadMode = Literal["full", "incremental", "compare", "window", "reconcile"]


@dataclass(frozen=True)
class LoadResult:
    """One load of one table. ``totals_agree``: the source's control totals and raw's; None where none were taken."""

    system: str
    table: str
    load_id: int
    mode: LoadMode
    counts: Counts
    seconds: float
    totals_agree: bool | None


def bury_dead(connection: Connection, system: str, *, pieces_too: bool) -> None:
    """Close runs and loads that a killed process left running; the caller holds the system's lock, so none is alive.

    ``pieces_too``: also loads whose pieces wait for a worker; whoever loads the system again makes them void.
    """
    word = (
        "state = 'failed', finished_at = clock_timestamp(),"
        " error = 'The process ended without a word; nothing of it became visible'"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"update ops.load set {word} where system = %s and state = 'running' and (cut_at is null or %s)",
            [system, pieces_too],
        )
        cursor.execute(
            f"update ops.run as r set {word} where system = %s and state = 'running'"
            " and not exists (select from ops.load as l where l.run_id = r.run_id and l.state = 'running')",
            [system],
        )


def begin_run(
    connection: Connection,
    kind: Literal["extract", "maintain"],
    system: str,
    day: date,
    orchestrator_run_id: str | None,
) -> int:
    """A new ops.run."""
    return _returned(
        connection,
        "insert into ops.run (kind, system, business_day, orchestrator_run_id) values (%s, %s, %s, %s) returning run_id",
        [kind, system, day, orchestrator_run_id],
    )


def end_run(connection: Connection, run_id: int, error: BaseException | None) -> None:
    """Close an ops.run, failed where there is an error."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.run set state = %s, finished_at = clock_timestamp(), error = %s where run_id = %s",
            ["failed" if error else "succeeded", describe(error) if error else None, run_id],
        )


def begin_load(
    connection: Connection, run_id: int, contract: Contract, day: date, *, mode: LoadMode, watermark: Position | None
) -> int:
    """A new ops.load; its id is raw's _batch_id."""
    return _returned(
        connection,
        "insert into ops.load (run_id, system, table_name, business_day, mode, watermark_before)"
        " values (%s, %s, %s, %s, %s, %s) returning load_id",
        [run_id, contract.system, contract.name, day, mode, _json(watermark)],
    )


def unfinished(connection: Connection, system: str, load_id: int) -> tuple[int, date]:
    """The run of a load, and its business day; raises FupanError where that run is over."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select run_id, r.business_day from ops.run as r join ops.load as l using (run_id)"
            " where r.system = %s and r.state = 'running' and l.load_id = %s",
            [system, load_id],
        )
        row = cursor.fetchone()
    if row is None:
        raise FupanError(
            f"Load {load_id} is over: it has landed, or a later extraction has taken its place",
            system=system,
            remedy="If the day has not landed, clear the extract task: the table is cut anew",
        )
    return row


def fail_load(connection: Connection, load_id: int, error: BaseException) -> None:
    """Close an ops.load whose transaction was rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.load set state = 'failed', finished_at = clock_timestamp(), error = %s"
            " where load_id = %s and state = 'running'",
            [describe(error), load_id],
        )


def succeed_load(connection: Connection, load_id: int, counts: Counts, watermark: Position | None) -> None:
    """Close an ops.load within the transaction that wrote raw (not committed)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update ops.load
            set state = 'succeeded', finished_at = clock_timestamp(), watermark_after = %s,
                rows_read = %s, rows_inserted = %s, rows_updated = %s, rows_unchanged = %s,
                rows_duplicate = %s, rows_rejected = %s, rows_deleted = %s
            where load_id = %s
            """,
            [
                _json(watermark),
                *(counts.read, counts.inserted, counts.updated, counts.unchanged),
                *(counts.duplicate, counts.rejected, counts.deleted),
                load_id,
            ],
        )


def has_succeeded(connection: Connection, load_id: int, *, run_too: bool = False) -> bool:
    """Whether a load has become visible; ``run_too``: and its run has come to its end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select l.state = 'succeeded' and (r.state = 'succeeded' or not %s)"
            " from ops.load as l join ops.run as r using (run_id) where load_id = %s",
            [run_too, load_id],
        )
        return cursor.fetchone() == (True,)


def watermark(connection: Connection, contract: Contract) -> Position | None:
    """The position up to which a table is loaded; None where it never was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select position from ops.watermark where system = %s and table_name = %s", [contract.system, contract.name]
        )
        row = cursor.fetchone()
    return row[0] if row else None


def move_watermark(connection: Connection, contract: Contract, position: Position, load_id: int) -> None:
    """Write a table's position within the transaction that wrote raw (not committed)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ops.watermark (system, table_name, position, load_id) values (%s, %s, %s, %s)
            on conflict (system, table_name) do update
            set position = excluded.position, load_id = excluded.load_id, moved_at = clock_timestamp()
            """,
            [contract.system, contract.name, _json(position), load_id],
        )


def describe(error: BaseException | str) -> str:
    """An error as ops shows it: first lines without the DETAIL and CONTEXT in which databases quote rows."""
    return (str(error).partition("\nDETAIL:")[0].partition("\nCONTEXT:")[0] or type(error).__name__)[:2000]


def _json(position: Position | None) -> str | None:
    return None if position is None else json.dumps(position, ensure_ascii=False)


def _returned(connection: Connection, statement: str, values: list[object]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
