"""Columns that change overnight: by contract mode the new one comes along, the table stops, or the row is rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.extract_source import COLUMNS, Shop, contract, empty_warehouse, file_of
from tests.faults.conftest import Tell
from tests.faults.sql_naive import FAILURES, Naive, run

from fupan.contracts.contract import Contract, SchemaContract
from fupan.contracts.installation import systems
from fupan.errors import ConfigurationError, ContractError
from fupan.server.postgres import EmbeddedPostgres

PLAIN = tuple(column.model_copy(update={"personal_data": None}) for column in COLUMNS)


@pytest.fixture
def shop(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Three orders, loaded; the new ones of the next day stand in the table as it is then."""
    source = server.ensure_database("extract_shop")
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", source)
    run(source, "drop table if exists shop_orders cascade", "drop type if exists order_state")
    found = Shop("postgres", source, empty_warehouse(server))
    for key in ("old", "A", "B"):
        found.put(key, updated_at="2026-01-01 00:00:00" if key == "old" else "2026-03-01 10:00:00")
    return found


@pytest.fixture
def naive(shop: Shop, server: EmbeddedPostgres) -> Naive:
    """The same orders, in a table that was made like the source's."""
    return Naive(shop.address, server.ensure_database("extract_tests"), "shop_orders")


def mode(**modes: Any) -> Contract:
    return contract(columns=PLAIN, schema_contract=SchemaContract(**modes))


def stopped(shop: Shop, table: Contract, match: str) -> None:
    """The load is refused, raw and watermark stay."""
    before, reached = shop.written(), shop.watermark()
    with pytest.raises(ContractError, match=match):
        shop.load(table)
    assert (shop.written(), shop.watermark()) == (before, reached)
    assert shop.loads()[-1]["state"] == "failed"


def raw_columns(shop: Shop) -> dict[str, str]:
    """Raw's columns beyond the contract and its own -> type."""
    found = shop.ask(
        "select column_name, data_type from information_schema.columns where table_schema = 'raw'"
        " and table_name = 'shop_orders' and not column_name = any (%s)",
        [*(column.name for column in COLUMNS), "_loaded_at", "_batch_id", "_deleted_at"],
    )
    return {row["column_name"]: row["data_type"] for row in found}


def test_a_column_is_added(shop: Shop, naive: Naive, tell: Tell) -> None:
    naive.begin()
    naive.load()
    for table in (mode(), mode(columns="freeze"), mode(columns="evolve")):
        shop.load(table)
    shop.execute("alter table shop_orders add column gift_note text, add column points smallint, add column tags jsonb")
    shop.execute("update shop_orders set gift_note = 'for ' || order_id, points = 7, tags = '[1]'")
    shop.put("C", updated_at="2026-03-02 10:00:00", points=8)
    with pytest.raises(FAILURES, match="more expressions than target columns"):
        naive.load()

    assert shop.load(mode()).counts.inserted == 1
    assert raw_columns(shop) == {}
    stopped(shop, mode(columns="freeze"), "gift_note is added .*points is added")

    # The table is read whole once: rows that did not change have values too.
    grown = shop.load(mode(columns="evolve"))
    assert (grown.mode, grown.counts.updated, grown.totals_agree) == ("full", 4, True)
    assert raw_columns(shop) == {"gift_note": "text", "points": "bigint", "tags": "text"}
    notes = {key: (row["gift_note"], row["points"], row["tags"]) for key, row in shop.raw().items()}
    assert notes == {key: (f"for {key}", 7, "[1]") for key in ("old", "A", "B")} | {"C": (None, 8, None)}
    assert shop.ask("select count(*) as n from ops.drift where kind = 'added' and resolved_at is null") == [{"n": 3}]

    shop.change("A", points=40_000 - 8_000, updated_at="2026-03-03 10:00:00")
    again = shop.load(mode(columns="evolve"))
    assert (again.mode, again.counts.updated, shop.raw()["A"]["points"]) == ("incremental", 1, 32_000)
    tell(
        "drift: a column is added",
        harm="the INSERT by place fails, for good: 1 new row is not loaded that night or any other",
        ours="discard_value: logged, rows loaded; freeze: stops by name; evolve: added, all rows filled, no stop",
        rounds=3,
    )


