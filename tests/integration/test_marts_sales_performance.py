"""The marts of sales_performance, from generated raw rows, against figures that pandas computes from the same rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
from tests.core_warehouse import CoreWarehouse

from fupan.night.build import begin, finish
from fupan.server.postgres import EmbeddedPostgres
from fupan.transform.dbt import run_stage

#: A Monday in the middle of a month: month, quarter and year are under way.
BUSINESS_DAY = date(2025, 3, 10)
FIRST_ORDER, LAST_ORDER = date(2023, 11, 20), date(2025, 3, 14)

#: Where each period that is under way stops in its bases: (period, a year ago, the period before).
SAME_POINT = {
    "month": (date(2025, 3, 1), date(2024, 3, 10), date(2025, 2, 10)),
    "quarter": (date(2025, 1, 1), date(2024, 3, 10), date(2024, 12, 10)),
    "year": (date(2025, 1, 1), date(2024, 3, 10), date(2024, 3, 10)),
}
MONTHS = {"month": 1, "quarter": 3, "year": 12}

SLICES = ["product_line", "region_code", "channel_id", "platform", "currency"]

REGIONS = {"JS": "East China", "ZJ": "East China", "GD": "South China", "UK": "Europe"}
ONLINE = {"WEB": True, "SHOP": False, "EXPORT": False}
PRODUCT_LINES = ["Indoor", "Outdoor", "Smart", None]

TARGETS: list[dict[str, Any]] = [
    {"period": period, "measure_id": measure, "currency": currency, "target_value": value, **scope}
    for period in ("2024-12", "2025-01", "2025-02", "2025-03", "2025-04")
    for measure, currency, value in (("revenue", "CNY", 9000), ("profit", "CNY", 1500), ("units", None, 40))
    for scope in (
        {},
        {"product_line": "Smart"},
        {"region_code": "JS", "channel_id": "WEB"},
        {"product_line": "Indoor", "region_code": "GD", "channel_id": "SHOP"},
        {"product_line": "Discontinued"},
    )
]


@dataclass(frozen=True)
class Company:
    """The raw rows, and the sales and refunds that follow from them up to the business day (money in fen)."""

    raw: dict[str, list[dict[str, Any]]]
    sales: pd.DataFrame
    refunds: pd.DataFrame


def _generate() -> Company:
    dice = random.Random(20250310)
    skus = [f"SKU{number:02}" for number in range(16)]
    line_of = {sku: PRODUCT_LINES[number % 4] for number, sku in enumerate(skus)}
    home_of = {f"C{number}": dice.choice(["JS", "ZJ", "GD", None]) for number in range(12)}
    raw: dict[str, list[dict[str, Any]]] = {
        "erp_regions": [
            {"region_code": code, "macro_region": macro, "country": "GB" if code == "UK" else "CN"}
            for code, macro in REGIONS.items()
        ],
        "erp_channels": [
            {"channel_id": channel, "channel_group": channel.lower(), "online_flag": online}
            for channel, online in ONLINE.items()
        ],
        "erp_products": [{"sku": sku, "product_name": f"Lamp {sku}", "product_line": line_of[sku]} for sku in skus],
        "erp_customers": [{"customer_id": c, "region_code": home, "country": "CN"} for c, home in home_of.items()],
        "erp_sales_orders": [],
        "erp_sales_order_lines": [],
        "erp_returns": [],
        "hr_targets": [],
    }
    days = (LAST_ORDER - FIRST_ORDER).days
    fixed = [date(2024, 2, 28), date(2024, 2, 29), date(2025, 2, 28), date(2025, 3, 10), date(2025, 3, 11)]
    sales, refunds = [], []
    for number in range(420):
        order_id = f"O{number:04}"
        day = fixed[number] if number < len(fixed) else FIRST_ORDER + timedelta(dice.randrange(days + 1))
        channel = dice.choice([*ONLINE, "WEB", None])
        abroad = dice.random() < 0.15
        customer = dice.choice([*home_of, None])
        order = {
            "order_id": order_id,
            "order_date": day,
            "customer_id": customer,
            "channel_id": channel,
            "platform": dice.choice(["tmall", "jd"]) if channel == "WEB" else None,
            "device_type": dice.choice(["mobile", "desktop", None]) if channel == "WEB" else None,
            "country": "GB" if abroad else "CN",
            "currency": "GBP" if abroad else "CNY",
            "status": dice.choice(["paid", "shipped", "completed", "completed", "cancelled"]),
        }
        raw["erp_sales_orders"].append(order)
        cell = {
            "region_code": "UK" if abroad else home_of.get(customer or "") or "unknown",
            "channel_id": channel or "unknown",
            "platform": order["platform"] or "unknown",
            "currency": order["currency"],
        }
        for line_no, sku in enumerate(dice.sample(skus, dice.choice([1, 2, 3])), start=1):
            qty, price = dice.randint(1, 5), dice.choice([4900, 19999, 20000, 50000, 50001, 88800])
            # The second line is never costed, nor is anything that goes abroad.
            cost = None if line_no == 2 or abroad else qty * price * dice.randint(50, 90) // 100
            gift = dice.random() < 0.1
            raw["erp_sales_order_lines"].append(
                {
                    "order_id": order_id,
                    "line_no": line_no,
                    "sku": sku,
                    "qty": qty,
                    "unit_price": price / 100,
                    "list_price": price / 100,
                    "discount_amount": 1,
                    "net_amount": qty * price / 100,
                    "cost_amount": None if cost is None else cost / 100,
                    "is_gift": gift,
                }
            )
            of_line = {**cell, "sku": sku, "product_line": line_of[sku] or "unknown"}
            if not gift and order["status"] != "cancelled" and day <= BUSINESS_DAY:
                sales.append(
                    {
                        **of_line,
                        "order_id": order_id,
                        "line_no": line_no,
                        "day": day,
                        "device_type": order["device_type"],
                        "price_band": "low" if price < 20000 else "mid_high" if price <= 50000 else "premium",
                        "units": qty,
                        "revenue": qty * price,
                        "costed_revenue": qty * price if cost is not None else 0,
                        "gross_profit": None if cost is None else qty * price - cost,
                    }
                )
            if dice.random() < 0.2:
                # Half past midnight in Shanghai is the day before in UTC.
                completed = day + timedelta(dice.randint(1, 60)) if dice.random() < 0.8 else None
                raw["erp_returns"].append(
                    {
                        "return_id": f"R{len(raw['erp_returns'])}",
                        "order_id": order_id,
                        "line_no": line_no,
                        "return_type": "return",
                        "qty": 1,
                        "refund_amount": price / 100,
                        "currency": order["currency"],
                        "completed_at": completed
                        and datetime(
                            completed.year, completed.month, completed.day, 0, 30, tzinfo=timezone(timedelta(hours=8))
                        ),
                    }
                )
                if completed and completed <= BUSINESS_DAY:
                    refunds.append({**of_line, "day": completed, "refund_amount": price, "returned_units": 1})
    # GBP has bands of its own, all of these prices far above the highest.
    for sale in sales:
        if sale["currency"] == "GBP":
            sale["price_band"] = "premium"
    approved = datetime(2024, 11, 1, tzinfo=UTC)
    for number, target in enumerate(TARGETS):
        first = {"target_id": f"T{number}", "version": 1, "approved_at": approved, **target}
        raw["hr_targets"] += [
            {**first, "target_id": f"T{number}-old", "target_value": 1, "version": 0},
            first,
            {**first, "target_id": f"T{number}-draft", "target_value": 2, "version": 2, "approved_at": None},
        ]
    return Company(raw, pd.DataFrame(sales), pd.DataFrame(refunds))


@pytest.fixture(scope="module")
def company() -> Company:
    return _generate()


@pytest.fixture(scope="module")
def marts(server: EmbeddedPostgres, company: Company) -> Iterator[CoreWarehouse]:
    """The marts of one night, built once for this module, in the database of the tests of core."""
    with pytest.MonkeyPatch.context() as patch:
        url = server.ensure_database("core_tests")
        patch.setenv("FUPAN_WAREHOUSE_URL", url)
        warehouse = CoreWarehouse(url)
        warehouse.reset()
        for table, rows in company.raw.items():
            warehouse.land(table, *rows, day=BUSINESS_DAY)
        build_id = begin(BUSINESS_DAY)
        for stage in ("core", "marts"):
            result = run_stage(build_id, stage)
            assert not result.failed, [(node.node_id, node.message) for node in result.failed]
        finish(build_id)
        yield warehouse
        warehouse.reset()
        warehouse.close()


def _mart(warehouse: CoreWarehouse, name: str, where: str = "true") -> pd.DataFrame:
    """A mart as it stands, numbers as float, money in fen where the column holds money."""
    columns = warehouse.query(
        "select column_name, numeric_scale from information_schema.columns "
        "where table_schema = 'build_sales_performance' and table_name = %s order by ordinal_position",
        [name],
    )
    found = pd.DataFrame(
        warehouse.query(f"select * from build_sales_performance.{name} where {where}"), columns=[c for c, _ in columns]
    )
    assert len(found) > 0
    for column, scale in columns:
        if scale is not None:
            found[column] = found[column].astype(float) * (100 if scale == 4 else 1)
    return found


def _assert_same(actual: pd.DataFrame, expected: pd.DataFrame, keys: list[str], measures: list[str]) -> None:
    """The same keys, and by each the same measures; nothing (NaN) is the same as nothing alone."""
    left = actual.set_index(keys)[measures].astype(float).sort_index()
    right = expected.set_index(keys)[measures].astype(float).sort_index()
    assert left.index.is_unique
    assert sorted(left.index.tolist(), key=str) == sorted(right.index.tolist(), key=str)
    pd.testing.assert_frame_equal(left, right.reindex(left.index), rtol=0, atol=1e-6)


def _sum(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Sales by these keys; the profit of a group without any known cost is not known."""
    groups = frame.groupby(keys)
    summed = groups[["revenue", "units", "costed_revenue"]].sum()
    summed["gross_profit"] = groups["gross_profit"].sum(min_count=1)
    summed["line_count"] = groups.size()
    summed["orders_in_cell"] = groups["order_id"].nunique()
    return summed


