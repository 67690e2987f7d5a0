"""Nights of changes leave core as a full refresh would, whatever happened to the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from tests.core_warehouse import CUSTOMER, LINE, ORDER, PRODUCT, RETURN, CoreWarehouse, at

from fupan.night.build import begin, finish
from fupan.transform.dbt import run_stage

NIGHT1, NIGHT2, NIGHT3 = (date(2026, 1, day) for day in (10, 11, 12))
Results = dict[str, list[tuple[Any, ...]]]


@dataclass
class Nights:
    """What core computed after each build."""

    core: CoreWarehouse
    first: Results
    again: Results
    second: Results
    second_in_full: Results
    failed_nodes: list[str]
    mended: Results
    mended_in_full: Results


@pytest.fixture(scope="module")
def nights(core_of_module: CoreWarehouse) -> Nights:
    core = core_of_module
    _first_night(core)
    core.build(NIGHT1)
    first = core.results()
    core.build(NIGHT1)
    again = core.results()

    _second_night(core)
    core.build(NIGHT2)
    second = core.results()
    core.build(NIGHT2, full_refresh=True)
    second_in_full = core.results()

    _third_night(core)
    core.execute("alter table core.agg_order_daily rename column orders_in_cell to broken")
    build_id = begin(NIGHT3)
    broken = run_stage(build_id, "core")
    finish(build_id)
    core.execute("alter table core.agg_order_daily rename column broken to orders_in_cell")
    core.build(NIGHT3)
    mended = core.results()
    core.build(NIGHT3, full_refresh=True)
    return Nights(
        core,
        first,
        again,
        second,
        second_in_full,
        [node.node_id for node in broken.failed],
        mended,
        core.results(),
    )


def _first_night(core: CoreWarehouse) -> None:
    core.land(
        "erp_regions",
        {"region_code": "R-EAST", "province": "Jiangsu", "country": "CN"},
        {"region_code": "R-SOUTH", "province": "Guangdong", "country": "CN"},
        {"region_code": "R-UK", "country": "GB"},
    )
    core.land("erp_channels", {"channel_id": "CH1", "channel_name": "Dealers"})
    core.land("erp_products", {"sku": "A", **PRODUCT}, {"sku": "B", **PRODUCT, "product_line": "Outdoor"})
    core.land("erp_customers", {"customer_id": "C1", **CUSTOMER}, {"customer_id": "C2", **CUSTOMER})
    orders = ("kept", "changed", "redated", "cancelled", "deleted", "headless", "quarantined", "to_release", "abroad")
    core.land("erp_sales_orders", *({"order_id": order, **ORDER} for order in orders))
    core.land("erp_sales_orders", {"order_id": "abroad", **ORDER, "country": "GB", "currency": "GBP"})
    core.land("erp_sales_orders", {"order_id": "of_night_2", **ORDER, "order_date": NIGHT2})
    core.land("erp_sales_orders", {"order_id": "alone", **ORDER, "order_date": date(2026, 1, 3)})
    core.land("erp_sales_order_lines", *({"order_id": o, **LINE} for o in (*orders, "of_night_2", "alone")))
    core.land("erp_sales_order_lines", *({"order_id": o, **LINE, "line_no": 2, "sku": "B"} for o in orders))
    core.land("erp_sales_order_lines", {"order_id": "kept", **LINE, "line_no": 3, "cost_amount": None})
    core.quarantine("erp_sales_orders", "to_release")
    evening = at("2026-01-07 23:00")
    core.land(
        "erp_returns",
        {"return_id": "of_order", **RETURN, "order_id": "changed", "line_no": 1, "completed_at": evening},
        {"return_id": "of_none", **RETURN, "sku": "A", "country": "GB", "completed_at": at("2026-01-08 23:00")},
        {"return_id": "of_released", **RETURN, "order_id": "to_release", "line_no": 1, "completed_at": evening},
        {"return_id": "open", **RETURN, "order_id": "kept", "line_no": 1, "requested_at": evening},
    )


def _second_night(core: CoreWarehouse) -> None:
    core.land("erp_sales_orders", {"order_id": "new", **ORDER, "order_date": NIGHT2}, day=NIGHT2)
    core.land("erp_sales_order_lines", {"order_id": "new", **LINE}, day=NIGHT2)
    core.land("erp_sales_order_lines", {"order_id": "changed", **LINE, "sku": "B", "net_amount": 70}, day=NIGHT2)
    core.land("erp_sales_orders", {"order_id": "redated", **ORDER, "order_date": date(2026, 1, 2)}, day=NIGHT2)
    core.land("erp_sales_orders", {"order_id": "alone", **ORDER, "order_date": date(2026, 1, 4)}, day=NIGHT2)
    core.land("erp_sales_orders", {"order_id": "cancelled", **ORDER, "status": "cancelled"}, day=NIGHT2)
    core.delete("erp_sales_orders", "deleted", day=NIGHT2)
    core.delete("erp_sales_order_lines", "headless", 1, day=NIGHT2)
    core.quarantine("erp_sales_order_lines", "quarantined", 1)
    core.release("erp_sales_orders", "to_release")
    core.land("erp_returns", {"return_id": "of_none", **RETURN, "sku": "B", "completed_at": at("2026-01-09 01:00")})
    core.land(
        "erp_customers",
        {"customer_id": "C1", **CUSTOMER, "region_code": "R-SOUTH", "updated_at": at("2026-01-04 08:00")},
        day=NIGHT2,
    )
    core.land("erp_products", {"sku": "A", **PRODUCT, "product_line": "Smart"}, day=NIGHT2)


def _third_night(core: CoreWarehouse) -> None:
    core.land("erp_sales_orders", {"order_id": "kept", **ORDER, "order_date": date(2026, 1, 1)}, day=NIGHT3)
    core.delete("erp_returns", "of_order", day=NIGHT3)
    core.land("erp_regions", {"region_code": "R-SCOTLAND", "country": "GB"}, day=NIGHT3)


def test_a_build_of_nothing_new_changes_nothing(nights: Nights) -> None:
    assert nights.again == nights.first


def test_a_night_of_changes_equals_a_full_refresh(nights: Nights) -> None:
    assert nights.second != nights.first
    assert nights.second == nights.second_in_full


def test_what_one_build_left_undone_the_next_one_does(nights: Nights) -> None:
    """A build that ended with a broken aggregate had moved the facts on; the days before the move are not forgotten."""
    assert nights.failed_nodes == ["model.fupan.agg_order_daily"]
    assert nights.mended != nights.second
    assert nights.mended == nights.mended_in_full


def test_the_changes_of_the_second_night_are_the_expected_ones(nights: Nights) -> None:
    lines = {row[0] + str(row[1]): row for row in nights.second["fct_sales_order_line"]}
    region, is_order_head = 8, 18
    assert lines["changed1"][region] == "R-SOUTH", "the customer had moved before the order, which was told late"
    assert lines["abroad1"][region] == "R-UK"
    assert "deleted1" not in lines
    assert "to_release1" in lines
    assert "quarantined1" not in lines
    assert lines["quarantined2"][is_order_head]
    assert lines["headless2"][is_order_head]
    assert not lines["cancelled1"][is_order_head]
    assert not lines["kept2"][is_order_head]


def test_an_emptied_day_leaves_no_aggregate(nights: Nights) -> None:
    emptied = date(2026, 1, 3)
    assert emptied in {row[0] for row in nights.first["agg_sales_daily"]}
    assert emptied not in {row[0] for row in nights.second["agg_sales_daily"]}


def test_a_future_order_enters_when_its_day_is_reached(nights: Nights) -> None:
    """That of another order of the day does not bring it in: `of_night_2` itself did not change."""
    revenue = 8
    assert NIGHT2 not in {row[0] for row in nights.first["agg_sales_daily"]}
    assert [row[revenue] for row in nights.second["agg_sales_daily"] if row[0] == NIGHT2] == [180]


def test_a_market_that_becomes_two_regions_no_longer_names_one(nights: Nights) -> None:
    lines = {row[0]: row for row in nights.mended["fct_sales_order_line"]}
    assert lines["abroad"][8] == "R-SOUTH", "the region of the customer, as for any country of several regions"
