"""What a load leaves in raw and in ops, from PostgreSQL by COPY and from SQLite row by row."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.extract_source import COLUMNS, DAY, QUERY, Shop, contract, empty_warehouse, file_of

from fupan import settings
from fupan.contracts.installation import SqlTable
from fupan.errors import Busy, ConfigurationError, ContractError, SourceUnavailable
from fupan.extract import landing, source, sql_postgres
from fupan.extract.pseudonym import hashed
from fupan.extract.table import load_table
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import Connection, connect


@pytest.fixture
def warehouse(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    return empty_warehouse(server)


@pytest.fixture(params=["postgres", "sqlite"])
def shop(
    request: pytest.FixtureRequest,
    server: EmbeddedPostgres,
    warehouse: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    address = file_of(tmp_path) if request.param == "sqlite" else server.ensure_database("extract_shop")
    found = Shop(request.param, address, warehouse)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", found.address)
    return found


def counts(result: Any) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: number for name, number in vars(result.counts).items() if number}


def test_first_load_brings_every_value_exactly(shop: Shop) -> None:
    shop.put("A", qty=-3, amount="12345678.91", paid=False, updated_at="2026-03-01 00:30:00.123456")
    shop.put("B\t\\N\n", qty=None, paid=None, ordered_on=None, buyer=None, phone=None)

    result = shop.load()

    assert (result.mode, counts(result), result.totals_agree) == ("full", {"read": 2, "inserted": 2}, True)
    row = shop.raw()["A"]
    assert (row["qty"], row["amount"], row["paid"], row["ordered_on"]) == (
        -3,
        Decimal("12345678.91"),
        False,
        date(2026, 3, 1),
    )
    # Half past midnight in Shanghai is the afternoon before in Greenwich.
    assert row["updated_at"] == datetime(2026, 2, 28, 16, 30, 0, 123456, UTC)
    assert row["_batch_id"] == result.load_id
    assert {name for name, value in shop.raw()["B\t\\N\n"].items() if value is None} == {
        *("qty", "paid", "ordered_on", "buyer", "phone", "_deleted_at")
    }


def test_a_first_load_leaves_statistics_behind(shop: Shop) -> None:
    for number in range(50):
        shop.put(f"A{number}")
    shop.load()
    with connect("builder", "test") as connection, connection.cursor() as cursor:
        cursor.execute("select reltuples from pg_class where oid = %s::regclass", [contract().relation])
        assert cursor.fetchone() == (50,)


def test_incremental_reads_back_by_the_lookback_and_writes_only_what_changed(shop: Shop) -> None:
    shop.put("old", updated_at="2026-02-01 10:00:00")
    shop.put("recent", updated_at="2026-02-27 12:00:00")
    shop.put("last", updated_at="2026-03-01 10:00:00")
    first = shop.load()
    assert shop.watermark() == {"updated_at": "2026-03-01 10:00:00+08"}

    # Stamped before the watermark: one commits late within the lookback, one changes without a new stamp beyond it.
    shop.put("late", updated_at="2026-02-28 09:00:00")
    shop.change("old", qty=99)
    shop.change("last", qty=7, updated_at="2026-03-02 10:00:00")
    second = shop.load()

    assert second.mode == "incremental"
    assert (second.counts.inserted, second.counts.updated, second.counts.deleted) == (1, 1, 0)
    assert second.counts.read == 3
    assert shop.raw()["old"]["qty"] == 2
    assert shop.raw()["last"]["qty"] == 7
    assert (shop.raw()["old"]["_batch_id"], shop.raw()["last"]["_batch_id"]) == (first.load_id, second.load_id)
    assert shop.watermark() == {"updated_at": "2026-03-02 10:00:00+08"}
    assert second.totals_agree


@pytest.mark.parametrize("cursor", [("updated_at",), ()])
def test_replay_writes_nothing(shop: Shop, cursor: tuple[str, ...]) -> None:
    for number in range(20):
        shop.put(f"O{number}", buyer=None if number % 2 else "李四")
    shop.load(contract(cursor=cursor))
    before = shop.written()

    result = shop.load(contract(cursor=cursor))

    assert counts(result) == {"read": 20, "unchanged": 20}
    assert shop.written() == before


def test_compound_cursor_loses_no_row_of_a_shared_stamp(shop: Shop) -> None:
    table = contract(cursor=("updated_at", "order_id"), lookback=timedelta(0))
    shop.put("B")
    shop.load(table)
    assert shop.watermark() == {"updated_at": "2026-03-01 10:00:00+08", "order_id": "B"}

    shop.put("A")
    shop.put("C")

    assert shop.load(table).counts.inserted == 2
    assert set(shop.raw()) == {"A", "B", "C"}
    assert shop.watermark() == {"updated_at": "2026-03-01 10:00:00+08", "order_id": "C"}


def test_number_as_cursor(shop: Shop) -> None:
    table = contract(cursor=("qty",))
    shop.put("A", qty=5)
    shop.put("B", qty=9)
    shop.load(table)
    shop.put("C", qty=10)
    shop.put("D", qty=3)

    assert counts(shop.load(table)) == {"read": 2, "inserted": 1, "unchanged": 1}
    assert shop.watermark() == {"qty": "10"}


def test_date_as_cursor(shop: Shop) -> None:
    table = contract(cursor=("ordered_on",))
    shop.put("A", ordered_on="2026-02-20")
    shop.put("B", ordered_on="2026-03-05")
    shop.load(table)
    shop.put("C", ordered_on="2026-03-04")

    assert shop.load(table).counts.inserted == 1
    assert shop.watermark() == {"ordered_on": "2026-03-05"}


def test_null_cursor_is_read_every_night(shop: Shop) -> None:
    shop.put("A")
    shop.load()
    shop.put("never changed yet", updated_at=None)

    assert shop.load().counts.inserted == 1
    assert shop.load().counts.unchanged == 2
    assert set(shop.raw()) == {"A", "never changed yet"}


def test_expression_as_cursor(shop: Shop) -> None:
    created = "'2026-02-20 08:00:00'" if shop.kind == "sqlite" else "timestamp '2026-02-20 08:00:00'"
    query = (
        "select order_id, buyer, phone, qty, amount, paid, ordered_on,"
        f" coalesce(updated_at, {created}) as updated_at from shop_orders"
    )
    shop.put("A", updated_at=None)
    shop.load(query=query)
    assert shop.watermark() == {"updated_at": "2026-02-20 08:00:00+08"}
    shop.change("A", updated_at="2026-03-03 08:00:00", qty=4)

    assert shop.load(query=query).counts.updated == 1
    assert shop.watermark() == {"updated_at": "2026-03-03 08:00:00+08"}


def test_a_stamp_in_the_far_future_does_not_hide_later_changes(shop: Shop) -> None:
    shop.put("A")
    shop.put("typing error", updated_at="2099-01-01 00:00:00")
    shop.load()
    shop.put("B", updated_at="2026-03-01 11:00:00")

    assert shop.load().counts.inserted == 1


def test_the_watermark_never_moves_backwards(shop: Shop) -> None:
    shop.put("A", updated_at="2026-03-01 10:00:00")
    shop.load()
    shop.change("A", updated_at="2026-02-28 10:00:00")

    shop.load()

    assert shop.watermark() == {"updated_at": "2026-03-01 10:00:00+08"}
    assert shop.raw()["A"]["updated_at"] == datetime(2026, 2, 28, 2, 0, tzinfo=UTC)


def test_window_reads_its_days_again_both_ends_included(shop: Shop) -> None:
    for day in (1, 10, 12, 20):
        shop.put(f"day {day}", updated_at=f"2026-01-{day:02} 00:00:00")
        shop.put(f"evening {day}", updated_at=f"2026-01-{day:02} 23:59:59")
    shop.load()
    mark = shop.watermark()
    shop.execute("update shop_orders set qty = 50")

    result = shop.load(window=(date(2026, 1, 10), date(2026, 1, 12)))

    assert result.mode == "window"
    assert result.totals_agree
    changed = {name for name, row in shop.raw().items() if row["qty"] == 50}
    assert changed == {"day 10", "evening 10", "day 12", "evening 12"}
    assert shop.watermark() == mark


def test_window_without_cursor_reads_the_whole_table(shop: Shop) -> None:
    table = contract(cursor=())
    shop.put("A")
    shop.load(table)
    shop.change("A", qty=50)

    assert shop.load(table, window=(date(2026, 1, 1), date(2026, 1, 1))).mode == "compare"
    assert shop.raw()["A"]["qty"] == 50


def test_without_cursor_deletes_are_seen_at_once_and_rows_come_back(shop: Shop) -> None:
    table = contract(cursor=())
    for name in "ABC":
        shop.put(name)
    shop.load(table)
    shop.delete("B")

    gone = shop.load(table)
    assert counts(gone) == {"read": 2, "unchanged": 2, "deleted": 1}
    assert gone.totals_agree
    assert set(shop.raw()) == {"A", "C"}
    deleted = shop.ask("select _batch_id, _deleted_at from raw.shop_orders where order_id = 'B'")[0]
    assert deleted["_batch_id"] == gone.load_id
    assert deleted["_deleted_at"] is not None

    shop.put("B")
    back = shop.load(table)
    assert counts(back) == {"read": 3, "updated": 1, "unchanged": 2}
    assert shop.raw()["B"]["_batch_id"] == back.load_id


def test_reconciliation_finds_deletes_that_no_cursor_shows(shop: Shop) -> None:
    for name in "ABC":
        shop.put(name)
    shop.load()
    shop.delete("B")
    assert shop.load().counts.deleted == 0
    assert set(shop.raw()) == {"A", "B", "C"}

    result = shop.reconcile()

    assert (result.mode, counts(result)) == ("reconcile", {"read": 2, "unchanged": 2, "deleted": 1})
    assert set(shop.raw()) == {"A", "C"}
    # Brought back from a backup with its old stamp: the key is what tells.
    shop.put("B")
    assert shop.reconcile().counts.updated == 1
    assert set(shop.raw()) == {"A", "B", "C"}
    before = shop.written()
    assert counts(shop.reconcile()) == {"read": 3, "unchanged": 3}
    assert shop.written() == before


@pytest.mark.parametrize("left", [0, 60])
def test_a_broken_source_does_not_empty_raw(shop: Shop, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    for number in range(130):
        shop.put(f"O{number:03}")
    shop.load()
    shop.execute("delete from shop_orders where order_id >= ?", [f"O{left:03}"])
    before = shop.written()

    with pytest.raises(ContractError, match=f"lacks {130 - left} of 130 rows"):
        shop.reconcile()
    with pytest.raises(ContractError, match="FUPAN_ACCEPT_DELETES=shop_orders"):
        shop.load(contract(cursor=()))

    assert len(shop.raw()) == 130
    assert shop.loads()[-1]["state"] == "failed"
    assert [place for place, _ in shop.written()] == [place for place, _ in before]
    monkeypatch.setenv("FUPAN_ACCEPT_DELETES", "shop_orders")
    assert shop.reconcile().counts.deleted == 130 - left
    assert len(shop.raw()) == left


def test_rejected_rows_stand_in_ops_with_their_reasons(shop: Shop) -> None:
    shop.put("good")
    shop.put(None, qty=1)
    shop.put("no amount", amount=None)
    shop.put("too many decimals", amount="1.234")
    shop.put("too large", amount="123456789.00")
    shop.put("too many units", qty=40000)

    result = shop.load()

    assert counts(result) == {"read": 6, "inserted": 1, "rejected": 5}
    assert result.totals_agree is False
    assert set(shop.raw()) == {"good"}
    rejected = shop.ask("select * from ops.rejected_row order by row_number")
    assert {(r["row_content"]["order_id"], r["column_name"], r["reason"]) for r in rejected} == {
        (None, "order_id", "order_id is missing, and the contract requires it"),
        ("no amount", "amount", "amount is missing, and the contract requires it"),
        ("too many decimals", "amount", "amount does not fit numeric(10,2)"),
        ("too large", "amount", "amount does not fit numeric(10,2)"),
        ("too many units", "qty", "qty does not fit smallint"),
    }
    assert {r["load_id"] for r in rejected} == {result.load_id}


def test_a_row_that_turns_bad_keeps_its_last_good_state_and_is_not_deleted(shop: Shop) -> None:
    table = contract(cursor=())
    shop.put("A", amount="5.00")
    shop.put("B")
    shop.load(table)
    shop.change("A", amount="1.234")

    assert counts(shop.load(table)) == {"read": 2, "unchanged": 1, "rejected": 1}
    assert shop.raw()["A"]["amount"] == Decimal("5.00")


def test_duplicates_are_counted_and_the_latest_wins(shop: Shop) -> None:
    shop.put("A", qty=1, updated_at="2026-03-02 10:00:00")
    shop.put("A", qty=2, updated_at="2026-03-03 10:00:00")
    shop.put("A", qty=3, updated_at="2026-03-01 10:00:00")
    shop.put("A", qty=4, updated_at=None)
    shop.put("B")
    shop.put("B")

    result = shop.load()

    assert counts(result) == {"read": 6, "inserted": 2, "duplicate": 4}
    assert result.totals_agree is False
    assert shop.raw()["A"]["qty"] == 2
    again = shop.load()
    assert (again.counts.unchanged, again.counts.inserted + again.counts.updated) == (2, 0)


def test_control_totals_compare_by_day_and_say_where_they_differ(shop: Shop) -> None:
    shop.put("A", ordered_on="2026-03-01", amount="10.10", qty=1)
    shop.put("B", ordered_on="2026-03-02", amount="20.20", qty=2)
    shop.put("C", ordered_on="2026-03-02", amount="30.303", qty=3)

    shop.load()

    totals = {
        (str(t["day"]), t["measure"]): (t["source_value"], t["raw_value"], t["agrees"])
        for t in shop.ask("select * from ops.control_total")
    }
    assert totals[("2026-03-01", "rows")] == (1, 1, True)
    assert totals[("2026-03-01", "sum(amount)")] == (Decimal("10.10"), Decimal("10.10"), True)
    assert totals[("2026-03-02", "rows")] == (2, 1, False)
    assert totals[("2026-03-02", "sum(amount)")] == (Decimal("50.503"), Decimal("20.20"), False)
    assert totals[("2026-03-02", "sum(qty)")] == (5, 2, False)
    assert len(totals) == 6


def test_control_totals_of_an_incremental_load_are_those_of_what_was_read(shop: Shop) -> None:
    shop.put("old", updated_at="2026-01-01 10:00:00", amount="1000.00", ordered_on="2026-01-01")
    shop.put("new", amount="1.00")
    shop.load()

    result = shop.load()

    values = shop.ask("select * from ops.control_total where load_id = %s and measure = 'sum(amount)'", result.load_id)
    assert [(str(v["day"]), v["source_value"], v["raw_value"]) for v in values] == [("2026-03-01", 1, 1)]


def test_a_new_column_is_drift_and_does_not_stop_the_load(shop: Shop) -> None:
    shop.execute("alter table shop_orders add column promised_on date")
    shop.put("A")

    assert counts(shop.load()) == {"read": 1, "inserted": 1}
    (drift,) = shop.ask("select * from ops.drift")
    assert (drift["column_name"], drift["kind"], drift["resolved_at"]) == ("promised_on", "added", None)

    shop.execute("alter table shop_orders drop column promised_on")
    shop.load()
    assert shop.ask("select resolved_at from ops.drift")[0]["resolved_at"] is not None


def test_a_missing_column_stops_the_table_by_name(shop: Shop) -> None:
    shop.put("A")
    shop.load()
    shop.execute("alter table shop_orders drop column paid")
    shop.change("A", qty=50)

    with pytest.raises(ContractError) as stopped:
        shop.load()

    assert stopped.value.where == {"system": "shop", "table": "shop_orders", "column": "paid"}
    assert shop.raw()["A"]["qty"] == 2
    assert shop.ask("select column_name, kind from ops.drift") == [{"column_name": "paid", "kind": "missing"}]
    failed = shop.loads()[-1]
    assert failed["state"] == "failed"
    assert "paid is missing" in failed["error"]


def test_a_column_that_only_the_query_misses_is_named_too(shop: Shop) -> None:
    query = "select order_id, buyer, phone, qty, price as amount, paid, ordered_on, updated_at from shop_orders"
    with pytest.raises(ContractError) as stopped:
        shop.load(query=query)
    assert stopped.value.where["column"] == "price"


def test_a_retyped_column_stops_the_table_by_name(shop: Shop) -> None:
    for number in range(10):
        shop.put(f"O{number}")
    shop.load()
    before = shop.written()
    if shop.kind == "postgres":
        shop.execute("alter table shop_orders alter column qty type text")
    else:
        shop.execute("update shop_orders set qty = 'two'")

    with pytest.raises(ContractError) as stopped:
        shop.load()

    assert stopped.value.where == {"system": "shop", "table": "shop_orders", "column": "qty"}
    assert "qty is retyped" in str(stopped.value)
    assert shop.ask("select column_name, kind from ops.drift") == [{"column_name": "qty", "kind": "retyped"}]
    assert shop.written() == before


def test_personal_data_is_hashed_alike_and_never_plain(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    people = {
        "A": ("王小明", "+86 138-0013-8000"),
        "B": ("王\u3000小明 ", "１３８００１３８０００"),
        "C": ("ÉMILE Ōe", "0571 8888 6666"),
        "D": ("ｅ́mile ōE", "無"),
        "E": ("Σίσυφος ΑΘΗΝΑ", "(0044) 20 7946-0000"),
    }
    for order, (buyer, phone) in people.items():
        shop.put(order, buyer=buyer, phone=phone)
    shop.put("rejected", buyer="王小明", phone="+86 138-0013-8000", amount=None)

    shop.load()

    raw, key = shop.raw(), settings.pseudonym_key()
    for order, (buyer, phone) in people.items():
        assert (raw[order]["buyer"], raw[order]["phone"]) == (hashed(buyer, "name", key), hashed(phone, "phone", key))
    assert raw["A"]["buyer"] == raw["B"]["buyer"]
    assert raw["A"]["phone"] == raw["B"]["phone"]
    assert raw["C"]["buyer"] == raw["D"]["buyer"]
    assert raw["D"]["phone"] is None
    (rejected,) = shop.ask("select row_content from ops.rejected_row")
    assert rejected["row_content"]["buyer"] == hashed("王小明", "name", key)
    everything = repr(
        shop.ask("select to_jsonb(r)::text as r from raw.shop_orders r")
        + shop.ask("select to_jsonb(r)::text as r from ops.rejected_row r")
        + shop.ask("select to_jsonb(r)::text as r from ops.load r")
    )
    for text in (everything, caplog.text):
        assert "小明" not in text
        assert "8000" not in text


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Asia/Shanghai", "2026-07-01 00:00:00", "2026-06-30 16:00:00"),
        ("Europe/London", "2026-01-01 00:00:00", "2026-01-01 00:00:00"),
        ("Europe/London", "2026-07-01 00:00:00", "2026-06-30 23:00:00"),
        # 00:30 to 02:30 on the night the clocks go forward, 01:30 on the night they go back (read as winter time).
        ("Europe/London", "2026-03-29 00:30:00", "2026-03-29 00:30:00"),
        ("Europe/London", "2026-03-29 02:30:00", "2026-03-29 01:30:00"),
        ("Europe/London", "2026-10-25 01:30:00", "2026-10-25 01:30:00"),
    ],
)
def test_time_stamps_without_zone_are_read_in_the_declared_zone(shop: Shop, zone: str, local: str, utc: str) -> None:
    shop.time_zone = zone
    shop.put("A", updated_at=local)
    shop.load()
    assert shop.raw()["A"]["updated_at"] == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_an_incremental_bound_survives_the_change_to_winter_time(shop: Shop) -> None:
    shop.time_zone, table = "Europe/London", contract(lookback=timedelta(0))
    shop.put("A", updated_at="2025-10-26 01:30:00")
    shop.load(table)
    shop.put("B", updated_at="2025-10-26 01:30:00")
    shop.put("C", updated_at="2025-10-26 01:45:00")

    shop.load(table)

    assert set(shop.raw()) == {"A", "B", "C"}


def test_control_totals_cut_days_in_the_declared_zone(shop: Shop) -> None:
    table = contract(control_totals={"day": "updated_at"})
    shop.put("A", updated_at="2026-03-02 00:30:00")
    result = shop.load(table)
    days = shop.ask("select day, agrees from ops.control_total where load_id = %s", result.load_id)
    assert days == [{"day": date(2026, 3, 2), "agrees": True}]


def test_parameters_of_queries(shop: Shop) -> None:
    for name in ("A", "it's", "50%", "D"):
        shop.put(name)
    query = QUERY + " where order_id in :wanted and qty < :most and order_id not like 'D%' -- a remark"

    shop.load(query=query, wanted=["A", "it's", "50%", "D"], most=10, unused=1)

    assert set(shop.raw()) == {"A", "it's", "50%"}
    with pytest.raises(ConfigurationError, match=":most"):
        shop.load(query=query, wanted=["A"])


def test_a_new_contracted_column_is_added_and_the_table_read_whole_again(shop: Shop) -> None:
    shop.execute("alter table shop_orders add column note text")
    shop.put("old", note="ancient", updated_at="2026-01-01 00:00:00")
    shop.put("new", note="young")
    shop.load()
    wider = contract(columns=(*COLUMNS, COLUMNS[0].model_copy(update={"name": "note"})))

    result = shop.load(wider)

    assert (result.mode, result.counts.updated) == ("full", 2)
    assert {name: row["note"] for name, row in shop.raw().items()} == {"old": "ancient", "new": "young"}
    assert shop.load(wider).mode == "incremental"


def test_a_raw_table_that_contradicts_its_contract_is_refused(shop: Shop) -> None:
    shop.put("A")
    shop.load()
    retyped = tuple(c if c.name != "qty" else c.model_copy(update={"data_type": "bigint"}) for c in COLUMNS)
    with pytest.raises(ConfigurationError, match=r"Raw holds smallint, the contract now says bigint.*drop table"):
        shop.load(contract(columns=retyped))
    with pytest.raises(ConfigurationError, match="primary key of raw"):
        shop.load(contract(primary_key=("order_id", "ordered_on")))
    assert shop.loads()[-1]["state"] == "failed"
    assert set(shop.raw()) == {"A"}


def test_a_dropped_raw_table_is_loaded_anew(shop: Shop) -> None:
    shop.put("old", updated_at="2025-01-01 00:00:00")
    shop.put("new")
    shop.load()
    with connect("loader", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("drop table raw.shop_orders")

    assert shop.load().mode == "full"
    assert set(shop.raw()) == {"old", "new"}


def test_a_cursor_must_be_a_column_with_an_order(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="A cursor can't be text"):
        shop.load(contract(cursor=("order_id",)))
    with pytest.raises(ConfigurationError, match="no column of the contract"):
        shop.load(contract().model_copy(update={"cursor": ("write_date",)}))


def test_only_one_run_holds_a_system(shop: Shop) -> None:
    with shop.session(), pytest.raises(Busy, match="extract shop"):
        shop.load()


def test_a_run_that_is_just_over_is_not_in_the_way(shop: Shop) -> None:
    # The server lets a lock go only when it notices that its holder has hung up.
    holder = shop.session()
    holder.__enter__()
    leaving = threading.Timer(0.5, holder.__exit__, (None, None, None))
    leaving.start()
    shop.load()
    leaving.join()


def test_a_source_that_does_not_answer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "sqlite:////nowhere/shop.db" if shop.kind == "sqlite" else "postgresql://u:topsecret@127.0.0.1:1/shop"
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", address)
    with pytest.raises(SourceUnavailable) as refusal:
        shop.load()
    assert refusal.value.where["system"] == "shop"
    assert "topsecret" not in str(refusal.value)
    assert shop.ask("select state from ops.run") == [{"state": "failed"}]
    monkeypatch.delenv("AIRFLOW_CONN_SHOP_TEST")
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_SHOP_TEST"):
        shop.load()


def test_a_table_that_is_not_there(shop: Shop) -> None:
    with pytest.raises(ContractError, match="nothing_here"):
        shop.load(query="select * from nothing_here")


def test_numbers_of_the_loads_add_up(shop: Shop) -> None:
    shop.put("A")
    shop.put("A")
    shop.put("B", amount=None)
    shop.load()
    shop.put("C")
    shop.load()
    for load in shop.loads():
        parts = ("inserted", "updated", "unchanged", "duplicate", "rejected")
        assert load["state"] == "succeeded"
        assert load["rows_read"] == sum(load[f"rows_{part}"] for part in parts) > 0


def test_a_source_that_hangs_is_given_up(
    server: EmbeddedPostgres, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.ensure_database("extract_shop")
    shop = Shop("postgres", address, warehouse)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", address)
    shop.put("A")
    monkeypatch.setattr(source, "STALL_TIMEOUT_S", 1)
    with pytest.raises(SourceUnavailable, match="no row for 1 s"):
        shop.load(query="select s.* from shop_orders s, pg_sleep(60)", table=contract(control_totals={}))
    monkeypatch.setattr(source, "STATEMENT_TIMEOUT_S", 1)
    monkeypatch.setattr(source, "STALL_TIMEOUT_S", 900)
    with pytest.raises(SourceUnavailable, match="statement timeout"):
        shop.load(query="select s.* from shop_orders s, pg_sleep(60)")
    assert {load["state"] for load in shop.loads()} == {"failed"}


def test_row_by_row_gives_what_streaming_gives(
    server: EmbeddedPostgres, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old PostgreSQL, or one in another encoding, is read through SQLAlchemy: to the same raw, to the letter."""
    address = server.ensure_database("extract_shop")
    shop = Shop("postgres", address, warehouse)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", address)
    shop.time_zone = "Europe/London"
    shop.put("A", buyer="Ｚoë 王", amount="0.10", updated_at="2025-10-26 01:30:00.000001")
    shop.put("B\t\\N\n\\.", qty=None, phone="none", updated_at="2025-03-30 01:30:00", ordered_on="0099-01-01")
    shop.put("C", amount="-12345678.90", paid=None, updated_at=None)
    shop.load(contract(cursor=()))
    before = shop.written()
    monkeypatch.setattr(sql_postgres, "can_stream", lambda _connection: False)

    assert counts(shop.load(contract(cursor=()))) == {"read": 3, "unchanged": 3}
    assert shop.load().mode == "full"
    assert shop.watermark() == {"updated_at": "2025-10-26 01:30:00.000001+00"}
    assert counts(shop.load()) == {"read": 2, "unchanged": 2}
    assert shop.written() == before