def _started(days: pd.Series, period: str) -> pd.Series:
    return pd.to_datetime(days).dt.to_period(period[0].upper()).dt.start_time.dt.date


def _base(frame: pd.DataFrame, period: str, *, a_year_ago: bool) -> pd.DataFrame:
    """Rows of a base period under the start of the period they are compared with."""
    months = 12 if a_year_ago else MONTHS[period]
    starts = pd.to_datetime(_started(frame["day"], period)) + pd.DateOffset(months=months)
    moved = frame.assign(period_start=starts.dt.date)
    under_way, last_year, last_period = SAME_POINT[period]
    to = last_year if a_year_ago else last_period
    return moved[(moved["period_start"] < under_way) | ((moved["period_start"] == under_way) & (moved["day"] <= to))]


def test_days_of_trend(marts: CoreWarehouse, company: Company) -> None:
    keys = ["day", *SLICES]
    expected = _sum(company.sales, keys)
    refunds = company.refunds.groupby(keys)[["refund_amount", "returned_units"]].sum()
    moved = company.sales.assign(day=(pd.to_datetime(company.sales["day"]) + pd.DateOffset(years=1)).dt.date)
    base = moved[moved["day"] <= BUSINESS_DAY].groupby(keys)["revenue"].sum().rename("revenue_a_year_ago")
    expected = expected.join(refunds, how="outer").join(base, how="outer")
    added = [c for c in expected.columns if c not in ("gross_profit", "revenue_a_year_ago")]
    expected[added] = expected[added].fillna(0)
    trend = _mart(marts, "trend")
    _assert_same(trend, expected.reset_index(), keys, list(expected.columns))
    # Every order once over everything, though its lines stand in several cells.
    assert trend["order_count"].sum() == company.sales["order_id"].nunique() < trend["orders_in_cell"].sum()
    # No base is lost on the way: February 2025 is compared with all 29 days of February 2024.
    leap = company.sales[pd.to_datetime(company.sales["day"]).dt.to_period("M") == "2024-02"]
    assert date(2024, 2, 29) in set(leap["day"])
    in_february = pd.to_datetime(trend["day"]).dt.to_period("M") == "2025-02"
    assert trend[in_february]["revenue_a_year_ago"].sum() == pytest.approx(leap["revenue"].sum())


