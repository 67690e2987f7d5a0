"""Roles may do what the design says and nothing more."""

import psycopg2
import pytest

from fupan.settings import Role
from fupan.warehouse.bootstrap import bootstrap
from fupan.warehouse.connection import connect


def test_bootstrap_twice_changes_nothing(warehouse: str) -> None:
    bootstrap()
    with connect("builder", "test") as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from information_schema.tables where table_schema = 'ops'")
        assert cursor.fetchone()[0] > 15


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("reader", "select * from ops.run"),
        ("reader", "select * from raw.erp_customers"),
        ("loader", "create schema anything"),
        ("loader", "delete from ops.load"),
        ("builder", "create table raw.mine (i int)"),
    ],
)
def test_roles_are_refused_what_is_not_theirs(warehouse: str, role: Role, statement: str) -> None:
    with connect("loader", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create table raw.erp_customers (customer_id text primary key)")
    with (
        connect(role, "test") as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)
