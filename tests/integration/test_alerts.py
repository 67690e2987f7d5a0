"""What arrives: a real SMTP server and a real HTTP server receive the messages of nights written into `ops`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from tests.night_rows import NightRows, execute, insert, query
from tests.receivers import Mailbox, free_port
from tests.webhook import Webhook

from fupan.alerts import channels
from fupan.alerts import notify as step
from fupan.alerts.notify import NO_CHANNEL, notify

DAY = date(2026, 3, 20)
SALES, SERVICE = "sales_performance", "after_sales"
RULE, LINES = "qty_not_negative", "erp_sales_order_lines"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch, warehouse: str) -> None:
    monkeypatch.setattr(channels, "WAIT_SECONDS", 0.05)
    monkeypatch.delenv("FUPAN_ALERT_URLS", raising=False)


def bad_night(day: date = DAY, **more: Any) -> NightRows:
    """A rule on order lines holds both dimensions: one fault, two reasons."""
    night = NightRows(day)
    counted = {"evaluated": 30_000, "unexpected": 12, "sample_keys": [["SO-1", 3], ["SO-7", 1]]}
    night.rule(RULE, LINES, dimensions=(SALES, SERVICE), **counted)
    reason = night.reason(RULE, LINES, message="12 rows below zero", **counted | more)
    night.verdict(SALES, [reason])
    night.verdict(SERVICE, [reason])
    return night


def good_night(day: date) -> NightRows:
    night = NightRows(day)
    night.rule(RULE, LINES, passed=True, dimensions=(SALES, SERVICE))
    night.verdict(SALES)
    night.verdict(SERVICE)
    return night


def test_an_email_says_what_failed_how_much_since_when_and_what_is_visible(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", mailbox.url)
    good_night(DAY - timedelta(days=1))
    [alert] = notify(bad_night().build_id)
    assert (alert.owner, alert.kind, alert.severity, alert.sent, alert.error) == (
        *("sales-operations", "failure", "critical"),
        *(True, None),
    )
    [message], [body] = mailbox.received, mailbox.bodies()
    assert mailbox.recipients == ["owners@example.com"]
    assert message["From"] == "fupan@example.com"
    assert message["Subject"] == "Fupan 复盘 2026-03-20: 1 fault, held 暂缓: after_sales, sales_performance"
    assert "raw_gate: erp_sales_order_lines / qty_not_negative [critical]" in body
    assert "12 rows below zero" in body
    assert "12 of 30,000 (0.04%)" in body
    assert "SO-1, 3; SO-7, 1" in body
    assert "Since 开始于: tonight" in body
    assert "Runbook 处理手册: runbooks/qty_not_negative" in body
    assert "Sales performance 销售业绩 (sales_performance): business day 营业日 2026-03-19, release 1," in body
    assert "held since 暂缓自 2026-03-20" in body


def test_one_message_an_owner_with_all_that_is_theirs(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    night = NightRows(DAY)
    mine = [night.reason(f"rule_{number}", "erp_sales_orders") for number in range(3)]
    theirs = night.reason("sku_known", "erp_products", owner="product-management", severity="warning")
    nobody = {
        "kind": "landing",
        "severity": "critical",
        "message": "erp has not landed",
        "owner": None,
        "system": "erp",
    }
    night.verdict(SALES, [*mine, theirs, nobody, night.reason("note", "erp_products", severity="info")])
    notify(night.build_id)
    by_owner = {posted["owner"]: posted for posted in webhook.received}
    assert len(webhook.received) == len(by_owner)
    assert {owner: [one["rule"] for one in posted["incidents"]] for owner, posted in by_owner.items()} == {
        "sales-operations": ["rule_0", "rule_1", "rule_2"],
        "product-management": ["sku_known"],
        "data-engineering": [None],
    }
    assert by_owner["product-management"]["type"] == "warning"
    assert by_owner["sales-operations"]["type"] == "failure"
    assert by_owner["sales-operations"]["message"].count("[critical]") == 3
    assert by_owner["data-engineering"]["incidents"][0]["system"] == "erp"


def test_a_fault_that_holds_two_dimensions_is_one_incident(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    notify(bad_night().build_id)
    [posted] = webhook.received
    [incident] = posted["incidents"]
    assert incident["dimensions"] == [SERVICE, SALES]
    assert (incident["unexpected"], incident["evaluated"]) == (12, 30_000)
    assert [state["dimension"] for state in posted["visible"]] == [SERVICE, SALES]
    assert posted["business_day"] == "2026-03-20"
    assert posted["title"].startswith("Fupan 复盘 2026-03-20: 1 fault")


def test_silence_while_known_then_one_recovery(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    notify(bad_night().build_id)
    assert notify(bad_night(DAY + timedelta(days=1)).build_id) == []
    assert len(webhook.received) == 1
    [known] = query("select opened_day, last_seen_day, closed_at from ops.incident")
    assert known == {"opened_day": DAY, "last_seen_day": DAY + timedelta(days=1), "closed_at": None}

    [recovered] = notify(good_night(DAY + timedelta(days=2)).build_id)
    assert recovered.kind == "recovery"
    assert [posted["event"] for posted in webhook.received] == ["failure", "recovery"]
    assert webhook.received[1]["type"] == "success"
    assert "open since 开始于 2026-03-20" in webhook.received[1]["message"]
    assert query("select 1 from ops.incident where closed_at is null") == []
    assert notify(good_night(DAY + timedelta(days=3)).build_id) == []
    assert [one.kind for one in notify(bad_night(DAY + timedelta(days=4)).build_id)] == ["failure"]


def test_a_known_fault_stays_beside_new_ones_and_is_told_again_when_it_grows_worse(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    notify(bad_night(severity="warning").build_id)
    second = NightRows(DAY + timedelta(days=1))
    known = second.reason(RULE, LINES, severity="warning")
    second.verdict(SALES, [known, second.reason("price_positive", LINES)])
    notify(second.build_id)
    assert [one["rule"] for one in webhook.received[1]["incidents"]] == ["price_positive"]
    assert "Known before and unchanged 已知未变: 1 fault" in webhook.received[1]["message"]

    third = bad_night(DAY + timedelta(days=2))
    notify(third.build_id)
    assert [one["rule"] for one in webhook.received[2]["incidents"]] == ["qty_not_negative"]
    assert "[critical, was warning]" in webhook.received[2]["message"]
    assert "Since 开始于: 2026-03-20 (day 3" in webhook.received[2]["message"]


def test_gone_counts_only_where_the_night_looked() -> None:
    notify(bad_night().build_id)
    other = NightRows(DAY + timedelta(days=1))
    other.verdict(SALES)
    assert notify(other.build_id) == [], "after_sales was not judged"

    unseen = NightRows(DAY + timedelta(days=2))
    for dimension in (SALES, SERVICE):
        unseen.verdict(dimension, [unseen.reason("erp_missing", None, severity="info")], verdict="held")
    assert notify(unseen.build_id) == [], "held for something else: the rule was not judged"

    insert(
        "ops.quarantine",
        **{"system": "erp", "table_name": LINES, "rule": RULE},
        **{"row_key": ["SO-1", "3"], "row_content": {}},
    )
    assert notify(good_night(DAY + timedelta(days=3)).build_id) == [], "a row is still in quarantine"
    execute("update ops.quarantine set released_at = clock_timestamp()")
    assert [one.kind for one in notify(good_night(DAY + timedelta(days=4)).build_id)] == ["recovery"]


def test_a_rule_that_passes_again_is_gone_although_something_else_holds_the_dimension() -> None:
    notify(bad_night().build_id)
    night = NightRows(DAY + timedelta(days=1))
    night.rule(RULE, LINES, passed=True)
    for dimension in (SALES, SERVICE):
        night.verdict(dimension, [night.reason("price_positive", LINES)])
    assert [one.kind for one in notify(night.build_id)] == ["failure", "recovery"]


def test_a_load_and_a_dbt_node_are_gone_once_they_succeed_though_the_dimension_is_held() -> None:
    failing = {"model.fupan.fct_orders": "error", "test.fupan.unique_orders": "skipped"}
    first = NightRows(DAY)
    reasons = [first.reason(node, "orders", kind="dbt") for node in failing]
    skipped = first.reason("dbt_skipped", None, kind="dbt", unexpected=1)
    load = first.reason("load_erp_products", "erp_products", kind="load")
    first.verdict(SALES, [*reasons, skipped, load])
    notify(first.build_id)

    second = NightRows(DAY + timedelta(days=1))
    node = {"build_id": second.build_id, "stage": "core", "resource_type": "model", "seconds": 1}
    insert("ops.dbt_node", **node, node_id="model.fupan.fct_orders", status="success")
    insert("ops.dbt_node", **node, node_id="test.fupan.unique_orders", status="skipped")
    second.verdict(SALES, [second.reason(RULE, LINES)])
    notify(second.build_id)
    still_open = query("select rule from ops.incident where closed_at is null order by rule")
    assert [row["rule"] for row in still_open] == [RULE, "test.fupan.unique_orders"]


def test_two_owners_of_dimensions_that_one_node_holds_both_hear(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    monkeypatch.setenv("FUPAN_RUNBOOK_URL", "https://wiki.example.com/fupan")
    night = NightRows(DAY)
    for dimension, owner in ((SALES, "sales"), (SERVICE, "service")):
        night.verdict(
            dimension,
            [night.reason("model.fupan.dim_date", "dim_date", kind="dbt", owner=owner, runbook="#runbook-dbt-node")],
        )
    notify(night.build_id)
    assert {posted["owner"]: posted["incidents"][0]["dimensions"] for posted in webhook.received} == {
        "sales": [SALES],
        "service": [SERVICE],
    }
    for posted in webhook.received:
        assert posted["incidents"][0]["runbook"] == "https://wiki.example.com/fupan#runbook-dbt-node"


def test_a_failed_build_and_a_rule_of_no_dimension_are_told_too() -> None:
    night = NightRows(DAY)
    night.rule("unused_table_has_rows", "erp_regions", dimensions=(), owner="product-management")
    execute("update ops.build set state = 'failed' where build_id = %s", night.build_id)
    execute("update ops.run set state = 'failed', error = 'dbt did not compile' where run_id = %s", night.run_id)
    assert {alert.owner for alert in notify(night.build_id)} == {"product-management", "data-engineering"}
    [body] = query("select body from ops.alert where owner = 'data-engineering'")
    assert "dbt did not compile" in body["body"]
    assert [one.owner for one in notify(good_night(DAY).build_id)] == ["data-engineering", "product-management"]


def test_nothing_personal_leaves(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    night = NightRows(DAY)
    keys = [{"customer_id": "C-9", "contact_name": "王小明", "contact_phone": "x9f3"}]
    night.rule(
        "customer_complete",
        "erp_customers",
        sample_keys=keys,
    )
    told = "invalid input: wang.xiaoming@example.cn, 13800138000, +86 13900139000, 0571-88886666, day 2026-03-20"
    night.verdict(SALES, [night.reason("customer_complete", "erp_customers", message=told, sample_keys=keys)])
    notify(night.build_id)
    everything = json.dumps(webhook.received, ensure_ascii=False)
    for personal in ("王小明", "x9f3", "xiaoming", "13800138000", "13900139000", "88886666"):
        assert personal not in everything
    assert "customer_id=C-9" in everything
    assert "invalid input: [e-mail], [phone], [phone], [phone], day 2026-03-20" in everything


def test_a_channel_that_hiccups_is_tried_again_and_one_that_is_down_is_recorded(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = f"json://user:secret@127.0.0.1:{free_port()}/x?+Authorization=secret"
    monkeypatch.setenv("FUPAN_ALERT_URLS", f"{down}, {webhook.url} bogus://nothing")
    webhook.answers = [503, 503]
    [alert] = notify(bad_night().build_id)
    assert len(webhook.received) == 3
    assert alert.sent
    assert alert.error is not None
    assert "3 attempts: A Connection error" in alert.error
    assert "bogus://…: not an address" in alert.error
    [kept] = query("select channels::text as channels, error from ops.alert")
    assert "secret" not in kept["channels"] + kept["error"]


def test_what_nobody_received_is_sent_by_the_next_run_and_told_again_the_next_night(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bad_night()
    [alert] = notify(first.build_id)
    assert (alert.sent, alert.error) == (False, NO_CHANNEL)
    assert len(notify(first.build_id)) == 1, "again for the same build: no second alert"

    second = bad_night(DAY + timedelta(days=1))
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    webhook.answers = [500, 500, 500]
    [alert] = notify(second.build_id)
    assert not alert.sent
    [alert] = notify(second.build_id)
    assert alert.sent
    assert "Since 开始于: 2026-03-20" in webhook.received[-1]["message"]
    assert len(webhook.received) == 4
    assert [one.sent for one in notify(second.build_id)] == [True]
    assert len(webhook.received) == 4, "what was delivered is not sent again"


def test_killed_between_sending_and_record_it_sends_again(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_ALERT_URLS", webhook.url)
    night = bad_night()
    with monkeypatch.context() as patch:
        patch.setattr(step, "_record", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            notify(night.build_id)
    assert len(webhook.received) == 1
    assert [alert.sent for alert in notify(night.build_id)] == [True]
    assert len(webhook.received) == 2
    assert webhook.received[0] == webhook.received[1]
