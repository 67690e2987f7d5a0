"""What the loads of one run share: the system's lock, two warehouse connections, one snapshot of the source."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import psycopg2

from fupan.contracts.contract import Contract
from fupan.contracts.installation import FilesSystem, HttpSystem, SourceTable, SqlSystem, System, effective, systems
from fupan.errors import ConfigurationError, FupanError
from fupan.extract import ledger, sql_postgres
from fupan.extract.connections import source_url
from fupan.extract.files import FilesSource
from fupan.extract.http_json import HttpSource
from fupan.extract.ledger import LoadResult
from fupan.extract.source import Source
from fupan.extract.sql_any import AnySource
from fupan.extract.sql_postgres import PostgresSource
from fupan.extract.standing import Standing, standings
from fupan.warehouse.connection import Connection, connect, only_one

log = logging.getLogger("fupan.extract")

#: A contract as the installation changes it, and how the installation has it read.
Table = tuple[Contract, SourceTable]


@dataclass
class Session:
    """One run on one system. ``control`` commits each statement. ``work`` carries a load's transaction and has the source's
    time zone, in which it reads time stamps without zone and cuts days. Neither waits for the disk before the system lands,
    but for pieces: a crash takes the newest commits alone, each load with its watermark, and the next run reads those tables
    again."""

    system: System
    control: Connection
    work: Connection
    run_id: int
    business_day: date
    #: Whether the run goes on in other processes: it is not over when this session is.
    goes_on: bool = False
    _source: Source | None = field(default=None, repr=False)
    _standings: dict[str, Standing] | None = field(default=None, repr=False)

    def standing(self, table: str, *, again: bool = False) -> Standing:
        """How a table stands before its load. The first to ask asks for all tables of the system at once: nobody else loads
        them during the run. No answer is given twice, unless whoever asks first says that the load will ask ``again``."""
        if self._standings is None:
            self._standings = standings(self.control, self.system.system, list(self.system.tables))
        known = self._standings.get(table) if again else self._standings.pop(table, None)
        return known or standings(self.control, self.system.system, [table])[table]

    def source(self) -> Source:
        """The source in one snapshot: orders and their lines, read one after the other, fit together."""
        if self._source is None:
            self._source = open_source(self.system, self.business_day)
        return self._source

    def leave_source(self) -> None:
        """Give the snapshot up; the next read opens a new one."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def undo(self, load_id: int, error: BaseException) -> None:
        """Roll a load's transaction back and say so in ops; a source that failed is left for a new snapshot."""
        self.leave_source()
        # Where the warehouse is gone too, the error at hand says so, and the next run closes what this one left open.
        with contextlib.suppress(psycopg2.Error):
            self.work.rollback()
        with contextlib.suppress(psycopg2.Error):
            ledger.fail_load(self.control, load_id, error)


@contextlib.contextmanager
def running(
    system: System,
    business_day: date,
    *,
    kind: Literal["extract", "maintain"] = "extract",
    orchestrator_run_id: str | None = None,
) -> Iterator[Session]:
    """A run of its own on ``system``, recorded in ops.run; raises Busy where another one holds the system."""
    with _connected(system) as (control, work):
        ledger.bury_dead(control, system.system, pieces_too=kind == "extract")
        run_id = ledger.begin_run(control, kind, system.system, business_day, orchestrator_run_id)
        session = Session(system, control, work, run_id, business_day)
        try:
            yield session
        except BaseException as error:
            with contextlib.suppress(psycopg2.Error):
                ledger.end_run(control, run_id, error)
            raise
        finally:
            session.leave_source()
        if not session.goes_on:
            ledger.end_run(control, run_id, None)


@contextlib.contextmanager
def going_on(system: System, load_id: int, *, alone: bool) -> Iterator[Session]:
    """The run of a load that an earlier process began, ``alone`` on the system or side by side with others like this one.

    Raises Busy where another run holds the system, FupanError where the run is over.
    """
    with _connected(system, alone=alone) as (control, work):
        run_id, business_day = ledger.unfinished(control, system.system, load_id)
        session = Session(system, control, work, run_id, business_day, goes_on=True)
        try:
            yield session
        finally:
            session.leave_source()


@contextlib.contextmanager
def _connected(system: System, *, alone: bool = True) -> Iterator[tuple[Connection, Connection]]:
    """Connections ``control`` and ``work``, and the system's lock."""
    purpose = f"extract {system.system}"
    with connect("loader", purpose, autocommit=True) as control, connect("loader", f"{purpose} load") as work:
        for connection in (control, work):
            with connection.cursor() as cursor:
                cursor.execute("set synchronous_commit = off")
        only_one(control, purpose, shared=not alone)
        with work.cursor() as cursor:
            cursor.execute("select set_config('timezone', %s, false)", [system.time_zone])
        work.commit()
        yield control, work


def each_table(
    session: Session,
    tables: Sequence[Table],
    load: Callable[[Session, Contract, SourceTable], Sequence[LoadResult]],
) -> list[LoadResult]:
    """Apply ``load`` to each table; one that fails doesn't stop the others, its error is raised at the end.

    A source that doesn't answer at all is asked once, not once a table.
    """
    results: list[LoadResult] = []
    first: Exception | None = None
    for contract, entry in tables:
        try:
            session.source()
        except FupanError as error:
            raise first or error from None
        try:
            results += load(session, contract, entry)
        except Exception as error:
            log.error("%s.%s failed: %s", contract.system, contract.name, ledger.describe(error))
            first = first or error
    if first is not None:
        raise first
    return results


def system_of(name: str) -> System:
    """A system of the installation. Raises ConfigurationError where it has none of that name."""
    installed = systems()
    if name not in installed:
        raise ConfigurationError(
            "The installation has no such system", system=name, remedy=f"Known systems: {', '.join(installed)}"
        )
    return installed[name]


def tables_of(system: System) -> list[Table]:
    """The tables that the installation delivers, in its order."""
    return [(effective(system, name), entry) for name, entry in system.tables.items()]


def open_source(system: System, business_day: date) -> Source:
    """The system in one snapshot, for the extraction of that day. Raises SourceUnavailable or ConfigurationError."""
    match system:
        case SqlSystem():
            url = source_url(system.connection, system.system)
            if url.get_backend_name() == "postgresql":
                connection = sql_postgres.connect(system, url)
                try:
                    if sql_postgres.can_stream(connection):
                        return PostgresSource(system, connection)
                except BaseException:
                    connection.close()
                    raise
                connection.close()
            return AnySource(system, url)
        case HttpSystem():
            return HttpSource(system)
        case FilesSystem():
            return FilesSource(system, business_day)