def test_a_column_that_evolved_is_retyped_or_dropped(shop: Shop, naive: Naive, tell: Tell) -> None:
    table = mode(columns="evolve")
    shop.execute("alter table shop_orders add column points integer")
    shop.execute("update shop_orders set points = 7")
    shop.load(table)
    naive.begin()
    naive.load()

    shop.execute("alter table shop_orders alter column points type text using points || ' points'")
    shop.change("A", updated_at="2026-03-02 10:00:00")
    with pytest.raises(FAILURES, match="invalid input syntax for type integer"):
        naive.load()
    assert shop.load(table).mode == "full"
    assert {row["points"] for row in shop.raw().values()} == {"7 points"}

    run(shop.warehouse, "create view raw.reads_points as select points from raw.shop_orders")
    shop.execute("alter table shop_orders drop column points")
    stopped(shop, table, "points.*view raw.reads_points")
    run(shop.warehouse, "drop view raw.reads_points")
    shop.load(table)
    assert raw_columns(shop) == {}
    tell(
        "drift: a column that came by itself (evolve) is retyped, then dropped",
        harm="the INSERT fails, for good; where it doesn't, raw shows last year's values as tonight's",
        ours="raw follows: dropped, added anew, read whole; stops by name where a view reads it",
        rounds=2,
    )


@pytest.mark.parametrize("what", ["dropped", "renamed"])
def test_a_column_is_gone(shop: Shop, naive: Naive, tell: Tell, what: str) -> None:
    naive.begin()
    naive.load()
    shop.load(mode())
    change = "drop column paid" if what == "dropped" else "rename column paid to is_paid"
    shop.execute(f"alter table shop_orders {change}")
    shop.execute("update shop_orders set updated_at = '2026-03-02 10:00:00' where order_id = 'A'")
    if what == "dropped":
        # By place, a day stands where the flag stood; by name it would be a null that nobody gave.
        with pytest.raises(FAILURES, match="is of type boolean but expression is of type date"):
            naive.load()
    else:
        naive.load()
        assert [paid for (paid,) in naive.rows("paid")] == [True] * 4

    for table in (mode(), mode(columns="freeze"), mode(columns="evolve")):
        stopped(shop, table, "paid is missing")
    assert raw_columns(shop) == {}
    assert shop.raw()["A"]["paid"] is True
    tell(
        f"drift: a column is {what}",
        harm="the INSERT by place fails, for good" if what == "dropped" else "loaded by place, and nobody hears of it",
        ours="every mode: the table stops and names the column" + (" (the new one too)" if what == "renamed" else ""),
        rounds=3,
    )


def test_a_column_is_retyped(shop: Shop, naive: Naive, tell: Tell) -> None:
    naive.begin(
        "order_id text, buyer text, phone text, qty text, amount text, paid text, ordered_on text, updated_at text"
    )
    naive.load()
    shop.load(mode())
    shop.execute("alter table shop_orders alter column amount type double precision")
    shop.change("A", amount=0.1 + 0.2, updated_at="2026-03-02 10:00:00")
    naive.load()
    (loaded,) = naive.rows("max(amount) filter (where order_id = 'A' and amount <> '19.90')")[0]
    assert loaded == "0.30000000000000004"

    for table in (mode(), mode(columns="evolve"), mode(data_type="freeze")):
        stopped(shop, table, r"amount is retyped \(is float, contract says numeric\(10,2\)\)")
    tell(
        "drift: a column is retyped",
        harm=f"numeric became float: {loaded} stands beside 19.90, and sums no longer tie",
        ours="every mode: the table stops and names column and types; a cast in the query is the remedy",
        rounds=3,
    )


def test_columns_change_places(shop: Shop, naive: Naive, tell: Tell) -> None:
    naive.begin()
    naive.load()
    shop.load(mode())
    shop.execute(
        "create table again as select order_id, phone, buyer, amount, qty, paid, ordered_on, updated_at from shop_orders"
    )
    shop.execute("drop table shop_orders")
    shop.execute("alter table again rename to shop_orders")
    shop.put("C", buyer="Wang", phone="138", qty=3, amount="7.00", updated_at="2026-03-02 10:00:00")
    naive.load()
    assert naive.rows("buyer, phone, qty, amount::text")[-1] == ("138", "Wang", 7, "3")

    for table in (mode(), mode(columns="evolve", data_type="freeze")):
        shop.load(table)
        found = shop.raw()["C"]
        assert (found["buyer"], found["phone"], found["qty"], str(found["amount"])) == ("Wang", "138", 3, "7.00")
    assert shop.ask("select * from ops.drift") == []
    tell(
        "drift: columns change places",
        harm="by place: the phone stands under buyer, 7.00 yuan under units",
        ours="by name, in every mode: nothing changes",
        rounds=2,
    )


