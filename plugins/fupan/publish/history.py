"""`ops.release` as objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg2.extras import Json

from fupan.publish.shape import Relation
from fupan.warehouse.connection import Connection, rows

_COLUMNS = """
    release_id, dimension, business_day, build_id, schema_name, state, columns, breaking_releases, published_at,
    override_reason
"""


@dataclass(frozen=True)
class Release:
    """One published release of a dimension.

    ``columns``: table -> [[column, type], …]; ``breaking_releases``: table (or `*`) -> the meta.breaking_release it bore.
    """

    release_id: int
    dimension: str
    business_day: date
    build_id: int | None
    schema_name: str
    state: str
    columns: dict[str, list[tuple[str, str]]]
    breaking_releases: dict[str, Any]
    published_at: datetime
    override_reason: str | None

    def types(self) -> dict[str, dict[str, str]]:
        """Table -> column -> type."""
        return {table: dict(columns) for table, columns in self.columns.items()}


def releases(connection: Connection, dimension: str | None = None) -> list[Release]:
    """Releases of one dimension or of all, newest first, pruned ones included."""
    found = rows(
        connection,
        f"select {_COLUMNS} from ops.release where dimension = coalesce(%s, dimension) "
        "order by dimension, release_id desc",
        [dimension],
    )
    return [Release(**row) for row in found]


def current_release(connection: Connection, dimension: str) -> Release | None:
    """The release that BI users see, None before the first."""
    return next((release for release in releases(connection, dimension) if release.state == "current"), None)


def release_of_build(connection: Connection, dimension: str, build_id: int) -> Release | None:
    """What a build has published of a dimension, whatever has become of it since."""
    return next((release for release in releases(connection, dimension) if release.build_id == build_id), None)


def record(
    connection: Connection,
    *,
    dimension: str,
    business_day: date,
    build_id: int,
    schema: str,
    tables: dict[str, Relation],
    breaking_releases: dict[str, Any],
    override_reason: str | None,
) -> int:
    """Write a new current release whose tables still stand in ``schema``; returns its release_id."""
    supersede(connection, dimension, "superseded")
    [row] = rows(
        connection,
        """
        insert into ops.release (
            dimension, business_day, build_id, schema_name, state, columns, breaking_releases, override_reason
        )
        values (%s, %s, %s, %s, 'current', %s, %s, %s)
        returning release_id
        """,
        [
            *(dimension, business_day, build_id, schema),
            Json({name: [[c.name, c.type] for c in table.columns] for name, table in sorted(tables.items())}),
            *(Json(breaking_releases), override_reason),
        ],
    )
    return int(row["release_id"])


def supersede(connection: Connection, dimension: str, state: str) -> None:
    """Give the current release of a dimension, if there is one, another state."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.release set state = %s where dimension = %s and state = 'current'", [state, dimension]
        )


def set_state(connection: Connection, release_id: int, state: str) -> None:
    """Give one release another state."""
    with connection.cursor() as cursor:
        cursor.execute("update ops.release set state = %s where release_id = %s", [state, release_id])
