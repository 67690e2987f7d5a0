"""A British wholesaler's order lines, loaded as they are into database `online_retail` of the embedded server.

    python -m tests.real.load_online_retail

plays the ERP of the installation dags/sources/real. Prints the libpq URL of a login that may only read, to be given
as AIRFLOW_CONN_FUPAN_ERP; everything else it says goes to stderr. Run again, it loads anew, in one transaction.
"""

from __future__ import annotations

import contextlib
import gzip
import sys
import time

import psycopg2

from fupan.demo.systems import login
from fupan.server.postgres import EmbeddedPostgres
from tests.real.files import order_files

DATABASE = "online_retail"
SCHEMA, ROLE = "shop", "shop_reader"

# As a till's export: no key, no stamp of a change, a time stamp that names no zone.
_TABLE = """
create schema if not exists shop;
drop table if exists shop.invoice_lines;
create table shop.invoice_lines (
    invoice text not null,
    stock_code text not null,
    description text,
    quantity integer not null,
    invoice_date timestamp not null,
    price numeric not null,
    customer_id text,
    country text not null
)
"""


def load() -> str:
    """Load every file; returns the URL for extraction."""
    files = order_files()
    server = EmbeddedPostgres()
    server.start()
    started, rows = time.monotonic(), 0
    with contextlib.closing(psycopg2.connect(server.ensure_database(DATABASE))) as connection:
        with connection.cursor() as cursor:
            cursor.execute(_TABLE)
            for path in files:
                print(f"Loading {path.name} …", file=sys.stderr)
                with gzip.open(path) as text:
                    cursor.copy_expert("copy shop.invoice_lines from stdin (format csv, header)", text, size=1 << 20)
                rows += cursor.rowcount
            cursor.execute("analyze shop.invoice_lines")
        connection.commit()
    print(f"{rows:,} order lines in {time.monotonic() - started:.1f} s", file=sys.stderr)
    login.allow_reading(DATABASE, ROLE, SCHEMA)
    return login.reading_url(DATABASE, ROLE)


if __name__ == "__main__":
    print(load())
