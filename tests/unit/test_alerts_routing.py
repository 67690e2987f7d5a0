"""Which channels a message goes to, by the routing file and the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fupan import doctor, settings
from fupan.alerts.routing import Channel, Routing, channels, owners, routing
from fupan.errors import ConfigurationError

FILE = """
channels:
  everyone: ${FUPAN_ALERT_URLS}
  sales: ${OUR_SALES}
  desk: ${OUR_DESK}
  on-call: ${OUR_ON_CALL}
routes:
  - {owner: sales-operations, channels: sales}
  - {owner: [after-sales, e-commerce], dimension: sales_performance, channels: [desk, sales]}
  - {severity: critical, channels: on-call}
default: everyone
"""


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith(("FUPAN_CHANNEL_", "FUPAN_ALERT_"))]:
        monkeypatch.delenv(name)
    path = tmp_path / "our routing.yml"
    path.write_text(FILE)
    monkeypatch.setenv("FUPAN_ROUTING", str(path))
    return path


def setting(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def names(owner: str, severity: str, *dimensions: str) -> list[str]:
    return [one.name for one in channels(owner, severity, dimensions)]


def test_routes_that_fit_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(
        monkeypatch,
        OUR_SALES="json://a/1",
        OUR_DESK="json://a/2",
        OUR_ON_CALL="json://a/3",
        FUPAN_ALERT_URLS="json://a/4",
    )
    assert names("sales-operations", "warning") == ["sales"]
    assert names("sales-operations", "critical", "sales_performance") == ["sales", "on-call"]
    assert names("after-sales", "warning", "other", "sales_performance") == ["desk", "sales"]
    assert names("e-commerce", "critical", "sales_performance") == ["desk", "sales", "on-call"]
    assert names("after-sales", "warning", "other") == ["everyone"]
    assert names("product-management", "warning") == ["everyone"]
    assert [one.name for one in routing().of_owner("after-sales")] == ["desk", "sales", "on-call"]


def test_a_variable_may_hold_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, OUR_SALES="mailto://mail:25?from=a@b.cn&to=x@b.cn,y@b.cn, json://a/1 json://a/2")
    assert [one.url for one in channels("sales-operations", "warning", [])] == [
        "mailto://mail:25?from=a@b.cn&to=x@b.cn,y@b.cn",
        "json://a/1",
        "json://a/2",
    ]


def test_what_is_not_set_is_skipped_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, OUR_DESK="json://a/2", FUPAN_ALERT_URLS="json://a/4")
    unset = Channel("sales", None, "OUR_SALES is not set")
    assert channels("after-sales", "warning", ["sales_performance"]) == [Channel("desk", "json://a/2"), unset]
    assert channels("sales-operations", "warning", []) == [unset, Channel("everyone", "json://a/4")]
    setting(monkeypatch, FUPAN_ALERT_URLS="", OUR_SALES="s3cret")
    assert channels("sales-operations", "warning", []) == [
        Channel("sales", None, "OUR_SALES holds no address"),
        Channel("everyone", None, "FUPAN_ALERT_URLS is not set"),
    ]


def test_one_variable_is_enough_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    assert channels("sales-operations", "critical", []) == []
    setting(monkeypatch, FUPAN_ALERT_URLS="json://a/4")
    assert channels("sales-operations", "critical", ["sales_performance"]) == [Channel("everyone", "json://a/4")]


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        (
            "${OUR_SALES}",
            "mailto://u:s3cret@mail",
            "channels.sales: Value error, an address is a secret: put it in an env",
        ),
        (
            "channels: sales}",
            "channels: sails}",
            "routes.0 names the channel sails, which is not among: everyone, sales,",
        ),
        ("default: everyone", "default: [anyone]", "default names the channel anyone"),
        ("default: everyone", "", "default: Field required"),
        ("severity: critical", "severity: info", "routes.2.severity: Input should be 'warning' or 'critical'"),
        (
            "{owner: sales-operations, channels: sales}",
            "{owner: sales-operations}",
            "routes.0.channels: Field required",
        ),
        ("channels:\n", "channels: [\n  x: json://u:s3cret@a\n", "is not YAML (line"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(
    file: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, right: str, told: str
) -> None:
    assert wrong in FILE
    file.write_text(FILE.replace(wrong, right, 1))
    with pytest.raises(ConfigurationError) as raised:
        routing()
    assert told in str(raised.value)
    assert f"Correct {file}" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    setting(monkeypatch, FUPAN_ALERT_URLS="json://a/4")
    broken, left = channels("sales-operations", "critical", [])
    assert (broken.url, told in str(broken.missing)) == (None, True)
    assert left == Channel("everyone", "json://a/4")


def test_a_file_that_is_not_there(file: Path) -> None:
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"our routing\.yml can't be read: No such file"):
        routing()


@pytest.mark.parametrize(
    ("known", "unknown"), [("sales-operations", "sales-operation"), ("sales_performance", "sales_performence")]
)
def test_owners_and_dimensions_must_be_known(file: Path, known: str, unknown: str) -> None:
    routing().require_known()
    file.write_text(FILE.replace(known, unknown))
    with pytest.raises(ConfigurationError, match=rf"names the unknown \w+ {unknown}\. Known: .*s"):
        routing().require_known()


def test_the_doctor_says_what_is_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.alerts() == "our routing.yml: no channel is set, so alerts stand in ops.alert and the report alone"
    setting(monkeypatch, OUR_SALES="json://a/1, json://a/2", FUPAN_ALERT_URLS="json://a/4")
    assert doctor.alerts() == (
        "our routing.yml: 2 of 4 channels are set; skipped: desk (OUR_DESK is not set), on-call (OUR_ON_CALL is not set)"
    )
    setting(monkeypatch, OUR_DESK="dingtalk://")
    with pytest.raises(ConfigurationError, match="desk dingtalk://…: not an address that Apprise understands"):
        doctor.alerts()


def test_every_owner_of_ours_is_routed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUPAN_ROUTING")
    ours: Routing = routing()
    ours.require_known()
    routed = {
        owner for route in ours.routes for owner in route.owner if route.severity == "warning" and not route.dimension
    }
    assert routed == owners()
    assert [ours.channels[name] for name in ours.default] == ["FUPAN_ALERT_URLS"]
    assert {"data-engineering", "sales-operations"} < owners()
    text = (settings.PROJECT / "expectations" / "routing.yml").read_text()
    assert "://" not in text, "no address in the file"
