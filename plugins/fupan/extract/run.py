"""One system's extraction for one business day, from its first table to its landing."""

from __future__ import annotations

from datetime import date

from fupan.contracts.contract import Contract
from fupan.contracts.installation import SourceTable, SqlSystem
from fupan.extract import landing
from fupan.extract.cursors import Window
from fupan.extract.ledger import LoadResult, describe
from fupan.extract.reconcile import reconcile_table, tells_keys
from fupan.extract.session import Session, each_table, running, system_of, tables_of
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
    installed = system_of(system)
    # Whoever runs the task: hashes of another key would stand beside those in raw.
    require_unchanged()

    def load(session: Session, contract: Contract, entry: SourceTable) -> list[LoadResult]:
        loaded = [load_table(session, contract, entry, window)]
        # A table that was read whole has had its deletes found already.
        if contract.reconcile == "nightly" and loaded[0].mode == "incremental" and tells_keys(entry):
            # Only a database has a snapshot; any other source may rightly have got new keys since the load.
            is_snapshot = isinstance(session.system, SqlSystem)
            loaded.append(reconcile_table(session, contract, entry, after_load=is_snapshot))
        return loaded

    with running(installed, business_day, orchestrator_run_id=orchestrator_run_id) as session:
        results = each_table(session, tables_of(installed), load)
        landing.landed(session.work, system, business_day, session.run_id)
        session.work.commit()
        return results


def mark_failed(system: str, business_day: date, error: BaseException | str) -> None:
    """Record that a system won't land for that day (unless it has): the build goes on without it."""
    with connect("loader", "landing", autocommit=True) as connection:
        landing.failed(connection, system, business_day, describe(error))
