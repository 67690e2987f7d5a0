"""Does raw hold what the source says it sent? Rows and sums by day, source against raw, row by row in ops."""

from __future__ import annotations

from decimal import Decimal

from psycopg2 import sql
from psycopg2.extras import execute_values

from fupan.contracts.contract import Contract
from fupan.extract.raw_tables import relation, same_key
from fupan.extract.source import Totals
from fupan.warehouse.connection import Connection

#: Sums of a source that adds in binary floating point agree within this share.
_FLOAT_TOLERANCE = Decimal("1e-9")


def of_raw(connection: Connection, contract: Contract, keys: str | None) -> Totals:
    """The contract's totals over the live rows of raw, or over those whose keys stand, once each, in table ``keys``.

    Days are cut in the session's time zone, which is the source's.
    """
    chosen: sql.Composable = sql.SQL("where r._deleted_at is null")
    if keys is not None:
        chosen = sql.SQL("join {} as k on {}").format(sql.Identifier(keys), same_key(contract, "k", "r"))
    return _take(connection, contract, chosen, sql.SQL("null"))[0]


def of_raw_and_highest(connection: Connection, contract: Contract, value: sql.Composable) -> tuple[Totals, str | None]:
    """The totals over the live rows of raw, and aggregate ``value`` over the same rows as text, in one scan."""
    live, highest = sql.SQL("where r._deleted_at is null"), sql.SQL("(max({}) over ())::text").format(value)
    return _take(connection, contract, live, highest)


def _take(
    connection: Connection, contract: Contract, chosen: sql.Composable, more: sql.Composable
) -> tuple[Totals, str | None]:
    wanted = contract.control_totals
    measures = ["rows", *(f"sum({name})" for name in wanted.sums)]
    day: sql.Composable = (
        sql.SQL("r.{}::date").format(sql.Identifier(wanted.day)) if wanted.day else sql.SQL("null::date")
    )
    values: list[sql.Composable] = [sql.SQL("count(*)::numeric")]
    values += [sql.SQL("sum(r.{}::numeric)").format(sql.Identifier(name)) for name in wanted.sums]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("select {}, {}, {} from {} as r {} group by 2").format(
                more, day, sql.SQL(", ").join(values), relation(contract), chosen
            )
        )
        found = cursor.fetchall()
    totals = {(row[1], m): v for row in found for m, v in zip(measures, row[2:], strict=True)}
    return totals, found[0][0] if found else None


def record(
    connection: Connection, contract: Contract, load_id: int, source: Totals, raw: Totals, *, exact: bool
) -> bool:
    """Write both sides to ops.control_total (not committed); returns whether all agree."""
    rows = []
    for day, measure in sorted(source.keys() | raw.keys(), key=str):
        theirs, ours = source.get((day, measure)), raw.get((day, measure))
        rows.append(
            (load_id, contract.system, contract.name, day, measure, theirs, ours, _agree(theirs, ours, exact=exact))
        )
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            "insert into ops.control_total"
            " (load_id, system, table_name, day, measure, source_value, raw_value, agrees) values %s",
            rows,
            page_size=10_000,
        )
    return all(row[-1] for row in rows)


def _agree(theirs: Decimal | None, ours: Decimal | None, *, exact: bool) -> bool:
    if exact or theirs is None or ours is None:
        return theirs == ours
    return abs(theirs - ours) <= _FLOAT_TOLERANCE * max(abs(theirs), abs(ours))
