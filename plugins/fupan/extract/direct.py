"""Into an empty raw table without a stage, in one transaction, the caller's.

The rows are checked while they are read and copied straight into raw, and the key is built over them at the
end, at less than half of what staging costs. Only rows that raw can't hold go through the stage, to be rejected there;
duplicate keys are dropped in raw itself. What becomes visible is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import psycopg2
from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.errors import ContractError
from fupan.extract import control_totals, cursors
from fupan.extract.cursors import Position
from fupan.extract.drift import Difference
from fupan.extract.files import FilesSource
from fupan.extract.http_json import HttpSource
from fupan.extract.load import Counts, drop_duplicates, insert, reject
from fupan.extract.raw_tables import relation
from fupan.extract.source import Read, Source, Totals
from fupan.extract.sql_postgres import PostgresSource
from fupan.extract.stage import STAGE, create_stage
from fupan.warehouse.connection import Connection

#: Longest wait for those who read the empty table.
_LOCK_TIMEOUT = "5s"

#: What may keep the table from being taken: readers, another owner, a view that leans on the key.
_NOT_OURS = (
    psycopg2.errors.LockNotAvailable,
    psycopg2.errors.InsufficientPrivilege,
    psycopg2.errors.DependentObjectsStillExist,
)


@dataclass(frozen=True)
class Filled:
    """What `fill` did. ``reached``: the highest cursor among all rows read. ``totals``: those of raw. ``differences``: as of
    Copied."""

    counts: Counts
    reached: Position | None
    totals: Totals
    differences: tuple[Difference, ...] = ()


def fill(work: Connection, source: Source, read: Read, load_id: int, not_after: date) -> Filled | None:
    """Load the whole table into raw, which is empty; None, and nothing done, where raw can't be taken for it, or the source
    does not know how.

    ``not_after``: as for `cursors.highest`. Raises ContractError where the query gives other rows each time.
    """
    if isinstance(source, PostgresSource):
        return _fill_from_query(work, source, read, load_id, not_after)
    if isinstance(source, (HttpSource, FilesSource)):
        return _fill_from_texts(work, source, read, load_id, not_after)
    return None


def _fill_from_query(
    work: Connection, source: PostgresSource, read: Read, load_id: int, not_after: date
) -> Filled | None:
    contract = read.contract
    key = take(work, contract)
    if key is None:
        return None
    passed = source.copy_fitting(read, load_id, work, relation(contract))
    source.take_totals(read)
    with work.cursor() as cursor:
        cursor.execute(sql.SQL("analyze {}").format(relation(contract)))
    duplicate = build_key(work, contract, key)
    totals, reached = look(work, contract, not_after)
    rejected = 0
    there_are = sum(value or 0 for (_, measure), value in source.totals(read).items() if measure == "rows")
    if there_are != passed:
        create_stage(work, contract.columns)
        left_out = source.copy_misfits(read, work, sql.Identifier(STAGE))
        reached = cursors.later(contract, reached, cursors.highest(work, contract, sql.Identifier(STAGE), not_after))
        rejected = reject(work, contract, load_id)
        refuse_random(contract, there_are, passed + rejected, passed + left_out)
    counts = Counts(passed + rejected, passed - duplicate, duplicate=duplicate, rejected=rejected)
    return Filled(counts, reached, totals)


def refuse_random(contract: Contract, counted: Decimal | int, *came: int) -> None:
    """Raises ContractError where a query did not give the same rows each time it was asked in one snapshot."""
    for rows in came:
        if rows != counted:
            raise ContractError(
                f"The query gives other rows each time it is asked: {counted} were counted, {rows} came",
                system=contract.system,
                table=contract.name,
                remedy="Take what is random, or the clock, out of the installation's query",
            )


def _fill_from_texts(
    work: Connection, source: HttpSource | FilesSource, read: Read, load_id: int, not_after: date
) -> Filled | None:
    """The rows are checked here, a page or block at a time; those of one that needs a closer look come through the stage."""
    contract = read.contract
    key = take(work, contract)
    if key is None:
        return None
    create_stage(work, contract.columns)
    passed, rest = source.copy_fitting(read, load_id, work, STAGE)
    reached, rejected = None, 0
    if rest.rows:
        reached = cursors.highest(work, contract, sql.Identifier(STAGE), not_after)
        rejected = reject(work, contract, load_id)
        insert(work, contract, load_id)
    with work.cursor() as cursor:
        cursor.execute(sql.SQL("analyze {}").format(relation(contract)))
    duplicate = build_key(work, contract, key, in_order=rest.may_be_older)
    totals, highest = look(work, contract, not_after)
    inserted = passed + rest.rows - rejected - duplicate
    counts = Counts(passed + rest.rows, inserted, duplicate=duplicate, rejected=rejected)
    return Filled(counts, cursors.later(contract, highest, reached), totals, rest.differences)


def look(work: Connection, contract: Contract, not_after: date) -> tuple[Totals, Position | None]:
    """Raw's totals and its highest cursor, in one scan where the cursor is one column."""
    value = cursors.highest_value(contract, not_after)
    if value is None:
        highest = cursors.highest(work, contract, relation(contract), not_after)
        return control_totals.of_raw(work, contract), highest
    totals, found = control_totals.of_raw_and(work, contract, value)
    return totals, None if found is None else {contract.cursor[0]: found}


def take(work: Connection, contract: Contract) -> str | None:
    """Empty the empty table anew and take its key off; returns the key's name, None where that can't be.

    What is copied into a table that its own transaction emptied needs no write-ahead log under wal_level=minimal, and
    comes frozen: nobody has to visit the rows again to mark them.
    """
    with work.cursor() as cursor:
        cursor.execute("savepoint take")
        try:
            cursor.execute("select set_config('lock_timeout', %s, true)", [_LOCK_TIMEOUT])
            cursor.execute(sql.SQL("lock table {} in access exclusive mode").format(relation(contract)))
            cursor.execute(sql.SQL("select not exists (select from {})").format(relation(contract)))
            if cursor.fetchone() != (True,):
                cursor.execute("rollback to savepoint take")
                return None
            cursor.execute(sql.SQL("truncate {}").format(relation(contract)))
            cursor.execute(
                "select conname from pg_constraint where conrelid = %s::regclass and contype = 'p'", [contract.relation]
            )
            (key,) = cursor.fetchone() or (None,)
            cursor.execute(
                sql.SQL("alter table {} drop constraint {}").format(relation(contract), sql.Identifier(str(key)))
            )
            cursor.execute("set local lock_timeout to default")
            cursor.execute("release savepoint take")
        except _NOT_OURS:
            cursor.execute("rollback to savepoint take")
            return None
    return str(key)


def build_key(work: Connection, contract: Contract, name: str, *, in_order: bool = False) -> int:
    """Put the key on; where rows share one, drop all but one of them first, as `drop_duplicates` does. Returns how many were
    dropped."""
    build = sql.SQL("alter table {} add constraint {} primary key ({})").format(
        relation(contract),
        sql.Identifier(name),
        sql.SQL(", ").join(map(sql.Identifier, contract.primary_key)),
    )
    with work.cursor() as cursor:
        cursor.execute("savepoint build_key")
        try:
            cursor.execute(build)
            return 0
        except psycopg2.errors.UniqueViolation:
            cursor.execute("rollback to savepoint build_key")
        dropped = drop_duplicates(work, contract, relation(contract), in_order=in_order)
        cursor.execute(build)
        return dropped
