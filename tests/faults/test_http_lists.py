"""Lists that loop, repeat themselves, or move while they are read; values that come in wrappers."""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.faults import http_naive
from tests.faults.conftest import Tell
from tests.http_api import Reply, Request
from tests.http_shop import PAGING, TABLE, Shop, counts, opened_shop

from fupan.contracts.installation import HttpTable, Paging
from fupan.errors import ContractError
from fupan.server.postgres import EmbeddedPostgres

SIZE = 10


@pytest.fixture
def shop(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with opened_shop(server, monkeypatch) as opened:
        yield opened


def whole(**paging: Any) -> HttpTable:
    """The table read whole, by that paging."""
    return TABLE.model_copy(update={"since": None, "paging": PAGING.model_copy(update={"next": None, **paging})})


def _looping(n: int) -> tuple[int, str]:
    return n, f"c{(n + 1) % 3}"


def _repeating(n: int) -> tuple[int, str]:
    return min(n, 2), f"c{n + 1}"


@pytest.mark.parametrize(
    ("fault", "page_of", "told"),
    [("a cursor that loops", _looping, "read before"), ("a page repeated for ever", _repeating, "same as one before")],
)
def test_a_list_without_end(
    shop: Shop, tell: Tell, *, fault: str, page_of: Callable[[int], tuple[int, str]], told: str
) -> None:
    for n in range(9):
        shop.put(f"SO{n}")
    shop.load()
    del shop.orders["SO8"]

    def answer(request: Request) -> Any:
        shown, following = page_of(int(request.parameters.get("cursor", "c0")[1:]))
        rows = list(shop.orders.values())[3 * shown : 3 * shown + 3]
        if fault == "a cursor that loops":
            # No page is quite the same again.
            rows = [row | {"views": len(shop.api.requests)} for row in rows]
        return {"data": rows, "paging": {"next_cursor": following}}

    shop.api.lists["/v1/orders"] = answer
    naive = http_naive.by_cursor(shop.api, at_most=50)
    shop.api.requests.clear()

    with pytest.raises(ContractError, match=told):
        shop.load(TABLE.model_copy(update={"since": None}))

    assert len(naive) > 10 * len(shop.orders)
    assert len(shop.api.requests) < 6
    assert len(shop.raw()) == 9
    tell(
        f"HTTP: {fault}",
        harm=f"after 50 requests {len(naive)} rows of {len(shop.orders)}, and no end",
        ours=f"an error after {len(shop.api.requests)} requests; raw untouched",
    )


class _Moving:
    """A list by page or offset in which rows come, change and go between requests, as dice have it."""

    def __init__(self, shop: Shop, seed: int, *, newest_first: bool, often: float = 0.5) -> None:
        self._shop, self._dice, self._newest_first, self._often = shop, random.Random(seed), newest_first, often
        self._lock, self._minutes, self._is_still = threading.Lock(), itertools.count(1), False
        self.deleted = set[str]()
        for n in range(20 * SIZE):
            self._put(f"SO{n:03d}")
        #: There before, and so to be found, unless deleted meanwhile.
        self.there = set(shop.orders)
        shop.api.lists["/v1/orders"] = self._answer

    def rest(self) -> None:
        """From now on nothing moves."""
        self._is_still = True

    def _answer(self, request: Request) -> Any:
        with self._lock:
            if not self._is_still and self._dice.random() < self._often:
                self._move()
            return self._shop.by_place(request, self._newest_first)

    def _move(self) -> None:
        key = self._dice.choice(sorted(self._shop.orders))
        what = self._dice.choice(["come", "change", "change", "go"])
        if what == "go":
            del self._shop.orders[key]
            self.deleted.add(key)
        else:
            self._put(key if what == "change" else f"NEW{next(self._minutes)}")

    def _put(self, key: str) -> None:
        stamp = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=next(self._minutes))
        self._shop.put(key, updated_at=stamp.isoformat(), quantity=self._dice.randrange(100))


