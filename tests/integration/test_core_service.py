"""Nights of the service desk leave core as a full refresh would, whatever happened to its cases or if only time passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from tests.core_warehouse import CUSTOMER, PRODUCT, CoreWarehouse, at

#: A week lies between them: limits run out over cases about which nothing else changes.
NIGHT1, NIGHT2 = (date(2026, 1, day) for day in (10, 18))
Results = dict[str, list[tuple[Any, ...]]]

COMPLAINT = {"complaint_type": "delivery", "urgency": "normal", "customer_id": "C1", "sku": "A"}
#: Of a customer and a product that stay as they are.
STEADY = {"customer_id": "C2", "sku": "B"}
CHAT = {"handled_by_bot": False, "is_vip_queue": False, "customer_id": "C2"}
RESPONSE = {"survey_id": "S1", "question_code": "Q1", "score": 2, "needs_followup": True}


@dataclass
class Nights:
    """What core computed after each build."""

    core: CoreWarehouse
    first: Results
    second: Results
    second_in_full: Results


@pytest.fixture(scope="module")
def nights(core_of_module: CoreWarehouse) -> Nights:
    core = core_of_module
    _first_night(core)
    core.build(NIGHT1)
    first = core.results()
    _second_night(core)
    core.build(NIGHT2)
    second = core.results()
    core.build(NIGHT2, full_refresh=True)
    return Nights(core, first, second, core.results())


def _complaints(core: CoreWarehouse, day: date, **given: tuple[str, dict[str, Any]]) -> None:
    """Id -> when it was opened, and what differs from an open complaint about a delivery."""
    core.land(
        "cs_complaints",
        *(
            {"complaint_id": key, **COMPLAINT, "created_at": at(opened), **other}
            for key, (opened, other) in given.items()
        ),
        day=day,
    )


def _first_night(core: CoreWarehouse) -> None:
    core.land("erp_products", {"sku": "A", **PRODUCT}, {"sku": "B", **PRODUCT, "product_line": "Outdoor"})
    core.land("erp_customers", {"customer_id": "C1", **CUSTOMER}, {"customer_id": "C2", **CUSTOMER})
    morning = "2026-01-05 08:00"
    closed = {"first_response_at": at("2026-01-05 09:00"), "closed_at": at("2026-01-06 09:00")}
    _complaints(
        core,
        NIGHT1,
        # Half past midnight in Shanghai is the day before in UTC.
        settled=("2026-01-03 00:30", {**closed, "followup_at": at("2026-01-06 10:00")}),
        answered_later=(morning, {}),
        reopened=(morning, closed),
        redated=(morning, {}),
        alone=("2026-01-02 08:00", {}),
        deleted=(morning, {}),
        released=(morning, {}),
        quarantined=("2026-01-06 08:00", {}),
        retyped=(morning, {}),
        # Nothing about these changes any more: their limits run out, or stamps from the future are reached.
        limit_runs_out=("2026-01-10 20:00", STEADY),
        told_of_tomorrow=(
            "2026-01-10 08:00",
            {**STEADY, "first_response_at": at("2026-01-11 07:00"), "closed_at": at("2026-01-19 07:00")},
        ),
        of_next_week=("2026-01-18 23:59", STEADY),
        after_that=("2026-01-19 00:00", STEADY),
        elsewhere=(morning, {"customer_id": "C2", "region_code": "R-WEST"}),
        of_nobody=(morning, {"customer_id": None, "sku": None, "complaint_type": None}),
    )
    core.quarantine("cs_complaints", "released")
    core.land(
        "cs_repairs",
        {"ticket_id": "open", **STEADY, "opened_at": at("2026-01-10 09:00")},
        {"ticket_id": "done", "customer_id": "C1", "sku": "A", "opened_at": at("2026-01-04 09:00")},
    )
    core.land(
        "cs_chats",
        {"chat_id": "vip", **CHAT, "is_vip_queue": True, "queue_entered_at": at("2026-01-10 23:30")},
        {"chat_id": "bot", **CHAT, "handled_by_bot": True, "queue_entered_at": at("2026-01-04 09:00")},
    )
    core.land(
        "srv_responses",
        {"respondent_id": "R1", **RESPONSE, "responded_at": at("2026-01-10 09:00")},
        {"respondent_id": "R2", **RESPONSE, "needs_followup": False, "responded_at": at("2026-01-04 09:00")},
    )


def _second_night(core: CoreWarehouse) -> None:
    morning = "2026-01-05 08:00"
    _complaints(
        core,
        NIGHT2,
        answered_later=(morning, {"first_response_at": at("2026-01-11 08:00")}),
        reopened=(morning, {"first_response_at": at("2026-01-05 09:00"), "closed_at": None, "reopened_flag": True}),
        redated=("2026-01-04 08:00", {}),
        alone=("2026-01-01 08:00", {}),
        retyped=(morning, {"complaint_type": "product_quality", "root_cause": "misuse", "urgency": "high"}),
        new=("2026-01-17 09:00", {"is_safety": True}),
    )
    core.delete("cs_complaints", "deleted", day=NIGHT2)
    core.release("cs_complaints", "released")
    core.quarantine("cs_complaints", "quarantined")
    core.land("cs_repairs", {"ticket_id": "done", "opened_at": at("2026-01-03 09:00")}, day=NIGHT2)
    core.delete("cs_chats", "bot", day=NIGHT2)
    core.land(
        "srv_responses",
        {"respondent_id": "R2", **RESPONSE, "responded_at": at("2026-01-04 09:00")},
        day=NIGHT2,
    )
    # The customer had moved before all these cases, and product A belonged to another line; both are told late.
    core.land(
        "erp_customers",
        {"customer_id": "C1", **CUSTOMER, "region_code": "R-SOUTH", "updated_at": at("2026-01-01 08:00")},
        day=NIGHT2,
    )
    core.land(
        "erp_products",
        {"sku": "A", **PRODUCT, "product_line": "Smart", "updated_at": at("2026-01-01 08:00")},
        day=NIGHT2,
    )


def test_a_night_of_changes_equals_a_full_refresh(nights: Nights) -> None:
    assert nights.second != nights.first
    assert nights.second == nights.second_in_full


def test_the_changes_of_the_second_night_are_the_expected_ones(nights: Nights) -> None:
    before, after = (_facts(nights.core, results, "fct_complaint") for results in (nights.first, nights.second))
    assert "released" not in before
    assert "released" in after
    assert not {"deleted", "quarantined"} & after.keys()
    assert (before["retyped"]["case_class"], after["retyped"]["case_class"]) == ("delivery", "product_quality")
    assert after["retyped"]["response_due_at"] - after["retyped"]["opened_at"] == timedelta(hours=24)
    assert after["settled"]["opened_on"] == date(2026, 1, 3)
    assert (before["settled"]["region_code"], after["settled"]["region_code"]) == ("R-EAST", "R-SOUTH")
    assert after["settled"]["product_key"] != before["settled"]["product_key"]
    assert after["elsewhere"]["region_code"] == "R-WEST", "the region that the case names"
    assert after["of_nobody"]["region_code"] is None
    assert after["of_nobody"]["case_class"] == "other"
    assert after["new"]["needs_escalation"]
    tickets = _facts(nights.core, nights.second, "fct_service_ticket")
    assert tickets["done"]["opened_on"] == date(2026, 1, 3)
    assert tickets["done"]["region_code"] == "R-SOUTH"
    assert set(_facts(nights.core, nights.second, "fct_chat")) == {"vip"}


def test_an_emptied_day_leaves_no_aggregate(nights: Nights) -> None:
    emptied = date(2026, 1, 2)
    for table in ("agg_service_case_daily", "agg_complaint_daily"):
        assert emptied in {row[0] for row in nights.first[table]}
        assert emptied not in {row[0] for row in nights.second[table]}


def test_limits_run_out_and_stamps_are_reached(nights: Nights) -> None:
    """As known at the end of each business day, of cases that did not change themselves."""
    tenth, last = date(2026, 1, 10), date(2026, 1, 18)
    names = (
        "case_count",
        "answered_count",
        "response_due_count",
        "answered_in_time_count",
        "closed_count",
        "overdue_count",
    )

    def counts(results: Results, day: date, case_class: str) -> tuple[int, ...]:
        columns = _columns(nights.core, "agg_service_case_daily")
        rows = [dict(zip(columns, row, strict=True)) for row in results["agg_service_case_daily"]]
        chosen = [row for row in rows if (row["day"], row["case_class"]) == (day, case_class)]
        return tuple(sum(row[name] for row in chosen) for name in names)

    assert counts(nights.first, tenth, "delivery") == (2, 0, 0, 0, 0, 0)
    assert counts(nights.second, tenth, "delivery") == (2, 1, 2, 1, 0, 2)
    assert counts(nights.first, last, "delivery") == (0, 0, 0, 0, 0, 0)
    assert counts(nights.second, last, "delivery") == (1, 0, 0, 0, 0, 0)
    assert counts(nights.second, date(2026, 1, 19), "delivery") == (0, 0, 0, 0, 0, 0)
    for case_class in ("service_desk_vip", "service_ticket", "survey_followup"):
        assert counts(nights.first, tenth, case_class) == (1, 0, 0, 0, 0, 0)
        assert counts(nights.second, tenth, case_class) == (1, 0, 1, 0, 0, 1)


def _facts(core: CoreWarehouse, results: Results, table: str) -> dict[str, dict[str, Any]]:
    columns = _columns(core, table)
    return {row[0]: dict(zip(columns, row, strict=True)) for row in results[table]}


def _columns(core: CoreWarehouse, table: str) -> list[str]:
    return core.column(
        "select column_name from information_schema.columns where table_schema = 'core' and table_name = %s "
        "order by ordinal_position",
        [table],
    )
