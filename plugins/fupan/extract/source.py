"""What every kind of SQL source can do, and which kind serves a system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.types import String

from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import SqlTable
from fupan.errors import ConfigurationError
from fupan.extract.drift import Difference
from fupan.warehouse.connection import Connection

CONNECT_TIMEOUT_S = 10
#: Longest wait for a lock, and for a single statement that is no bulk read.
LOCK_TIMEOUT_S = 60
STATEMENT_TIMEOUT_S = 3600
#: Longest silence in the middle of a read before the source counts as hung.
STALL_TIMEOUT_S = 900

#: (day or None, measure) -> value. Measures: `rows`, and `sum(<column>)` of every summed column.
Totals = dict[tuple[date | None, str], Decimal | None]

CursorValue = date | datetime | int | Decimal


@dataclass(frozen=True)
class Bound:
    """Rows with ``low`` <= cursor < ``high`` (None: open end), and always those whose cursor is null."""

    column: Column
    low: CursorValue | None = None
    high: CursorValue | None = None


@dataclass(frozen=True)
class Read:
    """One read of one source table: the ``query`` that yields the contract's columns, narrowed by ``bound``."""

    contract: Contract
    query: str
    bound: Bound | None = None


@dataclass(frozen=True)
class Copied:
    """``rows`` read, all of them in the stage; ``retyped``: columns none of whose values fit the contract's family."""

    rows: int
    retyped: tuple[Difference, ...] = ()


class Source(Protocol):
    """A source database in one read-only snapshot, from opening to ``close``."""

    #: Whether its sums are exact; where not (SQLite sums as float) totals agree within a float's precision.
    exact: bool

    def describe(self, read: Read) -> dict[str, str | None]:
        """Columns that the query yields -> family of their type, None where the database does not tell."""
        ...

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        """Stream ``columns`` of the rows into the warehouse's temporary table ``stage``, personal data hashed."""
        ...

    def totals(self, read: Read) -> Totals:
        """Control totals of the same rows, computed by the source."""
        ...

    def close(self) -> None:
        """End the snapshot."""
        ...


def query_of(table: SqlTable) -> str:
    """The SELECT behind a table of the installation, fit to stand in parentheses."""
    query = f"select * from {table.relation}" if table.relation else (table.query or "")
    return query.strip().rstrip(";")


def bind(statement: str, parameters: dict[str, Any], system: str) -> TextClause:
    """``statement`` with its `:name` values bound; a list stands for all its members, as in `in :name`.

    Raises ConfigurationError for a name without a value.
    """
    clause = text(statement)
    # Python values of the parameters that the statement really names: SQLAlchemy refuses a surplus.
    named = set(clause.compile().params)
    if unknown := named - parameters.keys():
        raise ConfigurationError(
            f"The query uses :{', :'.join(sorted(unknown))}, which has no value",
            system=system,
            remedy="Add it under `parameters` of the installation's YAML",
        )
    return clause.bindparams(
        *(
            bindparam(name, list(value), expanding=True, type_=None if value else String())
            if isinstance(value := parameters[name], (list, tuple))
            else bindparam(name, value)
            for name in sorted(named)
        )
    )