def test_mobile_share_of_online_orders(marts: CoreWarehouse, company: Company) -> None:
    online = company.sales[company.sales["channel_id"] == "WEB"].assign(
        period_start=lambda sales: _started(sales["day"], "year")
    )
    keys = ["period_start", "product_line", "region_code", "platform", "currency"]
    expected = online.groupby(keys)["revenue"].sum().rename("online_revenue").to_frame()
    days = ["day", *keys]
    by_day = online.assign(
        mobile=online["revenue"].where(online["device_type"] == "mobile", 0), known=online["device_type"].notna()
    ).groupby(days)
    mobile = by_day["mobile"].sum().where(by_day["known"].any())
    expected["mobile_revenue"] = mobile.groupby(keys).sum(min_count=1)
    expected["mobile_sales_share"] = expected["mobile_revenue"] / expected["online_revenue"]
    years = _mart(marts, "trend_period", "period_type = 'year' and channel_id = 'WEB' and line_count > 0")
    _assert_same(years, expected.reset_index(), keys, list(expected.columns))
    offline = _mart(marts, "trend_period", "channel_id in ('SHOP', 'EXPORT', 'unknown')")
    assert (offline["online_revenue"] == 0).all()
    assert offline["mobile_sales_share"].isna().all()


@pytest.mark.parametrize("period", list(MONTHS))
def test_periods_of_trend(marts: CoreWarehouse, company: Company, period: str) -> None:
    keys = ["period_start", *SLICES]
    expected = _sum(company.sales.assign(period_start=_started(company.sales["day"], period)), keys)
    refunds = company.refunds.assign(period_start=_started(company.refunds["day"], period))
    expected = expected.join(refunds.groupby(keys)[["refund_amount", "returned_units"]].sum(), how="outer")
    added = list(expected.columns.drop("gross_profit"))
    for suffix, a_year_ago in (("a_year_ago", True), ("preceding_period", False)):
        base = _sum(_base(company.sales, period, a_year_ago=a_year_ago), keys)
        expected = expected.join(base.add_suffix(f"_{suffix}"), how="outer")
    expected[added] = expected[added].fillna(0)
    expected["yoy_sales_growth_rate"] = expected["revenue"] / expected["revenue_a_year_ago"] - 1
    expected["period_on_period_growth_rate"] = expected["revenue"] / expected["revenue_preceding_period"] - 1
    costed, costed_before = (expected[f"costed_revenue{suffix}"].replace(0, None) for suffix in ("", "_a_year_ago"))
    margin = expected["gross_profit"] / costed
    expected["gross_margin_rate"] = margin
    expected["gross_margin_change_points"] = 100 * (margin - expected["gross_profit_a_year_ago"] / costed_before)
    value, value_a_year_ago, value_before = (
        expected[f"revenue{suffix}"] / expected[f"orders_in_cell{suffix}"].replace(0, None)
        for suffix in ("", "_a_year_ago", "_preceding_period")
    )
    expected["average_order_value_yoy_change"] = value / value_a_year_ago - 1
    expected["average_order_value_period_change"] = value / value_before - 1
    actual = _mart(marts, "trend_period", f"period_type = '{period}'")
    measures = [column for column in expected.columns if column in actual.columns]
    assert {"orders_in_cell_preceding_period", "costed_revenue_a_year_ago"} < set(measures)
    _assert_same(actual, expected.reset_index(), keys, measures)
    only_before = actual[(actual["line_count"] == 0) & actual["revenue_a_year_ago"].notna()]
    assert len(only_before) > 0
    assert (only_before["yoy_sales_growth_rate"] == -1).all()
    under_way = SAME_POINT[period][0]
    assert (actual["is_complete_period"] == (actual["period_start"] < under_way)).all()
    assert set(actual[~actual["is_complete_period"]]["last_day"]) == {BUSINESS_DAY}


