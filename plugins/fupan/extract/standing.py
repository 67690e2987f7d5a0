"""What the warehouse knows of tables before they are loaded: asked once for a whole system, not once a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql

from fupan.extract.cursors import Position
from fupan.extract.raw_tables import Shape, shapes
from fupan.warehouse.connection import Connection


@dataclass(frozen=True)
class Standing:
    """One table. ``shape``: of its raw table, None where there is none; ``is_empty``: raw holds no row, not even a deleted
    one; ``position``: its watermark; ``has_drift``: ops.drift has a difference that is not resolved."""

    shape: Shape | None
    is_empty: bool
    position: Position | None
    has_drift: bool


def standings(connection: Connection, system: str, tables: Sequence[str]) -> dict[str, Standing]:
    """Table -> how it stands."""
    found = shapes(connection, tables)
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_name, position from ops.watermark where system = %s and table_name = any (%s)",
            [system, list(tables)],
        )
        positions = dict(cursor.fetchall())
        cursor.execute("select table_name from ops.drift where system = %s and resolved_at is null", [system])
        drifting = {name for (name,) in cursor.fetchall()}
        filled = set[str]()
        if found:
            cursor.execute(
                sql.SQL(" union all ").join(
                    sql.SQL("select {} where exists (select from {})").format(
                        sql.Literal(name), sql.Identifier("raw", name)
                    )
                    for name in found
                )
            )
            filled = {name for (name,) in cursor.fetchall()}
    return {
        name: Standing(found.get(name), name not in filled, positions.get(name), name in drifting) for name in tables
    }
