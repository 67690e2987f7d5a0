"""Rows that a watermark does not show, or not in time; rows that move while they are read; runs that meet."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.extract_source import COLUMNS, DAY, QUERY, Shop, contract, empty_warehouse
from tests.faults.conftest import Tell
from tests.faults.sql_naive import Naive, ask, closing, run

from fupan.contracts.installation import SqlTable
from fupan.errors import Busy
from fupan.extract.reconcile import reconcile_table
from fupan.extract.table import load_table
from fupan.server.postgres import EmbeddedPostgres

ROWS = 4_000


@pytest.fixture
def shop(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    source = server.ensure_database("extract_shop")
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", source)
    found = Shop("postgres", source, empty_warehouse(server))
    yield found
    run(found.warehouse, "drop schema if exists naive cascade")


@pytest.fixture
def naive(shop: Shop) -> Naive:
    found = Naive(shop.address, shop.warehouse, "shop_orders", key=("order_id",))
    found.begin()
    return found


def equal(shop: Shop) -> bool:
    """Whether raw has the source's orders, with the source's units and stamps, and every load adds up."""
    with closing(shop.address) as connection, connection.cursor() as cursor:
        cursor.execute("set time zone 'Asia/Shanghai'")
        cursor.execute("select order_id, qty, updated_at::timestamptz from shop_orders")
        there = set(cursor.fetchall())
    here = {(row["order_id"], row["qty"], row["updated_at"]) for row in shop.raw().values()}
    odd = shop.ask(
        "select load_id from ops.load where state = 'succeeded' and mode <> 'reconcile' and rows_read <>"
        " rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected"
    )
    return here == there and not odd


def lost(shop: Shop, naive: Naive) -> set[str]:
    """Orders of the source that the simple way lacks or has otherwise."""
    with closing(shop.address) as connection, connection.cursor() as cursor:
        cursor.execute("select order_id, qty, updated_at from shop_orders")
        there = set(cursor.fetchall())
    return {str(row[0]) for row in there - {*naive.rows("order_id, qty, updated_at")}}


@dataclass(frozen=True)
class Late:
    """What the source does after the first load, in one transaction or several, and what the simple way loses."""

    fault: str
    happens: Callable[[Shop], object]
    loses: set[str]
    ours: str
    first: tuple[dict[str, Any], ...] = ()
    lookback: timedelta = timedelta(2)


def _as_of(stamp: str, *keys: str, **values: Any) -> Callable[[Shop], None]:
    def put(shop: Shop) -> None:
        for key in keys:
            shop.put(key, updated_at=f"2026-03-09 {stamp}", **values)

    return put


_LATE = [
    Late(
        "clock skew: one of the source's servers is 20 minutes behind",
        _as_of("11:40:00", "behind"),
        {"behind"},
        "the lookback (2 days) reads them again",
    ),
    Late(
        "clock skew: a stamp of the year 2099",
        _as_of("12:10:00", "after", "and after"),
        {"after", "and after"},
        "a stamp beyond tomorrow moves no watermark",
        first=({"order_id": "typing error", "updated_at": "2099-01-01 00:00:00"},),
    ),
    Late(
        "equal time stamps at the watermark",
        _as_of("12:00:00", "same", "same too"),
        {"same", "same too"},
        "read from the watermark on, that stamp included, even without lookback; nothing is doubled",
        lookback=timedelta(0),
    ),
    Late(
        "rows committed late: a transaction open for an hour",
        _as_of("11:00:00", *(f"late {n}" for n in range(20))),
        {f"late {n}" for n in range(20)},
        "the lookback reads them again",
    ),
    Late(
        "a null cursor",
        lambda shop: [shop.put(f"null {n}", updated_at=None) for n in range(3)],
        {"null 0", "null 1", "null 2"},
        "rows without a stamp are read every night",
    ),
]


@pytest.mark.parametrize("late", _LATE, ids=[one.fault for one in _LATE])
def test_what_the_watermark_does_not_show(shop: Shop, naive: Naive, tell: Tell, late: Late) -> None:
    table = contract(lookback=late.lookback)
    for row in ({"order_id": "first", "updated_at": "2026-03-09 12:00:00"}, *late.first):
        shop.put(**row)
    naive.load()
    shop.load(table)

    late.happens(shop)
    naive.load()
    shop.load(table)

    assert lost(shop, naive) == late.loses
    assert equal(shop)
    # With a null stamp too a night in which nothing happens writes nothing.
    before = shop.written()
    shop.load(table)
    assert shop.written() == before
    tell(f"rows: {late.fault}", harm=f"newest stamp as watermark: {len(late.loses)} rows lost for good", ours=late.ours)


def test_a_transaction_that_really_is_open(shop: Shop, naive: Naive, tell: Tell) -> None:
    """The stamps of two transactions, one of which is still open when the night reads."""
    with closing(shop.address) as slow, slow.cursor() as cursor:
        cursor.execute(
            "insert into shop_orders (order_id, qty, amount, updated_at) select 'slow ' || n, 1, 1, '2026-03-09 11:00:00'"
            " from generate_series(1, 100) as n"
        )
        shop.put("quick", updated_at="2026-03-09 12:00:00")
        naive.load()
        shop.load()
        assert set(shop.raw()) == {"quick"}
        slow.commit()
    naive.load()
    shop.load()

    assert len(lost(shop, naive)) == 100
    assert equal(shop)
    tell(
        "rows: a transaction is open while the night reads, and commits after it",
        harm="100 rows lost for good",
        ours="not there, then there: the lookback reads them the next night",
    )


def test_what_comes_later_than_the_lookback(shop: Shop, naive: Naive, tell: Tell) -> None:
    shop.put("first", updated_at="2026-03-09 12:00:00")
    naive.load()
    shop.load()
    shop.put("a week late", updated_at="2026-03-02 12:00:00")
    naive.load()
    with shop.session() as session:
        table = contract(), SqlTable(query=QUERY)
        load_table(session, *table)
        told = reconcile_table(session, *table, after_load=True)
    assert told.totals_agree is False
    assert not equal(shop)

    shop.load(window=(DAY - timedelta(9), DAY))
    assert equal(shop)
    assert lost(shop, naive) == {"a week late"}
    tell(
        "rows: committed later than the lookback reaches",
        harm="1 row lost, and nobody hears of it",
        ours="the number of keys disagrees and holds the night; a backfill of its days brings it",
    )


_MOVES = "update shop_orders set qty = qty + 1, updated_at = updated_at + interval '1 min'"


@contextlib.contextmanager
def living(shop: Shop, seed: int) -> Iterator[None]:
    """Meanwhile, rows change at the source."""
    stop = threading.Event()

    def live() -> None:
        for turn in itertools.count():
            if stop.is_set():
                return
            shop.execute(f"{_MOVES} where hashtext(order_id || ?) %% 50 = 0", [f"{seed} live {turn}"])

    source = threading.Thread(target=live)
    source.start()
    try:
        yield
    finally:
        stop.set()
        source.join()


def test_updates_during_the_scan(shop: Shop, tell: Tell, rounds: int) -> None:
    """Rows change their places and stamps while they are read page by page; in one snapshot nothing moves."""
    missed, size = 0, ROWS // 10
    shop.execute(
        "insert into shop_orders (order_id, qty, amount, ordered_on, updated_at)"
        " select 'O' || n, 1, 1, '2026-03-01', timestamp '2026-03-01' + n * interval '1 s'"
        f" from generate_series(1, {ROWS}) as n"
    )
    for seed in range(rounds):
        pages = set[tuple[str]]()
        for page in range(10):
            by_stamp = "select order_id from shop_orders order by updated_at"
            pages |= {*ask(shop.address, f"{by_stamp} offset {page * size} limit {size}")}
            shop.execute(f"{_MOVES} where hashtext(order_id || ?) %% 20 = 0", [f"{seed} {page}"])
        missed += ROWS - len(pages)

        if seed:
            run(shop.warehouse, "truncate raw.shop_orders, ops.watermark")
        wide = contract(
            columns=[c.model_copy(update={"data_type": "integer"}) if c.name == "qty" else c for c in COLUMNS]
        )
        with living(shop, seed):
            results = [shop.load(wide) for _ in range(3)]
        # Of each snapshot everything came, and what it held ties; after the last update the next night has it all.
        assert [one.totals_agree for one in results] == [True] * 3
        assert len(shop.raw()) == ROWS
        shop.load(wide)
        assert equal(shop)
    assert missed
    tell(
        "rows: updates during the scan",
        harm=f"page by page in the order of stamps: {missed} rows missed in {rounds} reads",
        ours="one snapshot: rows and sums tie in each of the reads; the next night has what changed meanwhile",
        rounds=rounds,
    )


def test_deletes(shop: Shop, naive: Naive, tell: Tell) -> None:
    for n in range(10):
        shop.put(f"O{n}")
    naive.load()
    shop.load()
    for n in range(3):
        shop.delete(f"O{n}")
    naive.load()
    shop.load()
    assert shop.reconcile().counts.deleted == 3

    assert len(naive.rows()) == 10
    assert equal(shop)
    assert shop.ask("select count(*) as n from raw.shop_orders where _deleted_at is not null") == [{"n": 3}]
    tell(
        "rows: deletes at the source",
        harm="no stamp shows them: 3 rows counted for ever",
        ours="keys compared on schedule, marked _deleted_at; more than half of a table needs a person's word",
    )


@pytest.mark.parametrize("reconciled_between", [True, False])
def test_keys_used_again(shop: Shop, tell: Tell, *, reconciled_between: bool) -> None:
    naive = Naive(shop.address, shop.warehouse, "shop_orders")
    naive.begin()
    for key in ("A", "B"):
        shop.put(key, qty=1)
    naive.load()
    shop.load()
    shop.delete("A")
    if reconciled_between:
        shop.reconcile()
    shop.put("A", qty=9, updated_at="2026-03-02 10:00:00")
    naive.load()
    shop.load()

    assert sorted(naive.rows("order_id, qty")) == [("A", 1), ("A", 9), ("B", 1)]
    assert equal(shop)
    assert shop.reconcile().counts.deleted == 0
    assert equal(shop)
    tell(
        f"rows: a key is used again, {'after' if reconciled_between else 'before'} its delete was seen",
        harm="without a key the order stands there twice, old and new",
        ours="one row a key: the new one, no longer deleted",
    )


def test_two_nights_at_once(shop: Shop, tell: Tell) -> None:
    naive = Naive(shop.address, shop.warehouse, "shop_orders")
    naive.begin()
    shop.execute(
        "insert into shop_orders (order_id, qty, amount, ordered_on, updated_at)"
        " select 'O' || n, 1, 1, '2026-03-01', timestamp '2026-03-01' + n * interval '1 s' from generate_series(1, 1000) as n"
    )
    # The second begins and ends between two batches of the first.
    second = [naive]
    naive.load(batch=500, between=lambda: second.pop().load() if second else None)
    doubled = len(naive.rows()) - 1000
    assert doubled == 500

    with shop.session() as session:
        with pytest.raises(Busy, match=r"Another run holds extract shop\. Wait for it to end.*pg_stat_activity"):
            shop.load()
        load_table(session, contract(), SqlTable(query=QUERY))
    assert shop.load().counts.inserted == 0
    assert equal(shop)
    assert shop.ask("select state, count(*) as n from ops.load group by 1") == [{"state": "succeeded", "n": 2}]
    tell(
        "two nights at once on one table",
        harm=f"both load the same rows: {doubled} of 1000 doubled",
        ours="the second is refused within seconds, told who holds the system, and tried again when it is free",
    )
