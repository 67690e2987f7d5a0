"""Schema raw follows the contracts: tables are made and widened here, and ops learns what the installation delivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg2 import sql

from fupan import settings
from fupan.contracts.contract import Column, Contract, contracts
from fupan.contracts.installation import System, effective, systems
from fupan.errors import ConfigurationError
from fupan.warehouse.connection import Connection, connect

#: Raw's own columns, beside a contract's.
OURS = ("_loaded_at", "_batch_id", "_deleted_at")


def ensure_raw_tables() -> None:
    """Raw tables of all contracts, ops.source_table and ops.source_system, brought up to date.

    Raises ConfigurationError where a raw table's type or key contradicts its contract.
    """
    with connect("loader", "raw tables") as connection:
        ensure(connection, contracts().values())
        record_installation(connection, contracts(), systems())
        connection.commit()


@dataclass(frozen=True)
class Shape:
    """A raw table as it is: columns -> type as PostgreSQL writes it, ours among them, and the primary key."""

    columns: Mapping[str, str]
    key: Sequence[str]


def ensure(connection: Connection, wanted: Iterable[Contract]) -> None:
    """Make or widen the raw tables of these contracts (not committed)."""
    with connection.cursor() as cursor:
        # Two systems that start together must not make the same table twice.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('fupan:raw tables', 0))")
    wanted = list(wanted)
    actual = shapes(connection, [contract.name for contract in wanted])
    for contract in wanted:
        shape = actual.get(contract.name)
        if shape is None:
            _create(connection, contract)
        elif not fits(contract, shape):
            new = [column for column in (*contract.columns, *contract.absent) if column.name not in shape.columns]
            _extend(connection, contract, new)


def fits(contract: Contract, shape: Shape | None) -> bool:
    """Whether a raw table need not be made or widened. Raises ConfigurationError where it contradicts the contract."""
    if shape is None:
        return False
    _refuse_contradiction(contract, shape)
    return all(column.name in shape.columns for column in (*contract.columns, *contract.absent))


def shapes(connection: Connection, tables: Sequence[str]) -> dict[str, Shape]:
    """Those of these tables that raw has, and how they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select
                t.relname,
                (
                    select json_object_agg(attname, format_type(atttypid, atttypmod) order by attnum)
                    from pg_attribute where attrelid = t.oid and attnum > 0 and not attisdropped
                ),
                coalesce((
                    select array_agg(attname::text order by array_position(conkey, attnum))
                    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
                    where conrelid = t.oid and contype = 'p'
                ), '{}')
            from pg_class as t
            where t.relnamespace = to_regnamespace('raw') and t.relname = any (%s) and t.relkind in ('r', 'p')
            """,
            [list(tables)],
        )
        return {name: Shape(columns, key) for name, columns, key in cursor.fetchall()}


def record_installation(connection: Connection, known: Mapping[str, Contract], installed: Mapping[str, System]) -> None:
    """Write which systems and tables this installation has (not committed)."""
    with connection.cursor() as cursor:
        for contract in known.values():
            system = installed.get(contract.system)
            is_delivered = system is not None and contract.name in system.tables
            here = effective(system, contract.name) if system is not None and is_delivered else contract
            cursor.execute(
                """
                insert into ops.source_table (system, table_name, is_delivered, owner, freshness)
                values (%s, %s, %s, %s, %s)
                on conflict (system, table_name) do update
                set is_delivered = excluded.is_delivered, owner = excluded.owner, freshness = excluded.freshness,
                    checked_at = clock_timestamp()
                """,
                [contract.system, contract.name, is_delivered, contract.owner, here.freshness],
            )
        for system in installed.values():
            cursor.execute(
                """
                insert into ops.source_system (system, time_zone, installation) values (%s, %s, %s)
                on conflict (system) do update
                set time_zone = excluded.time_zone, installation = excluded.installation, checked_at = clock_timestamp()
                """,
                [system.system, system.time_zone, settings.sources().name],
            )


def relation(contract: Contract) -> sql.Identifier:
    """The raw table of a contract."""
    return sql.Identifier("raw", contract.name)


def same_key(contract: Contract, left: str, right: str) -> sql.Composed:
    """SQL condition that two aliases stand on the same primary key."""
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(left, name), sql.Identifier(right, name))
        for name in contract.primary_key
    )


def beyond(connection: Connection, contract: Contract, new: Iterable[Column]) -> list[str]:
    """Columns that the raw table has beyond the contract and beyond ``new`` (of the same type)."""
    known = {column.name: _canonical(column.data_type) for column in new}
    ours = {*OURS, *(column.name for column in (*contract.columns, *contract.absent))}
    shape = shapes(connection, [contract.name]).get(contract.name)
    held = shape.columns if shape else {}
    return [name for name, kind in held.items() if name not in ours and known.get(name) != kind]


def _create(connection: Connection, contract: Contract) -> None:
    columns: list[sql.Composable] = [definition(column) for column in (*contract.columns, *contract.absent)]
    columns += [
        sql.SQL("_loaded_at timestamptz not null default now()"),
        sql.SQL("_batch_id bigint not null"),
        sql.SQL("_deleted_at timestamptz"),
        sql.SQL("primary key ({})").format(sql.SQL(", ").join(map(sql.Identifier, contract.primary_key))),
    ]
    with connection.cursor() as cursor:
        # A changed row that finds room on its page stays there, and the key's index is not written.
        cursor.execute(
            sql.SQL("create table {} ({}) with (fillfactor = 90)").format(
                relation(contract), sql.SQL(", ").join(columns)
            )
        )
        cursor.execute(
            sql.SQL("comment on table {} is {}").format(relation(contract), sql.Literal(contract.description))
        )
    _comment(connection, contract, (*contract.columns, *contract.absent))


def _extend(connection: Connection, contract: Contract, new: Iterable[Column]) -> None:
    with connection.cursor() as cursor:
        for column in new:
            cursor.execute(sql.SQL("alter table {} add column {}").format(relation(contract), definition(column)))
        # Rows loaded so far lack the new column's values: the next load reads the whole table, or all files, again.
        for void in (
            "ops.watermark set position = '{}', moved_at = clock_timestamp()",
            "ops.source_file set is_void = true",
        ):
            cursor.execute(
                f"update {void} where system = %s and table_name = %s",
                [contract.system, contract.name],
            )
    _comment(connection, contract, new)


def _comment(connection: Connection, contract: Contract, columns: Iterable[Column]) -> None:
    with connection.cursor() as cursor:
        for column in columns:
            cursor.execute(
                sql.SQL("comment on column {} is {}").format(
                    sql.Identifier("raw", contract.name, column.name), sql.Literal(column.description)
                )
            )


def _refuse_contradiction(contract: Contract, shape: Shape) -> None:
    remedy = f"Take the contract back, or drop table {contract.relation}: the next extraction loads it anew"
    for column in contract.columns:
        actual = shape.columns.get(column.name)
        if actual is not None and _canonical(column.data_type) != actual:
            raise ConfigurationError(
                f"Raw holds {actual}, the contract now says {column.data_type}",
                system=contract.system,
                table=contract.name,
                column=column.name,
                remedy=remedy,
            )
    if list(shape.key) != list(contract.primary_key):
        raise ConfigurationError(
            f"The primary key of raw is {list(shape.key)}, the contract now says {list(contract.primary_key)}",
            system=contract.system,
            table=contract.name,
            remedy=remedy,
        )


def definition(column: Column) -> sql.Composed:
    """A column as raw has it."""
    return sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.data_type))


def _canonical(data_type: str) -> str:
    return {"timestamptz": "timestamp with time zone"}.get(
        data_type, data_type.replace(" ", "") if "(" in data_type else data_type
    )
