"""Nights of the reference company, step by step in one process: good ones, bad ones, and the morning after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from tests.company import Company
from tests.faults.conftest import Tell
from tests.webhook import Webhook

from fupan.night import build, steps
from fupan.warehouse.connection import connect


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    hook = Webhook()
    monkeypatch.setenv("FUPAN_ALERT_URLS", hook.url)
    yield hook
    hook.close()


def told(webhook: Webhook, what: str) -> list[str]:
    """Kinds of the messages that speak of ``what``; others are on rows that are dirty from the first night on."""
    return [message["type"] for message in webhook.received if what in str(message)]


def revenue(company: Company, day: date) -> float:
    return float(
        company.ask("select coalesce(sum(revenue), 0) as total from sales_performance.trend where day = %s", day)[0][
            "total"
        ]
    )


def test_the_raw_gate_holds_and_the_owner_hears_of_it_and_of_its_end(
    company: Company, webhook: Webhook, tell: Tell
) -> None:
    public = company.public()
    company.advance()
    dated = company.in_erp(
        "update erp.sales_orders set order_date = order_date + 3650, updated_at = now() "
        "where order_id in (select order_id from erp.sales_orders order by order_id desc limit 5)"
    )
    assert dated == 5
    held = company.verdict(company.night())
    assert held["verdict"] == "held"
    assert "order_date_not_future" in {reason["rule"] for reason in held["reasons"]}
    assert company.public() == public
    (landed,) = company.ask("select count(*) as n from raw.erp_sales_orders where order_date > '2030-01-01'")
    assert told(webhook, "order_date_not_future") == ["failure"]

    company.in_erp(
        "update erp.sales_orders set order_date = order_date - 3650, updated_at = now() where order_date > '2030-01-01'"
    )
    good = company.verdict(company.night())
    assert good["verdict"] != "held"
    assert revenue(company, company.day) > 0
    assert told(webhook, "order_date_not_future") == ["failure", "success"]
    tell(
        "night: orders from the future",
        harm=f"{landed['n']} orders of 2036 are in raw; without a gate they are revenue of 2036",
        ours="held, yesterday's marts stay, the owner hears of it once, and of its end",
        rounds=2,
    )


def test_the_release_gate_holds_what_does_not_tie(company: Company, webhook: Webhook, tell: Tell) -> None:
    public = company.public()
    company.advance()
    company.extract()
    build_id = build.begin(company.day)
    for step in (steps.raw_gate, steps.core, steps.marts):
        step(build_id)
    with connect("builder", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            "update build_sales_performance.region set revenue = revenue + 1000 where month_start = '2026-11-01'"
        )
    (parts,) = company.ask(
        "select (select sum(revenue) from build_sales_performance.region where month_start = '2026-11-01')"
        " - (select sum(revenue) from build_sales_performance.trend where day >= '2026-11-01') as off"
    )
    assert parts["off"] >= 1000
    for step in (steps.release_gate, steps.publish, steps.report):
        step(build_id)
    assert company.verdict(build_id)["verdict"] == "held"
    assert company.public() == public
    assert told(webhook, "trend_revenue_ties") == ["failure"]
    tell(
        "night: a mart that does not tie",
        harm=f"built and ready, its regions {parts['off']} above the days of the same month",
        ours="held before it is public; the owner hears of it",
    )


def test_a_model_that_fails_holds_its_dimension(company: Company, webhook: Webhook, tell: Tell) -> None:
    public = company.public()
    company.advance()
    company.extract()
    build_id = build.begin(company.day)
    steps.raw_gate(build_id)
    with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("revoke select on raw.erp_channels from fupan_builder")
    for step in (steps.core, steps.marts, steps.release_gate, steps.publish, steps.report):
        step(build_id)
    held = company.verdict(build_id)
    assert held["verdict"] == "held"
    assert any("dim_channel" in str(reason) and "permission denied" in str(reason) for reason in held["reasons"])
    assert company.public() == public
    assert "dim_channel" in str(webhook.received)
    tell(
        "night: a model fails",
        harm="tonight's facts beside last night's channels",
        ours="what depends on the model is held, by name and with the database's word",
    )


def test_a_column_that_vanishes_from_the_erp_holds_what_depends_on_it(
    company: Company, webhook: Webhook, tell: Tell
) -> None:
    public = company.public()
    company.advance()
    company.in_erp("alter table erp.sales_order_lines rename column qty to quantity")
    with pytest.raises(Exception, match="table=erp_sales_order_lines column=qty"):
        company.extract()
    held = company.verdict(company.build())
    assert held["verdict"] == "held"
    assert any(reason.get("table") == "erp_sales_order_lines" for reason in held["reasons"])
    assert company.public() == public
    tell(
        "night: a column of the ERP is renamed",
        harm="as the drift of a column: quantities of nobody",
        ours="the table stops, what depends on it is held by name, the rest of the night goes on",
    )
