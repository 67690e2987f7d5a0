"""Slowly changing dimensions: which versions there are, from when to when, and which one a fact belongs to."""

from datetime import date, datetime

from tests.core_warehouse import LINE, ORDER, PRODUCT, CoreWarehouse, at

DAY1, DAY2, DAY3 = date(2026, 1, 10), date(2026, 1, 11), date(2026, 1, 12)

VERSIONS = (
    "select list_price::integer, case when valid_from <> '-infinity' then valid_from end, valid_to, is_current "
    "from core.dim_product where sku = 'A' order by dim_product.valid_from"
)


def _price(core: CoreWarehouse, price: int, day: date, updated_at: datetime | None = None) -> None:
    core.land("erp_products", {"sku": "A", **PRODUCT, "list_price": price, "updated_at": updated_at}, day=day)


def test_versions_follow_the_change_stamp_else_the_business_day_of_the_load(core: CoreWarehouse) -> None:
    _price(core, 100, DAY1, at("2025-06-01 08:00"))
    core.build(DAY1)
    assert core.query(VERSIONS) == [(100, None, None, True)], "the first version has always been valid"

    _price(core, 110, DAY2, at("2026-01-11 09:30"))
    core.build(DAY2)
    core.build(DAY2)
    stamped = [(100, None, at("2026-01-11 09:30"), False), (110, at("2026-01-11 09:30"), None, True)]
    assert core.query(VERSIONS) == stamped

    # The source changed the price and left its stamp alone; the build that should have seen it died, a later one sees it.
    _price(core, 120, DAY3, at("2026-01-11 09:30"))
    core.build(date(2026, 1, 14))
    assert core.query(VERSIONS) == [
        stamped[0],
        (110, at("2026-01-11 09:30"), at("2026-01-12 00:00"), False),
        (120, at("2026-01-12 00:00"), None, True),
    ]


def test_a_missing_stamp_makes_no_version_a_night(core: CoreWarehouse) -> None:
    for day in (DAY1, DAY2, DAY3):
        _price(core, 100, day, None)
        core.build(day)
    assert core.query(VERSIONS) == [(100, None, None, True)]


def test_a_version_corrected_the_same_day_takes_the_place_of_the_wrong_one(core: CoreWarehouse) -> None:
    _price(core, 100, DAY1)
    core.land("erp_sales_orders", {"order_id": "o", **ORDER, "order_date": DAY2})
    core.land("erp_sales_order_lines", {"order_id": "o", **LINE})
    core.build(DAY1)
    _price(core, 999, DAY2)
    core.build(DAY2)
    _price(core, 110, DAY2)
    core.build(DAY2)
    assert core.query(VERSIONS) == [
        (100, None, at("2026-01-11 00:00"), False),
        (110, at("2026-01-11 00:00"), None, True),
    ]
    price_of_the_line = (
        "select d.list_price::integer from core.fct_sales_order_line f join core.dim_product d using (product_key)"
    )
    assert core.column(price_of_the_line) == [110]
    assert core.column("select count(*) from core.snap_erp__products where dbt_valid_to <= dbt_valid_from") == [0]


def test_a_fact_has_the_version_valid_at_the_end_of_its_day(core: CoreWarehouse) -> None:
    _price(core, 100, DAY1)
    core.build(DAY1)
    _price(core, 110, DAY2, at("2026-01-11 23:59"))
    core.build(DAY2)
    for day in (DAY1, DAY2):
        core.land("erp_sales_orders", {"order_id": str(day), **ORDER, "order_date": day}, day=DAY3)
        core.land("erp_sales_order_lines", {"order_id": str(day), **LINE}, day=DAY3)
    core.build(DAY3)
    assert core.query(
        "select f.order_date, d.list_price::integer from core.fct_sales_order_line f "
        "join core.dim_product d using (product_key) order by 1"
    ) == [(DAY1, 100), (DAY2, 110)]


def test_a_product_that_the_source_deleted_keeps_its_versions(core: CoreWarehouse) -> None:
    _price(core, 100, DAY1)
    core.build(DAY1)
    core.delete("erp_products", "A", day=DAY2)
    core.build(DAY2)
    assert core.query(VERSIONS) == [(100, None, None, True)]
