"""What every kind of source can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.types import String

from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import SourceTable, SqlTable
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
class KeyRange:
    """Rows with ``low`` <= primary key < ``high`` (values as the source writes them; None: open end) that ``rest`` leaves out;
    those with no whole key are in the range without ``low``."""

    low: tuple[str, ...] | None
    high: tuple[str, ...] | None
    rest: Bound


@dataclass(frozen=True)
class Read:
    """One read of one source table: what the installation says of it, narrowed by ``bound``, or to the rows of a ``piece``.

    Files, which no bound narrows, are read once: again those whose day is in ``window``, all where ``anew``. ``load_id``: of
    the load that reads.
    """

    contract: Contract
    entry: SourceTable
    bound: Bound | None = None
    window: tuple[date, date] | None = None
    anew: bool = False
    load_id: int | None = None
    piece: KeyRange | None = None

    @property
    def query(self) -> str:
        """The SELECT behind a table of an SQL system, fit to stand in parentheses."""
        assert isinstance(self.entry, SqlTable)
        query = f"select * from {self.entry.relation}" if self.entry.relation else (self.entry.query or "")
        return query.strip().rstrip(";")


@dataclass(frozen=True)
class Copied:
    """``rows`` read, all of them in the stage.

    ``differences``: what only the rows show of the contract (columns none of whose values fit, columns that are not there).
    ``whole``: the stage is the whole table, so what it lacks is deleted at the source.
    ``may_be_older``: the stage holds states of several times, in their order, that may be older than what raw holds.
    """

    rows: int
    whole: bool
    differences: tuple[Difference, ...] = ()
    may_be_older: bool = False


class Source(Protocol):
    """A source in one read-only snapshot, as far as it has such a thing, from opening to ``close``."""

    #: Whether its sums are exact; where not (SQLite sums as float) totals agree within a float's precision.
    exact: bool

    def describe(self, read: Read) -> dict[str, str | None]:
        """Columns that are delivered -> family of their type, None where the source does not tell."""
        ...

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        """Stream ``columns`` of the rows into the warehouse's temporary table ``stage``, personal data hashed."""
        ...

    def totals(self, read: Read) -> Totals | None:
        """Control totals of the same rows, told by the source; None where it tells none."""
        ...

    def close(self) -> None:
        """End the snapshot."""
        ...


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
