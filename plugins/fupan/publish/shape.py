"""The shape of published relations (columns, types, comments) and which differences between two of them break BI users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fupan.warehouse.connection import Connection, rows


@dataclass(frozen=True)
class Column:
    """One column; ``type`` as in DDL, with its length or precision."""

    name: str
    type: str
    comment: str | None = None


@dataclass(frozen=True)
class Relation:
    """One table or view; ``kind`` as in pg_class.relkind, columns in their order."""

    name: str
    kind: str
    comment: str | None
    columns: tuple[Column, ...]

    def types(self) -> dict[str, str]:
        """Type by column name, in the columns' order."""
        return {column.name: column.type for column in self.columns}


@dataclass(frozen=True)
class Difference:
    """A change that breaks those who read ``table``; ``removed``: the whole mart is gone."""

    table: str
    message: str
    removed: bool = False


def read_shapes(connection: Connection, schema: str) -> dict[str, Relation]:
    """Tables and views of a schema by name; empty where there is no such schema."""
    found = rows(
        connection,
        """
        select
            c.relname as name,
            c.relkind::text as kind,
            obj_description(c.oid, 'pg_class') as comment,
            coalesce(
                jsonb_agg(
                    jsonb_build_array(
                        a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
                    ) order by a.attnum
                ) filter (where a.attnum is not null),
                '[]'
            ) as columns
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = %s and c.relkind in ('r', 'p', 'v', 'm')
        group by c.oid, c.relname, c.relkind
        order by c.relname
        """,
        [schema],
    )
    return {
        row["name"]: Relation(row["name"], row["kind"], row["comment"], tuple(Column(*c) for c in row["columns"]))
        for row in found
    }


def differences(
    current: Mapping[str, Mapping[str, str]], visible: Mapping[str, Relation], new: Mapping[str, Relation]
) -> list[Difference]:
    """What ``new`` takes away or retypes, by table.

    ``current`` is the visible release (table -> column -> type), ``visible`` its views. A view may hold more than the
    release behind it, where an older one was rolled back to: such a column or mart may stay away, but not change type.
    """
    found = [Difference(table, "the mart is removed", removed=True) for table in sorted(current.keys() - new.keys())]
    for table, relation in new.items():
        if table not in visible:
            continue
        types, promised = relation.types(), current.get(table, {})
        changes = [
            f"column {column.name} ({column.type}) is dropped"
            if column.name not in types
            else f"column {column.name} turns from {column.type} to {types[column.name]}"
            for column in visible[table].columns
            if types.get(column.name, column.type if column.name not in promised else None) != column.type
        ]
        if changes:
            found.append(Difference(table, ", ".join(changes)))
    return found
