"""The stable views of a dimension, which BI users read and build their own views upon."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

import psycopg2
from psycopg2 import sql

from fupan import settings
from fupan.publish.locking import LOCK_WAIT, limit_waiting
from fupan.publish.shape import Relation, read_shapes
from fupan.warehouse.connection import Connection, rows

ABSENT_COLUMN = "Not in this release. 本版本无此列"
ABSENT_MART = "Not in this release. 本版本无此集市"

#: Views read with their owner's rights, so that a BI user needs none on the release's schema.
_OWNERS_RIGHTS = sql.SQL("security_invoker = false")


def read_views(connection: Connection, dimension: str) -> dict[str, Relation]:
    """The views of a dimension as they are now."""
    return {name: relation for name, relation in read_shapes(connection, dimension).items() if relation.kind == "v"}


class ViewLock:
    """Takes all views of a dimension for ourselves before the first is changed; one object for all attempts at it.

    All first: a transaction that has read one view of the dimension keeps us off all of them, so it never sees two
    releases. LOCK TABLE would do it too, but takes the old release's tables along, where autovacuum may be at work;
    setting an option to what it is takes the same AccessExclusiveLock on the view alone (tried on PostgreSQL 18).
    Renaming the build schema needs no lock on its tables.
    """

    def __init__(self) -> None:
        self._hard_to_get: list[str] = []

    def take(self, connection: Connection, dimension: str, views: Collection[str]) -> None:
        """Take them; for use within `giving_way`.

        A reader who has the view that we want next, and wants one that we have, can't go on before we give in. So an
        attempt begins with the view that the one before failed at: then we wait for it with empty hands (tried: readers
        who always read two views in the other order kept us off for good).
        """
        deadline = time.monotonic() + LOCK_WAIT
        rest = sorted(set(views).difference(self._hard_to_get))
        with connection.cursor() as cursor:
            for name in [*(name for name in self._hard_to_get if name in views), *rest]:
                limit_waiting(connection, deadline - time.monotonic())
                try:
                    cursor.execute(
                        sql.SQL("alter view {} set ({})").format(sql.Identifier(dimension, name), _OWNERS_RIGHTS)
                    )
                except psycopg2.errors.LockNotAvailable:
                    self._hard_to_get = [name, *(other for other in self._hard_to_get if other != name)]
                    raise
        limit_waiting(connection)


def point(
    connection: Connection,
    dimension: str,
    schema: str,
    tables: Mapping[str, Relation],
    visible: Mapping[str, Relation],
    *,
    drop: Collection[str] = (),
) -> None:
    """Point the views of ``dimension`` at ``tables`` of ``schema``; ``visible`` are the views as they are, locked.

    Columns keep their order, new ones come last; `create or replace view` can't take one away, so a column or mart that
    ``tables`` lacks stays, null or empty, and BI users' own views stay valid. Views named in ``drop`` are dropped, never
    with what depends on them, and made anew where ``tables`` has them: raises psycopg2's DependentObjectsStillExist.
    """
    statements: list[sql.Composable] = [
        sql.SQL("create schema if not exists {}").format(sql.Identifier(dimension)),
        sql.SQL("grant usage on schema {} to {}").format(
            sql.Identifier(dimension), sql.Identifier(settings.DATABASE_ROLES["reader"])
        ),
    ]
    for name in sorted(tables.keys() | visible.keys()):
        view, old, table = sql.Identifier(dimension, name), visible.get(name), tables.get(name)
        grants: list[sql.Composable] = []
        if old is not None and name in drop:
            grants = _grants(connection, dimension, name)
            statements.append(sql.SQL("drop view {} restrict").format(view))
            old = None
            if table is None:
                continue
        statements += [_definition(view, sql.Identifier(schema, name), table, old), *_comments(view, table, old)]
        statements.append(
            sql.SQL("grant select on {} to {}").format(view, sql.Identifier(settings.DATABASE_ROLES["reader"]))
        )
        statements += grants
    with connection.cursor() as cursor:
        # One round trip: readers wait for the time of this one.
        cursor.execute(sql.SQL(";\n").join(statements))


def _definition(
    view: sql.Identifier, source: sql.Identifier, table: Relation | None, old: Relation | None
) -> sql.Composed:
    kept = old.types() if old else {}
    there = table.types() if table else {}
    columns = [
        sql.Identifier(name) if name in there else sql.SQL("null::{} as {}").format(sql.SQL(kind), sql.Identifier(name))
        for name, kind in (kept | there).items()
    ]
    # A mart that the release lacks has no rows; it must not show those of another release.
    rest = sql.SQL(" from {}").format(source) if table else sql.SQL(" where false")
    return sql.SQL("create or replace view {} with ({}) as select {}{}").format(
        view, _OWNERS_RIGHTS, sql.SQL(", ").join(columns), rest
    )


def _comments(view: sql.Identifier, table: Relation | None, old: Relation | None) -> list[sql.Composed]:
    """Statements for the comments that differ; most nights none do."""
    before = {column.name: column.comment for column in old.columns} if old else {}
    after: dict[str, str | None] = dict.fromkeys(before, ABSENT_COLUMN)
    after |= {column.name: column.comment for column in table.columns} if table else {}
    statements = [
        sql.SQL("comment on column {}.{} is {}").format(view, sql.Identifier(name), sql.Literal(comment))
        for name, comment in after.items()
        if before.get(name) != comment
    ]
    comment = table.comment if table else ABSENT_MART
    if (old.comment if old else None) != comment:
        statements.append(sql.SQL("comment on view {} is {}").format(view, sql.Literal(comment)))
    return statements


def _grants(connection: Connection, dimension: str, view: str) -> list[sql.Composable]:
    """Grants that somebody made on a view, to be made again on its successor."""
    found = rows(
        connection,
        """
        select coalesce(quote_ident(r.rolname), 'public') as grantee, acl.privilege_type as privilege, acl.is_grantable
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        cross join aclexplode(c.relacl) as acl
        left join pg_roles as r on r.oid = acl.grantee
        where n.nspname = %s and c.relname = %s and acl.grantee <> c.relowner
        """,
        [dimension, view],
    )
    return [
        sql.SQL("grant {} on {} to {}{}").format(
            sql.SQL(row["privilege"]),
            sql.Identifier(dimension, view),
            sql.SQL(row["grantee"]),
            sql.SQL(" with grant option" if row["is_grantable"] else ""),
        )
        for row in found
    ]
