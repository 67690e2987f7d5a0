"""A first load in pieces leaves what a load in one would have left, to the row, and becomes visible whole."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from tests.extract_source import DAY, empty_warehouse
from tests.pieces_source import PIECE_ROWS, BigTable, big_table

from fupan.errors import Busy, ContractError, FupanError
from fupan.extract import landing
from fupan.extract.run import extract_piece, extract_system
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import connect, only_one

ORDERS = {"order_id": ("text", "text"), "line_no": ("smallint", "smallint")}

#: Kinds of keys: columns (at the source, in the contract), and the key of row i.
KEYS: dict[str, tuple[dict[str, tuple[str, str]], str]] = {
    "compound": (ORDERS, "'SO' || i / 3, i % 3"),
    "compound, one value almost everywhere": (ORDERS, "case when i % 10 = 0 then 'SO' || i else 'SO' end, i"),
    "number with a gap": ({"id": ("bigint", "bigint")}, "case when i < 2900 then i else i::bigint * 1000000000 end"),
    "text of two scripts": (
        {"code": ("text", "text")},
        "(array['订单', 'order ', 'Order''', 'ORDER\\', '', '%s'])[i % 6 + 1] || i",
    ),
    "uuid": ({"id": ("uuid", "text")}, "md5(i::text)::uuid"),
    "padded text and day": (
        {"code": ("char(8)", "text"), "made_on": ("date", "date")},
        "'C' || i % 7, date '2026-01-01' - i",
    ),
}


@pytest.fixture
def orders(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BigTable:
    table = big_table(server, tmp_path, monkeypatch, ORDERS)
    table.fill(KEYS["compound"][1])
    return table


@pytest.mark.parametrize("kind", KEYS)
def test_the_result_is_that_of_a_load_in_one(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    key, values = KEYS[kind]
    big = big_table(server, tmp_path, monkeypatch, key)
    big.fill(values)
    trouble(big)
    big.single()
    expected = big.outcome()
    assert expected["load"][0]["rows_duplicate"] == 3
    assert expected["load"][0]["rows_rejected"] == len(expected["rejected"]) == 5

    empty_warehouse(server)
    parts = big.in_pieces()

    assert 5 <= len(parts) <= 6
    assert big.outcome() == expected
    sizes = [
        row["size"] for row in big.ask("select coalesce(rows_fitting + rows_misfitting, 0) as size from ops.load_piece")
    ]
    # The lookback is read when the pieces are joined.
    assert 2980 < sum(sizes) < 3005
    assert max(sizes) < 1.6 * PIECE_ROWS


def trouble(big: BigTable) -> None:
    """Rows that raw can't hold, without a key, without a stamp, from the future; keys that are there twice."""
    copy = f"insert into big select {big.key}, 1, 'twice', day, %s from big where note = '行%s'"
    for note, stamp in (
        (100, "timestamp '2025-12-31'"),
        (200, "timestamp '2024-01-01'"),
        (300, "timestamp '2026-03-01'"),
    ):
        big.at_source(copy % (stamp, note))
    big.at_source("update big set amount = 123456789.5 where note = '行400'")
    big.at_source("update big set amount = null where note in ('行500', '行2999')")
    big.at_source("update big set amount = 'NaN', changed_at = null where note = '行600'")
    first = big.key.partition(", ")[0]
    big.at_source(f"update big set {first} = null where note = '行700'")
    big.at_source("update big set changed_at = null where note in ('行800', '行801')")
    big.at_source("update big set changed_at = '2099-01-01' where note = '行900'")
    big.at_source("analyze big")


