"""The first load from PostgreSQL goes straight into raw: with what raw can't hold, with readers in the way, to the same raw."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from tests.extract_source import Shop, empty_warehouse

from fupan.errors import ContractError
from fupan.extract import direct, table
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import connect

KEY = "select conname from pg_constraint where conrelid = 'raw.shop_orders'::regclass and contype = 'p'"
TOTALS = "select day, measure, source_value::text, raw_value::text, agrees from ops.control_total order by day, measure"


@pytest.fixture
def shop(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    address = server.ensure_database("extract_shop")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", address)
    return Shop("postgres", address, empty_warehouse(server))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each load filled raw directly."""
    found: list[bool] = []

    def fill(*given: Any) -> Any:
        filled = direct.fill(*given)
        found.append(filled is not None)
        return filled

    monkeypatch.setattr(table, "fill", fill)
    return found


def stand(shop: Shop) -> list[dict[str, Any]]:
    return shop.ask(
        "select order_id, buyer, qty, amount, paid, ordered_on, updated_at, _deleted_at from raw.shop_orders order by 1"
    )


def trouble(shop: Shop) -> None:
    """Rows of every kind: good, doubled, refused."""
    for number in range(20):
        shop.put(f"O{number:02}", qty=number)
    shop.put("O03", qty=33, updated_at="2026-03-05 10:00:00")
    shop.put("O04", qty=44, updated_at=None)
    shop.put("decimals", amount="1.234")
    shop.put("not a number", amount="NaN")
    shop.put("units", qty=40000)
    shop.put("endless", ordered_on="infinity")
    shop.put("no amount", amount=None, updated_at="2026-03-07 10:00:00")
    shop.put(None)


def test_what_raw_cant_hold_is_rejected_and_doubles_are_dropped_as_by_way_of_the_stage(
    shop: Shop, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble(shop)
    directly = shop.load()
    raw, mark = stand(shop), shop.watermark()
    rejected = shop.ask("select row_content, column_name, reason from ops.rejected_row order by row_content::text")
    totals = shop.ask(TOTALS)
    assert (directly.counts.read, directly.counts.rejected, directly.counts.duplicate) == (28, 6, 2)
    assert mark == {"updated_at": "2026-03-07 10:00:00+08"}
    assert {r["row_content"]["order_id"] for r in rejected} == {
        *("decimals", "not a number", "units", "endless", "no amount", None)
    }

    with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("drop table raw.shop_orders")
        cursor.execute("truncate ops.rejected_row, ops.control_total, ops.watermark")
    monkeypatch.setattr(direct, "fill", lambda *_: None)
    staged = shop.load()

    assert taken == [True, False]
    assert staged.counts == directly.counts
    assert (stand(shop), shop.watermark()) == (raw, mark)
    assert rejected == shop.ask(
        "select row_content, column_name, reason from ops.rejected_row order by row_content::text"
    )
    assert totals == shop.ask(TOTALS)


def test_the_key_is_put_back_under_its_name(shop: Shop, taken: list[bool]) -> None:
    shop.put("A")
    shop.put("A")
    shop.load()
    assert taken == [True]
    assert shop.ask(KEY) == [{"conname": "shop_orders_pkey"}]


@pytest.mark.parametrize("declared", ["numeric(10,2)", "numeric(12,4)", "numeric"])
def test_what_the_sources_type_allows_is_still_looked_at(shop: Shop, taken: list[bool], declared: str) -> None:
    shop.execute(f"alter table shop_orders alter amount type {declared}")
    shop.put("good", amount="12345678.91")
    shop.put("not a number", amount="NaN")
    if declared != "numeric(10,2)":
        shop.put("decimals", amount="1.2345")

    result = shop.load()

    assert taken == [True]
    assert {name: row["amount"] for name, row in shop.raw().items()} == {"good": Decimal("12345678.91")}
    assert result.counts.rejected == result.counts.read - 1


def test_where_somebody_reads_the_empty_table_the_load_goes_by_the_stage(
    shop: Shop, taken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "_LOCK_TIMEOUT", "100ms")
    shop.load()
    shop.put("A")
    with contextlib.closing(psycopg2.connect(shop.warehouse)) as reader, reader.cursor() as cursor:
        cursor.execute("select * from raw.shop_orders")
        assert shop.load().counts.inserted == 1
    assert taken == [True, False]
    assert shop.ask(KEY) == [{"conname": "shop_orders_pkey"}]


def test_where_a_view_leans_on_the_key_the_load_goes_by_the_stage(shop: Shop, taken: list[bool]) -> None:
    shop.load()
    shop.put("A")
    with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create view leaning as select order_id, qty from raw.shop_orders group by order_id")
        try:
            assert shop.load().counts.inserted == 1
        finally:
            cursor.execute("drop view leaning")
    assert taken == [True, False]


def test_a_query_that_gives_other_rows_each_time_is_refused(shop: Shop) -> None:
    shop.put("A")
    by_the_clock = "generate_series(0, extract(microseconds from clock_timestamp())::integer % 50021)"
    with pytest.raises(ContractError, match="other rows each time"):
        shop.load(query=f"select o.* from shop_orders as o cross join {by_the_clock}")
    assert shop.raw() == {}
    assert shop.ask(KEY) == [{"conname": "shop_orders_pkey"}]
