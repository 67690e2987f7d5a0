"""One system's extraction for one business day, from its first table to its landing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from fupan.contracts.contract import Contract
from fupan.contracts.installation import SourceTable, SqlSystem
from fupan.extract import join, landing, ledger, pieces
from fupan.extract.cursors import Window
from fupan.extract.cut import Large, cut, large
from fupan.extract.ledger import LoadResult, describe
from fupan.extract.pieces import Piece
from fupan.extract.reconcile import reconcile_table, tells_keys
from fupan.extract.session import Session, each_table, going_on, running, system_of, tables_of
from fupan.extract.table import load_table
from fupan.warehouse.connection import connect
from fupan.warehouse.pseudonym_key import require_unchanged


def extract_system(
    system: str, business_day: date, *, window: Window | None = None, orchestrator_run_id: str | None = None
) -> list[LoadResult]:
    """Load every table of a system, then record that it has landed.

    ``window``: first and last day, both inclusive, in the source's zone, whose rows are read again (the whole table where
    there is no cursor in time). Where a table fails the others are loaded all the same and the first error is raised:
    SourceUnavailable is worth another try, ContractError and ConfigurationError are not. Raises Busy where another run
    holds the system.
    """
    return _extract(system, business_day, window, orchestrator_run_id, may_cut=False)[0]


def extract_or_cut(
    system: str, business_day: date, *, orchestrator_run_id: str | None = None
) -> tuple[list[LoadResult], list[Piece]]:
    """The same, for several workers: a table that is read whole and is big is cut; the system lands once each piece went
    through `extract_piece` and all of them through `join_pieces`, or at once where there is none."""
    return _extract(system, business_day, None, orchestrator_run_id, may_cut=True)


def _extract(
    system: str, business_day: date, window: Window | None, orchestrator_run_id: str | None, *, may_cut: bool
) -> tuple[list[LoadResult], list[Piece]]:
    installed = system_of(system)
    # Whoever runs the task: hashes of another key would stand beside those in raw.
    require_unchanged()
    put_off: list[Large] = []

    def load(session: Session, contract: Contract, entry: SourceTable) -> list[LoadResult]:
        if may_cut and (table := large(session, contract, entry)):
            put_off.append(table)
            return []
        loaded = [load_table(session, contract, entry, window)]
        # A table that was read whole has had its deletes found already.
        if contract.reconcile == "nightly" and loaded[0].mode == "incremental" and tells_keys(entry):
            # Only a database has a snapshot; any other source may rightly have got new keys since the load.
            is_snapshot = isinstance(session.system, SqlSystem)
            loaded.append(reconcile_table(session, contract, entry, after_load=is_snapshot))
        return loaded

    with running(installed, business_day, orchestrator_run_id=orchestrator_run_id) as session:
        pieces.clear_away(session.work, system)
        session.work.commit()
        results = each_table(session, tables_of(installed), load)
        parts = [piece for table in put_off for piece in cut(session, table)]
        session.goes_on = bool(parts)
        if not parts:
            landing.landed(session.work, system, business_day, session.run_id)
            session.work.commit()
        return results, parts


def extract_piece(system: str, load_id: int, number: int) -> None:
    """Load one piece, whatever becomes of the others. Raises as `extract_system`, and FupanError where its load is over."""
    require_unchanged()
    with going_on(system_of(system), load_id, alone=False) as session:
        join.load_piece(session, load_id, number)


def join_pieces(system: str, load_ids: Sequence[int]) -> list[LoadResult]:
    """Make the tables of these loads of one run visible, each whole, then record that the system has landed.

    What has been joined before stays as it is. Raises as `extract_system`; where a table fails the others are joined.
    """
    require_unchanged()
    with connect("loader", "join pieces") as connection:
        # Killed after its last word, and started again.
        if ledger.has_succeeded(connection, load_ids[0], run_too=True):
            return []
    results: list[LoadResult] = []
    first: Exception | None = None
    with going_on(system_of(system), load_ids[0], alone=True) as session:
        for load_id in sorted(set(load_ids)):
            try:
                if not ledger.has_succeeded(session.control, load_id):
                    results.append(join.join(session, load_id))
            except Exception as error:
                first = first or error
        if first is not None:
            raise first
        landing.landed(session.work, system, session.business_day, session.run_id)
        ledger.end_run(session.work, session.run_id, None)
        session.work.commit()
    return results


def mark_failed(system: str, business_day: date, error: BaseException | str) -> None:
    """Record that a system won't land for that day (unless it has): the build goes on without it."""
    with connect("loader", "landing", autocommit=True) as connection:
        landing.failed(connection, system, business_day, describe(error))
