"""Which rows of its query a read takes: those within a bound of the cursor, or a piece of the table."""

from __future__ import annotations

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.extract.source import Bound, KeyRange, Read

NOTHING = sql.SQL("")


def where(read: Read, *more: sql.Composable) -> sql.Composable:
    """WHERE of a read over its query, alias q, and ``more`` conditions; nothing where every row is wanted."""
    conditions = [*more]
    if read.bound is not None:
        conditions.append(_within(read.bound))
    if read.piece is not None:
        conditions.append(_in_piece(read.contract, read.piece))
    return sql.SQL(" where {}").format(sql.SQL(" and ").join(conditions)) if conditions else NOTHING


def _within(bound: Bound) -> sql.Composable:
    name = sql.SQL("q.{}").format(sql.Identifier(bound.column.name))
    limits = [
        sql.SQL("{} {} {}").format(name, sql.SQL(operator), sql.Literal(value))
        for operator, value in ((">=", bound.low), ("<", bound.high))
        if value is not None
    ]
    return sql.SQL("(({}) or {} is null)").format(sql.SQL(" and ").join(limits), name)


def _in_piece(contract: Contract, piece: KeyRange) -> sql.Composable:
    names = [sql.SQL("q.{}").format(sql.Identifier(name)) for name in contract.primary_key]
    key = sql.SQL(", ").join(names)
    # Literals without a type take that of the column they are compared with.
    limits = [
        sql.SQL("({}) {} ({})").format(key, sql.SQL(operator), sql.SQL(", ").join(map(sql.Literal, values)))
        for operator, values in ((">=", piece.low), ("<", piece.high))
        if values is not None
    ]
    whole = sql.SQL(" and ").join([*limits, *(sql.SQL("{} is not null").format(name) for name in names)])
    if piece.low is None:
        lacking = sql.SQL(" or ").join(sql.SQL("{} is null").format(name) for name in names)
        whole = sql.SQL("({} or {})").format(whole, lacking)
    return sql.SQL("{} is not true and {}").format(_within(piece.rest), whole)
