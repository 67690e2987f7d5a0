"""A shop behind an HTTP JSON API: what its lists hold, from a real server into a real warehouse."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from tests.http_shop import TABLE, TOTALS, Shop, counts, opened_shop

from fupan import settings
from fupan.contracts.installation import HttpKeys
from fupan.errors import ContractError
from fupan.extract.pseudonym import hashed
from fupan.server.postgres import EmbeddedPostgres


@pytest.fixture
def shop(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with opened_shop(server, monkeypatch) as opened:
        yield opened


def test_a_first_load_brings_every_value(shop: Shop) -> None:
    for n in range(7):
        shop.put(f"SO{n}", ordered_on=f"2026-03-0{n % 2 + 1}")
    shop.put("SO3", amount=12345678.91, quantity="-3", paid=None, updated_at="2026-03-01T00:30:00.123456+08:00")
    shop.put("SO4\t\\N\n", user=None, amount="0.10", updated_at="2026-03-02 10:00:00")
    result = shop.load(TABLE.model_copy(update={"totals": TOTALS}))

    assert (result.mode, counts(result), result.totals_agree) == ("full", {"read": 8, "inserted": 8}, True)
    row = shop.raw()["SO3"]
    assert (row["qty"], row["amount"], row["paid"], row["ordered_on"]) == (
        -3,
        Decimal("12345678.91"),
        None,
        date(2026, 3, 1),
    )
    assert row["updated_at"].isoformat() == "2026-02-28T16:30:00.123456+00:00"
    assert row["buyer"] == hashed("王小明", "name", settings.pseudonym_key())
    assert row["phone"] == hashed("13800138000", "phone", settings.pseudonym_key())
    odd = shop.raw()["SO4\t\\N\n"]
    # Without an offset a stamp is read in the system's zone.
    assert (odd["buyer"], odd["amount"], odd["updated_at"].hour) == (None, Decimal("0.10"), 2)
    assert [r.parameters for r in shop.api.requests if r.path == "/v1/orders"] == [
        {"limit": "3"},
        {"limit": "3", "cursor": "c3"},
        {"limit": "3", "cursor": "c6"},
    ]
    assert shop.ask("select count(*) as days, bool_and(agrees) as agree from ops.control_total") == [
        {"days": 6, "agree": True}
    ]


def test_the_next_night_reads_what_changed_and_a_window_its_days(shop: Shop) -> None:
    for n in range(1, 10):
        shop.put(f"SO{n}", updated_at=f"2026-03-0{n}T10:00:00+08:00")
    shop.load()
    shop.api.requests.clear()
    shop.put("SO8", quantity=5, updated_at="2026-03-08T11:00:00+08:00")
    shop.put("SO1", quantity=5)  # its stamp did not move: nobody is told
    entry = TABLE.model_copy(update={"totals": TOTALS})

    result = shop.load(entry)

    assert (result.mode, counts(result)) == ("incremental", {"read": 3, "updated": 1, "unchanged": 2})
    assert {r.parameters["updated_since"] for r in shop.api.requests} == {"2026-03-07T10:00:00+08:00"}
    assert result.totals_agree is True
    assert shop.ask("select position from ops.watermark") == [{"position": {"updated_at": "2026-03-09 10:00:00+08"}}]
    assert counts(shop.load(entry)) == {"read": 3, "unchanged": 3}

    shop.api.requests.clear()
    entry = TABLE.model_copy(update={"until": "before", "time_format": "%Y%m%d%H%M%S"})
    shop.api.serve("/v1/orders", list(shop.orders.values())[:1])
    result = shop.load(entry, window=(date(2026, 3, 1), date(2026, 3, 1)))
    assert (result.mode, result.counts.updated) == ("window", 1)
    assert shop.api.requests[0].parameters == {
        "updated_since": "20260301000000",
        "before": "20260302000000",
        "limit": "3",
    }
    entry = TABLE.model_copy(update={"time_format": "milliseconds"})
    shop.load(entry, window=(date(2026, 3, 1), date(2026, 3, 1)))
    assert shop.api.requests[-1].parameters["updated_since"] == "1772294400000"


def test_a_list_that_can_not_be_narrowed_is_whole(shop: Shop) -> None:
    entry = TABLE.model_copy(update={"since": None})
    for n in range(5):
        shop.put(f"SO{n}")
    shop.load(entry)
    del shop.orders["SO4"]
    assert counts(shop.load(entry)) == {"read": 4, "unchanged": 4, "deleted": 1}


def test_deletes_are_found_by_the_keys(shop: Shop) -> None:
    for n in range(7):
        shop.put(f"SO{n}")
    shop.load()
    del shop.orders["SO0"]
    shop.api.requests.clear()
    entry = TABLE.model_copy(update={"keys": HttpKeys(path="/v1/ids", items="data")})

    result = shop.reconcile(entry)

    assert (result.mode, counts(result)) == ("reconcile", {"read": 6, "unchanged": 6, "deleted": 1})
    assert {r.path for r in shop.api.requests} == {"/v1/ids"}
    assert sorted(shop.raw()) == [f"SO{n}" for n in range(1, 7)]
    # Without a list of keys the whole list tells; an order that is back comes back.
    shop.put("SO0")
    del shop.orders["SO1"]
    assert counts(shop.reconcile(TABLE)) == {"read": 6, "unchanged": 5, "updated": 1, "deleted": 1}
    assert sorted(shop.raw()) == ["SO0", *(f"SO{n}" for n in range(2, 7))]

    renamed = entry.model_copy(update={"keys": HttpKeys(path="/v1/ids", items="data", fields={"order_id": "id"})})
    with pytest.raises(ContractError, match="order_id is missing"):
        shop.reconcile(renamed)
    assert len(shop.raw()) == 6


def test_totals_that_disagree_and_a_source_that_moves(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    entry = TABLE.model_copy(update={"totals": TOTALS})
    shop.put("SO1")
    shop.put("SO2")
    shop.api.lists["/v1/totals"] = lambda _: {
        "data": [{"day": "2026-03-01", "count": 2, "amount": "39.80", "quantity": 5}]
    }
    assert shop.load(entry).totals_agree is False
    assert shop.ask("select day, measure, source_value, raw_value from ops.control_total where not agrees") == [
        {"day": date(2026, 3, 1), "measure": "sum(qty)", "source_value": 5, "raw_value": 4}
    ]

    answers = iter("12")
    day = {"day": "2026-03-01", "amount": 1, "quantity": 1}
    shop.api.lists["/v1/totals"] = lambda _: {"data": [day | {"count": next(answers)}]}
    caplog.set_level(logging.INFO)
    assert shop.load(entry).totals_agree is None
    assert "changed while it was read" in caplog.text

    for unfit in (
        {"day": "1 March", "count": 1},
        {"day": "2026-03-01", "count": "many"},
        {"day": "2026-03-01", "count": True},
    ):
        shop.api.lists["/v1/totals"] = lambda _, unfit=unfit: {"data": [unfit]}
        with pytest.raises(ContractError, match="control totals hold no"):
            shop.load(entry)


def test_a_row_that_does_not_fit_is_rejected_alone(shop: Shop) -> None:
    shop.put("SO1")
    shop.put("SO2", quantity="two", user={"name": "李四", "phone": "13900139000"})
    shop.put("SO3", amount=None)
    shop.put("SO4", ordered_on="2026-02-30")
    shop.put("SO5", amount=1.005)

    assert counts(shop.load()) == {"read": 5, "inserted": 1, "rejected": 4}
    rejected = {r["row_content"]["order_id"]: r for r in shop.ask("select * from ops.rejected_row")}
    assert {key: (r["column_name"], r["reason"]) for key, r in rejected.items()} == {
        "SO2": ("qty", "qty is no smallint"),
        "SO3": ("amount", "amount is missing, and the contract requires it"),
        "SO4": ("ordered_on", "ordered_on is no date"),
        "SO5": ("amount", "amount does not fit numeric(10,2)"),
    }
    assert rejected["SO2"]["row_content"]["fupan_origin"] == "shop_orders page 1 item 2"
    assert "李四" not in str(rejected)
    assert "13900139000" not in str(rejected)


def test_fields_that_are_new_and_fields_that_are_gone(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    assert counts(shop.load()) == {}  # nothing there yet: nothing is missing

    shop.put("SO1")
    shop.put("SO2", coupon="C7")
    shop.load()
    assert shop.drift() == {("coupon", "added")}
    assert "shop.shop_orders: new column coupon" in caplog.text
    for order in shop.orders.values():
        order.pop("coupon", None)
    shop.load()
    assert shop.drift() == set()

    for order in shop.orders.values():
        order["is_paid"] = order.pop("paid")
    with pytest.raises(ContractError, match="paid is missing") as refusal:
        shop.load()
    assert refusal.value.where == {"system": "shop", "table": "shop_orders", "column": "paid"}
    assert shop.drift() == {("is_paid", "added"), ("paid", "missing")}
    assert counts(shop.load(TABLE.model_copy(update={"optional": ("paid",)})))["updated"] == 2

    for order in shop.orders.values():
        order["user"] = {"nick": "灯"}
    with pytest.raises(ContractError, match=r"buyer is missing .* phone is missing"):
        shop.load(TABLE.model_copy(update={"optional": ("paid",)}))


def test_a_select_maps_what_the_objects_hold(shop: Shop) -> None:
    select = """
        select 'T' || order_id as order_id, buyer, buyer as phone, quantity as qty, amount, paid = 'Y' as paid,
            left(updated_at, 10) as ordered_on, coalesce(changed_at, updated_at) as updated_at, fupan_origin
        from landed where status is distinct from 'draft'
    """
    entry = TABLE.model_copy(update={"select": select, "fields": {"buyer": "user.name"}})
    assert counts(shop.load(entry)) == {}
    for n in range(4):
        shop.put(f"SO{n}", paid="Y", status="draft" if n == 1 else "sent")
    # A field that the first page does not show.
    shop.put("SO4", paid="N", changed_at="2026-03-02T10:00:00+08:00", note="x")

    assert counts(shop.load(entry)) == {"read": 4, "inserted": 4}
    raw = shop.raw()
    assert sorted(raw) == ["TSO0", "TSO2", "TSO3", "TSO4"]
    assert [raw[key]["updated_at"].day for key in ("TSO0", "TSO4")] == [1, 2]
    assert [raw[key]["paid"] for key in ("TSO0", "TSO4")] == [True, False]
    assert shop.drift() == {("note", "added")}

    entry = entry.model_copy(update={"select": select.replace("amount", "price")})
    with pytest.raises(ContractError, match="price is missing"):
        shop.load(entry)
