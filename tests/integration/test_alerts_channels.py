"""What arrives by each channel: a real SMTP server and real HTTP servers in the places of the chat services.

`pytest -n 0 -s tests/integration/test_alerts_channels.py -k as_they_arrive` prints one alert and one recovery of each channel.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins.lark import NotifyLark
from click.testing import CliRunner
from tests.night_rows import NightRows, query
from tests.receivers import Receivers, free_port, receivers

from fupan.alerts import channels as delivery
from fupan.alerts.channels import Message, deliver
from fupan.alerts.notify import notify
from fupan.alerts.routing import Channel
from fupan.cli import HELD, cli

DAY = date(2026, 3, 20)
SALES, SERVICE = "sales_performance", "after_sales"
#: Channels of the test's routing: all six are told of sales.
KINDS = ("mail", "dingtalk", "wecom", "feishu", "slack", "webhook")
#: Bytes that a service takes, and how it counts them.
LIMITS = {"dingtalk": 20_000, "wecom": 2_048, "feishu": 20_000, "slack": 35_000}

ROUTING = f"""
channels:
  everyone: ${{FUPAN_ALERT_URLS}}
  service: ${{TEST_SERVICE}}
{"".join(f"  {kind}: ${{TEST_{kind.upper()}}}" + chr(10) for kind in KINDS)}
routes:
  - {{owner: sales-operations, channels: [{", ".join(KINDS)}]}}
  - {{owner: after-sales, channels: service}}
