"""Logins through which a source on the embedded server is read, one a system: they may look at their own schema, not touch."""

from __future__ import annotations

import contextlib
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from fupan import settings


def reading_url(database: str, role: str) -> str:
    """libpq URL of a database of the embedded server as the reading login ``role``."""
    parts = urlsplit(settings.embedded_url(database))
    login = f"{role}:{quote(settings.secret(f'{role}_password'), safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


def allow_reading(database: str, role: str, schema: str) -> None:
    """Make the login if need be, and let it read every table of ``schema`` now and later."""
    with contextlib.closing(psycopg2.connect(settings.embedded_url("postgres"))) as connection:
        _ensure_role(connection, role)
    with contextlib.closing(psycopg2.connect(settings.embedded_url(database))) as connection:
        names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
        with connection.cursor() as cursor:
            for grant in (
                "grant usage on schema {schema} to {role}",
                "grant select on all tables in schema {schema} to {role}",
                "alter default privileges in schema {schema} grant select on tables to {role}",
            ):
                cursor.execute(sql.SQL(grant).format(**names))
        connection.commit()


def _ensure_role(connection: psycopg2.extensions.connection, role: str) -> None:
    with connection.cursor() as cursor:
        # Roles belong to the whole server: two databases may be made at the same time.
        cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fupan:{role}"])
        cursor.execute("select 1 from pg_roles where rolname = %s", [role])
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        statement = sql.SQL("alter role {} login password %s").format(sql.Identifier(role))
        cursor.execute(statement, [settings.secret(f"{role}_password")])
    connection.commit()
