"""`make nightly-real`: a night on a real wholesaler's order lines; business day: the last one of the data.

    python -m tests.real.nightly [--date YYYY-MM-DD] [--force]

Loads the order lines into the database that plays the ERP, then runs `fupan nightly` on the installation
dags/sources/real (FUPAN_SOURCES, FUPAN_HOME and FUPAN_TIME_ZONE are set by the Makefile).
"""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import date

import psycopg2

from fupan.cli import main
from tests.real.load_online_retail import load
from tests.real.server import embedded_server


def _last_day(url: str) -> date:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select max(invoice_date)::date from shop.invoice_lines")
        row = cursor.fetchone()
    assert row is not None
    last: date = row[0]
    return last


if __name__ == "__main__":
    with embedded_server():
        erp = load()
        os.environ["AIRFLOW_CONN_FUPAN_ERP"] = erp
        day = [] if "--date" in sys.argv else ["--date", str(_last_day(erp))]
        main(["nightly", *day, *sys.argv[1:]])
