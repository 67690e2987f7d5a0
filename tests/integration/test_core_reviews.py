"""Nights of reviews and returns leave core as a full refresh would; what came back counts on the day of its order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.core_warehouse import LINE, ORDER, PRODUCT, RETURN, CoreWarehouse, at

NIGHT1, NIGHT2 = (date(2026, 1, day) for day in (10, 11))
Results = dict[str, list[tuple[Any, ...]]]

REVIEW = {"sku": "A", "platform": "jd", "brand": "Aurora", "rating": 5, "is_default": False}
SOLD = {**LINE, "qty": 10, "net_amount": 900, "cost_amount": 400}


@dataclass
class Nights:
    """What core computed after each build."""

    first: Results
    again: Results
    second: Results
    second_in_full: Results


@pytest.fixture(scope="module")
def nights(core_of_module: CoreWarehouse) -> Nights:
    core = core_of_module
    core.land("erp_products", {"sku": "A", **PRODUCT, "category": "Bulbs"}, {"sku": "B", **PRODUCT})
    _reviews_of_night_1(core)
    _orders_of_night_1(core)
    core.build(NIGHT1)
    first = core.results()
    core.build(NIGHT1)
    again = core.results()
    # As a warehouse stands that was built before returns noted the day of their order.
    core.execute("alter table core.changed_returns drop column attributed_on_before")
    _reviews_of_night_2(core)
    _orders_of_night_2(core)
    core.build(NIGHT2)
    second = core.results()
    core.build(NIGHT2, full_refresh=True)
    return Nights(first, again, second, core.results())


def _land_reviews(core: CoreWarehouse, day: date, **given: tuple[datetime, dict[str, Any]]) -> None:
    """Id -> when it was posted, and what differs from a good review."""
    core.land(
        "rev_reviews",
        *({"review_id": key, **REVIEW, "posted_at": posted, **other} for key, (posted, other) in given.items()),
        day=day,
    )


def _reviews_of_night_1(core: CoreWarehouse) -> None:
    _land_reviews(
        core,
        NIGHT1,
        gone=(at("2026-01-05 09:00"), {}),
        # Half past midnight in Shanghai is the day before in UTC.
        early=(at("2026-01-05 00:30"), {"rating": 4}),
        moved=(at("2026-01-05 09:00"), {}),
        redated=(at("2026-01-03 09:00"), {}),
        rerated=(at("2026-01-06 09:00"), {}),
        turned=(at("2026-01-06 09:00"), {"rating": 1}),
        deleted=(at("2026-01-07 09:00"), {}),
        released=(at("2026-01-07 09:00"), {"rating": 3}),
        quarantined=(at("2026-01-08 09:00"), {}),
        silent=(at("2026-01-08 09:00"), {"is_default": True}),
        unrated=(at("2026-01-08 09:00"), {"rating": None}),
        foreign=(at("2026-01-08 09:00"), {"sku": "JD-1", "brand": None, "platform": None}),
        of_night_2=(at("2026-01-11 09:00"), {"rating": 2}),
    )
    core.quarantine("rev_reviews", "released")


def _reviews_of_night_2(core: CoreWarehouse) -> None:
    _land_reviews(
        core,
        NIGHT2,
        moved=(at("2026-01-05 09:00"), {"sku": "B", "platform": "tmall"}),
        redated=(at("2026-01-02 09:00"), {}),
        rerated=(at("2026-01-06 09:00"), {"rating": 2}),
        turned=(at("2026-01-06 09:00"), {"is_default": True}),
    )
    core.delete("rev_reviews", "gone", day=NIGHT2)
    core.delete("rev_reviews", "deleted", day=NIGHT2)
    core.release("rev_reviews", "released")
    core.quarantine("rev_reviews", "quarantined")
    core.land("erp_products", {"sku": "JD-1", **PRODUCT, "category": "Lamps"}, day=NIGHT2)
    core.land("erp_products", {"sku": "A", **PRODUCT, "category": "Tubes", "updated_at": at("2026-01-06 08:00")})


def _orders_of_night_1(core: CoreWarehouse) -> None:
    """Orders of SKU B, ten units each, on the first days of December, which tell them apart; returns of January."""
    orders = ("bought", "other", "redated", "cancelled", "left", "emptied", "waiting")
    for day, name in enumerate(orders, start=1):
        core.land("erp_sales_orders", {"order_id": name, **ORDER, "order_date": date(2025, 12, day), "platform": "jd"})
        core.land("erp_sales_order_lines", {"order_id": name, **SOLD, "sku": "B"})
    asked = {"requested_at": at("2026-01-05 10:00"), "line_no": 1}
    core.land(
        "erp_returns",
        {"return_id": "kept", **RETURN, "order_id": "bought", **asked},
        {"return_id": "swapped", **RETURN, "order_id": "bought", **asked, "return_type": "exchange", "qty": 2},
        {"return_id": "more", **RETURN, "order_id": "bought", **asked},
        {"return_id": "moved", **RETURN, "order_id": "left", **asked, "qty": 2},
        {"return_id": "deleted", **RETURN, "order_id": "emptied", **asked},
        {
            "return_id": "tomorrow",
            **RETURN,
            "order_id": "waiting",
            "line_no": 1,
            "requested_at": at("2026-01-11 10:00"),
        },
        {"return_id": "of_redated", **RETURN, "order_id": "redated", **asked},
        {"return_id": "of_cancelled", **RETURN, "order_id": "cancelled", **asked},
        {"return_id": "too_early", **RETURN, "order_id": "late", **asked, "sku": "B"},
    )


def _orders_of_night_2(core: CoreWarehouse) -> None:
    asked = {"requested_at": at("2026-01-05 10:00"), "line_no": 1}
    core.land(
        "erp_returns",
        {"return_id": "more", **RETURN, "order_id": "bought", **asked, "qty": 4},
        {"return_id": "moved", **RETURN, "order_id": "other", **asked, "qty": 2},
        day=NIGHT2,
    )
    core.delete("erp_returns", "deleted", day=NIGHT2)
    moved = {"order_date": date(2025, 12, 20), "platform": "jd"}
    core.land("erp_sales_orders", {"order_id": "redated", **ORDER, **moved}, day=NIGHT2)
    core.land("erp_sales_orders", {"order_id": "cancelled", **ORDER, "status": "cancelled"}, day=NIGHT2)
    core.land("erp_sales_orders", {"order_id": "late", **ORDER, "order_date": date(2025, 12, 21)}, day=NIGHT2)
    core.land("erp_sales_order_lines", {"order_id": "late", **SOLD, "sku": "B"}, day=NIGHT2)


def _reviews(results: Results, day: int) -> list[tuple[Any, ...]]:
    """SKU, platform, brand, opinions, sum of ratings, low ratings, default reviews of a day of January 2026."""
    return [row[1:] for row in results["agg_review_daily"] if row[0] == date(2026, 1, day)]


def _cohorts(results: Results) -> dict[date, tuple[int, ...]]:
    """Units sold, returned, exchanged, not linked to an order, by day of the order."""
    return {row[0]: row[10:] for row in results["agg_sku_cohort_daily"]}


def test_a_build_of_nothing_new_changes_nothing(nights: Nights) -> None:
    assert nights.again == nights.first


def test_a_night_of_changes_equals_a_full_refresh(nights: Nights) -> None:
    assert nights.second != nights.first
    assert nights.second == nights.second_in_full


def test_reviews_stand_under_the_day_of_their_platform(nights: Nights) -> None:
    assert _reviews(nights.first, 4) == []
    assert _reviews(nights.first, 5) == [("A", "jd", "Aurora", 3, Decimal("14.00"), 0, 0)]


def test_a_moved_and_a_redated_review_leave_nothing_behind(nights: Nights) -> None:
    assert _reviews(nights.second, 3) == []
    assert _reviews(nights.second, 2) == [("A", "jd", "Aurora", 1, 5, 0, 0)]
    assert _reviews(nights.second, 5) == [("A", "jd", "Aurora", 1, 4, 0, 0), ("B", "tmall", "Aurora", 1, 5, 0, 0)]


def test_another_rating_another_sum(nights: Nights) -> None:
    assert _reviews(nights.first, 6) == [("A", "jd", "Aurora", 2, 6, 1, 0)]
    assert _reviews(nights.second, 6) == [("A", "jd", "Aurora", 1, 2, 1, 1)]


def test_deleted_quarantined_and_released_reviews(nights: Nights) -> None:
    assert _reviews(nights.first, 7) == [("A", "jd", "Aurora", 1, 5, 0, 0)]
    assert _reviews(nights.second, 7) == [("A", "jd", "Aurora", 1, 3, 0, 0)]
    unknown = ("JD-1", "unknown", "unknown", 1, 5, 0, 0)
    assert _reviews(nights.first, 8) == [("A", "jd", "Aurora", 1, 5, 0, 1), unknown]
    assert _reviews(nights.second, 8) == [("A", "jd", "Aurora", 0, 0, 0, 1), unknown]


def test_a_review_of_the_future_enters_when_its_day_is_reached(nights: Nights) -> None:
    assert _reviews(nights.first, 11) == []
    assert _reviews(nights.second, 11) == [("A", "jd", "Aurora", 1, 2, 1, 0)]


def test_a_review_follows_its_product(nights: Nights) -> None:
    """An unknown SKU becomes known; a version that began before the review, and is told later, takes it over."""
    product_key, category = 5, 7
    first, second = ({row[0]: row for row in results["fct_review"]} for results in (nights.first, nights.second))
    assert (first["foreign"][product_key], first["foreign"][category]) == (None, "unknown")
    assert second["foreign"][product_key] is not None
    assert second["foreign"][category] == "Lamps"
    assert first["rerated"][category] == "Bulbs"
    assert second["rerated"][category] == "Tubes"
    assert second["silent"][category] == "Tubes", "nothing but its product has changed"
    assert second["redated"][category] == "Bulbs"


def test_what_came_back_counts_on_the_day_of_its_order(nights: Nights) -> None:
    assert _cohorts(nights.first) == {
        date(2025, 12, 1): (10, 2, 2, 0),
        date(2025, 12, 2): (10, 0, 0, 0),
        date(2025, 12, 3): (10, 1, 0, 0),
        date(2025, 12, 4): (10, 1, 0, 0),
        date(2025, 12, 5): (10, 2, 0, 0),
        date(2025, 12, 6): (10, 1, 0, 0),
        date(2025, 12, 7): (10, 0, 0, 0),
        date(2026, 1, 5): (0, 1, 0, 1),
    }


def test_changed_returns_rebuild_the_days_of_their_orders(nights: Nights) -> None:
    """Also that of `tomorrow`, which itself did not change; a return whose order comes to light leaves its own day."""
    assert _cohorts(nights.second) == {
        date(2025, 12, 1): (10, 5, 2, 0),
        date(2025, 12, 2): (10, 2, 0, 0),
        date(2025, 12, 5): (10, 0, 0, 0),
        date(2025, 12, 6): (10, 0, 0, 0),
        date(2025, 12, 7): (10, 1, 0, 0),
        date(2025, 12, 20): (10, 1, 0, 0),
        date(2025, 12, 21): (10, 1, 0, 0),
    }