def test_a_source_that_breaks_off_is_worth_another_try(
    server: EmbeddedPostgres, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.ensure_database("extract_shop")
    shop = Shop("postgres", address, warehouse)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", address)
    shop.put("A")
    shop.put("B")
    ends_itself = QUERY + " where order_id = 'A' or pg_terminate_backend(pg_backend_pid())"
    with shop.session() as session:
        with pytest.raises(SourceUnavailable, match="The source failed"):
            load_table(session, contract(), SqlTable(query=ends_itself))
        # The same run goes on with a new snapshot.
        assert load_table(session, contract(), SqlTable(query=QUERY)).counts.inserted == 2


def test_two_loads_in_one_run_each_see_how_raw_stands(shop: Shop) -> None:
    shop.put("A")
    with shop.session() as session:
        first = load_table(session, contract(), SqlTable(query=QUERY))
        session.leave_source()
        shop.put("B", updated_at="2026-03-02 10:00:00")
        second = load_table(session, contract(), SqlTable(query=QUERY))

    assert (first.mode, second.mode) == ("full", "incremental")
    assert [load["watermark_before"] for load in shop.loads()] == [None, {"updated_at": "2026-03-01 10:00:00+08"}]
    assert counts(second) == {"read": 2, "inserted": 1, "unchanged": 1}


def test_a_read_without_a_row_leaves_everything_as_it_is(shop: Shop) -> None:
    shop.put("A")
    shop.load(contract(lookback=timedelta(0)))
    before = shop.written()
    shop.delete("A")

    result = shop.load(contract(lookback=timedelta(0)))

    assert (counts(result), result.totals_agree) == ({}, True)
    assert shop.written() == before
    assert shop.watermark() == {"updated_at": "2026-03-01 10:00:00+08"}
    assert shop.loads()[-1]["state"] == "succeeded"


def test_a_first_load_leaves_the_key_and_room_for_changes(shop: Shop) -> None:
    shop.put("A", qty=1)
    shop.put("A", qty=2, updated_at="2026-03-02 10:00:00")
    shop.put("B")

    assert counts(shop.load()) == {"read": 3, "inserted": 2, "duplicate": 1}

    assert shop.raw()["A"]["qty"] == 2
    assert shop.ask(
        "select reloptions, pg_get_constraintdef(k.oid) as key from pg_class as t join pg_constraint as k on conrelid = t.oid"
        " where t.oid = 'raw.shop_orders'::regclass and contype = 'p'"
    ) == [{"reloptions": ["fillfactor=90"], "key": "PRIMARY KEY (order_id)"}]


def test_only_what_landed_waits_for_the_disk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(connection: Connection) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("show synchronous_commit")
            return (cursor.fetchone() or ("?",))[0]

    # As a server has it whose commits wait for its own disk alone.
    monkeypatch.setenv("PGOPTIONS", "-c synchronous_commit=local")
    with shop.session() as session:
        assert (wait(session.control), wait(session.work)) == ("off", "off")
        landing.landed(session.work, "shop", DAY, session.run_id)
        assert wait(session.work) == "local"
        session.work.commit()
        assert wait(session.work) == "off"
