"""One load of one table: contract checked, streamed into the stage, settled in raw, proven, committed at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.contracts.installation import SourceTable
from fupan.extract import control_totals, cursors, drift, ledger, raw_tables
from fupan.extract.cursors import Window
from fupan.extract.direct import fill
from fupan.extract.drift import Difference
from fupan.extract.ledger import LoadResult
from fupan.extract.load import settle
from fupan.extract.raw_tables import relation
from fupan.extract.session import Session, log
from fupan.extract.source import Read, Totals
from fupan.extract.sql_postgres import PostgresSource
from fupan.extract.stage import STAGE, create_stage
from fupan.warehouse.connection import Connection


def load_table(session: Session, contract: Contract, entry: SourceTable, window: Window | None = None) -> LoadResult:
    """Load one table; on any error raw, watermark and totals stay as they were and ops.load says failed.

    Raises ContractError (trying again won't help) or SourceUnavailable (it may).
    """
    begun, control, work = time.monotonic(), session.control, session.work
    before = ledger.watermark(control, contract)
    load_id = ledger.begin_load(control, session.run_id, contract, session.business_day, mode="full", watermark=before)
    try:
        raw_tables.ensure(work, [contract])
        work.commit()
        # A column that raw just gained has made the position void.
        position = ledger.watermark(control, contract)
        raw_is_empty = is_empty(control, contract)
        plan = cursors.plan(contract, position, raw_is_empty, window, session.system.time_zone)
        ledger.plan_load(control, load_id, plan.mode)
        is_void = position is not None and set(position) != set(contract.cursor)
        anew = raw_is_empty or (is_void and bool(contract.cursor))
        read = Read(contract, entry, plan.bound, window, anew, load_id)
        source = session.source()
        differences = drift.compare(contract, source.describe(read))
        heed(control, contract, differences)
        not_after = session.business_day + timedelta(days=2)
        filled = None
        if raw_is_empty and plan.bound is None:
            filled = fill(work, source, read, load_id, not_after)
        ours: Totals | None
        if filled is not None:
            counts, reached, ours = filled.counts, filled.reached, filled.totals
            _heed_also(control, contract, differences, filled.differences)
        else:
            create_stage(work, contract.columns)
            copied = source.copy(read, contract.columns, work, STAGE)
            if isinstance(source, PostgresSource):
                source.take_totals(read)
            _heed_also(control, contract, differences, copied.differences)
            settled = settle(work, contract, load_id, copied, not_after, raw_is_empty=raw_is_empty)
            counts, reached, ours = settled.counts, settled.reached, settled.totals
        agree, theirs = None, source.totals(read)
        if theirs is not None:
            if ours is None:
                ours = control_totals.of_raw(work, contract)
            agree = control_totals.record(work, contract, load_id, theirs, ours, exact=source.exact)
        # A window says nothing of what lies outside it, so it moves no watermark.
        after = cursors.later(contract, position, None if plan.mode == "window" else reached)
        if after is not None and after != position:
            ledger.move_watermark(work, contract, after, load_id)
        ledger.succeed_load(work, load_id, counts, after)
        if filled is None:
            _renew_statistics(work, contract, counts.inserted + counts.updated + counts.deleted)
        work.commit()
    except BaseException as error:
        session.undo(load_id, error)
        raise
    result = LoadResult(contract.system, contract.name, load_id, plan.mode, counts, time.monotonic() - begun, agree)
    report(result)
    return result


def report(result: LoadResult) -> None:
    """One line of progress a table."""
    c = result.counts
    log.info(
        "%s.%s %s: %d rows read in %.1f s, %d inserted, %d updated, %d unchanged, %d duplicate, %d rejected, %d deleted%s",
        *(result.system, result.table, result.mode, c.read, result.seconds, c.inserted, c.updated, c.unchanged),
        *(c.duplicate, c.rejected, c.deleted, "; CONTROL TOTALS DISAGREE" if result.totals_agree is False else ""),
    )


def heed(control: Connection, contract: Contract, differences: Sequence[Difference]) -> None:
    """Write down what differs from the contract; raises ContractError where that stops the load."""
    drift.record(control, contract, differences)
    drift.refuse(contract, differences)
    for difference in differences:
        log.warning("%s.%s: new column %s", contract.system, contract.name, difference.column)


def _heed_also(
    control: Connection, contract: Contract, differences: Sequence[Difference], found: Sequence[Difference]
) -> None:
    """What only the rows showed, after ``differences`` were heeded."""
    if found:
        heed(control, contract, [*differences, *found])


def _renew_statistics(work: Connection, contract: Contract, changed: int) -> None:
    """Statistics of a table that changed by a tenth or more, before anybody reads it.

    Autovacuum comes by a minute later. Until then a first load is planned as an empty table: half a million lines against a
    few thousand quarantined rows took 450 s instead of 12.
    """
    with work.cursor() as cursor:
        cursor.execute("select reltuples from pg_class where oid = %s::regclass", [contract.relation])
        row = cursor.fetchone()
        if changed and row and changed * 10 >= row[0]:
            cursor.execute(sql.SQL("analyze {}").format(relation(contract)))


def is_empty(connection: Connection, contract: Contract) -> bool:
    """Whether raw holds no row of a table, not even a deleted one."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("select not exists (select from {})").format(relation(contract)))
        row = cursor.fetchone()
    return row is None or bool(row[0])
