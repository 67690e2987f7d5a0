"""Nights of reviews leave core as a full refresh would; the days of their averages are the right ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.core_warehouse import PRODUCT, CoreWarehouse, at

NIGHT1, NIGHT2, NIGHT3 = (date(2026, 1, day) for day in (10, 11, 12))
Results = dict[str, list[tuple[Any, ...]]]

REVIEW = {"sku": "A", "platform": "jd", "brand": "Aurora", "rating": 5, "is_default": False}


@dataclass
class Nights:
    """What core computed after each build."""

    first: Results
    again: Results
    second: Results
    second_in_full: Results
    third: Results
    third_in_full: Results


def _reviews(core: CoreWarehouse, day: date, **given: tuple[datetime, dict[str, Any]]) -> None:
    """Land reviews: id -> (posted, what differs from a good review)."""
    core.land(
        "rev_reviews",
        *({"review_id": key, **REVIEW, "posted_at": posted, **other} for key, (posted, other) in given.items()),
        day=day,
    )


@pytest.fixture(scope="module")
def nights(core_of_module: CoreWarehouse) -> Nights:
    core = core_of_module
    core.land("erp_products", {"sku": "A", **PRODUCT, "category": "Bulbs"}, {"sku": "B", **PRODUCT})
    _reviews(
        core,
        NIGHT1,
        kept=(at("2026-01-05 09:00"), {}),
        # Half past midnight in Shanghai is the day before in UTC.
        early=(at("2026-01-05 00:30"), {"rating": 4}),
        moved=(at("2026-01-05 09:00"), {"sku": "A"}),
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
    core.build(NIGHT1)
    first = core.results()
    core.build(NIGHT1)
    again = core.results()

    _reviews(
        core,
        NIGHT2,
        moved=(at("2026-01-05 09:00"), {"sku": "B", "platform": "tmall"}),
        redated=(at("2026-01-02 09:00"), {}),
        rerated=(at("2026-01-06 09:00"), {"rating": 2}),
        turned=(at("2026-01-06 09:00"), {"is_default": True}),
    )
    core.delete("rev_reviews", "deleted", day=NIGHT2)
    core.release("rev_reviews", "released")
    core.quarantine("rev_reviews", "quarantined")
    core.land("erp_products", {"sku": "JD-1", **PRODUCT, "category": "Lamps"}, day=NIGHT2)
    core.build(NIGHT2)
    second = core.results()
    core.build(NIGHT2, full_refresh=True)
    second_in_full = core.results()

    core.delete("rev_reviews", "kept", day=NIGHT3)
    core.land("erp_products", {"sku": "A", **PRODUCT, "category": "Tubes", "updated_at": at("2026-01-05 08:00")})
    core.build(NIGHT3)
    third = core.results()
    core.build(NIGHT3, full_refresh=True)
    return Nights(first, again, second, second_in_full, third, core.results())


def _day(results: Results, day: int) -> list[tuple[Any, ...]]:
    """SKU, platform, brand, opinions, sum of ratings, low ratings, default reviews of a day of January 2026."""
    return [row[1:] for row in results["agg_review_daily"] if row[0] == date(2026, 1, day)]


def test_a_build_of_nothing_new_changes_nothing(nights: Nights) -> None:
    assert nights.again == nights.first


def test_a_night_of_changes_equals_a_full_refresh(nights: Nights) -> None:
    assert nights.second != nights.first
    assert nights.second == nights.second_in_full
    assert nights.third != nights.second
    assert nights.third == nights.third_in_full


def test_reviews_stand_under_the_day_of_their_platform(nights: Nights) -> None:
    assert _day(nights.first, 4) == []
    assert _day(nights.first, 5) == [("A", "jd", "Aurora", 3, Decimal("14.00"), 0, 0)]


def test_a_moved_and_a_redated_review_leave_nothing_behind(nights: Nights) -> None:
    assert _day(nights.second, 3) == []
    assert _day(nights.second, 2) == [("A", "jd", "Aurora", 1, 5, 0, 0)]
    assert _day(nights.second, 5) == [("A", "jd", "Aurora", 2, 9, 0, 0), ("B", "tmall", "Aurora", 1, 5, 0, 0)]


def test_another_rating_another_sum(nights: Nights) -> None:
    assert _day(nights.first, 6) == [("A", "jd", "Aurora", 2, 6, 1, 0)]
    assert _day(nights.second, 6) == [("A", "jd", "Aurora", 1, 2, 1, 1)]


def test_deleted_quarantined_and_released_reviews(nights: Nights) -> None:
    assert _day(nights.first, 7) == [("A", "jd", "Aurora", 1, 5, 0, 0)]
    assert _day(nights.second, 7) == [("A", "jd", "Aurora", 1, 3, 0, 0)]
    unknown = ("JD-1", "unknown", "unknown", 1, 5, 0, 0)
    assert _day(nights.first, 8) == [("A", "jd", "Aurora", 1, 5, 0, 1), unknown]
    assert _day(nights.second, 8) == [("A", "jd", "Aurora", 0, 0, 0, 1), unknown]


def test_a_review_of_the_future_enters_when_its_day_is_reached(nights: Nights) -> None:
    assert _day(nights.first, 11) == []
    assert _day(nights.second, 11) == [("A", "jd", "Aurora", 1, 2, 1, 0)]


def test_a_review_follows_its_product(nights: Nights) -> None:
    """An unknown SKU becomes known; a version that began before the review, and is told later, takes it over."""
    product_key, category = 5, 7
    first, second, third = (
        {row[0]: row for row in results["fct_review"]} for results in (nights.first, nights.second, nights.third)
    )
    assert (first["foreign"][product_key], first["foreign"][category]) == (None, "unknown")
    assert second["foreign"][product_key] is not None
    assert second["foreign"][category] == "Lamps"
    assert second["rerated"][category] == "Bulbs"
    assert third["rerated"][category] == "Tubes"
    assert third["redated"][category] == "Bulbs"
