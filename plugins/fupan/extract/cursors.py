"""Which rows of a table tonight's load reads, and how far the watermark moves afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from psycopg2 import sql

from fupan.contracts.contract import Column, Contract
from fupan.errors import ConfigurationError
from fupan.extract.columns import family
from fupan.extract.source import Bound
from fupan.warehouse.connection import Connection

Mode = Literal["full", "incremental", "compare", "window"]
Window = tuple[date, date]

#: A watermark: cursor column -> its highest value as PostgreSQL writes it (exact, time stamps with their offset).
Position = dict[str, str]


@dataclass(frozen=True)
class Plan:
    """What is read; ``bound`` None: the whole table, so that rows gone from the source are known as well."""

    mode: Mode
    bound: Bound | None = None


def plan(contract: Contract, position: Position | None, raw_is_empty: bool, window: Window | None, zone: str) -> Plan:
    """How a table is read tonight.

    A position that names other columns than today's cursor is void, and an empty raw table is always read whole. The
    bound lies on the cursor's first column alone: rows that share a stamp are then read together, whatever their key.
    """
    leading = leading_column(contract)
    if leading is None:
        return Plan("full" if raw_is_empty else "compare")
    if window is not None:
        low, high = window[0], window[1] + timedelta(days=1)
        kind = family(leading.data_type)
        if kind == "date":
            return Plan("window", Bound(leading, low, high))
        if kind == "timestamptz":
            midnights = [datetime.combine(day, time(), ZoneInfo(zone)) for day in (low, high)]
            return Plan("window", Bound(leading, *midnights))
        return Plan("compare")
    if raw_is_empty or position is None or set(position) != set(contract.cursor):
        return Plan("full")
    return Plan("incremental", since(contract, leading, position[leading.name]))


def since(contract: Contract, leading: Column, reached: str) -> Bound:
    """What may have changed since the cursor's first column had ``reached`` that value at most."""
    at = value(leading, reached)
    return Bound(leading, at - contract.lookback if isinstance(at, date) else at)


def highest(connection: Connection, contract: Contract, table: sql.Identifier, not_after: date) -> Position | None:
    """The highest cursor in a table, the stage or raw; stamps after ``not_after`` don't count, else one typing error in the
    year 2099 would hide every change until then."""
    leading = leading_column(contract)
    if leading is None:
        return None
    names = [sql.Identifier(name) for name in contract.cursor]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("select {} from {} where {} order by {} limit 1").format(
                sql.SQL(", ").join(sql.SQL("{}::text").format(name) for name in names),
                table,
                sane(leading, not_after),
                sql.SQL(", ").join(sql.SQL("{}.{} desc nulls last").format(table, name) for name in names),
            )
        )
        row = cursor.fetchone()
    return dict(zip(contract.cursor, row, strict=True)) if row else None


def highest_value(contract: Contract, not_after: date) -> sql.Composable | None:
    """SQL aggregate that is the same, for a scan that is made anyway; None for a cursor of several columns, or of none."""
    leading = leading_column(contract)
    if leading is None or len(contract.cursor) > 1:
        return None
    return sql.SQL("max({}) filter (where {})").format(sql.Identifier(leading.name), sane(leading, not_after))


def sane(leading: Column, not_after: date) -> sql.Composable:
    """SQL condition on a cursor's first column: it may move the watermark, as in `highest`."""
    name = sql.Identifier(leading.name)
    if family(leading.data_type) in ("date", "timestamptz"):
        return sql.SQL("{} < greatest({}::timestamptz, now())").format(name, sql.Literal(not_after))
    return sql.SQL("{} is not null").format(name)


def later(contract: Contract, old: Position | None, new: Position | None) -> Position | None:
    """The higher of two positions: a watermark never moves backwards."""
    if old is None or set(old) != set(contract.cursor):
        return new
    return max(old, new, key=lambda p: _rank(contract, p)) if new else old


def _rank(contract: Contract, position: Position) -> list[tuple[bool, Any]]:
    values = [(contract.column(name), position[name]) for name in contract.cursor]
    return [(text is not None, "" if text is None else value(column, text)) for column, text in values]


def leading_column(contract: Contract) -> Column | None:
    """The cursor's first column, None of a table that is read whole. Raises ConfigurationError for one without an order."""
    if not contract.cursor or contract.delivery == "full":
        return None
    for name in contract.cursor:
        if name not in {column.name for column in contract.columns}:
            raise ConfigurationError(
                "The cursor is no column of the contract",
                system=contract.system,
                table=contract.name,
                column=name,
                remedy="Give the cursor's expression the name of a contracted column in the installation's query",
            )
    leading = contract.column(contract.cursor[0])
    if family(leading.data_type) not in ("date", "timestamptz", "integer", "numeric"):
        raise ConfigurationError(
            f"A cursor can't be {leading.data_type}: its order depends on the source's settings",
            system=contract.system,
            table=contract.name,
            column=leading.name,
            remedy="Take a time stamp, a date or a number, or leave the cursor empty: the table is then read whole",
        )
    return leading


def value(column: Column, text: str) -> Any:
    """A position's value of a column; a text where it has no order."""
    kind = family(column.data_type)
    if kind == "timestamptz":
        return datetime.fromisoformat(text)
    if kind == "date":
        return date.fromisoformat(text)
    return int(text) if kind == "integer" else Decimal(text) if kind == "numeric" else text