def test_shares_of_region_and_product_line(marts: CoreWarehouse, company: Company) -> None:
    sales = company.sales.assign(
        month_start=_started(company.sales["day"], "month"),
        macro_region=company.sales["region_code"].map(REGIONS).fillna("unknown"),
    )
    whole = sales.groupby(["month_start", "currency"])[["revenue", "gross_profit"]].sum(min_count=1)
    for mart, slice_name, share in (
        ("region", "region_code", "region_sales_share"),
        ("product_line", "product_line", "product_line_sales_share"),
    ):
        keys = ["month_start", slice_name, "currency"]
        expected = _sum(sales, keys).drop(columns=["line_count", "orders_in_cell"]).reset_index()
        expected = expected.join(whole.add_prefix("total_"), on=["month_start", "currency"])
        expected[share] = expected["revenue"] / expected["total_revenue"]
        measures = ["revenue", "units", "costed_revenue", "gross_profit", "total_revenue", share]
        if mart == "product_line":
            expected["product_line_profit_contribution"] = expected["gross_profit"] / expected["total_gross_profit"]
            measures.append("product_line_profit_contribution")
        actual = _mart(marts, mart)
        _assert_same(actual[actual["revenue"] > 0], expected, keys, measures)
    macro = sales.groupby(["month_start", "currency", "macro_region"])["revenue"].sum() / whole["revenue"]
    region = _mart(marts, "region", "revenue > 0")
    by_macro = region.groupby(["month_start", "currency", "macro_region"])["macro_region_sales_share"]
    assert (by_macro.nunique() == 1).all()
    pd.testing.assert_series_equal(by_macro.first(), macro, check_names=False, atol=1e-8)


