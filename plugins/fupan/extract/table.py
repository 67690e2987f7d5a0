"""One load of one table: contract checked, streamed into the stage, settled in raw, proven, committed at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.contracts.installation import SourceTable
from fupan.extract import control_totals, cursors, drift, ledger, raw_tables
from fupan.extract.cursors import Mode, Plan, Window
from fupan.extract.direct import build_key, fill, take
from fupan.extract.drift import Difference
from fupan.extract.evolve import evolved
from fupan.extract.ledger import LoadResult
from fupan.extract.load import settle
from fupan.extract.raw_tables import relation
from fupan.extract.session import Session, log
from fupan.extract.source import Read, Source, Totals
from fupan.extract.sql_postgres import PostgresSource
from fupan.extract.stage import STAGE, create_stage
from fupan.extract.standing import Standing
from fupan.warehouse.connection import Connection


def load_table(session: Session, written: Contract, entry: SourceTable, window: Window | None = None) -> LoadResult:
    """Load one table; on any error raw, watermark and totals stay as they were and ops.load says failed.

    Raises ContractError (trying again won't help) or SourceUnavailable (it may).
    """
    begun, control, work = time.monotonic(), session.control, session.work
    load_id, contract, standing, plan = _begin(session, written, entry, window)
    position, raw_is_empty = standing.position, standing.is_empty
    try:
        is_void = position is not None and set(position) != set(contract.cursor)
        anew = raw_is_empty or (is_void and bool(contract.cursor))
        read = Read(contract, entry, plan.bound, window, anew, load_id)
        source = session.source()
        differences = drift.compare(written, source.describe(read))
        if differences or standing.has_drift:
            heed(control, written, differences)
        not_after = session.business_day + timedelta(days=2)
        filled = None
        if raw_is_empty and plan.bound is None:
            filled = fill(work, source, read, load_id, not_after)
        ours: Totals | None
        if filled is not None:
            counts, reached, ours = filled.counts, filled.reached, filled.totals
            _heed_also(control, written, differences, filled.differences)
        else:
            create_stage(work, contract.columns)
            copied = source.copy(read, contract.columns, work, STAGE)
            if isinstance(source, PostgresSource):
                source.take_totals(read)
            _heed_also(control, written, differences, copied.differences)
            key = take(work, contract) if raw_is_empty and copied.rows else None
            settled = settle(
                work, contract, load_id, copied, not_after, raw_is_empty=raw_is_empty, is_keyless=key is not None
            )
            counts, reached, ours = settled.counts, settled.reached, settled.totals
            if key is not None and (dropped := build_key(work, contract, key, in_order=copied.may_be_older)):
                counts = replace(counts, inserted=counts.inserted - dropped, duplicate=dropped)
        if counts.rejected:
            drift.refuse_rejected(work, contract, load_id)
        agree = _compare_totals(work, source, read, load_id, ours)
        # A window says nothing of what lies outside it, so it moves no watermark.
        after = cursors.later(contract, position, None if plan.mode == "window" else reached)
        if after is not None and after != position:
            ledger.move_watermark(work, contract, after, load_id)
        ledger.succeed_load(work, load_id, counts, after)
        changed = counts.inserted + counts.updated + counts.deleted
        if filled is None and changed:
            _renew_statistics(work, contract, changed)
        work.commit()
    except BaseException as error:
        session.undo(load_id, error)
        raise
    result = LoadResult(contract.system, contract.name, load_id, plan.mode, counts, time.monotonic() - begun, agree)
    report(result)
    return result


def _begin(
    session: Session, written: Contract, entry: SourceTable, window: Window | None
) -> tuple[int, Contract, Standing, Plan]:
    """The load's row in ops, tonight's contract, how the table stands once raw fits it, and how it is read tonight."""

    def begin(mode: Mode) -> int:
        return ledger.begin_load(
            session.control, session.run_id, written, session.business_day, mode=mode, watermark=before
        )

    standing = session.standing(written.name)
    before = standing.position
    try:
        contract = evolved(session.work, session.source(), written, entry)
        if contract is not written or not raw_tables.fits(contract, standing.shape):
            raw_tables.ensure(session.work, [contract])
            session.work.commit()
            # A column that raw just gained has made the position void.
            standing = session.standing(written.name)
        plan = cursors.plan(contract, standing.position, standing.is_empty, window, session.system.time_zone)
    except BaseException as error:
        session.undo(begin("full"), error)
        raise
    return begin(plan.mode), contract, standing, plan


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
    fate = "added to raw" if contract.schema_contract.columns == "evolve" else "left out"
    for difference in differences:
        log.warning("%s.%s: new column %s, %s", contract.system, contract.name, difference.column, fate)


def _heed_also(
    control: Connection, contract: Contract, differences: Sequence[Difference], found: Sequence[Difference]
) -> None:
    """What only the rows showed, after ``differences`` were heeded."""
    if found:
        heed(control, contract, [*differences, *found])


def _compare_totals(work: Connection, source: Source, read: Read, load_id: int, ours: Totals | None) -> bool | None:
    """Write the source's control totals and ``ours`` (None: those of all of raw); None where the source tells none."""
    theirs = source.totals(read)
    if theirs is None:
        return None
    if ours is None:
        ours = control_totals.of_raw(work, read.contract)
    return control_totals.record(work, read.contract, load_id, theirs, ours, exact=source.exact)


def _renew_statistics(work: Connection, contract: Contract, changed: int) -> None:
    """Statistics of a table that changed by a tenth or more, before anybody reads it.

    Autovacuum comes by a minute later. Until then a first load is planned as an empty table: half a million lines against a
    few thousand quarantined rows took 450 s instead of 12.
    """
    with work.cursor() as cursor:
        cursor.execute("select reltuples from pg_class where oid = %s::regclass", [contract.relation])
        row = cursor.fetchone()
        if row and changed * 10 >= row[0]:
            cursor.execute(sql.SQL("analyze {}").format(relation(contract)))
