"""A reference company of the test's own: its three systems and its warehouse, after a first good night that all tests share.

The first night is run once a test run; every test works on copies of both databases, its own drop folder, and the platform's
API, which one server of the test run serves for every copy.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg2
import psycopg2.extras
import pytest
import uvicorn

from fupan.contracts.installation import systems as installed
from fupan.demo.systems import erp, platform_api, service_desk
from fupan.demo.systems.login import reading_url
from fupan.extract import file_folder
from fupan.extract.raw_tables import ensure_raw_tables
from fupan.extract.run import extract_system
from fupan.night import build, steps
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap
from fupan.warehouse.connection import connect, rows
from tests.databases import copy_database, drop_database, new_database

FIRST_DAY = date(2026, 11, 20)
SCALE = 0.02

#: Relations of core that say what a build changes, not what the company is.
NOTES = [
    "affected_cohort_days",
    "affected_days",
    "affected_review_days",
    "affected_service_days",
    "affected_service_periods",
    "build_window",
    "business_day",
    "changed_chats",
    "changed_complaints",
    "changed_returns",
    "changed_reviews",
    "changed_sales_orders",
    "changed_service_tickets",
    "changed_survey_responses",
    "service_clock",
]


@dataclass
class Company:
    """What a test does to the company, and what it sees of it. ``day`` is the newest business day that was built.

    ``source`` is the database behind all three systems.
    """

    warehouse: str
    source: str
    day: date

    def extract(self, systems: Sequence[str] | None = None) -> None:
        """Extract these systems, by default all."""
        for system in installed() if systems is None else systems:
            extract_system(system, self.day)

    def night(self) -> int:
        """Extract and build the newest business day in this process; returns the build_id."""
        self.extract()
        return self.build()

    def build(self) -> int:
        build_id = build.begin(self.day)
        steps.run_all(build_id)
        return build_id

    def advance(self, days: int = 1) -> None:
        erp.advance(days)
        self.day += timedelta(days=days)

    def in_erp(self, statement: str, *parameters: Any) -> int:
        """Change the ERP, or what the platform and the desk hold, as their owner; returns the rows changed."""
        with contextlib.closing(psycopg2.connect(self.source)) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            connection.commit()
            return cursor.rowcount

    def ask(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with connect("owner", "test") as connection:
            return rows(connection, query, parameters)

    def verdict(self, build_id: int, dimension: str = "sales_performance") -> dict[str, Any]:
        return self.ask("select * from ops.verdict where build_id = %s and dimension = %s", build_id, dimension)[0]

    def contents(self, *schemas: str) -> dict[str, str]:
        """Relation -> fingerprint of its rows, whatever their order.

        Without what a rerun may number differently, and without core's notes of what a build changes.
        """
        found = {}
        for relation in self.ask(
            "select table_schema as schema, table_name as name from information_schema.tables "
            "where table_schema = any(%s) and not table_name = any(%s) order by 1, 2",
            list(schemas),
            NOTES,
        ):
            columns = self.ask(
                "select string_agg(format('%%I::text', column_name), ', ' order by column_name) as list "
                "from information_schema.columns where table_schema = %s and table_name = %s "
                "and column_name not in ('build_id', 'dbt_updated_at', 'dbt_scd_id', '_batch_id', '_loaded_at')",
                relation["schema"],
                relation["name"],
            )[0]["list"]
            name = f'"{relation["schema"]}"."{relation["name"]}"'
            found[name] = self.ask(
                f"select count(*) || ' rows ' || coalesce(md5(string_agg(md5(row({columns})::text), '' "
                f"order by md5(row({columns})::text))), '') as print from {name}"
            )[0]["print"]
        return found

    def public(self) -> dict[str, str]:
        """What BI users see."""
        return self.contents("sales_performance")


@contextlib.contextmanager
def platform_served(
    shop_of: platform_api.Shops = lambda token: reading_url(token, platform_api.ROLE),
    requests_a_second: float | None = None,
) -> Iterator[str]:
    """Address (host and port) of the platform's API in a thread; by default a token names a database."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # Who asks before the server is up waits for it.
        listening.listen()
        application = platform_api.application(shop_of, requests_a_second)
        server = uvicorn.Server(
            uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off", ws="none")
        )
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield "{}:{}".format(*listening.getsockname())
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def used(warehouse: str, database: str, platform: str) -> Iterator[pytest.MonkeyPatch]:
    """Everything under test works on this warehouse and on the company in this database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUPAN_WAREHOUSE_URL", warehouse)
        patch.setattr(erp, "DATABASE", database)
        patch.setattr(service_desk, "FOLDER", f"service desk of {database}")
        # Files appear whole: nobody has to look twice.
        patch.setattr(file_folder, "SETTLED_AFTER_S", 0)
        patch.setenv("AIRFLOW_CONN_FUPAN_ERP", erp.connection_url())
        patch.setenv("AIRFLOW_CONN_FUPAN_ECOMMERCE", f"http://:{database}@{platform}")
        patch.setenv("AIRFLOW_CONN_FUPAN_SERVICE", service_desk.folder_url())
        yield patch
        shutil.rmtree(service_desk.folder(), ignore_errors=True)


@contextlib.contextmanager
def first_night(server: EmbeddedPostgres, **making: Any) -> Iterator[tuple[str, str]]:
    """libpq URLs of a warehouse and its company (``making``: how it is made) after the first night; to be copied, not used."""
    warehouse = new_database(server, "first_night")
    with platform_served() as platform, used(warehouse, "first_night_company", platform):
        bootstrap()
        source = erp.ensure(erp.Making(until=FIRST_DAY, scale=SCALE, **making))
        ensure_raw_tables()
        Company(warehouse, source, FIRST_DAY).night()
    yield warehouse, source
    drop_database(server, warehouse)
    drop_database(server, source)


@pytest.fixture(scope="session")
def after_first_night(server: EmbeddedPostgres) -> Iterator[tuple[str, str]]:
    """The same, once a test run."""
    with first_night(server) as urls:
        yield urls


@pytest.fixture(scope="session")
def platform(server: EmbeddedPostgres) -> Iterator[str]:
    """Where the platform's API is served."""
    with platform_served() as address:
        yield address


@pytest.fixture
def company(server: EmbeddedPostgres, after_first_night: tuple[str, str], platform: str) -> Iterator[Company]:
    """The company the morning after its first night."""
    warehouse, source = (copy_database(server, url) for url in after_first_night)
    with used(warehouse, source.rpartition("/")[2], platform) as patch:
        patch.delenv("FUPAN_ALERT_URLS", raising=False)
        erp.drop_exports()
        yield Company(warehouse, source, FIRST_DAY)
    drop_database(server, warehouse)
    drop_database(server, source)
