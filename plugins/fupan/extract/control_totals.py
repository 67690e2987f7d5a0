"""Does raw hold what the source says it sent? Rows and sums by day, source against raw, row by row in ops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.extract.copy_text import copy_by, line
from fupan.extract.raw_tables import relation
from fupan.extract.source import Totals
from fupan.warehouse.connection import Connection

#: Sums of a source that adds in binary floating point agree within this share.
_FLOAT_TOLERANCE = Decimal("1e-9")


def of_raw(connection: Connection, contract: Contract) -> Totals:
    """The contract's totals over the live rows of raw; days are cut in the session's time zone, which is the source's."""
    return of_raw_and(connection, contract, sql.SQL("null"))[0]


def of_raw_and(connection: Connection, contract: Contract, aggregate: sql.Composable) -> tuple[Totals, str | None]:
    """The same, and the maximum of what ``aggregate`` gives for each day, as text, in one scan."""
    day, *values = measured(contract)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("select (max({}) over ())::text, {} from {} as r where _deleted_at is null group by 2").format(
                aggregate, totalled(day, values), relation(contract)
            )
        )
        rows = cursor.fetchall()
    return as_totals(contract, [row[1:] for row in rows]), rows[0][0] if rows else None


def measured(contract: Contract) -> list[sql.Composable]:
    """SQL on a row of raw, alias r: its day, then each value that is summed."""
    wanted = contract.control_totals
    day = sql.SQL("r.{}::date").format(sql.Identifier(wanted.day)) if wanted.day else sql.SQL("null::date")
    return [day, *(sql.SQL("r.{}::numeric").format(sql.Identifier(name)) for name in wanted.sums)]


def totalled(day: sql.Composable, values: Sequence[sql.Composable]) -> sql.Composed:
    """Select list, grouped by its first column, whose rows `as_totals` takes."""
    return sql.SQL(", ").join(
        [day, sql.SQL("count(*)::numeric"), *(sql.SQL("sum({})").format(value) for value in values)]
    )


def as_totals(contract: Contract, rows: Iterable[Sequence[Any]]) -> Totals:
    """Totals of rows (day, count, sums); those of one day are added up."""
    measures = ["rows", *(f"sum({name})" for name in contract.control_totals.sums)]
    totals: Totals = {}
    for day, *values in rows:
        for measure, value in zip(measures, values, strict=True):
            known = totals.get((day, measure))
            totals[day, measure] = value if known is None else known if value is None else known + value
    return totals


def record(
    connection: Connection, contract: Contract, load_id: int, source: Totals, raw: Totals, *, exact: bool
) -> bool:
    """Write both sides to ops.control_total (not committed); returns whether all agree."""
    into = sql.SQL(
        "copy ops.control_total (load_id, system, table_name, day, measure, source_value, raw_value, agrees) from stdin"
    )
    lines, all_agree = [], True
    for day, measure in sorted(source.keys() | raw.keys(), key=str):
        theirs, ours = source.get((day, measure)), raw.get((day, measure))
        agrees = _agree(theirs, ours, exact=exact)
        values = (load_id, contract.system, contract.name, day, measure, theirs, ours, agrees)
        lines.append(line([None if value is None else str(value) for value in values]))
        all_agree = all_agree and agrees
    if lines:
        copy_by(connection, into, iter(lines))
    return all_agree


def _agree(theirs: Decimal | None, ours: Decimal | None, *, exact: bool) -> bool:
    if exact or theirs is None or ours is None:
        return theirs == ours
    return abs(theirs - ours) <= _FLOAT_TOLERANCE * max(abs(theirs), abs(ours))