@pytest.mark.parametrize("kind", ["page", "offset"])
@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
def test_a_list_that_moves(shop: Shop, tell: Tell, rounds: int, *, kind: str, newest_first: bool) -> None:
    harm, ours = 0, 0
    for seed in range(rounds):
        for at_once in (1, 8):
            shop.orders.clear()
            moving = _Moving(shop, seed, newest_first=newest_first)
            found = {row["order_id"] for row in http_naive.by_page(shop.api, size=SIZE, at_once=at_once)}
            harm += len(moving.there - moving.deleted - found)

        shop.orders.clear()
        shop.ask("truncate raw.shop_orders, ops.watermark; select 1 as done") if seed else None
        moving = _Moving(shop, seed, newest_first=newest_first)
        result = shop.load(whole(kind=kind, size=SIZE))
        lost = moving.there - moving.deleted - set(shop.raw())
        assert not lost, f"seed {seed}"
        ours += counts(result).get("duplicate", 0)
        # The next night sees what came too late for this one, and what is gone.
        moving.rest()
        result = shop.load(whole(kind=kind, size=SIZE))
        assert {key: row["qty"] for key, row in shop.raw().items()} == {
            key: order["quantity"] for key, order in shop.orders.items()
        }
        assert result.counts.read == len(shop.orders)
    assert harm
    tell(
        f"HTTP: a list by {kind}, {'newest' if newest_first else 'oldest'} first, moves while it is read",
        harm=f"page after page and eight at once: {harm} rows lost in {2 * rounds} reads",
        ours=f"none lost in {rounds} reads, {ours} that moved read twice and counted as duplicates",
    )


def test_a_source_that_ignores_the_size_of_a_page(shop: Shop, caplog: pytest.LogCaptureFixture, tell: Tell) -> None:
    """Nothing shows what moves there, so pages are at least asked for in order."""
    for n in range(95):
        shop.put(f"SO{n}")

    def fixed(request: Request) -> Any:
        request.parameters["limit"] = str(SIZE)
        return shop.by_place(request)

    shop.api.lists["/v1/orders"] = fixed
    naive = http_naive.fetched(shop.api, "/v1/orders", limit=1000, page=1)["data"]
    shop.load(whole(kind="page", size=SIZE))
    assert len(shop.raw()) == 95
    assert "does not heed" in caplog.text
    tell(
        "HTTP: a source that ignores the size of a page",
        harm=f"a page that is not full taken for the last: {len(naive)} of 95 rows",
        ours="read on until an empty page, one after the other, and said so: 95 rows",
    )


def _by_days(shop: Shop, *, heeds: bool = True) -> Callable[[Request], Any]:
    """A list by cursor that knows `since` and `until`, and in which an old order changes while the first days are read."""
    late = threading.Event()

    def told(request: Request) -> Any:
        low, high = (request.parameters.get(name, "") for name in ("since", "until"))
        begin, size = int(request.parameters.get("cursor", "0")), int(request.parameters["limit"])
        if high and heeds and not late.is_set():
            late.set()
            shop.put("SO0500", quantity=77, updated_at=datetime.now(UTC).isoformat())
        stamps = {key: datetime.fromisoformat(one["updated_at"]) for key, one in shop.orders.items()}
        found = [
            shop.orders[key]
            for key in sorted(stamps, key=lambda key: (stamps[key], key))
            if not heeds
            or (
                (not low or stamps[key] >= datetime.fromisoformat(low))
                and (not high or stamps[key] < datetime.fromisoformat(high))
            )
        ]
        following = str(begin + size) if begin + size < len(found) else None
        return {"data": found[begin : begin + size], "paging": {"next_cursor": following}}

    return told


_DAYS = TABLE.model_copy(
    update={
        "since": "since",
        "until": "until",
        "paging": Paging(kind="cursor", next="paging.next_cursor", size_parameter="limit", size=SIZE, ahead=4),
    }
)


