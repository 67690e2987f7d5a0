"""Slowly changing dimensions: which versions there are, from when to when, and which one a fact belongs to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from tests.core_warehouse import LINE, ORDER, PRODUCT, CoreWarehouse, at

DAY1, DAY2, DAY3, DAY4 = (date(2026, 1, day) for day in (10, 11, 12, 13))


@pytest.fixture(scope="module")
def nights(core_of_module: CoreWarehouse) -> CoreWarehouse:
    """Four builds; the one that should have seen DAY3 died, and the next saw it late."""
    core = core_of_module

    def price(sku: str, list_price: int, day: date, updated_at: datetime | None = None) -> None:
        core.land("erp_products", {"sku": sku, **PRODUCT, "list_price": list_price, "updated_at": updated_at}, day=day)

    price("stamped", 100, DAY1, at("2025-06-01 08:00"))
    for sku in ("unstamped", "corrected", "deleted"):
        price(sku, 100, DAY1)
    for day in (DAY1, DAY2):
        core.land("erp_sales_orders", {"order_id": str(day), **ORDER, "order_date": day})
        for line_no, sku in enumerate(("stamped", "corrected"), 1):
            core.land("erp_sales_order_lines", {"order_id": str(day), **LINE, "line_no": line_no, "sku": sku})
    core.build(DAY1)

    price("stamped", 110, DAY2, at("2026-01-11 23:59"))
    price("unstamped", 100, DAY2)
    price("corrected", 999, DAY2)
    core.delete("erp_products", "deleted", day=DAY2)
    core.build(DAY2)
    assert _versions(core, "corrected")[-1] == (999, at("2026-01-11 00:00"), None, True)

    price("corrected", 110, DAY2)
    core.build(DAY2)

    price("stamped", 120, DAY3, at("2026-01-11 23:59"))
    price("unstamped", 100, DAY3)
    core.build(DAY4)
    return core


def _versions(core: CoreWarehouse, sku: str) -> list[tuple[Any, ...]]:
    return core.query(
        "select list_price::integer, case when valid_from <> '-infinity' then valid_from end, valid_to, is_current "
        "from core.dim_product where sku = %s order by dim_product.valid_from",
        [sku],
    )


def test_versions_begin_at_the_change_stamp_else_at_the_business_day_of_the_load(nights: CoreWarehouse) -> None:
    """The first has always been valid; the third came with the stamp of the second, so its load's day says when."""
    assert _versions(nights, "stamped") == [
        (100, None, at("2026-01-11 23:59"), False),
        (110, at("2026-01-11 23:59"), at("2026-01-12 00:00"), False),
        (120, at("2026-01-12 00:00"), None, True),
    ]


def test_a_missing_stamp_makes_no_version_a_night(nights: CoreWarehouse) -> None:
    assert _versions(nights, "unstamped") == [(100, None, None, True)]


def test_a_form_corrected_the_same_day_takes_the_place_of_the_wrong_one(nights: CoreWarehouse) -> None:
    assert _versions(nights, "corrected") == [
        (100, None, at("2026-01-11 00:00"), False),
        (110, at("2026-01-11 00:00"), None, True),
    ]
    assert nights.column("select count(*) from core.snap_erp__products where dbt_valid_to <= dbt_valid_from") == [0]


def test_a_product_that_the_source_deleted_keeps_its_versions(nights: CoreWarehouse) -> None:
    assert _versions(nights, "deleted") == [(100, None, None, True)]


def test_a_fact_has_the_version_valid_at_the_end_of_its_day(nights: CoreWarehouse) -> None:
    """Both orders were built on DAY1: what the products became later found its way to the lines of DAY2."""
    assert nights.query(
        "select line.order_date, line.sku, version.list_price::integer from core.fct_sales_order_line as line "
        "inner join core.dim_product as version using (product_key) order by 1, 2"
    ) == [
        (DAY1, "corrected", 100),
        (DAY1, "stamped", 100),
        (DAY2, "corrected", 110),
        (DAY2, "stamped", 110),
    ]
