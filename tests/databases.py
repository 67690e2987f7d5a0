"""Databases of the test run's own server."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from fupan.server.postgres import EmbeddedPostgres

_numbers = itertools.count(1)


@contextlib.contextmanager
def started_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server of the test run, in a folder of its own."""
    postgres = EmbeddedPostgres(folder)
    with contextlib.closing(psycopg2.connect(postgres.start())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # A killed process loses nothing that the kernel has; only a crash of this machine would, and its tests with it.
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                cursor.execute(f"alter system set {setting} = off")
            cursor.execute("select pg_reload_conf()")
    try:
        yield postgres
    finally:
        postgres.stop()


def new_database(server: EmbeddedPostgres, prefix: str) -> str:
    """libpq URL, as superuser, of a new empty database."""
    return server.ensure_database(f"{prefix}_{next(_numbers)}")


def drop_database(server: EmbeddedPostgres, url: str) -> None:
    connection = psycopg2.connect(server.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'drop database if exists "{url.rpartition("/")[2]}" with (force)')
    connection.close()


def copy_database(server: EmbeddedPostgres, url: str, *, is_warehouse: bool = True) -> str:
    """A copy of a database that nobody is connected to; returns its URL. In a warehouse the builder gets his rights."""
    template, name = url.rpartition("/")[2], f"copy_{os.getpid()}_{next(_numbers)}"
    with contextlib.closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'create database "{name}" template "{template}" strategy file_copy')
            if is_warehouse:
                # Rights on a database are not copied with it.
                cursor.execute(f'grant create, temporary on database "{name}" to fupan_builder')
    return server.database_url(name)
