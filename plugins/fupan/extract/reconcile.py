"""Deletes that no cursor shows: the source's keys against raw's."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.contracts.installation import FilesTable, SourceTable
from fupan.extract import control_totals, drift, ledger
from fupan.extract.ledger import LoadResult
from fupan.extract.load import Counts, count_stage, mark_deleted
from fupan.extract.raw_tables import relation, same_key
from fupan.extract.session import Session, each_table, running, system_of, tables_of
from fupan.extract.source import Copied, Read
from fupan.extract.stage import create_stage
from fupan.extract.table import report
from fupan.warehouse.connection import Connection

_KEYS = "fupan_keys"


def reconcile_system(system: str, business_day: date, orchestrator_run_id: str | None = None) -> list[LoadResult]:
    """Reconcile every delivered table of a system whose keys it tells and that its contract does not exempt; raises the first
    table's error."""
    installed = system_of(system)
    wanted = [table for table in tables_of(installed) if table[0].reconcile != "never" and tells_keys(table[1])]
    with running(installed, business_day, kind="maintain", orchestrator_run_id=orchestrator_run_id) as session:
        return each_table(session, wanted, lambda *table: [reconcile_table(*table, after_load=False)])


def tells_keys(entry: SourceTable) -> bool:
    """Whether the source can be asked for all keys of a table: files tell what changed, or are the whole table themselves."""
    return not isinstance(entry, FilesTable)


def reconcile_table(session: Session, contract: Contract, entry: SourceTable, *, after_load: bool) -> LoadResult:
    """Mark raw's rows whose key is gone from the source, revive those whose key is back; mode 'reconcile' in ops.load.

    ``after_load``: the snapshot is the one of a load that just ended, so raw must now have the very keys of the source;
    both numbers go to ops.control_total as measure 'keys'. In a later snapshot the source is rightly ahead of raw.

    Raises ContractError where the source's keys are implausibly few.
    """
    begun, work = time.monotonic(), session.work
    position = ledger.watermark(session.control, contract)
    load_id = ledger.begin_load(
        session.control, session.run_id, contract, session.business_day, mode="reconcile", watermark=position
    )
    try:
        copied, deleted = mark_vanished(session, contract, entry, load_id)
        revived = _revive(work, contract, load_id)
        counts = Counts(copied.rows, updated=revived, unchanged=copied.rows - revived, deleted=deleted)
        agree = None
        if after_load:
            theirs, ours = Decimal(copied.rows), Decimal(_live(work, contract))
            agree = control_totals.record(
                work, contract, load_id, {(None, "keys"): theirs}, {(None, "keys"): ours}, exact=True
            )
        ledger.succeed_load(work, load_id, counts, position)
        work.commit()
    except BaseException as error:
        session.undo(load_id, error)
        raise
    result = LoadResult(contract.system, contract.name, load_id, "reconcile", counts, time.monotonic() - begun, agree)
    report(result)
    return result


def mark_vanished(session: Session, contract: Contract, entry: SourceTable, load_id: int) -> tuple[Copied, int]:
    """Mark raw's rows whose key the source lacks as deleted (not committed); also returns what was read of the keys, which
    stay in a temporary table, and how many rows were marked. Raises as `mark_deleted`."""
    key, work = [contract.column(name) for name in contract.primary_key], session.work
    create_stage(work, key, _KEYS)
    copied = session.source().copy(Read(contract, entry), key, work, _KEYS)
    drift.refuse(contract, copied.differences)
    count_stage(work, contract, _KEYS)
    return copied, mark_deleted(work, contract, load_id, _KEYS)


def _revive(connection: Connection, contract: Contract, load_id: int) -> int:
    with connection.cursor() as cursor:
        # Statistics know of no deleted row until the first ones are old: each would be looked for in all keys by itself.
        cursor.execute("set local enable_nestloop = off")
        cursor.execute(
            sql.SQL(
                "update {} as r set _deleted_at = null, _loaded_at = now(), _batch_id = {}"
                " where r._deleted_at is not null and exists (select from {} as k where {})"
            ).format(relation(contract), sql.Literal(load_id), sql.Identifier(_KEYS), same_key(contract, "k", "r"))
        )
        revived = cursor.rowcount
        cursor.execute("set local enable_nestloop to default")
        return revived


def _live(connection: Connection, contract: Contract) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("select count(*) from {} where _deleted_at is null").format(relation(contract)))
        row = cursor.fetchone()
    return row[0] if row else 0
