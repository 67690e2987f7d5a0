"""The login through which extraction reads a source on the embedded server: it may look, not touch."""

from __future__ import annotations

import contextlib
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from fupan import settings

ROLE = "erp_reader"


def reading_url(database: str) -> str:
    """libpq URL of a database of the embedded server as the reading login."""
    parts = urlsplit(settings.embedded_url(database))
    login = f"{ROLE}:{quote(settings.secret(f'{ROLE}_password'), safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


def allow_reading(database: str, schema: str) -> str:
    """Make the login if need be, let it read every table of ``schema`` now and later; returns its libpq URL."""
    with contextlib.closing(psycopg2.connect(settings.embedded_url("postgres"))) as connection:
        _ensure_role(connection)
    with contextlib.closing(psycopg2.connect(settings.embedded_url(database))) as connection:
        names = {"schema": sql.Identifier(schema), "role": sql.Identifier(ROLE)}
        with connection.cursor() as cursor:
            for grant in (
                "grant usage on schema {schema} to {role}",
                "grant select on all tables in schema {schema} to {role}",
                "alter default privileges in schema {schema} grant select on tables to {role}",
            ):
                cursor.execute(sql.SQL(grant).format(**names))
        connection.commit()
    return reading_url(database)


def _ensure_role(connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        # Roles belong to the whole server: two databases may be made at the same time.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fupan:{ROLE}"])
        cursor.execute("select 1 from pg_roles where rolname = %s", [ROLE])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("create role {} login").format(sql.Identifier(ROLE)))
        statement = sql.SQL("alter role {} login password %s").format(sql.Identifier(ROLE))
        cursor.execute(statement, [settings.secret(f"{ROLE}_password")])
    connection.commit()
