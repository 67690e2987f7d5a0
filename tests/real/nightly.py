"""`make nightly-real`: a night on real orders, reviews and complaints; business day: the last one of the data.

    python -m tests.real.nightly [--date YYYY-MM-DD] [--force]

Loads the order lines into the database that plays the ERP, names the folders of the others, then runs `fupan nightly` on the
installation dags/sources/real (FUPAN_SOURCES, FUPAN_HOME and FUPAN_TIME_ZONE are set by the Makefile).
"""

from __future__ import annotations

import contextlib
import os
import sys

import psycopg2

from fupan.cli import main
from tests.real.expected_feedback import complaints, reviews
from tests.real.files import complaints_file, reviews_file
from tests.real.load_online_retail import load
from tests.real.server import embedded_server


def _last_day(url: str) -> str:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select max(invoice_date)::date::text from shop.invoice_lines")
        [(last_order,)] = cursor.fetchall()
    return max(last_order, reviews(reviews_file())["day"].max(), complaints(complaints_file())["replied_on"].max())


if __name__ == "__main__":
    with embedded_server():
        erp = load()
        os.environ["AIRFLOW_CONN_FUPAN_ERP"] = erp
        os.environ["AIRFLOW_CONN_FUPAN_ECOMMERCE"] = reviews_file().parent.as_uri()
        os.environ["AIRFLOW_CONN_FUPAN_SERVICE"] = complaints_file().parent.as_uri()
        day = [] if "--date" in sys.argv else ["--date", _last_day(erp)]
        main(["nightly", *day, *sys.argv[1:]])
