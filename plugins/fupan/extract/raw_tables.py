"""Schema raw follows the contracts: tables are made and widened here, and ops learns what the installation delivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg2 import sql

from fupan import settings
from fupan.contracts.contract import Column, Contract, contracts
from fupan.contracts.installation import System, effective, systems
from fupan.errors import ConfigurationError
from fupan.warehouse.connection import Connection, connect


def ensure_raw_tables() -> None:
    """Raw tables of all contracts, ops.source_table and ops.source_system, brought up to date.

    Raises ConfigurationError where a raw table's type or key contradicts its contract.
    """
    with connect("loader", "raw tables") as connection:
        ensure(connection, contracts().values())
        record_installation(connection, contracts(), systems())
        connection.commit()


def ensure(connection: Connection, wanted: Iterable[Contract]) -> None:
    """Make or widen the raw tables of these contracts (not committed)."""
    with connection.cursor() as cursor:
        # Two systems that start together must not make the same table twice.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('fupan:raw tables', 0))")
    for contract in wanted:
        actual = _columns(connection, contract)
        if not actual:
            _create(connection, contract)
            continue
        _refuse_contradiction(connection, contract, actual)
        if new := [column for column in (*contract.columns, *contract.absent) if column.name not in actual]:
            _extend(connection, contract, new)


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


def _columns(connection: Connection, contract: Contract) -> dict[str, str]:
    """Columns of the raw table -> type as PostgreSQL writes it; empty where there is no such table."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select attname, format_type(atttypid, atttypmod) from pg_attribute
            where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
            """,
            [contract.relation],
        )
        return dict(cursor.fetchall())


def _create(connection: Connection, contract: Contract) -> None:
    columns: list[sql.Composable] = [definition(column) for column in (*contract.columns, *contract.absent)]
    columns += [
        sql.SQL("_loaded_at timestamptz not null default now()"),
        sql.SQL("_batch_id bigint not null"),
        sql.SQL("_deleted_at timestamptz"),
        sql.SQL("primary key ({})").format(sql.SQL(", ").join(map(sql.Identifier, contract.primary_key))),
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("create table {} ({})").format(relation(contract), sql.SQL(", ").join(columns)))
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


def _refuse_contradiction(connection: Connection, contract: Contract, actual: Mapping[str, str]) -> None:
    remedy = f"Take the contract back, or drop table {contract.relation}: the next extraction loads it anew"
    for column in contract.columns:
        if column.name in actual and _canonical(column.data_type) != actual[column.name]:
            raise ConfigurationError(
                f"Raw holds {actual[column.name]}, the contract now says {column.data_type}",
                system=contract.system,
                table=contract.name,
                column=column.name,
                remedy=remedy,
            )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select array_agg(attname::text order by array_position(conkey, attnum))
            from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any (conkey)
            where conrelid = to_regclass(%s) and contype = 'p'
            """,
            [contract.relation],
        )
        (key,) = cursor.fetchone() or (None,)
    if key != list(contract.primary_key):
        raise ConfigurationError(
            f"The primary key of raw is {key}, the contract now says {list(contract.primary_key)}",
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
