"""The mapping of a wholesaler's till onto the contracts, on invented lines of every kind that the real ones have."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.databases import drop_database
from tests.real import files, load_online_retail
from tests.real.expected_figures import Figures
from tests.real.expected_figures import figures as figures_of
from tests.real.figures import Cell, Comparison

from fupan import settings
from fupan.extract.raw_tables import ensure_raw_tables
from fupan.extract.run import extract_system
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import connect, rows

Query = Callable[[str], list[tuple[Any, ...]]]

LINES = """\
Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
489434,79323P,PINK CHERRY LIGHTS,12,2009-12-01 07:45:00,6.75,13085,United Kingdom
489434,79323P,PINK CHERRY LIGHTS,12,2009-12-01 07:45:00,6.75,13085,United Kingdom
489434,79323p,PINK CHERRY LIGHTS,1,2009-12-01 07:46:00,7.005,13085,United Kingdom
489434,47503J ,"SET/3 TOOLS, IN BAG",2,2009-12-01 07:45:00,16.13,13085,United Kingdom
489434,POST,POSTAGE,1,2009-12-01 07:45:00,18,13085,United Kingdom
489435,85048,GLASS BALL,3,2010-07-31 23:30:00,0.1,,Unspecified
489436,85048,damaged,-5,2010-07-01 10:00:00,0,,United Kingdom
489437,gift_0001_20,Gift Voucher,1,2010-07-01 10:00:00,17.39,,United Kingdom
C489438,85048,GLASS BALL,-2,2010-07-31 23:45:00,6.95,13085,EIRE
C489438,M,Manual,-1,2010-07-31 23:45:00,10,13085,EIRE
A506401,B,Adjust bad debt,1,2010-04-29 13:36:00,-53594.36,,United Kingdom
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: EmbeddedPostgres) -> Iterator[str]:
    """The lines in the database that plays the ERP; its URL for extraction."""
    orders = tmp_path / "orders"
    orders.mkdir()
    with gzip.open(orders / "orders.csv.gz", "wt", encoding="utf-8") as file:
        file.write(LINES)
    monkeypatch.setattr(files, "FOLDER", tmp_path)
    yield load_online_retail.load()
    drop_database(server, server.database_url(load_online_retail.DATABASE))


@pytest.fixture
def extracted(warehouse: str, shop: str, monkeypatch: pytest.MonkeyPatch) -> Query:
    """The lines in raw; a query of it."""
    monkeypatch.setenv("FUPAN_SOURCES", str(settings.DAGS / "sources" / "real"))
    monkeypatch.setenv("AIRFLOW_CONN_FUPAN_ERP", shop)
    ensure_raw_tables()
    for result in extract_system("erp", date(2010, 7, 31)):
        assert result.totals_agree, result
        assert result.counts.read == result.counts.inserted, result

    def query(sql: str) -> list[tuple[Any, ...]]:
        with connect("builder", "test") as connection:
            return [tuple(row.values()) for row in rows(connection, sql)]

    return query


def test_goods_on_invoices_are_order_lines(extracted: Query) -> None:
    """Repeats are kept, codes folded, postage and vouchers left out; numbers count what is left out too."""
    assert extracted(
        "select order_id, line_no, sku, qty, unit_price, net_amount from raw.erp_sales_order_lines order by 1, 2"
    ) == [
        ("489434", 1, "47503J", 2, Decimal("16.13"), Decimal("32.26")),
        ("489434", 2, "79323P", 12, Decimal("6.75"), Decimal("81")),
        ("489434", 3, "79323P", 12, Decimal("6.75"), Decimal("81")),
        ("489434", 4, "79323P", 1, Decimal("7.005"), Decimal("7.005")),
        ("489435", 1, "85048", 3, Decimal("0.1"), Decimal("0.3")),
        ("489436", 1, "85048", -5, Decimal(0), Decimal(0)),
    ]


def test_invoices_with_goods_are_orders(extracted: Query) -> None:
    """Two stamps are one order; no customer and no country are nothing at all; days are London's."""
    assert extracted(
        "select order_id, order_date::text, customer_id, country, currency, status, updated_at from raw.erp_sales_orders "
        "order by 1"
    ) == [
        ("489434", "2009-12-01", "13085", "United Kingdom", "GBP", "completed", _utc(2009, 12, 1, 7, 46)),
        ("489435", "2010-07-31", None, None, "GBP", "completed", _utc(2010, 7, 31, 22, 30)),
        ("489436", "2010-07-01", None, "United Kingdom", "GBP", "completed", _utc(2010, 7, 1, 9)),
    ]


def test_cancellations_are_returns_that_name_no_order(extracted: Query) -> None:
    assert extracted(
        "select return_id, order_id, sku, customer_id, country, return_type, qty, refund_amount, completed_at "
        "from raw.erp_returns"
    ) == [("C489438-1", None, "85048", "13085", "EIRE", "cancellation", 2, Decimal("13.9"), _utc(2010, 7, 31, 22, 45))]


def test_master_data_come_from_the_lines(extracted: Query) -> None:
    """A clerk's note is no name; a customer lives where the last invoice went."""
    assert extracted("select sku, product_name from raw.erp_products order by 1") == [
        ("47503J", "SET/3 TOOLS, IN BAG"),
        ("79323P", "PINK CHERRY LIGHTS"),
        ("85048", "GLASS BALL"),
    ]
    assert extracted("select customer_id, region_code, country from raw.erp_customers") == [("13085", "EIRE", "EIRE")]
    assert extracted("select region_code, market_group from raw.erp_regions order by 1") == [
        ("EIRE", "overseas"),
        ("United Kingdom", "domestic"),
    ]
    assert extracted("select is_delivered from ops.source_table where table_name = 'hr_targets'") == [(False,)]


def test_pandas_counts_the_same(shop: str) -> None:
    assert figures_of(files.order_files()) == Figures(
        lines={("2009-12", "United Kingdom"): 4, ("2010-07", "United Kingdom"): 1, ("2010-07", "unknown"): 1},
        units={("2009-12", "United Kingdom"): 27, ("2010-07", "United Kingdom"): -5, ("2010-07", "unknown"): 3},
        revenue={
            ("2009-12", "United Kingdom"): 2_012_650,
            ("2010-07", "United Kingdom"): 0,
            ("2010-07", "unknown"): 3_000,
        },
        cancelled_units={"2010-07": 2},
        product_revenue={"47503J": 322_600, "79323P": 1_690_050, "85048": 3_000},
        invoices={
            "489434": ("2009-12", "United Kingdom"),
            "489435": ("2010-07", "unknown"),
            "489436": ("2010-07", "United Kingdom"),
        },
    )
    assert figures_of(files.order_files(), without_invoices={"489434"}).product_revenue == {"85048": 3_000}


def test_a_figure_that_differs_is_found() -> None:
    same: dict[Cell, Decimal] = {("2010-07", "EIRE"): Decimal("1.5")}
    comparison = Comparison("revenue", expected=same, published=same | {("2010-07", "France"): Decimal("0.0001")})
    assert len(comparison.cells) == 2
    assert comparison.differences() == ["revenue, 2010-07 France: expected 0, published 0.0001"]
    assert Comparison("revenue", expected=same, published=same).differences() == []


def test_without_the_files_the_loader_says_what_belongs_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FOLDER", tmp_path / "nothing")
    with pytest.raises(SystemExit, match="Online Retail II"):
        load_online_retail.load()


def _utc(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
