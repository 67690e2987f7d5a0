"""The reference installation end to end: what its three systems hold arrives in raw, night after night, to the row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from tests.company import FIRST_DAY, Company, used
from tests.databases import drop_database

from fupan import settings
from fupan.contracts.contract import contracts
from fupan.contracts.installation import systems
from fupan.demo.process import processes
from fupan.demo.systems import erp
from fupan.demo.systems.relations import relation
from fupan.errors import SourceUnavailable
from fupan.extract.raw_tables import ensure_raw_tables
from fupan.server.postgres import EmbeddedPostgres

#: Raw table -> its table at the source.
SOURCES = {
    table: relation(table, process)
    for process in processes().values()
    for table in process.tables
    if table != "text_key"
}
#: What the installation's YAML makes of the desk's words.
CODES = {
    "产品质量": "product_quality", "安装服务": "installation_service", "售后响应": "after_sales_response",
    "物流配送": "delivery", "环保合规": "environmental_compliance",
    "低": "low", "一般": "normal", "高": "high", "紧急": "critical",
    "电话": "phone", "网页": "web", "门店": "store", "平台": "platform",
    "质量部": "quality", "安装服务部": "installation", "客服部": "service_desk", "物流部": "logistics",
    "人手不足": "staffing", "审批流程": "approval", "备件缺货": "parts", "其他": "other",
    "产品": "product", "安装": "installation", "误用": "misuse", "老化": "wear",
}  # fmt: skip


@pytest.fixture
def small(server: EmbeddedPostgres, warehouse: str, platform: str) -> Iterator[Company]:
    """A small company of which nothing has been extracted."""
    with used(warehouse, "extracted_company", platform):
        url = erp.ensure(erp.Making(until=FIRST_DAY, scale=0.01))
        ensure_raw_tables()
        yield Company(warehouse, url, FIRST_DAY)
    drop_database(server, url)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def in_source(company: Company, table: str) -> set[tuple[Any, ...]]:
    of = SOURCES[table]
    columns = [
        f"{of.given[c.name]} is not null" if c.personal_data else of.given[c.name] for c in contracts()[table].columns
    ]
    found = ask(company.source, f"select {', '.join(columns)} from {of.full_name}")
    return {tuple(CODES.get(v, v) if isinstance(v, str) else v for v in row) for row in found}


def in_raw(company: Company, table: str) -> set[tuple[Any, ...]]:
    columns = [f"length({c.name}) = 64 is true" if c.personal_data else c.name for c in contracts()[table].columns]
    return set(ask(company.warehouse, f"select {', '.join(columns)} from raw.{table} where _deleted_at is null"))


def test_nights_bring_all_that_the_sources_hold(small: Company) -> None:
    small.extract()
    for table in SOURCES:
        assert in_raw(small, table) == in_source(small, table), table
    small.advance(2)
    # Taken down by the platform without a word.
    small.in_erp(
        "delete from shop_platform.reviews where review_id = (select min(review_id) from shop_platform.reviews)"
    )
    small.extract()
    for table in SOURCES:
        assert in_raw(small, table) == in_source(small, table), table
    assert ask(small.warehouse, "select count(*) > 0 from raw.rev_reviews where _deleted_at is not null") == [(True,)]
    assert ask(small.warehouse, "select count(*) from ops.load where state <> 'succeeded'") == [(0,)]
    # The same person is the same hash, wherever the name was written down.
    assert ask(
        small.warehouse,
        "select count(*) from raw.cs_complaints as c join raw.erp_customers as k using (customer_id) "
        "where c.contact_name <> k.contact_name or c.contact_phone is distinct from k.contact_phone",
    ) == [(0,)]


def test_a_system_that_is_down_is_one_that_did_not_deliver(small: Company) -> None:
    small.extract()
    for system in ("ecommerce", "service"):
        erp.stop(system)
    small.advance()
    small.extract(["erp"])
    with pytest.raises(SourceUnavailable):
        small.extract(["service"])
    for system in ("ecommerce", "service"):
        erp.resume(system)
    small.extract(["ecommerce", "service"])
    for table in SOURCES:
        assert in_raw(small, table) == in_source(small, table), table


def test_every_table_of_the_contracts_is_delivered() -> None:
    installed = systems(settings.DAGS / "sources" / "reference")
    assert {name: {*system.tables} for name, system in installed.items()} == {
        name: {*contracts(name)} for name in ("erp", "ecommerce", "service")
    }
