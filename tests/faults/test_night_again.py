"""What runs again: a night that is repeated, days that are read once more."""

from __future__ import annotations

from tests.company import Company
from tests.faults.conftest import Tell

from fupan.night.backfill import backfill
from fupan.warehouse.connection import connect


def test_a_repeated_night_changes_nothing(company: Company, tell: Tell) -> None:
    before = company.contents("raw", "core", "sales_performance")
    company.night()
    assert company.contents("raw", "core", "sales_performance") == before
    tell(
        "night: run a second time",
        harm="what appends has every row of the lookback twice",
        ours="the same rows in raw, core and marts",
    )


def test_a_backfill_includes_both_its_ends(company: Company, tell: Tell) -> None:
    """Rows lost from raw behind the watermark come back for the days asked for, and for no other."""
    changed = "(updated_at at time zone 'Asia/Shanghai')::date"
    days = [
        row["day"]
        for row in company.ask(
            f"select distinct {changed} as day from raw.erp_sales_orders order by 1 desc offset 20 limit 5"
        )
    ]
    before, first, _, last, after = reversed(days)
    kept = "select order_id from raw.erp_sales_orders"
    lost = {
        row["order_id"]: row["day"]
        for row in company.ask(
            f"select order_id, {changed} as day from raw.erp_sales_orders where {changed} between %s and %s",
            before,
            after,
        )
    }
    good = company.public()
    with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"delete from raw.erp_sales_orders where {changed} between %s and %s", [before, after])

    backfill(first, last)

    back = {row["order_id"] for row in company.ask(kept)} & set(lost)
    assert {lost[order] for order in back} == set(days[1:-1])
    assert all(order in back for order, day in lost.items() if first <= day <= last)

    backfill(before, after)
    assert company.public() == good
    tell(
        "night: rows lost from raw behind the watermark",
        harm=f"incremental alone never reads them again: {len(lost)} rows lost",
        ours="a backfill brings the days asked for, both ends, and the marts are as before",
        rounds=2,
    )
