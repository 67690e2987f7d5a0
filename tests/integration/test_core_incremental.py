"""Nights of changes leave core as a full refresh would, whatever happened to the rows."""

from datetime import date

from tests.core_warehouse import CUSTOMER, LINE, ORDER, PRODUCT, RETURN, CoreWarehouse, at

from fupan.night.build import begin, finish
from fupan.transform.dbt import run_stage

LATER = date(2026, 1, 11)


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
    core.land("erp_sales_orders", {"order_id": "tomorrow", **ORDER, "order_date": LATER})
    core.land("erp_sales_order_lines", *({"order_id": order, **LINE} for order in (*orders, "tomorrow")))
    core.land("erp_sales_order_lines", *({"order_id": o, **LINE, "line_no": 2, "sku": "B"} for o in orders))
    core.land("erp_sales_order_lines", {"order_id": "kept", **LINE, "line_no": 3, "cost_amount": None})
    core.quarantine("erp_sales_orders", "to_release")
    core.land(
        "erp_returns",
        {
            "return_id": "of_order",
            **RETURN,
            "order_id": "changed",
            "line_no": 1,
            "completed_at": at("2026-01-07 01:00"),
        },
        {"return_id": "of_none", **RETURN, "sku": "A", "country": "GB", "completed_at": at("2026-01-08 23:00")},
        {
            "return_id": "of_released",
            **RETURN,
            "order_id": "to_release",
            "line_no": 1,
            "completed_at": at("2026-01-07 09:00"),
        },
        {"return_id": "open", **RETURN, "order_id": "kept", "line_no": 1, "requested_at": at("2026-01-07 01:00")},
    )


def _second_night(core: CoreWarehouse) -> None:
    core.land("erp_sales_orders", {"order_id": "new", **ORDER, "order_date": LATER}, day=LATER)
    core.land("erp_sales_order_lines", {"order_id": "new", **LINE}, day=LATER)
    core.land("erp_sales_order_lines", {"order_id": "changed", **LINE, "sku": "B", "net_amount": 70}, day=LATER)
    core.land("erp_sales_orders", {"order_id": "redated", **ORDER, "order_date": date(2026, 1, 2)}, day=LATER)
    core.land("erp_sales_orders", {"order_id": "cancelled", **ORDER, "status": "cancelled"}, day=LATER)
    core.delete("erp_sales_orders", "deleted", day=LATER)
    core.delete("erp_sales_order_lines", "headless", 1, day=LATER)
    core.quarantine("erp_sales_order_lines", "quarantined", 1)
    core.release("erp_sales_orders", "to_release")
    core.land(
        "erp_returns", {"return_id": "of_none", **RETURN, "sku": "B", "completed_at": at("2026-01-09 01:00")}, day=LATER
    )
    core.land(
        "erp_customers",
        {"customer_id": "C1", **CUSTOMER, "region_code": "R-SOUTH", "updated_at": at("2026-01-04 08:00")},
    )
    core.land("erp_products", {"sku": "A", **PRODUCT, "product_line": "Smart"}, day=LATER)


def test_a_night_of_changes_equals_a_full_refresh(core: CoreWarehouse) -> None:
    _first_night(core)
    core.build()
    first = core.results()
    _second_night(core)
    core.build(LATER)
    incremental = core.results()
    assert incremental != first
    core.build(LATER, full_refresh=True)
    assert core.results() == incremental

    lines = dict(
        core.query(
            "select order_id || line_no, region_code from core.fct_sales_order_line where order_date = '2026-01-05'"
        )
    )
    assert lines["kept1"] == "R-SOUTH", "the customer moved before the order, as the source says late"
    assert "deleted1" not in lines
    assert "to_release1" in lines
    assert "quarantined1" not in lines
    assert core.column(
        "select order_id from core.fct_sales_order_line where line_no = 2 and is_order_head order by 1"
    ) == [
        "headless",
        "quarantined",
    ]
    assert core.column(
        "select count(*) from core.fct_return_line where has_order_line and return_id = 'of_released'"
    ) == [1]


def test_an_emptied_day_leaves_no_aggregate(core: CoreWarehouse) -> None:
    _first_night(core)
    core.land("erp_sales_orders", {"order_id": "alone", **ORDER, "order_date": date(2026, 1, 3)})
    core.land("erp_sales_order_lines", {"order_id": "alone", **LINE})
    core.build()
    days = "select count(*) from core.agg_sales_daily where day = '2026-01-03'"
    assert core.column(days) == [1]
    core.land("erp_sales_orders", {"order_id": "alone", **ORDER, "order_date": date(2026, 1, 4)})
    core.build(LATER)
    assert core.column(days) == [0]


def test_a_build_of_nothing_new_changes_nothing(core: CoreWarehouse) -> None:
    _first_night(core)
    core.build()
    before = core.results()
    versions = "select * from core.dim_product order by product_key"
    dimension = core.query(versions)
    core.build()
    assert core.results() == before
    assert core.query(versions) == dimension


def test_a_future_order_enters_when_its_day_is_reached(core: CoreWarehouse) -> None:
    _first_night(core)
    core.build()
    revenue = "select coalesce(sum(revenue), 0) from core.agg_sales_daily where day = '2026-01-11'"
    assert core.column(revenue) == [0]
    core.build(LATER)
    assert core.column(revenue) == [90]


def test_what_one_build_left_undone_the_next_one_does(core: CoreWarehouse) -> None:
    """A build that ends with a broken aggregate has moved the facts on; the days before the move are not forgotten."""
    _first_night(core)
    core.build()
    _second_night(core)
    core.execute("alter table core.agg_order_daily rename column orders_in_cell to broken")
    broken = begin(LATER)
    result = run_stage(broken, "core")
    assert [node.node_id for node in result.failed] == ["model.fupan.agg_order_daily"]
    assert core.column("select core_built_at is null from ops.build where build_id = %s", [broken]) == [True]
    finish(broken)
    core.execute("alter table core.agg_order_daily rename column broken to orders_in_cell")
    core.build(LATER)
    mended = core.results()
    core.build(LATER, full_refresh=True)
    assert core.results() == mended
