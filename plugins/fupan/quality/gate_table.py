"""The rows that a raw gate judges, written once into a table of their own: GX then scans that, never the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.quality.gx_runner import Relation
from fupan.quality.suites import ROW_KEY
from fupan.warehouse.connection import Connection

#: True for rows of the loads under judgement, false for rows that are judged again because they are in quarantine.
LANDED = "_landed"


@dataclass(frozen=True)
class Window:
    """Loads under judgement: ``after`` < _batch_id <= ``up_to``; no bounds: the whole table."""

    after: int | None = None
    up_to: int | None = None

    @classmethod
    def quarantine_only(cls) -> Window:
        """No load at all, so that only the rows in quarantine are judged."""
        last = 2**63 - 1
        return cls(last, last)


@dataclass(frozen=True)
class GateTable:
    """A filled gate table: ``rows`` in all, ``landed`` of them from the loads under judgement."""

    relation: Relation
    rows: int
    landed: int


def key_of(contract: Contract, alias: str) -> sql.Composed:
    """The primary key of a raw row as text[], in the contract's order."""
    return sql.SQL("array[{}]").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(alias, name)) for name in contract.primary_key)
    )


def key_matches(contract: Contract, alias: str, key: sql.Composable) -> sql.Composed:
    """Condition that a raw row has that key; written on the typed columns so that the primary key's index serves it."""
    return sql.SQL(" and ").join(
        sql.SQL("{} = ({}[{}])::{}").format(
            sql.Identifier(alias, name),
            key,
            sql.Literal(place),
            sql.SQL(contract.column(name).data_type),
        )
        for place, name in enumerate(contract.primary_key, start=1)
    )


def fill(connection: Connection, contract: Contract, name: str, window: Window) -> GateTable:
    """(Re)create ``ops.<name>`` from the window's rows and the rows in quarantine, deleted ones left out; commits."""
    table = sql.Identifier("ops", name)
    query = sql.SQL(
        """
        create unlogged table {table} as
        select {key} as {row_key}, true as {landed}, {columns}
        from {raw} as r
        where r._deleted_at is null and {in_window}
        union all
        select q.row_key, false, {columns}
        from (
            select distinct row_key from ops.quarantine
            where system = {system} and table_name = {name} and released_at is null
        ) as q
        inner join {raw} as r on {matches}
        where r._deleted_at is null and {before_window}
        """
    ).format(
        table=table,
        key=key_of(contract, "r"),
        row_key=sql.Identifier(ROW_KEY),
        landed=sql.Identifier(LANDED),
        columns=sql.SQL(", ").join(sql.Identifier("r", column.name) for column in contract.columns),
        raw=sql.SQL(contract.relation),
        in_window=_in_window(window),
        system=sql.Literal(contract.system),
        name=sql.Literal(contract.name),
        matches=key_matches(contract, "r", sql.SQL("q.row_key")),
        before_window=_before_window(window),
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("drop table if exists {}").format(table))
        cursor.execute(query)
        cursor.execute(sql.SQL("analyze {}").format(table))
        cursor.execute(
            sql.SQL("select count(*), count(*) filter (where {}) from {}").format(sql.Identifier(LANDED), table)
        )
        rows, landed = cursor.fetchone() or (0, 0)
    connection.commit()
    return GateTable(Relation("ops", name, (ROW_KEY,)), rows, landed)


def drop(connection: Connection, names: Iterable[str]) -> None:
    """Drop gate tables, filled or not; commits."""
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(sql.SQL("drop table if exists {}").format(sql.Identifier("ops", name)))
    connection.commit()


def _in_window(window: Window) -> sql.Composable:
    if window.up_to is None:
        return sql.SQL("true")
    return sql.SQL("r._batch_id > {} and r._batch_id <= {}").format(
        sql.Literal(window.after), sql.Literal(window.up_to)
    )


def _before_window(window: Window) -> sql.Composable:
    if window.up_to is None:
        return sql.SQL("false")
    return sql.SQL("r._batch_id <= {}").format(sql.Literal(window.after))
