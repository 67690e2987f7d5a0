"""The marts of after_sales, from generated raw rows, against figures that Python computes from the same rows, case by case."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from statistics import fmean, median, quantiles
from typing import Any, NamedTuple

import pytest
from tests.core_warehouse import CoreWarehouse

from fupan.night.build import begin, finish
from fupan.server.postgres import EmbeddedPostgres
from fupan.transform.dbt import run_stage

#: A Tuesday in the middle of a month: every period is under way.
BUSINESS_DAY = date(2026, 3, 10)
SHANGHAI = timezone(timedelta(hours=8))
#: What happens from here on is not known yet.
END = datetime(2026, 3, 11, tzinfo=SHANGHAI)
FIRST_CASE = datetime(2025, 11, 20, tzinfo=SHANGHAI)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Limits(NamedTuple):
    """From opening to the answer and to closing, from closing to the call; None: no limit."""

    response: timedelta
    closing: timedelta | None = 7 * DAY
    follow_up: timedelta | None = None


LIMITS = {
    "product_quality": Limits(24 * HOUR, follow_up=3 * DAY),
    "installation_service": Limits(48 * HOUR, follow_up=3 * DAY),
    "after_sales_response": Limits(2 * HOUR, follow_up=3 * DAY),
    "delivery": Limits(24 * HOUR, follow_up=3 * DAY),
    "other": Limits(48 * HOUR, follow_up=3 * DAY),
    "service_ticket": Limits(24 * HOUR),
    "service_desk_vip": Limits(1 * HOUR, closing=None),
    "service_desk": Limits(2 * HOUR, closing=None),
    "survey_followup": Limits(24 * HOUR),
}
TYPES = ["product_quality", "installation_service", "after_sales_response", "delivery", "a new type", None]
CAUSES = ["misuse", "flicker", "transport_damage", "a new cause", None]
REGIONS = {"JS": "East China", "GD": "South China"}
SKUS = {"A": "Indoor", "B": "Indoor", "C": "Smart"}
HOMES = {"C1": "JS", "C2": "GD", "C3": None}
TIERS = {"C1": "A", "C2": "B", "C3": None}

Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Desk:
    """The raw rows, and the cases that they are, less what happens after the business day."""

    raw: dict[str, list[Row]]
    cases: list[Row]

    def complaints(self) -> list[Row]:
        return [case for case in self.cases if case["case_type"] == "complaint"]


def _later(dice: random.Random, start: datetime, limit: timedelta, chance: float) -> datetime | None:
    """Some time after, in whole minutes; often enough on the very limit."""
    if dice.random() >= chance:
        return None
    return start + round(limit / MINUTE * dice.choice([1, dice.random() * 2, dice.random() / 2])) * MINUTE


def _generate() -> Desk:
    dice = random.Random(20260310)
    raw: dict[str, list[Row]] = defaultdict(list)
    raw["erp_regions"] = [
        {"region_code": code, "macro_region": macro, "country": "CN"} for code, macro in REGIONS.items()
    ]
    raw["erp_products"] = [{"sku": s, "product_name": f"Lamp {s}", "product_line": line} for s, line in SKUS.items()]
    raw["erp_customers"] = [
        {"customer_id": c, "region_code": home, "country": "CN", "account_class": TIERS[c]} for c, home in HOMES.items()
    ]
    _orders(dice, raw)
    cases = []
    minutes = int((END + 3 * DAY - FIRST_CASE).total_seconds() // 60)
    for number in range(360):
        opened = FIRST_CASE + timedelta(minutes=dice.randrange(minutes))
        customer = dice.choice([*HOMES, None])
        kind = dice.choice([_complaint, _complaint, _complaint, _ticket, _chat, _answer])
        case = kind(dice, raw, f"{number:04}", opened, customer)
        if case is not None and opened < END:
            cases.append(_as_known({"case_id": f"{number:04}", "customer_id": customer, "opened": opened, **case}))
    _reviews(dice, raw)
    return Desk(dict(raw), cases)


def _orders(dice: random.Random, raw: dict[str, list[Row]]) -> None:
    for number in range(150):
        day = date(2025, 11, 3) + timedelta(dice.randrange(132))
        raw["erp_sales_orders"].append(
            {
                "order_id": f"O{number}",
                "order_date": day,
                "customer_id": dice.choice([*HOMES, None]),
                "country": "CN",
                "currency": dice.choice(["CNY", "GBP"]),
                "status": dice.choice(["paid", "paid", "paid", "cancelled"]),
            }
        )
        for line_no, sku in enumerate(dice.choices([*SKUS], k=dice.choice([1, 2, 3])), start=1):
            raw["erp_sales_order_lines"].append(
                {
                    "order_id": f"O{number}",
                    "line_no": line_no,
                    "sku": sku,
                    "qty": 1,
                    "unit_price": 10,
                    "list_price": 10,
                    "net_amount": 10,
                    "discount_amount": 0,
                    "is_gift": dice.random() < 0.2,
                }
            )


def _complaint(
    dice: random.Random, raw: dict[str, list[Row]], number: str, opened: datetime, customer: str | None
) -> Row:
    complaint_type = dice.choice(TYPES)
    answered = _later(dice, opened, LIMITS.get(complaint_type or "", LIMITS["other"]).response, 0.85)
    closed = _later(dice, opened, 7 * DAY, 0.7)
    row: Row = {
        "complaint_id": number,
        "customer_id": customer,
        "complaint_type": complaint_type,
        "sku": dice.choice([*SKUS, None]),
        "region_code": dice.choice(["JS", None, None]),
        "root_cause": dice.choice(CAUSES),
        "urgency": dice.choice(["normal", "high", None]),
        "source_channel": dice.choice(["phone", None]),
        "is_safety": dice.choice([True, False, None]),
        "claim_amount": dice.choice([9999.99, 10000, None]),
        "currency": dice.choice(["CNY", "JPY"]),
        "escalation_level": dice.choice([0, 0, 1, None]),
        "escalated_at": _later(dice, opened, 2 * DAY, 0.8),
        "created_at": opened,
        "first_response_at": answered,
        "verified_at": _later(dice, opened, 2 * DAY, 0.6),
        "closed_at": closed,
        "reopened_flag": dice.random() < 0.1,
        "delay_cause": dice.choice(["staffing", "parts", None]),
        "followup_at": _later(dice, closed - 9 * HOUR, 3 * DAY, 0.9) if closed else None,
    }
    raw["cs_complaints"].append(row)
    return {
        **row,
        "case_type": "complaint",
        "case_class": complaint_type if complaint_type in LIMITS else "other",
        "complaint_type": complaint_type or "unknown",
        "urgency": row["urgency"] or "unknown",
        "source_channel": row["source_channel"] or "unknown",
        "region": row["region_code"],
        "answered": answered,
        "closed": closed,
        "product_line": SKUS.get(row["sku"] or "", "unknown"),
    }


def _ticket(dice: random.Random, raw: dict[str, list[Row]], number: str, opened: datetime, customer: str | None) -> Row:
    answered, closed = _later(dice, opened, DAY, 0.8), _later(dice, opened, 7 * DAY, 0.8)
    raw["cs_repairs"].append(
        {
            "ticket_id": number,
            "customer_id": customer,
            "sku": "A",
            "opened_at": opened,
            "first_response_at": answered,
            "closed_at": closed,
        }
    )
    return {"case_type": "ticket", "case_class": "service_ticket", "answered": answered, "closed": closed}


def _chat(
    dice: random.Random, raw: dict[str, list[Row]], number: str, opened: datetime, customer: str | None
) -> Row | None:
    vip, bot = dice.random() < 0.4, dice.random() < 0.3
    answered = _later(dice, opened, HOUR if vip else 2 * HOUR, 0.9)
    closed = opened + 3 * HOUR
    raw["cs_chats"].append(
        {
            "chat_id": number,
            "customer_id": customer,
            "is_vip_queue": vip,
            "handled_by_bot": bot,
            "queue_entered_at": opened,
            "first_reply_at": answered,
            "ended_at": closed,
        }
    )
    case_class = "service_desk_vip" if vip else "service_desk"
    return None if bot else {"case_type": "chat", "case_class": case_class, "answered": answered, "closed": closed}


def _answer(
    dice: random.Random, raw: dict[str, list[Row]], number: str, opened: datetime, customer: str | None
) -> Row | None:
    needs = dice.random() < 0.6
    called = _later(dice, opened, DAY, 0.8) if needs else None
    raw["srv_responses"].append(
        {
            "survey_id": "S",
            "respondent_id": number,
            "question_code": "Q",
            "customer_id": customer,
            "region_code": "GD",
            "score": 3,
            "responded_at": opened,
            "needs_followup": needs,
            "followup_at": called,
        }
    )
    if not needs:
        return None
    return {"case_type": "survey", "case_class": "survey_followup", "answered": called, "closed": None, "region": "GD"}


def _reviews(dice: random.Random, raw: dict[str, list[Row]]) -> None:
    for number in range(120):
        raw["rev_reviews"].append(
            {
                "review_id": f"V{number}",
                "sku": dice.choice([*SKUS, "JD-1", None]),
                "platform": dice.choice(["jd", "tmall"]),
                "brand": "Aurora",
                "product_name": "As listed",
                "rating": dice.choice([1, 2, 2.5, 3, 4, 5]),
                "is_default": dice.random() < 0.2,
                "posted_at": FIRST_CASE + timedelta(minutes=dice.randrange(112 * 24 * 60)),
            }
        )


def _as_known(case: Row) -> Row:
    """The case at the end of the business day: what comes later has not happened yet."""
    opened = case["opened"]
    known = {
        name: stamp if (stamp := case.get(name)) and stamp < END else None
        for name in ("answered", "closed", "escalated_at", "verified_at", "followup_at")
    }
    if not (known["followup_at"] and known["closed"] and known["followup_at"] >= known["closed"]):
        known["followup_at"] = None
    home = HOMES.get(case["customer_id"] or "")
    large = (case.get("claim_amount") or 0) >= 10000 and case.get("currency") == "CNY"
    case = {
        **case,
        **known,
        "day": opened.astimezone(SHANGHAI).date(),
        "region": case.get("region") or home or "unknown",
        "tier": TIERS.get(case["customer_id"] or "") or "unknown",
        "response_hours": known["answered"] and (known["answered"] - opened) / HOUR,
        "resolution_hours": known["closed"] and (known["closed"] - opened) / HOUR,
        "is_safety": bool(case.get("is_safety")),
        "needs_escalation": bool(case.get("is_safety")) or large,
        # Raised at a time not known is raised.
        "is_escalated": bool(case.get("escalation_level"))
        and bool(known["escalated_at"] or not case.get("escalated_at")),
    }
    return {**case, "overdue_since": _overdue_since(case), "counts": _counts(case)}


def _overdue_since(case: Row) -> datetime | None:
    limits = LIMITS[case["case_class"]]
    due = [case["opened"] + limits.closing] if limits.closing else []
    if not case["answered"]:
        due.append(case["opened"] + limits.response)
    return None if case["closed"] else min((instant for instant in due if instant < END), default=None)


def _counts(case: Row) -> dict[str, int]:
    """What the case adds to each count: a limit is judged once it was kept, missed, or has run out."""
    opened, answered, closed, called = (case[name] for name in ("opened", "answered", "closed", "followup_at"))
    limits = LIMITS[case["case_class"]]
    response_due = bool(answered) or opened + limits.response < END
    in_time = bool(answered) and answered <= opened + limits.response
    late = response_due and not in_time
    closing_due = closed_in_time = loop_due = loop_closed = False
    if limits.closing:
        closing_due = bool(closed) or opened + limits.closing < END
        closed_in_time = bool(closed) and closed <= opened + limits.closing
    if limits.follow_up and closing_due:
        loop_due = not closed_in_time or bool(called) or closed + limits.follow_up < END
        loop_closed = closed_in_time and bool(called) and called <= closed + limits.follow_up
    verified, verification = case["verified_at"], 48 * HOUR if limits.response <= 24 * HOUR else 72 * HOUR
    found = {
        "case_count": True,
        "answered_count": bool(answered),
        "response_due_count": response_due,
        "answered_in_time_count": in_time,
        "late_count": late,
        "late_by_parts_count": late and case.get("delay_cause") == "parts",
        "closed_count": bool(closed),
        "open_count": not closed,
        "closing_due_count": closing_due,
        "closed_in_time_count": closed_in_time,
        "closed_loop_due_count": loop_due,
        "closed_loop_count": loop_closed,
        "overdue_count": bool(_overdue_since(case)),
        "reopened_count": bool(case.get("reopened_flag")),
        "escalated_count": case["is_escalated"],
        "needs_escalation_count": case["needs_escalation"],
        "unescalated_count": case["needs_escalation"] and not case["is_escalated"],
        "verification_count": bool(verified),
        "verification_in_time_count": bool(verified) and verified <= opened + verification,
    }
    return {name: int(counts) for name, counts in found.items()}


@pytest.fixture(scope="module")
def desk() -> Desk:
    return _generate()


@pytest.fixture(scope="module")
def marts(server: EmbeddedPostgres, desk: Desk) -> Iterator[CoreWarehouse]:
    """The marts of one night, built once for this module, in the database of the tests of core."""
    with pytest.MonkeyPatch.context() as patch:
        url = server.ensure_database("core_tests")
        patch.setenv("FUPAN_WAREHOUSE_URL", url)
        warehouse = CoreWarehouse(url)
        warehouse.reset()
        for table, rows in desk.raw.items():
            warehouse.land(table, *rows, day=BUSINESS_DAY)
        build_id = begin(BUSINESS_DAY)
        for stage in ("core", "marts"):
            result = run_stage(build_id, stage)
            assert not result.failed, [(node.node_id, node.message) for node in result.failed]
        finish(build_id)
        yield warehouse
        warehouse.reset()
        warehouse.close()


def _mart(warehouse: CoreWarehouse, name: str, where: str = "true") -> list[Row]:
    """A mart as it stands, numbers as int or float."""
    columns = warehouse.column(
        "select column_name from information_schema.columns "
        "where table_schema = 'build_after_sales' and table_name = %s order by ordinal_position",
        [name],
    )
    found = warehouse.query(f"select * from build_after_sales.{name} where {where}")
    assert found
    return [dict(zip(columns, map(_plain, row), strict=True)) for row in found]


def _plain(value: Any) -> Any:
    return float(value) if type(value).__name__ == "Decimal" else value


def _grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _start(day: date, period: str) -> date:
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        case _:
            return date(day.year, 1, 1)


def test_the_company_has_every_kind_of_case(desk: Desk) -> None:
    """Else what follows would say little."""
    totals: Counter[str] = Counter()
    for case in desk.cases:
        totals.update(case["counts"])
    assert all(count > 3 for count in totals.values()), totals
    assert {case["case_class"] for case in desk.cases} == {*LIMITS}
    assert totals["response_due_count"] < totals["case_count"], "some have time left"
    on_the_limit = [
        case for case in desk.cases if case["answered"] == case["opened"] + LIMITS[case["case_class"]].response
    ]
    assert on_the_limit


def test_response_sla(marts: CoreWarehouse, desk: Desk) -> None:
    def key(case: Row) -> Key:
        return tuple(
            case.get(name) or "not_applicable" for name in ("day", "case_class", "complaint_type", "urgency", "region")
        )

    actual = {
        (row["day"], row["case_class"], row["complaint_type"], row["urgency"], row["region_code"]): row
        for row in _mart(marts, "response_sla")
    }
    expected = _grouped(desk.cases, key)
    assert actual.keys() == expected.keys()
    for cell, cases in expected.items():
        totals: Counter[str] = Counter()
        for case in cases:
            totals.update(case["counts"])
        row = actual[cell]
        assert {name: row[name] for name in totals} == totals, cell
        for measure in ("response", "resolution"):
            hours = [case[f"{measure}_hours"] for case in cases if case[f"{measure}_hours"] is not None]
            assert row[f"{measure}_hours_sum"] == pytest.approx(sum(hours), abs=1e-5)
        due, loops = totals["response_due_count"], totals["closed_loop_due_count"]
        assert row["response_sla_attainment_rate"] == _ratio(totals["answered_in_time_count"], due)
        assert row["complaint_closure_rate"] == _ratio(totals["closed_loop_count"], loops)


def _ratio(part: float, whole: float) -> Any:
    return pytest.approx(part / whole, abs=1e-8) if whole else None


def test_response_time_of_every_period_and_slice(marts: CoreWarehouse, desk: Desk) -> None:
    slices: dict[str, Callable[[Row], Any]] = {
        "all": lambda case: "all",
        "case_class": lambda case: case["case_class"],
        "complaint_type": lambda case: case.get("complaint_type"),
        "urgency": lambda case: case.get("urgency"),
        "region": lambda case: case["region"],
        "source_channel": lambda case: case.get("source_channel"),
        "customer_tier": lambda case: case["tier"],
    }
    first = min(case["day"] for case in desk.cases)
    expected: dict[Key, list[Row]] = defaultdict(list)
    for case in desk.cases:
        for period in ("day", "week", "month", "quarter", "year", "all"):
            start = first if period == "all" else _start(case["day"], period)
            for name, of in slices.items():
                if (value := of(case)) is not None and (period != "all" or name in ("all", "case_class")):
                    expected[period, start, case["case_type"], name, value].append(case)
    keys = ("period_type", "period_start", "case_type", "slice_type", "slice_value")
    actual = {tuple(row[key] for key in keys): row for row in _mart(marts, "response_time")}
    assert actual.keys() == expected.keys()
    for cell, cases in expected.items():
        row = actual[cell]
        assert row["case_count"] == len(cases)
        for measure, name in (("response", "first_response"), ("resolution", "resolution")):
            hours = [case[f"{measure}_hours"] for case in cases if case[f"{measure}_hours"] is not None]
            assert row["answered_count" if measure == "response" else "closed_count"] == len(hours)
            assert row[f"median_{name}_hours"] == _near(median(hours) if hours else None)
            assert row[f"p90_{name}_hours"] == _near(_p90(hours))
            assert row[f"mean_{name}_hours"] == _near(fmean(hours) if hours else None)
            assert row[f"mean_{name}_days"] == _near(fmean(hours) / 24 if hours else None)
            assert row[f"median_{name}_days"] == _near(median(hours) / 24 if hours else None)


def _near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=2e-6)


def _p90(hours: list[float]) -> float | None:
    if len(hours) < 2:
        return hours[0] if hours else None
    return quantiles(hours, n=10, method="inclusive")[8]


def test_complaint_overview(marts: CoreWarehouse, desk: Desk) -> None:
    expected = _grouped(
        desk.complaints(), lambda c: (c["day"], c["complaint_type"], c["sku"] or "unknown", c["region"])
    )
    of_day = Counter(case["day"] for case in desk.complaints())
    rows = _mart(marts, "complaint_overview")
    actual = {(row["day"], row["complaint_type"], row["sku"], row["region_code"]): row for row in rows}
    assert actual.keys() == expected.keys()
    for cell, cases in expected.items():
        misused = sum(case["root_cause"] == "misuse" for case in cases)
        row = actual[cell]
        assert (row["complaint_count"], row["misuse_complaint_count"]) == (len(cases), misused)
        assert row["complaint_share"] == pytest.approx(len(cases) / of_day[cases[0]["day"]], abs=1e-8)
        assert row["product_line"] == cases[0]["product_line"]
        assert row["macro_region"] == REGIONS.get(cases[0]["region"], "unknown")


def test_complaint_rate(marts: CoreWarehouse, desk: Desk) -> None:
    orders = {row["order_id"]: row for row in desk.raw["erp_sales_orders"]}
    valid: dict[str, set[str]] = defaultdict(set)
    for line in desk.raw["erp_sales_order_lines"]:
        if not line["is_gift"] and orders[line["order_id"]]["status"] != "cancelled":
            valid[line["order_id"]].add(line["sku"])
    first = min(case["day"] for case in desk.complaints())
    expected: dict[Key, list[float]] = defaultdict(lambda: [0, 0])
    for period in ("week", "month", "quarter", "year"):
        for case in desk.complaints():
            for of, value in (
                ("all", "all"),
                ("sku", case["sku"] or "unknown"),
                ("product_line", case["product_line"]),
                ("region", case["region"]),
            ):
                expected[period, _start(case["day"], period), of, value][0] += 1
        for order_id, skus in valid.items():
            day, home = orders[order_id]["order_date"], HOMES.get(orders[order_id]["customer_id"] or "") or "unknown"
            if day > BUSINESS_DAY or _start(day, period) < _start(first, period):
                continue
            values = {("all", "all"), ("region", home)}
            values |= {("sku", sku) for sku in skus} | {("product_line", SKUS[sku]) for sku in skus}
            for of, value in values:
                expected[period, _start(day, period), of, value][1] += 1
    keys = ("period_type", "period_start", "slice_type", "slice_value")
    actual = {tuple(row[key] for key in keys): row for row in _mart(marts, "complaint_rate")}
    assert actual.keys() == expected.keys()
    for cell, (complaints, ordered) in expected.items():
        row = actual[cell]
        assert (row["complaint_count"], row["order_count"]) == (complaints, ordered), cell
        rate = 1000 * complaints / ordered if ordered else None
        assert row["complaint_rate"] == _near(rate)
        period, start, *which = cell
        before = expected.get((period, _start(start - DAY, period), *which))
        base = 1000 * before[0] / before[1] if before and before[1] else None
        assert row["preceding_complaint_rate"] == _near(base)
        assert row["complaint_rate_change"] == (_near(rate / base - 1) if rate is not None and base else None)
    assert {None} < {row["complaint_rate"] for row in actual.values()}, "some slices have no orders"


def test_issue_ranking(marts: CoreWarehouse, desk: Desk) -> None:
    rows = _grouped(_mart(marts, "issue_ranking"), lambda row: (row["period_type"], row["period_start"], row["sku"]))
    day, periods = min(case["day"] for case in desk.complaints()), set()
    while day <= BUSINESS_DAY:
        periods |= {("week", _start(day, "week")), ("month", _start(day, "month"))}
        day += DAY
    assert {(period, start) for period, start, _ in rows} == periods
    assert {sku for period, _, sku in rows if period == "week"} == {"all"}
    assert {sku for period, _, sku in rows if period == "month"} == {"all", "unknown", *SKUS}
    for (period, start, sku), issues in rows.items():
        following = start + timedelta(7 if period == "week" else 31)
        last = min(_start(following, period) - DAY, BUSINESS_DAY)
        counted = Counter(
            case["root_cause"] or "unknown"
            for case in desk.complaints()
            if last - 89 * DAY <= case["day"] <= last and sku in ("all", case["sku"] or "unknown")
        )
        assert {row["root_cause"]: row["complaint_count"] for row in issues} == counted
        known = {cause: count for cause, count in counted.items() if cause != "unknown"}
        for row in issues:
            assert (row["window_start"], row["window_end"]) == (last - 89 * DAY, last)
            if row["root_cause"] == "unknown":
                assert (row["complaint_issue_ranking"], row["issue_share"]) == (None, None)
                continue
            higher = [count for count in known.values() if count > row["complaint_count"]]
            up_to_here = sum(count for count in known.values() if count >= row["complaint_count"])
            assert row["complaint_issue_ranking"] == len(higher) + 1
            assert row["issue_share"] == _near(row["complaint_count"] / sum(known.values()))
            assert row["cumulative_issue_share"] == _near(up_to_here / sum(known.values()))


def test_overdue_alert(marts: CoreWarehouse, desk: Desk) -> None:
    expected = {}
    for case in desk.cases:
        if case["overdue_since"]:
            over = (END - case["overdue_since"]) / HOUR
            level = sum(over >= bound for bound in (0, 24, 72, 168))
            number = case["case_id"]
            expected[case["case_type"], number] = (min(4, level + case["is_safety"]), over)
    names = dict(enumerate(("notice", "warning", "serious", "critical"), start=1))
    keys = dict(marts.query("select response_key, respondent_id from core.fct_survey_response"))
    rows = _mart(marts, "overdue_alert")
    actual = {(row["case_type"], keys.get(row["case_id"], row["case_id"])): row for row in rows}
    assert actual.keys() == expected.keys()
    for cell, (level, over) in expected.items():
        assert (actual[cell]["severity_level"], actual[cell]["overdue_complaint_alert"]) == (level, names[level])
        assert actual[cell]["hours_over"] == _near(over)
    assert {row["severity_level"] for row in rows} == {1, 2, 3, 4}


def test_review_rating(marts: CoreWarehouse, desk: Desk) -> None:
    known = [row for row in desk.raw["rev_reviews"] if row["posted_at"] < END]
    expected = _grouped(
        known,
        lambda r: (r["posted_at"].astimezone(SHANGHAI).date().replace(day=1), r["sku"] or "unknown", r["platform"]),
    )
    actual = {(row["month_start"], row["sku"], row["platform"]): row for row in _mart(marts, "review_rating")}
    assert actual.keys() == expected.keys()
    for cell, reviews in expected.items():
        stars = [review["rating"] for review in reviews if not review["is_default"]]
        row = actual[cell]
        assert (row["review_count"], row["default_review_count"]) == (len(stars), len(reviews) - len(stars))
        assert row["average_review_rating"] == _near(fmean(stars) if stars else None)
        assert row["low_rating_share"] == _ratio(sum(rating <= 2 for rating in stars), len(stars))
        sku = reviews[0]["sku"]
        assert row["product_name"] == (f"Lamp {sku}" if sku in SKUS else "As listed" if sku else None)


def test_without_a_service_desk_there_is_no_data(marts: CoreWarehouse) -> None:
    """Not a row, rather than zeros; what reviews say is there all the same."""
    for table in ("fct_complaint", "fct_service_ticket", "fct_chat", "fct_survey_response"):
        marts.execute(f"truncate core.{table}")
    marts.execute("truncate core.agg_service_case_daily, core.agg_complaint_daily, core.agg_response_time")
    marts.execute("delete from ops.source_system where system = 'service'")
    build_id = begin(BUSINESS_DAY)
    result = run_stage(build_id, "marts")
    assert not result.failed, [(node.node_id, node.message) for node in result.failed]
    for name in (
        "complaint_overview",
        "complaint_rate",
        "issue_ranking",
        "response_sla",
        "response_time",
        "overdue_alert",
    ):
        assert marts.column(f"select count(*) from build_after_sales.{name}") == [0]
    assert marts.column("select count(*) > 0 from build_after_sales.review_rating") == [True]
