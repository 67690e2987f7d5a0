"""A big table in pieces: each loaded by itself, all joined into raw in one transaction.

A piece is a table of schema raw_pieces that commits together with the word that it is there: one that was killed has left
nothing and is loaded again alone. Pieces come from different snapshots; the join makes one of them. In a snapshot of its own
it reads what may have changed since the table was cut, as an incremental load does, and takes the control totals. Where these
disagree, rows have vanished from the source after their piece was read: the keys tell which.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import psycopg2
from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.contracts.installation import SourceTable, effective
from fupan.errors import ConfigurationError, FupanError
from fupan.extract import control_totals, cursors, drift, ledger, pieces
from fupan.extract.direct import build_key, look, refuse_random, take
from fupan.extract.ledger import LoadResult
from fupan.extract.load import Counts, insert, settle
from fupan.extract.pieces import Piece
from fupan.extract.raw_tables import relation
from fupan.extract.reconcile import mark_vanished
from fupan.extract.session import Session, log
from fupan.extract.source import Bound, Copied, KeyRange, Read
from fupan.extract.sql_postgres import PostgresSource
from fupan.extract.stage import STAGE, create_stage
from fupan.extract.table import heed, report
from fupan.warehouse.connection import only_one


def load_piece(session: Session, load_id: int, number: int) -> None:
    """Load one piece into its tables, which are made anew; nothing is done where it is there already.

    Raises ContractError, SourceUnavailable, Busy where somebody else loads this very piece.
    """
    only_one(session.control, f"piece {number} of load {load_id}")
    piece = next(one for one in pieces.of_load(session.control, load_id) if one.number == number)
    if piece.state == "loaded":
        log.info("piece %d of load %d is there already", number, load_id)
        return
    contract, entry, rest = _table(session, load_id)
    begun, work = time.monotonic(), session.work
    pieces.begin(session.control, load_id, number)
    try:
        source = _postgres(session, contract)
        read = Read(contract, entry, load_id=load_id, piece=KeyRange(piece.low, piece.high, rest))
        drift.refuse(contract, drift.compare(contract, source.describe(read)))
        pieces.make_tables(work, contract, load_id, number)
        fitting = source.copy_fitting(read, load_id, work, pieces.relation("piece", load_id, number))
        ((there_are,),) = source.ask(read, sql.SQL("count(*)"))
        misfitting = 0
        if there_are != fitting:
            misfitting = source.copy_misfits(read, work, pieces.relation("misfits", load_id, number))
            refuse_random(contract, there_are, fitting + misfitting)
        pieces.succeed(work, load_id, number, fitting=fitting, misfitting=misfitting)
        work.commit()
    except BaseException as error:
        session.leave_source()
        with contextlib.suppress(psycopg2.Error):
            work.rollback()
        with contextlib.suppress(psycopg2.Error):
            pieces.fail(session.control, load_id, number, error)
        raise
    log.info(
        "%s.%s piece %d: %d rows read in %.1f s",
        *(contract.system, contract.name, number, fitting + misfitting, time.monotonic() - begun),
    )


def join(session: Session, load_id: int) -> LoadResult:
    """Bring the pieces of a load into raw, all at once; on any error they stay, to be joined again.

    Raises FupanError where a piece is missing, and as `load_table`.
    """
    begun, control, work = time.monotonic(), session.control, session.work
    contract, entry, rest = _table(session, load_id)
    parts = pieces.of_load(control, load_id)
    if missing := [str(piece.number) for piece in parts if piece.state != "loaded"]:
        raise FupanError(
            f"Pieces {', '.join(missing)} of load {load_id} are not there",
            system=contract.system,
            table=contract.name,
            remedy="Clear their task load_piece alone, then this one",
        )
    not_after = session.business_day + timedelta(days=2)
    standing = session.standing(contract.name)
    position, was_empty = standing.position, standing.is_empty
    try:
        source, whole = _postgres(session, contract), Read(contract, entry)
        heed(control, contract, drift.compare(contract, source.describe(whole)))
        create_stage(work, contract.columns)
        changed = source.copy(Read(contract, entry, rest), contract.columns, work, STAGE).rows
        source.take_totals(whole)
        changed += _stage(session, contract, load_id, parts, "misfits")
        key = take(work, contract) if was_empty else None
        if key is None:
            rows = changed + _stage(session, contract, load_id, parts, "piece")
            settled = settle(work, contract, load_id, Copied(rows, whole=True), not_after, raw_is_empty=was_empty)
            counts = settled.counts
        else:
            attached = _attach(session, contract, load_id, parts)
            _analyze(session, contract)
            doubled = build_key(work, contract, key)
            settled = settle(work, contract, load_id, Copied(changed, whole=False), not_after, raw_is_empty=False)
            counts = _together(settled.counts, attached, doubled)
        if counts.rejected:
            drift.refuse_rejected(work, contract, load_id)
        theirs, (ours, highest) = source.totals(whole), look(work, contract, not_after)
        vanished = 0
        # Rows that were rejected could hide that as many have vanished.
        if theirs != ours or counts.rejected:
            _, vanished = mark_vanished(session, contract, entry, load_id)
            ours = control_totals.of_raw(work, contract)
        agree = control_totals.record(work, contract, load_id, theirs, ours, exact=source.exact)
        after = cursors.later(contract, position, cursors.later(contract, highest, settled.reached))
        if after is not None and after != position:
            ledger.move_watermark(work, contract, after, load_id)
        counts = replace(counts, deleted=counts.deleted + vanished)
        ledger.succeed_load(work, load_id, counts, after)
        pieces.drop_tables(work, load_id, parts)
        work.commit()
    except BaseException:
        session.leave_source()
        with contextlib.suppress(psycopg2.Error):
            work.rollback()
        raise
    result = LoadResult(contract.system, contract.name, load_id, "full", counts, time.monotonic() - begun, agree)
    report(result)
    return result


def _table(session: Session, load_id: int) -> tuple[Contract, SourceTable, Bound]:
    """What a load is of, and the rows that are in no piece."""
    name, cut_at = pieces.table_of(session.control, load_id)
    if name not in session.system.tables:
        raise ConfigurationError(
            "The installation no longer delivers the table",
            system=session.system.system,
            table=name,
            remedy="Put it back, or clear the extract task: the day lands without it",
        )
    contract = effective(session.system, name)
    leading = cursors.leading_column(contract)
    if leading is None or leading.name not in cut_at:
        raise ConfigurationError(
            f"The table was cut by another cursor, {', '.join(cut_at)}",
            system=contract.system,
            table=name,
            remedy="Clear the extract task: the table is cut anew",
        )
    rest = Bound(leading, cursors.value(leading, cut_at[leading.name]))
    return contract, session.system.tables[name], rest


def _postgres(session: Session, contract: Contract) -> PostgresSource:
    source = session.source()
    if not isinstance(source, PostgresSource):
        raise ConfigurationError(
            "The table was cut when its source was PostgreSQL, and it no longer is",
            system=contract.system,
            table=contract.name,
            remedy="Clear the extract task: the table is read anew",
        )
    return source


def _stage(session: Session, contract: Contract, load_id: int, parts: Sequence[Piece], kind: pieces.Kind) -> int:
    """Rows of the pieces into the stage; returns how many."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
    staged = 0
    with session.work.cursor() as cursor:
        for piece in parts:
            cursor.execute(
                sql.SQL("insert into {} ({}) select {} from {}").format(
                    sql.Identifier(STAGE), names, names, pieces.relation(kind, load_id, piece.number)
                )
            )
            staged += cursor.rowcount
    return staged


def _attach(session: Session, contract: Contract, load_id: int, parts: Sequence[Piece]) -> int:
    """Rows of the pieces into raw, which is empty; returns how many."""
    tables = [pieces.relation("piece", load_id, piece.number) for piece in parts]
    return sum(insert(session.work, contract, load_id, table) for table in tables)


def _together(settled: Counts, attached: int, doubled: int) -> Counts:
    """Of all rows of a load into empty raw: each key was inserted once, and what else came of it is a duplicate."""
    read, inserted = settled.read + attached, settled.inserted + attached - doubled
    return Counts(read, inserted, duplicate=read - inserted - settled.rejected, rejected=settled.rejected)


def _analyze(session: Session, contract: Contract) -> None:
    with session.work.cursor() as cursor:
        cursor.execute(sql.SQL("analyze {}").format(relation(contract)))