def test_an_enum_grows(shop: Shop, naive: Naive, tell: Tell) -> None:
    shop.execute("create type order_state as enum ('new', 'paid')")
    shop.execute("alter table shop_orders alter column buyer type order_state using 'paid'")
    naive.begin(
        "order_id text, buyer text check (buyer in ('new', 'paid')), phone text, qty int, amount numeric,"
        " paid boolean, ordered_on date, updated_at timestamp"
    )
    naive.load()
    shop.load(mode())
    shop.execute("alter type order_state add value 'refunded'")
    shop.put("C", buyer="refunded", updated_at="2026-03-02 10:00:00")
    shop.put("D", buyer="new", updated_at="2026-03-02 10:00:00")
    with pytest.raises(FAILURES, match="violates check constraint"):
        naive.load()
    assert len(naive.rows()) == 3

    for table in (mode(data_type="freeze"), mode(columns="evolve")):
        shop.load(table)
        assert {key: row["buyer"] for key, row in shop.raw().items()} == dict.fromkeys(("old", "A", "B"), "paid") | {
            "C": "refunded",
            "D": "new",
        }
    tell(
        "drift: an enum grows",
        harm="the target knows the old values alone: the whole batch is refused, 2 rows lost",
        ours="text in raw, every row arrives; whether the value is allowed, the raw gate judges row by row",
        rounds=2,
    )


def test_numbers_beyond_the_type(shop: Shop, naive: Naive, tell: Tell) -> None:
    naive.begin(
        "order_id text, buyer text, phone text, qty smallint, amount numeric(10,2), paid boolean,"
        " ordered_on date, updated_at timestamp"
    )
    naive.load()
    shop.load(mode())
    for key, qty, amount in [("C", 1, "7.00"), ("D", 40_000, "1.00"), ("E", 1, "123456789.00"), ("F", 1, "0.125")]:
        shop.put(key, qty=qty, amount=amount, updated_at="2026-03-02 10:00:00")
    with pytest.raises(FAILURES, match=r"out of range|overflow"):
        naive.load()
    shop.execute("delete from shop_orders where order_id in ('D', 'E')")
    naive.load()
    assert ("0.13",) in naive.rows("amount::text")
    shop.put("D", qty=40_000, amount="1.00", updated_at="2026-03-02 10:00:00")
    shop.put("E", amount="123456789.00", updated_at="2026-03-02 10:00:00")

    stopped(shop, mode(data_type="freeze"), r"does not fit numeric\(10,2\) \(2 rows\).*qty does not fit smallint")
    result = shop.load(mode())
    assert (result.counts.inserted, result.counts.rejected, result.totals_agree) == (1, 3, False)
    assert set(shop.raw()) == {"old", "A", "B", "C"}
    reasons = shop.ask("select row_content ->> 'order_id' as key, reason from ops.rejected_row order by 1")
    assert [(row["key"], row["reason"]) for row in reasons] == [
        ("D", "qty does not fit smallint"),
        ("E", "amount does not fit numeric(10,2)"),
        ("F", "amount does not fit numeric(10,2)"),
    ]
    tell(
        "drift: numbers beyond the type",
        harm="one row of four stops all four; 0.125 is rounded to 0.13 without a word",
        ours="discard_row: 3 rows rejected with their reasons, totals tell; freeze: stops, nothing loaded",
        rounds=2,
    )


_SQL = "{{system: erp, kind: sql, connection: c, time_zone: UTC, tables: {{{table}: {{relation: t, {mode}}}}}}}"
_FILES = (
    "{{system: service, kind: files, connection: c, time_zone: UTC,"
    " tables: {{{table}: {{files: 'x.csv', format: csv, {mode}}}}}}}"
)


def test_where_evolving_is_unsafe(shop: Shop, naive: Naive, tell: Tell, tmp_path: Path) -> None:
    shop.execute("alter table shop_orders add column second_phone text")
    shop.change("A", second_phone="139 0013 9000")
    naive.begin()
    naive.load()
    assert ("139 0013 9000",) in naive.rows("second_phone")

    evolve = "schema_contract: {columns: evolve}"
    for text, table, told in [
        (_SQL, "erp_customers", "marks personal data .*nobody would hash"),
        (_FILES, "cs_chats", "files tells no types"),
    ]:
        (tmp_path / "system.yml").write_text(text.format(table=table, mode=evolve))
        with pytest.raises(ConfigurationError, match=told):
            systems(tmp_path)
    (tmp_path / "system.yml").write_text(_SQL.format(table="erp_channels", mode=evolve))
    assert systems(tmp_path)["erp"].tables["erp_channels"].schema_contract == SchemaContract(columns="evolve")

    # A database that tells no types, and a name that raw has for itself.
    lite = Shop("sqlite", file_of(tmp_path), shop.warehouse)
    lite.put("A")
    lite.execute("alter table shop_orders add column second_phone text")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SHOP_TEST", lite.address)
        with pytest.raises(ContractError, match=r"second_phone can't be added .*does not tell its type"):
            lite.load(mode(columns="evolve"))
    with pytest.raises(ContractError, match="_batch_id can't be added"):
        shop.load(mode(columns="evolve"), query="select *, 1 as _batch_id from shop_orders")
    tell(
        "drift: evolving where it is unsafe",
        harm="a new column with phone numbers comes along in plain text",
        ours="refused when the YAML is read: beside personal data, from files and HTTP; by name where no type is told",
        rounds=4,
    )
