"""The relations of the reference company's systems, and how rows get into them and out again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import psycopg2.extensions
from psycopg2 import sql

from fupan.demo.chats import Chat
from fupan.demo.complaints import Complaint
from fupan.demo.repairs import Repair
from fupan.demo.reviews import Review
from fupan.demo.rows import Channel, Customer, Line, Order, Product, Region, Return, Target
from fupan.demo.surveys import Answer

Connection = psycopg2.extensions.connection
Row = TypeVar("Row", bound=NamedTuple)

#: Relations and the class of their rows; a relation stands after those it refers to.
ERP: dict[str, Any] = {
    "erp.regions": Region,
    "erp.channels": Channel,
    "erp.products": Product,
    "erp.customers": Customer,
    "erp.sales_orders": Order,
    "erp.sales_order_lines": Line,
    "erp.returns": Return,
    "erp.targets": Target,
}
FEEDBACK: dict[str, Any] = {
    "shop_platform.reviews": Review,
    "service_desk.complaints": Complaint,
    "service_desk.repairs": Repair,
    "service_desk.chats": Chat,
    "service_desk.survey_answers": Answer,
}
RELATIONS = ERP | FEEDBACK

#: How many leading columns of a relation are its key, where it is more than one.
_KEY_COLUMNS = {"erp.sales_order_lines": 2, "service_desk.survey_answers": 3}


def insert(connection: Connection, relation: str, rows: Iterable[NamedTuple]) -> int:
    """COPY rows into a relation; returns how many."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    text.seek(0)
    statement = sql.SQL("copy {} ({}) from stdin with (format csv)").format(identifier(relation), _columns(relation))
    with connection.cursor() as cursor:
        cursor.copy_expert(statement, text)
        return cursor.rowcount


def select(connection: Connection, relation: str, where: str = "true", *values: object) -> list[Any]:
    """Rows (`it`) of a relation in the order of their columns, so that a seed always meets the same."""
    query = sql.SQL("select {0} from {1} as it where {2} order by {0}").format(
        _columns(relation), identifier(relation), sql.SQL(where)
    )
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [RELATIONS[relation](*row) for row in cursor.fetchall()]


def add(connection: Connection, relation: str, row: Any) -> int:
    """Insert one row unless its key is taken; returns how many."""
    statement = sql.SQL("insert into {} ({}) values %s on conflict do nothing").format(
        identifier(relation), _columns(relation)
    )
    return execute(connection, statement, [tuple(row)])


def update(connection: Connection, relation: str, row: Any, **changes: object) -> int:
    """Change columns of the row that has this one's key; returns how many were there."""
    return execute(
        connection,
        sql.SQL("update {} set {} where {}").format(
            identifier(relation),
            sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in changes),
            _same_key(relation),
        ),
        [*changes.values(), *_key(relation, row)],
    )


def delete(connection: Connection, relation: str, row: Any) -> int:
    """Delete the row that has this one's key; returns how many were there."""
    statement = sql.SQL("delete from {} where {}").format(identifier(relation), _same_key(relation))
    return execute(connection, statement, _key(relation, row))


def execute(connection: Connection, statement: str | sql.Composed, values: Sequence[object]) -> int:
    """Run a statement; returns the rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def identifier(relation: str) -> sql.Identifier:
    """The relation as part of a statement."""
    return sql.Identifier(*relation.split("."))


def _columns(relation: str) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, RELATIONS[relation]._fields))


def _same_key(relation: str) -> sql.Composed:
    names = RELATIONS[relation]._fields[: _KEY_COLUMNS.get(relation, 1)]
    return sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in names)


def _key(relation: str, row: Any) -> list[Any]:
    return list(row[: _KEY_COLUMNS.get(relation, 1)])