def test_a_key_that_is_the_same_for_most_rows_leaves_fewer_pieces(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = big_table(server, tmp_path, monkeypatch, {"id": ("integer", "integer")})
    big.fill("least(i, 100)")
    parts = big.in_pieces()
    assert 1 <= len(parts) <= 2
    assert len(big.raw()) == 100
    assert big.outcome()["load"][0]["rows_duplicate"] == 2900


def test_a_piece_may_be_empty(orders: BigTable) -> None:
    parts = orders.cut()
    assert parts[0].high is not None
    orders.at_source("delete from big where (order_id, line_no) < ('{}', {})".format(*parts[0].high))
    orders.load(parts)
    orders.join(parts)
    assert orders.raw() == orders.there()
    assert {"size": 0} in orders.ask("select rows_fitting as size from ops.load_piece")


def test_a_small_table_is_not_cut(orders: BigTable) -> None:
    orders.install(pieces={"rows": 10_000})
    assert orders.cut() == []
    assert orders.raw() == orders.there()
    assert orders.ask("select state from ops.landing") == [{"state": "landed"}]


@pytest.mark.parametrize(
    "stamps",
    ["timestamp '2026-02-28' + random() * interval '1 hour'", "null"],
    ids=["all of one night", "none"],
)
def test_a_table_that_has_no_old_rows_is_not_cut(orders: BigTable, stamps: str) -> None:
    orders.at_source(f"update big set changed_at = {stamps}")
    orders.at_source("analyze big")
    assert orders.cut() == []
    assert orders.raw() == orders.there()


def test_a_table_without_cursor_is_not_cut(orders: BigTable) -> None:
    orders.install(cursor=[])
    assert orders.cut() == []
    assert orders.raw() == orders.there()


def test_a_table_whose_columns_evolve_is_not_cut(orders: BigTable) -> None:
    orders.at_source("alter table big add column extra text default '额外'")
    orders.install(schema_contract={"columns": "evolve"})
    assert orders.cut() == []
    assert orders.ask("select count(*), min(extra) as extra from raw.big") == [{"count": 3000, "extra": "额外"}]


def test_a_column_that_the_installation_calls_absent_stays_empty(orders: BigTable) -> None:
    orders.install(absent=["note"])
    assert len(orders.in_pieces()) > 1
    assert orders.ask("select count(*), count(note) as notes from raw.big") == [{"count": 3000, "notes": 0}]


@pytest.mark.parametrize("row", [1000, 2999], ids=["in a piece", "in the lookback"])
def test_where_types_are_frozen_no_row_is_left_out(orders: BigTable, row: int) -> None:
    orders.install(schema_contract={"data_type": "freeze"})
    orders.at_source(f"update big set amount = 123456789.5 where note = '行{row}'")
    parts = orders.cut()
    orders.load(parts)
    with pytest.raises(ContractError, match=r"amount does not fit numeric\(10,2\) \(1 rows\)"):
        orders.join(parts)
    assert orders.raw() == orders.ask("select * from ops.rejected_row") == orders.ask("select * from ops.landing") == []


def test_the_next_night_reads_what_has_changed(orders: BigTable) -> None:
    orders.in_pieces()
    orders.at_source("update big set note = 'changed', changed_at = '2026-03-09' where order_id = 'SO7'")
    assert orders.cut() == []
    assert orders.raw() == orders.there()
    modes = orders.ask("select mode, rows_updated from ops.load order by load_id")
    assert [(load["mode"], load["rows_updated"]) for load in modes] == [
        ("full", 0),
        ("incremental", 3),
        ("reconcile", 0),
    ]


def test_what_happens_at_the_source_meanwhile_is_there_in_the_end(orders: BigTable) -> None:
    parts = orders.cut()
    # One piece before, the others after; then some more.
    orders.load(parts[:1])
    first_of_all, last_of_all = "select min(order_id) from big", "select max(order_id) from big"
    meanwhile = [
        f"update big set note = 'new', changed_at = '2026-03-09' where order_id in (({first_of_all}), ({last_of_all}))",
        f"update big set order_id = 'ZZ', changed_at = '2026-03-09' where order_id = ({first_of_all})",
        f"update big set order_id = 'AA', changed_at = '2026-03-09' where order_id = ({last_of_all})",
        f"delete from big where order_id = (select order_id from big where order_id > ({first_of_all}) limit 1)",
        "update big set note = 'without a stamp', changed_at = null where order_id in ('SO1', 'SO9')",
        "insert into big values ('SO5', 77, 1, 'line', '2026-03-09', '2026-03-09'), ('NEW', 1, 1, 'order', null, '2026-03-09')",
    ]
    for statement in meanwhile[:3]:
        orders.at_source(statement)
    orders.load(parts[1:])
    for statement in meanwhile[3:]:
        orders.at_source(statement)
    (load,) = orders.join(parts)

    assert orders.raw() == orders.there()
    assert load.totals_agree is True
    assert load.counts.deleted > 0
    c = load.counts
    assert c.read == c.inserted + c.updated + c.unchanged + c.duplicate + c.rejected
    assert c.inserted == len(orders.ask("select 1 from raw.big"))


def test_it_becomes_visible_whole(orders: BigTable) -> None:
    parts = orders.cut()
    orders.load(parts)
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(orders.ask("select count(*) as rows from raw.big")[0]["rows"])

    reader = threading.Thread(target=read)
    reader.start()
    assert orders.ask("select 1 from ops.landing") == []
    orders.join(parts)
    done.set()
    reader.join()
    assert seen <= {0, 3000}
    assert orders.raw() == orders.there()


def test_the_day_has_landed_only_when_the_table_is_whole(orders: BigTable) -> None:
    parts = orders.cut()
    assert landing.outstanding(DAY) != {}
    orders.load(parts[1:])
    with pytest.raises(FupanError, match=r"Pieces 1 of load 1 are not there.*Clear their task load_piece alone"):
        orders.join(parts)
    assert landing.outstanding(DAY)["shop"].startswith("extracting since")
    assert orders.ask("select * from raw.big") == []
    orders.load(parts[:1])
    orders.join(parts)
    assert landing.outstanding(DAY) == {}
    # Killed after its last word, and started again.
    assert orders.join(parts) == []


def test_a_failed_piece_is_loaded_again_alone(orders: BigTable) -> None:
    parts = orders.cut()
    places = "select piece, tries, started_at, state, error from ops.load_piece where piece <> 2 order by piece"
    orders.load([part for part in parts if part.number != 2])
    before = orders.ask(places)
    orders.at_source("alter table big rename column note to remark")
    with pytest.raises(ContractError, match="note is missing"):
        orders.load(parts[1:2])
    (failed,) = orders.ask("select state, error from ops.load_piece where piece = 2")
    assert failed["state"] == "failed"
    assert "note is missing" in failed["error"]
    orders.at_source("alter table big rename column remark to note")

    orders.load(parts)
    orders.join(parts)

    assert orders.ask(places) == before
    assert orders.ask("select tries, state, error from ops.load_piece where piece = 2") == [
        {"tries": 2, "state": "loaded", "error": None}
    ]
    assert orders.raw() == orders.there()


def test_a_big_table_that_breaks_its_contract_has_failed_on_record(orders: BigTable) -> None:
    orders.at_source("alter table big rename column note to remark")
    with pytest.raises(ContractError, match="note is missing"):
        orders.cut()
    (load,) = orders.ask("select state, error from ops.load")
    assert load["state"] == "failed"
    assert "note is missing" in load["error"]
    assert {row["kind"] for row in orders.ask("select kind from ops.drift")} == {"missing", "added"}


def test_pieces_are_loaded_side_by_side_but_not_beside_another_run(orders: BigTable) -> None:
    parts = orders.cut()
    with connect("loader", "test", autocommit=True) as other:
        only_one(other, "extract shop", shared=True)
        only_one(other, f"piece 2 of load {parts[0].load_id}")
        orders.load(parts[:1])
        with pytest.raises(Busy, match="piece 2"):
            orders.load(parts[1:2])
        with pytest.raises(Busy, match="extract shop"):
            extract_system("shop", DAY)
    orders.load(parts[1:])
    orders.join(parts)
    assert orders.raw() == orders.there()


def test_a_later_extraction_takes_the_place_and_leaves_nothing_behind(orders: BigTable) -> None:
    parts = orders.cut()
    orders.load(parts[:2])
    extract_system("shop", DAY)
    assert orders.raw() == orders.there()
    assert orders.outcome()["left"] == []
    for late in (lambda: orders.load(parts[2:3]), lambda: orders.join(parts)):
        with pytest.raises(FupanError, match="Load 1 is over"):
            late()
    assert orders.raw() == orders.there()


def test_the_weekly_care_leaves_waiting_pieces_alone(orders: BigTable) -> None:
    from fupan.extract.reconcile import reconcile_system

    parts = orders.cut()
    orders.load(parts[:2])
    reconcile_system("shop", DAY)
    orders.load(parts[2:])
    orders.join(parts)
    assert orders.raw() == orders.there()


def test_where_raw_is_read_or_holds_rows_the_pieces_are_compared_with_it(
    orders: BigTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fupan.extract import direct

    orders.install(pieces={"rows": 10_000})
    orders.single()
    # As after a new column of the contract: everything is read again.
    orders.execute("update ops.watermark set position = '{}'")
    orders.at_source("delete from big where order_id = 'SO9'")
    orders.at_source("update big set note = 'silently' where order_id = 'SO8'")
    orders.install()
    parts = orders.in_pieces()
    assert len(parts) > 4
    assert orders.raw() == orders.there()
    load = orders.ask("select * from ops.load where cut_at is not null")[0]
    assert (load["rows_updated"], load["rows_deleted"], load["rows_unchanged"]) == (3, 3, 2994)

    orders.execute("truncate raw.big")
    monkeypatch.setattr(direct, "_LOCK_TIMEOUT", "100ms")
    parts = orders.cut()
    orders.load(parts)
    with psycopg2.connect(orders.warehouse) as reader, reader.cursor() as cursor:
        cursor.execute("select * from raw.big")
        orders.join(parts)
    reader.close()
    assert orders.raw() == orders.there()


def test_a_query_is_cut_as_well(orders: BigTable) -> None:
    orders.install(relation=None, query="select * from big where note <> '行7' -- but one")
    assert len(orders.in_pieces()) > 4
    assert len(orders.raw()) == 2999


def test_a_piece_of_a_query_that_gives_other_rows_each_time_is_refused(orders: BigTable) -> None:
    parts = orders.cut()
    by_the_clock = "generate_series(1, extract(microseconds from clock_timestamp())::integer % 10007)"
    few = f"select few.* from (select * from big order by 1, 2 limit 5) as few cross join {by_the_clock}"
    orders.install(relation=None, query=f"select * from big union all {few}")
    with pytest.raises(ContractError, match="other rows each time"):
        extract_piece("shop", parts[0].load_id, parts[0].number)


def test_the_task_ends_at_once_where_nothing_is_big(orders: BigTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the DAG maps over is a list in any case: over an empty one Airflow skips the tasks without starting them."""
    from fupan.night import extraction

    context: dict[str, Any] = {
        "partition_key": DAY.isoformat(),
        "params": {"force": False, "tries": 1},
        "run_id": "test",
        "outlet_events": _Events(),
    }
    monkeypatch.setitem(extraction.RAW, "shop", object())
    pieces = extraction.load("shop", **context)
    assert {tuple(piece) for piece in pieces} == {("table", "load_id", "piece")}
    for piece in pieces:
        extraction.load_one_piece("shop", piece["load_id"], piece["piece"], **{"table": piece["table"]} | context)
    extraction.join_them("shop", pieces, **context)
    assert orders.raw() == orders.there()
    assert extraction.load("shop", **context | {"partition_key": "2026-03-11"}) == []


class _Events(dict[Any, Any]):
    def __missing__(self, key: Any) -> Any:
        self[key] = type("Event", (), {})()
        return self[key]