def test_shares_of_price_bands(marts: CoreWarehouse, company: Company) -> None:
    sales = company.sales.assign(month_start=_started(company.sales["day"], "month"))
    keys = ["month_start", "price_band", "product_line", "channel_id", "currency"]
    expected = _sum(sales, keys).reset_index()
    month = ["month_start", "currency"]
    for measure, share in (
        ("revenue", "price_band_sales_share"),
        ("units", "price_band_unit_share"),
        ("gross_profit", "price_band_profit_contribution"),
    ):
        total = sales.groupby(month)[measure].sum(min_count=1).rename("total")
        expected[share] = expected[measure] / expected.join(total, on=month)["total"]
    within = sales.groupby([*month, "product_line", "channel_id"])["units"].sum().rename("total")
    of_slice = expected.join(within, on=[*month, "product_line", "channel_id"])["total"]
    expected["price_band_unit_share_in_slice"] = expected["units"] / of_slice
    measures = ["revenue", "units", "gross_profit", *(c for c in expected.columns if "share" in c or "contrib" in c)]
    actual = _mart(marts, "price_band")
    _assert_same(actual, expected, keys, measures)
    assert set(actual["price_band"]) == {"low", "mid_high", "premium"}


def test_product_flags(marts: CoreWarehouse, company: Company) -> None:
    keys = ["period_start", "sku", "currency"]
    sales = company.sales.assign(period_start=_started(company.sales["day"], "month"))
    before = _base(company.sales, "month", a_year_ago=True)
    expected = _sum(sales, keys).join(before.groupby(keys)["revenue"].sum().rename("base"), how="outer")
    refunds = company.refunds.assign(period_start=_started(company.refunds["day"], "month"))
    expected = expected.join(refunds.groupby(keys)[["refund_amount", "returned_units"]].sum(), how="outer")
    added = ["revenue", "units", "costed_revenue", "refund_amount", "returned_units"]
    expected[added] = expected[added].fillna(0)
    expected = expected.reset_index()
    line_of = {row["sku"]: row["product_line"] or "unknown" for row in company.raw["erp_products"]}
    expected["product_line"] = expected["sku"].map(line_of)
    line = ["period_start", "product_line", "currency"]
    of_line = expected.groupby(line)[["revenue", "base", "costed_revenue", "gross_profit"]].transform(
        lambda values: values.sum(min_count=1)
    )
    sold = expected["revenue"] > 0
    rank = expected[sold].groupby(line)["revenue"].rank(method="min", ascending=False)
    share_above = (rank - 1) / expected[sold].groupby(line)["revenue"].transform("size")
    expected["revenue_quartile"] = (share_above * 4 // 1 + 1).reindex(expected.index)
    growth, line_growth = (frame["revenue"] / frame["base"] - 1 for frame in (expected, of_line))
    margin, line_margin = (f["gross_profit"] / f["costed_revenue"].replace(0, None) for f in (expected, of_line))
    out = (expected["revenue_quartile"] != 1) | (growth <= line_growth) | (margin.round(8) < line_margin.round(8))
    unknown = growth.isna() | line_growth.isna() | margin.isna() | line_margin.isna()
    expected["star"] = (~out).astype(float).mask(~out & unknown)
    expected = expected.rename(columns={"base": "revenue_a_year_ago"})
    actual = _mart(marts, "product_flags").rename(columns={"month_start": "period_start"})
    actual["star"] = actual["star_product_flag"].astype(float)
    measures = [*added, "gross_profit", "revenue_a_year_ago", "revenue_quartile", "star"]
    _assert_same(actual, expected, keys, measures)
    assert {0.0, 1.0} < set(actual["star"])
    # The top products of a year are a sum away.
    ranking = actual.groupby(["sku", "currency"])["revenue"].sum()
    assert ranking.idxmax() == company.sales.groupby(["sku", "currency"])["revenue"].sum().idxmax()


def test_target_attainment(marts: CoreWarehouse, company: Company) -> None:
    sales = company.sales.assign(period=pd.to_datetime(company.sales["day"]).dt.strftime("%Y-%m"))
    rows = []
    for target in TARGETS:
        mask = pd.Series(True, index=sales.index)
        for column in ("product_line", "region_code", "channel_id", "currency"):
            if target.get(column):
                mask &= sales[column] == target[column]
        rows.append({**target, **_attainment(target, sales[mask])})
    expected = pd.DataFrame(rows)
    expected = expected[expected["period"] <= "2025-03"]
    scope = ["product_line", "region_code", "channel_id", "currency"]
    expected[scope] = expected[scope].fillna("all")
    expected["month_start"] = pd.to_datetime(expected["period"]).dt.date
    actual = _mart(marts, "target_attainment")
    keys = ["month_start", "measure_id", *scope]
    measures = ["actual_value", "target_value", "target_attainment_rate"]
    measures += ["quarter_actual_to_date", "quarter_pace_index", "quarter_run_rate_required", "year_pace_index"]
    _assert_same(actual, expected, keys, measures)
    assert set(actual["target_version"]) == {1}
    status = actual.set_index(keys)["target_attainment_status"].dropna()
    assert status.to_dict() == expected.set_index(keys)["status"].dropna().to_dict()
    assert {"exceeded", "missed"} <= set(status)


def _attainment(target: dict[str, Any], sales: pd.DataFrame) -> dict[str, Any]:
    """What the mart should say of a target, from the sales of its scope in every month."""
    scale = 1 if target["measure_id"] == "units" else 100
    measure = {"revenue": "revenue", "profit": "gross_profit", "units": "units"}[target["measure_id"]]

    def actual(period: str) -> float | None:
        of_month = sales[sales["period"] == period]
        found = of_month[measure].sum(min_count=1) if len(of_month) else 0
        return None if pd.isna(found) else float(found)

    period, value = str(target["period"]), float(target["target_value"]) * scale
    # (month, days elapsed by the end of what counts, days) in the quarter up to this month; then the whole quarter.
    quarters = {
        "2024-12": ([("2024-12", 31, 31)], 31),
        "2025-01": ([("2025-01", 31, 31)], 90),
        "2025-02": ([("2025-01", 31, 31), ("2025-02", 28, 28)], 90),
        "2025-03": ([("2025-01", 31, 31), ("2025-02", 28, 28), ("2025-03", 10, 31)], 90),
        "2025-04": ([("2025-04", 0, 30)], 30),
    }
    months, days_in_quarter = quarters[period]
    actuals = [actual(month) for month, _, _ in months]
    to_date = None if None in actuals else sum(number for number in actuals if number is not None)
    phased = sum(value * elapsed / days for _, elapsed, days in months)
    remaining = days_in_quarter - sum(elapsed for _, elapsed, _ in months)
    whole = value * (1 if period in ("2024-12", "2025-04") else 3)
    rate = None if actuals[-1] is None else actuals[-1] / value
    pace = to_date / phased if to_date is not None and phased else None
    needed = max(whole - to_date, 0) / remaining if to_date is not None and remaining else None
    bands = [("missed", 0.9), ("near_miss", 1.0), ("met", 1.05), ("exceeded", float("inf"))]
    complete = period < "2025-03"
    shown = 100 / scale  # the frame of the mart holds money in fen, and so multiplies units too
    return {
        "target_value": value * shown,
        "actual_value": None if actuals[-1] is None else actuals[-1] * shown,
        "target_attainment_rate": rate,
        "quarter_actual_to_date": None if to_date is None else to_date * shown,
        "quarter_pace_index": pace,
        # Of a year's targets, only those of this quarter exist: the year stands where the quarter does.
        "year_pace_index": pace,
        # Stored to four places of money, which are two of a fen.
        "quarter_run_rate_required": None if needed is None else round(needed * shown, 2),
        "status": next(name for name, below in bands if rate < below) if complete and rate is not None else None,
    }