default: everyone
"""


@pytest.fixture
def all_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Receivers]:
    """Receivers, and a routing that sends what sales hears of to all of them."""
    for name in [name for name in os.environ if name.startswith(("FUPAN_CHANNEL_", "FUPAN_ALERT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(delivery, "WAIT_SECONDS", 0.0)
    (tmp_path / "routing.yml").write_text(ROUTING)
    monkeypatch.setenv("FUPAN_ROUTING", str(tmp_path / "routing.yml"))
    monkeypatch.setenv("FUPAN_RUNBOOK_URL", "https://wiki.example.com/fupan")
    with receivers() as up:
        for kind, url in up.urls.items():
            monkeypatch.setenv(f"TEST_{kind.upper()}", url)
        yield up


def bad_night(day: date) -> NightRows:
    """Two faults of sales, one of them on customers with personal data among the keys; one of after-sales."""
    night = NightRows(day)
    quantity: dict[str, Any] = {"evaluated": 30_000, "unexpected": 12, "sample_keys": [["SO-1", 3], ["SO-7", 1]]}
    customer = {"customer_id": "C-9", "contact_name": "王小明", "contact_phone": "x9f3"}
    night.verdict(
        SALES,
        [
            night.reason(
                *("qty_not_negative", "erp_sales_order_lines"),
                message="12 rows below zero",
                runbook="#runbook-quantity-or-price",
                **quantity,
            ),
            night.reason(
                *("customer_complete", "erp_customers"),
                severity="warning",
                message='no region <b>&</b> phone 13800138000 <at user_id="all">',
                sample_keys=[customer],
            ),
        ],
    )
    night.verdict(SERVICE, [night.reason("case_known", "cs_complaints", owner="after-sales")])
    return night


def good_night(day: date) -> NightRows:
    night = NightRows(day)
    night.verdict(SALES)
    night.verdict(SERVICE)
    return night


def test_one_alert_a_night_and_owner_by_each_channel_as_they_arrive(
    all_up: Receivers, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SERVICE", f"{all_up.urls['webhook']}/service")
    assert notify(good_night(DAY - timedelta(days=1)).build_id) == []
    told = notify(bad_night(DAY).build_id)
    assert [(one.owner, one.kind, one.sent, one.error) for one in told] == [
        ("after-sales", "failure", True, None),
        ("sales-operations", "failure", True, None),
    ]
    service, webhook = sorted(all_up.hooks["webhook"].received, key=lambda posted: posted["owner"])
    assert [one["rule"] for one in service["incidents"]] == ["case_known"]
    assert [one["rule"] for one in webhook["incidents"]] == ["qty_not_negative", "customer_complete"]
    assert all_up.hooks["webhook"].paths == ["/fupan/service", "/fupan"]
    del all_up.hooks["webhook"].received[0]

    for kind in KINDS:
        [text] = all_up.texts(kind)
        title, _, body = text.partition("\n")
        assert title == "Fupan 复盘 2026-03-20: 2 faults, held 暂缓: sales_performance", kind
        if kind == "slack":
            body = body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        for said in (
            "2 new faults for sales-operations, business day 营业日 2026-03-20",
            "1. raw_gate: erp_sales_order_lines / qty_not_negative [critical]\n   What failed 问题: 12 rows below zero\n",
            "   Rows 行数: 12 of 30,000 (0.04%)\n   Sample keys 样例主键: SO-1, 3; SO-7, 1\n   Since 开始于: tonight 今晚\n",
            "   Runbook 处理手册: https://wiki.example.com/fupan#runbook-quantity-or-price\n",
            "2. raw_gate: erp_customers / customer_complete [warning]\n   What failed 问题: no region <b>&</b> phone [phone]",
            "What BI users see 目前可见数据\n  - Sales performance 销售业绩 (sales_performance): business day 营业日 2026",
        ):
            assert said in body, kind
        for personal in ("王小明", "x9f3", "13800138000", "contact_"):
            assert personal not in text, kind
        assert "after-sales" not in text, kind

    [dingtalk], [wecom], [feishu], [slack] = (all_up.hooks[kind].received for kind in KINDS[1:5])
    assert (dingtalk["msgtype"], wecom["msgtype"], feishu["msg_type"]) == ("text", "text", "text")
    assert '<at user_id="all">' in dingtalk["text"]["content"]
    assert '＜at user_id="all">' in feishu["content"]["text"], "it would call everybody"
    assert slack["channel"] == "#data"
    assert slack["attachments"][0]["color"] == "#A32037"
    assert "icon_url" not in slack
    assert all_up.hooks["dingtalk"].paths[0].startswith("/robot/send?access_token=token123&timestamp=")
    assert "&sign=" in all_up.hooks["dingtalk"].paths[0]
    assert all_up.hooks["wecom"].paths == ["/cgi-bin/webhook/send?key=key-123"]
    assert all_up.hooks["feishu"].paths == ["/open-apis/bot/v2/hook/token-123/"]
    assert all_up.hooks["slack"].paths == ["/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"]
    assert all_up.mail.received[0].get_content_type() == "text/plain"
    [kept] = query("select channels from ops.alert where owner = 'sales-operations'")
    assert [name.partition(" ")[0] for name in kept["channels"]] == list(KINDS)
    assert kept["channels"][0].endswith("/…"), "whom it was sent to is nobody else's business"

    assert notify(bad_night(DAY + timedelta(days=1)).build_id) == [], "known and unchanged"
    assert [len(all_up.texts(kind)) for kind in KINDS] == [1] * len(KINDS)

    assert [one.kind for one in notify(good_night(DAY + timedelta(days=2)).build_id)] == ["recovery", "recovery"]
    for kind in KINDS:
        recovered = [text for text in all_up.texts(kind)[1:] if "of sales-operations gone" in text]
        assert len(recovered) == 1, kind
        assert recovered[0].startswith("Fupan 复盘 2026-03-22: recovered 已恢复, 2 faults gone\n"), kind
        assert "raw_gate: erp_customers / customer_complete, open since 开始于 2026-03-20" in recovered[0], kind
        print(f"\n=== {kind}\n", *all_up.payloads(kind)[:1], *all_up.payloads(kind)[-1:], sep="\n")


def long_message() -> Message:
    faults = "\n\n".join(
        f"{number}. raw_gate: erp_sales_order_lines / rule_{number} [critical]\n   What failed 问题: {'数量为负' * 60}"
        for number in range(1, 81)
    )
    seen = "What BI users see 目前可见数据\n  - Sales performance 销售业绩: business day 营业日 2026-03-19"
    fields = {"business_day": "2026-03-20", "incidents": [{"rule": f"rule_{number}"} for number in range(1, 81)]}
    return Message(
        *("failure", "critical", "Fupan 复盘 2026-03-20: 80 faults"), f"80 new faults\n\n{faults}\n\n{seen}", fields
    )


def test_a_long_alert_is_one_message_that_the_service_takes(all_up: Receivers) -> None:
    message = long_message()
    assert {one.error for one in deliver([Channel(kind, url) for kind, url in all_up.urls.items()], message)} == {None}
    for kind in KINDS:
        [text] = all_up.texts(kind)
        assert "1. raw_gate: erp_sales_order_lines / rule_1 [critical]" in text, kind
        assert "What BI users see 目前可见数据\n  - Sales performance 销售业绩: business day" in text, kind
        if kind in LIMITS:
            as_counted = text.encode() if kind == "wecom" else text if kind == "slack" else json.dumps(text)
            assert LIMITS[kind] * 0.9 < len(as_counted) <= LIMITS[kind] or kind == "slack", kind
    for kind in ("dingtalk", "wecom", "feishu"):
        [text] = all_up.texts(kind)
        assert text.endswith(
            "night report 2026-03-20, or: select body from ops.alert where business_day = '2026-03-20'"
        ), kind
        assert text.count("What failed") < 80, kind
    assert "80. raw_gate" in all_up.texts("dingtalk")[0]
    assert "more 另有" in all_up.texts("wecom")[0]
    for kind in ("mail", "slack", "webhook"):
        assert all_up.texts(kind) == [f"{message.title}\n{message.body}"], kind
    assert len(all_up.hooks["webhook"].received[0]["incidents"]) == 80


def test_what_a_service_refuses_is_not_taken_for_delivered_and_the_others_are_told(
    all_up: Receivers, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_up.hooks["dingtalk"].answer = '{"errcode": 310000, "errmsg": "keywords not in content 关键词"}'.encode()
    all_up.hooks["wecom"].answer = b'{"errcode": 93000, "errmsg": "invalid webhook url"}'
    all_up.hooks["feishu"].answer = b'{"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}'
    all_up.hooks["slack"].answers = [404] * 3
    all_up.hooks["webhook"].answers = [500, 503]
    monkeypatch.setenv("TEST_SERVICE", f"json://127.0.0.1:{free_port()}/down")
    service, sales = notify(bad_night(DAY).build_id)
    assert (service.sent, sales.sent) == (False, True)
    assert len(all_up.texts("mail")) == 1
    assert len(all_up.texts("webhook")) == 3, "tried again until it takes it"
    assert sales.error is not None
    refused = {one.partition(" ")[0]: one for one in sales.error.split("; ") if "://" in one}
    assert list(refused) == ["dingtalk", "wecom", "feishu", "slack"]
    assert (
        refused["dingtalk"]
        == "dingtalk dingtalk://****@t...3//: 3 attempts: Refused: 310000 keywords not in content 关键词"
    )
    assert refused["wecom"].endswith("Refused: 93000 invalid webhook url")
    assert "Refused: 19021 sign match fail" in refused["feishu"]
    assert "404" in refused["slack"] or "Not Found" in refused["slack"]
    for secret in ("SECabc123", "token123", "key-123", "token-123", "TIiajkdnlazkcOXrIdevi7"):
        assert secret not in sales.error

    monkeypatch.setenv("TEST_SERVICE", all_up.urls["webhook"])
    assert [one.owner for one in notify(bad_night(DAY + timedelta(days=1)).build_id)] == ["after-sales"]
    assert "Since 开始于: 2026-03-20 (day 2" in all_up.texts("webhook")[-1], "told again the next night"


def test_a_token_in_the_error_of_a_connection_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(NotifyLark, "notify_url", f"http://127.0.0.1:{free_port()}/open-apis/bot/v2/hook/")
    [down] = deliver([Channel("lark", "lark://s3cret-token")], long_message())
    assert down.error is not None
    assert "Lark Exception" in down.error
    assert "s3cret" not in down.channel + down.error


def test_a_channel_that_is_not_set_is_skipped_and_said_so(
    all_up: Receivers, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("dingtalk", "slack"):
        monkeypatch.delenv(f"TEST_{kind.upper()}")
    service, sales = notify(bad_night(DAY).build_id)
    assert (sales.sent, sales.error) == (True, "dingtalk: TEST_DINGTALK is not set; slack: TEST_SLACK is not set")
    assert (service.sent, service.error) == (
        *(False, "service: TEST_SERVICE is not set; everyone: FUPAN_ALERT_URLS is not set"),
    )


def test_a_broken_routing_costs_no_alert(
    all_up: Receivers, warehouse: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "routing.yml").write_text(ROUTING.replace("service]", "nobody]").replace("default:", "defualt:"))
    monkeypatch.setenv("FUPAN_ALERT_URLS", all_up.urls["mail"])
    told = notify(bad_night(DAY).build_id)
    assert [one.sent for one in told] == [True, True]
    assert all("routing: routing.yml is not valid: default: Field required" in str(one.error) for one in told)
    assert len(all_up.texts("mail")) == 2


def test_alerts_test_tries_every_channel(all_up: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    all_up.hooks["feishu"].answer = b'{"code": 19024, "msg": "Key Words Not Found"}'
    told = CliRunner().invoke(cli, ["alerts", "test"], standalone_mode=False)
    assert told.return_value == HELD
    lines = told.output.splitlines()
    assert [" ".join(line.split()[:2]) for line in lines] == [
        *(
            "skip everyone:",
            "skip service:",
            "ok mail",
            "ok dingtalk",
            "ok wecom",
            "error feishu",
            "ok slack",
            "ok webhook",
        ),
    ]
    assert "19024 Key Words Not Found" in lines[5]
    assert "SECabc123" not in told.output
    assert all_up.texts("wecom") == [
        "Fupan 复盘: test message 测试消息\n"
        "The channel wecom takes alerts. Nothing is wrong, nothing is to be done. 通道正常，无需处理。"
    ]
    assert all_up.hooks["webhook"].received[0]["type"] == "info"

    monkeypatch.setenv("TEST_SERVICE", f"{all_up.urls['webhook']}/service")
    told = CliRunner().invoke(cli, ["alerts", "test", "--owner", "after-sales"], standalone_mode=False)
    assert (told.return_value, told.output.split()[:2]) == (0, ["ok", "service"])
    assert all_up.hooks["webhook"].paths == ["/fupan", "/fupan/service"]

    told = CliRunner().invoke(cli, ["alerts", "test", "--owner", "nobody"], standalone_mode=False)
    assert "Nothing belongs to the owner nobody. Known: after-sales" in str(told.exception)


def test_alerts_test_says_that_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("FUPAN_CHANNEL_", "FUPAN_ALERT_", "FUPAN_ROUTING"))]:
        monkeypatch.delenv(name)
    told = CliRunner().invoke(cli, ["alerts", "test"], standalone_mode=False)
    assert told.return_value == HELD
    assert "skip  on-call: FUPAN_CHANNEL_ON_CALL is not set" in told.output
    assert "No channel is set: alerts stand in ops.alert" in told.output
