"""Cut the first load of a big table into ranges of its primary key, which several workers can load at the same time.

Each piece is read in a snapshot of its own, by whoever has time for it, perhaps hours later. So the table is cut twice: rows
whose cursor is old, older than the lookback at the time of cutting, are what the pieces read; whatever has been changed since
then has a newer one, and is read when the pieces are joined, in one snapshot, as an incremental load would (`join`).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import timedelta

import psycopg2
from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.contracts.installation import SourceTable, SqlTable
from fupan.errors import FupanError
from fupan.extract import cursors, drift, ledger, pieces, raw_tables
from fupan.extract.pieces import Piece
from fupan.extract.session import Session
from fupan.extract.source import Bound, KeyRange, Read
from fupan.extract.sql_postgres import PostgresSource
from fupan.extract.standing import standings

log = logging.getLogger("fupan.extract")

#: Keys looked at for each piece: their order tells where it ends, give or take a tenth of it.
_SAMPLE = 400
#: Airflow maps a task to 1024 at most.
_MOST_PIECES = 512


@dataclass(frozen=True)
class Large:
    """A table that is worth cutting: about ``rows`` rows beside the ``rest``."""

    contract: Contract
    entry: SqlTable
    rows: int
    rest: Bound


def large(session: Session, contract: Contract, entry: SourceTable) -> Large | None:
    """What is to be cut of a table; None where it is read by cursor tonight, or small, or can't be cut.

    It can't be where the source is not PostgreSQL, where no cursor tells what changed between two pieces, where the key holds
    personal data, which would stand in ops as a limit, and where columns evolve: what they are is asked anew by each read.
    None as well where anything is wrong with the table: the load
    in one then says so, and has failed on record.
    """
    try:
        evolves = contract.schema_contract.columns == "evolve"
        if isinstance(entry, SqlTable) and not evolves and _is_read_whole(session, contract):
            return _large(session, contract, entry)
    except (FupanError, psycopg2.Error):
        session.leave_source()
        session.work.rollback()
    return None


def _large(session: Session, contract: Contract, entry: SqlTable) -> Large | None:
    source, read = session.source(), Read(contract, entry)
    leading = cursors.leading_column(contract)
    if not isinstance(source, PostgresSource):
        if "pieces" in entry.model_fields_set:
            log.warning("%s.%s: only a PostgreSQL source is read in pieces", contract.system, contract.name)
        return None
    has_secret_key = any(contract.column(name).personal_data for name in contract.primary_key)
    if leading is None or has_secret_key or _estimate(source, read) <= entry.pieces.rows:
        return None
    drift.refuse(contract, drift.compare(contract, source.describe(read)))
    highest = sql.SQL("max({}::{}) filter (where {})::text").format(
        sql.Identifier(leading.name),
        sql.SQL(leading.data_type),
        cursors.sane(leading, session.business_day + timedelta(days=2)),
    )
    ((reached,),) = source.ask(read, highest)
    if reached is None:
        return None
    rest = cursors.since(contract, leading, reached)
    rows = _estimate(source, Read(contract, entry, piece=KeyRange(None, None, rest)))
    # A table whose rows all have one fresh stamp, from a migration, has no old ones.
    return Large(contract, entry, rows, rest) if rows > entry.pieces.rows else None


def cut(session: Session, table: Large) -> list[Piece]:
    """Begin the load of a table in pieces."""
    contract, control = table.contract, session.control
    wanted = min(math.ceil(table.rows / table.entry.pieces.rows), _MOST_PIECES)
    limits = _limits(session, table, wanted)
    position = ledger.watermark(control, contract)
    load_id = ledger.begin_load(
        control, session.run_id, contract, session.business_day, mode="full", watermark=position
    )
    found = pieces.record(session.work, contract, load_id, {table.rest.column.name: str(table.rest.low)}, limits)
    session.work.commit()
    log.info(
        "%s.%s: load %d of about %d rows in %d pieces",
        *(contract.system, contract.name, load_id, table.rows, len(found)),
    )
    return found


def _is_read_whole(session: Session, contract: Contract) -> bool:
    standing = session.standing(contract.name, again=True)
    if not raw_tables.fits(contract, standing.shape):
        raw_tables.ensure(session.work, [contract])
        session.work.commit()
        # A column that raw just gained has made the position void.
        standing = standings(session.control, contract.system, [contract.name])[contract.name]
    plan = cursors.plan(contract, standing.position, standing.is_empty, None, session.system.time_zone)
    return plan.mode == "full"


def _estimate(source: PostgresSource, read: Read) -> int:
    """Rows of a read by the source's statistics."""
    ((plan,),) = source.ask(read, sql.SQL("1"), before="explain (format json)")
    return int(plan[0]["Plan"]["Plan Rows"])


def _limits(session: Session, table: Large, wanted: int) -> list[tuple[str, ...]]:
    """Keys, as the source writes them, at which ``wanted`` pieces of about the same size meet: fewer where keys repeat."""
    source = session.source()
    assert isinstance(source, PostgresSource)
    names = [sql.SQL("q.{}").format(sql.Identifier(name)) for name in table.contract.primary_key]
    columns = sql.SQL(", ").join(names)
    share = min(1.0, _SAMPLE * wanted / table.rows)
    sample = source.ask(
        Read(table.contract, table.entry, piece=KeyRange(None, None, table.rest)),
        sql.SQL(", ").join(sql.SQL("{}::text").format(name) for name in names),
        sql.SQL("and {} and random() < {} order by {}").format(
            sql.SQL(" and ").join(sql.SQL("{} is not null").format(name) for name in names), sql.Literal(share), columns
        ),
    )
    found: list[tuple[str, ...]] = []
    for number in range(1, wanted):
        limit = sample[number * len(sample) // wanted] if sample else None
        if limit is not None and limit not in found:
            found.append(limit)
    return found