def test_days_read_side_by_side_while_a_row_changes_its_day(shop: Shop, tell: Tell) -> None:
    for n in range(1000):
        day = datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(hours=8 * n)
        shop.put(f"SO{n:04d}", updated_at=day.isoformat())
    shop.api.lists["/v1/orders"] = _by_days(shop)
    # The present first, then the days before: what left them for the present in between is in neither.
    path, cut = "/v1/orders", "2025-12-01T00:00:00+00:00"
    present = http_naive.fetched(shop.api, path, limit=1000, since=cut)["data"]
    before = http_naive.fetched(shop.api, path, limit=1000, until=cut)["data"]
    naive = {row["order_id"] for row in [*present, *before]}
    assert set(shop.orders) - naive == {"SO0500"}

    day = datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(hours=8 * 500)
    shop.put("SO0500", updated_at=day.isoformat())
    shop.api.lists["/v1/orders"] = _by_days(shop)
    result = shop.load(_DAYS)

    assert counts(result) == {"read": 1000, "inserted": 1000}
    assert shop.raw()["SO0500"]["qty"] == 77
    assert len({request.parameters.get("since") for request in shop.api.requests}) > 8
    tell(
        "HTTP: days read side by side, an old row changes meanwhile",
        harm="the present read first: the row is in no day",
        ours="the present read last: 1000 of 1000 rows, as they are now",
    )


def test_a_source_that_ignores_the_days(shop: Shop, tell: Tell) -> None:
    for n in range(200):
        day = datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=n)
        shop.put(f"SO{n:04d}", updated_at=day.isoformat())
    shop.api.lists["/v1/orders"] = _by_days(shop, heeds=False)
    naive = sum(
        len(http_naive.fetched(shop.api, "/v1/orders", limit=1000, since=f"2025-{month:02d}-01")["data"])
        for month in range(1, 13)
    )

    with pytest.raises(ContractError, match="does not heed"):
        shop.load(_DAYS)

    assert shop.raw() == {}
    tell(
        "HTTP: a source that does not know `since` and `until`",
        harm=f"every range is the whole list: {naive} rows of 200",
        ours="an error that says so; raw untouched",
    )


def test_numbers_in_wrappers_and_beyond_a_float(shop: Shop, tell: Tell) -> None:
    amounts = ["2.55", "0.10", "12345678.91", "-3.00", "99999999.99"]
    for n, amount in enumerate(amounts):
        shop.put(f"SO{n}", amount={"__class__": "Decimal", "decimal": amount})
    entry = TABLE.model_copy(update={"fields": TABLE.fields | {"amount": "amount.decimal"}})
    shop.load(entry)
    assert [row["amount"] for _, row in sorted(shop.raw().items())] == list(map(Decimal, amounts))

    # As plain numbers, of more digits than a float has.
    body = '{"data": [%s], "paging": {"next_cursor": null}}'
    rows = ['{"order_id": "N%d", "amount": %s, "quantity": %s, "updated_at": "2026-03-09 10:00:00"}']
    given = [("90071992.54740993", "1"), ("0.1000000000000000055", "2"), ("1e2", "3"), ("5", "9007199254740993")]
    told = body % ", ".join(rows[0] % (n, amount, units) for n, (amount, units) in enumerate(given))
    shop.api.faults = [Reply(told.encode())]
    naive = json.loads(told)["data"]
    wide = entry.model_copy(
        update={"fields": {"qty": "quantity"}, "optional": ("buyer", "phone", "paid", "ordered_on")}
    )

    result = shop.load(wide)

    assert counts(result) == {"read": 4, "inserted": 1, "rejected": 3}
    contents = shop.ask(
        "select row_content ->> 'order_id' as key, row_content ->> 'amount' as amount, reason from ops.rejected_row order by 1"
    )
    assert [tuple(row.values()) for row in contents] == [
        ("N0", "90071992.54740993", "amount does not fit numeric(10,2)"),
        ("N1", "0.1000000000000000055", "amount does not fit numeric(10,2)"),
        ("N3", "5", "qty does not fit smallint"),
    ]
    assert naive[1]["amount"] == 0.1
    assert shop.raw()["N2"]["amount"] == 100
    tell(
        "HTTP: numbers wrapped in objects, and beyond a float",
        harm=f"read as float, 0.1000000000000000055 is {naive[1]['amount']} and passes for two decimals",
        ours="by dotted path, digit by digit; what does not fit is a rejected row",
    )
