"""Bring a database to the shape that every step expects: roles, schemas, `ops`, `status`. Safe to run before every night."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import unquote, urlsplit

from psycopg2 import sql

from fupan import settings
from fupan.errors import ConfigurationError
from fupan.warehouse.connection import Connection, connect

#: A BI user who leaves a transaction open would block publishing: shorter than the patience of the publish step.
READER_IDLE_IN_TRANSACTION_TIMEOUT = "2min"

_GRANTS = """
create schema if not exists raw authorization fupan_loader;
create schema if not exists raw_pieces authorization fupan_loader;
create schema if not exists staging authorization fupan_builder;
create schema if not exists core authorization fupan_builder;
create schema if not exists statistics authorization fupan_builder;

grant usage on schema ops to fupan_loader, fupan_builder;
grant select on all tables in schema ops to fupan_loader, fupan_builder;
grant insert, update on ops.run, ops.landing, ops.source_table, ops.source_system, ops.load, ops.load_piece,
    ops.watermark, ops.drift,
    ops.source_file, ops.rejected_row, ops.control_total, ops.pseudonym_key to fupan_loader;
grant insert, update, delete on all tables in schema ops to fupan_builder;
grant create on schema ops to fupan_builder;

grant usage on schema raw to fupan_builder;
alter default privileges for role fupan_loader in schema raw grant select on tables to fupan_builder;
grant select on all tables in schema raw to fupan_builder;

grant usage on schema status to fupan_builder, bi_reader;
grant select on all tables in schema status to fupan_builder, bi_reader;
grant insert, update, delete on all tables in schema status to fupan_builder;
"""


def bootstrap() -> None:
    """Create or repair roles, schemas, `ops` and `status`. Raises ConfigurationError where the owner may not."""
    with connect("owner", "bootstrap") as connection:
        _require_version(connection)
        with connection.cursor() as cursor:
            # Two nights that start together must not create the same role twice.
            cursor.execute("select pg_advisory_xact_lock(hashtextextended('fupan:bootstrap', 0))")
        for role in settings.DATABASE_ROLES:
            _ensure_role(connection, role)
        with connection.cursor() as cursor:
            cursor.execute(files("fupan.warehouse").joinpath("ops.sql").read_text())
            cursor.execute("grant fupan_loader, fupan_builder to current_user")
            cursor.execute(_GRANTS)
            cursor.execute("select current_database()")
            database = sql.Identifier(_scalar(cursor.fetchone()))
            cursor.execute(sql.SQL("grant create, temporary on database {} to fupan_builder").format(database))
            cursor.execute(sql.SQL("grant temporary on database {} to fupan_loader").format(database))
            cursor.execute(
                sql.SQL("alter role bi_reader in database {} set idle_in_transaction_session_timeout = %s").format(
                    database
                ),
                [READER_IDLE_IN_TRANSACTION_TIMEOUT],
            )
        connection.commit()


def _require_version(connection: Connection) -> None:
    if connection.server_version < 150000:
        raise ConfigurationError(
            f"The warehouse is PostgreSQL {connection.server_version // 10000}", remedy="Use PostgreSQL 15 or newer"
        )


def _ensure_role(connection: Connection, role: settings.Role) -> None:
    login = urlsplit(settings.warehouse_url(role))
    name, password = login.username or "", unquote(login.password or "")
    if name != settings.DATABASE_ROLES[role]:
        raise ConfigurationError(
            f"FUPAN_{role.upper()}_URL logs in as {name}",
            remedy=f"Grants go by role: log in as {settings.DATABASE_ROLES[role]}",
        )
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_roles where rolname = %s", [name])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        cursor.execute(sql.SQL("alter role {} login password %s").format(sql.Identifier(name)), [password])


def _scalar(row: tuple[str, ...] | None) -> str:
    assert row is not None
    return row[0]
