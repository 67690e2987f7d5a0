"""An API that is down, breaks off, hangs, or answers with something else: no row is lost, none is taken for deleted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest
from tests.faults import http_naive
from tests.faults.conftest import Tell
from tests.http_api import HTML, TOKEN, Reply
from tests.http_shop import PAGING, TABLE, Shop, opened_shop

from fupan.errors import ConfigurationError, ContractError, SourceUnavailable
from fupan.extract import http_client, http_patience
from fupan.server.postgres import EmbeddedPostgres

#: Read whole each night, so that what a page lacks looks deleted.
WHOLE = TABLE.model_copy(update={"since": None})
ORDERS = 10


@pytest.fixture
def shop(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Ten orders, loaded; since then one was deleted and one has changed."""
    with opened_shop(server, monkeypatch) as opened:
        for n in range(ORDERS):
            opened.put(f"SO{n}")
        opened.load(WHOLE)
        del opened.orders["SO9"]
        opened.put("SO3", quantity=7)
        opened.api.requests.clear()
        yield opened


def equal(shop: Shop) -> bool:
    """Whether raw is the source to the row, and each load adds up."""
    raw = {key: row["qty"] for key, row in shop.raw().items()}
    (odd,) = shop.ask(
        "select count(*) as n from ops.load where state = 'succeeded' and rows_read <>"
        " rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected"
    )
    return raw == {key: order["quantity"] for key, order in shop.orders.items()} and odd["n"] == 0


def failed_and_untouched(shop: Shop) -> bool:
    last = shop.ask("select state from ops.load order by load_id desc limit 1")
    return last == [{"state": "failed"}] and len(shop.raw()) == ORDERS and shop.raw()["SO3"]["qty"] == 2


def test_refused(shop: Shop, tell: Tell) -> None:
    shop.api.close()
    naive = http_naive.by_cursor(shop.api)

    with pytest.raises(SourceUnavailable, match="does not answer") as failure:
        shop.load(WHOLE)

    assert naive == []
    assert failed_and_untouched(shop)
    assert failure.value.remedy is not None
    assert "shop_test" in failure.value.remedy
    assert TOKEN not in str(failure.value)
    tell(
        "HTTP: the connection is refused",
        harm=f"0 of {len(shop.orders)} rows, so all {ORDERS} look deleted",
        ours="said at once, with the connection's name; raw untouched",
    )


_JSON = {"data": [{"order_id": f"SO{n}"} for n in range(3, 6)], "paging": {"next_cursor": "c6"}}
_ODD = [
    ("reset before the status", Reply(_JSON, cut=-1, resets=True), SourceUnavailable),
    ("reset in mid-stream", Reply(_JSON, cut=40, resets=True), SourceUnavailable),
    ("ends in mid-stream", Reply(_JSON, cut=40), SourceUnavailable),
    ("ends in mid-stream, chunked", Reply(_JSON, cut=60, is_chunked=True), SourceUnavailable),
    ("truncated JSON that says it is whole", Reply(b'{"data": [{"order_id": "SO3"}, {"or'), SourceUnavailable),
    ("an HTML error page with status 200", HTML, SourceUnavailable),
    ("nothing, with status 200", Reply(b""), SourceUnavailable),
    ("an error as JSON, with status 200", Reply({"error": "slow down"}), ContractError),
    ("502", Reply(status=502), SourceUnavailable),
    ("says gzip and is not", Reply(b"\x1f\x8bno", headers={"Content-Encoding": "gzip"}), SourceUnavailable),
    ("a token that ran out", Reply({"error": TOKEN}, 401), ConfigurationError),
]


@pytest.mark.parametrize(("fault", "reply", "kind"), _ODD, ids=[one[0] for one in _ODD])
def test_a_page_that_is_none(
    shop: Shop, tell: Tell, caplog: pytest.LogCaptureFixture, *, fault: str, reply: Reply, kind: type[Exception]
) -> None:
    caplog.set_level(logging.DEBUG)
    shop.api.faults = [None, reply]
    naive = http_naive.by_cursor(shop.api)
    assert 0 < len(naive) < len(shop.orders)

    # For good: the night fails, and says so.
    shop.api.faults = [None] + [reply] * 50
    with pytest.raises(kind):
        shop.load(WHOLE)
    assert failed_and_untouched(shop)
    (load,) = shop.ask("select error from ops.load where state = 'failed'")
    assert TOKEN not in load["error"] + caplog.text

    # For a while: nobody notices, where another try may help.
    shop.api.faults = [None, reply, reply] if kind is SourceUnavailable else []
    shop.load(WHOLE)
    assert equal(shop)
    tell(
        f"HTTP: page 2 is {fault}",
        harm=f"{len(naive)} of {len(shop.orders)} rows, the rest look deleted",
        ours="asked again; where it stays so, the load fails and raw is untouched",
    )


@pytest.mark.parametrize(
    ("stage", "cut"),
    [
        ("before the status", -1),
        ("after the headers", 0),
        ("in the body", 30),
        ("before its end", len(Reply(_JSON).bytes) - 3),
    ],
)
def test_a_server_that_hangs(shop: Shop, tell: Tell, monkeypatch: pytest.MonkeyPatch, stage: str, cut: int) -> None:
    hangs = Reply(_JSON, cut=cut, hangs=60)
    shop.api.faults = [None, hangs]
    naive = threading.Thread(target=http_naive.by_cursor, args=[shop.api], daemon=True)
    naive.start()
    naive.join(1)
    assert naive.is_alive()

    monkeypatch.setattr(http_client, "SILENCE_S", 0.15)
    shop.api.faults = [None] + [hangs] * 50
    begun = time.monotonic()
    with pytest.raises(SourceUnavailable, match="no answer in time"):
        shop.load(WHOLE)
    took = time.monotonic() - begun
    assert failed_and_untouched(shop)
    assert took < 10

    shop.api.released.set()
    shop.api.faults = []
    shop.load(WHOLE)
    assert equal(shop)
    tell(
        f"HTTP: the server hangs {stage}",
        harm="without a time-out the night hangs with it",
        ours="given up after the silence that is allowed, tried again, then the load fails",
    )


def test_a_storm_of_5xx_while_pages_are_read_ahead(shop: Shop, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(200):
        shop.put(f"SO{n}")
    shop.api.lists["/v1/orders"] = shop.by_place
    storm: list[Reply | None] = [None if n % 3 else Reply(status=(500, 503, 504)[n % 9 // 3]) for n in range(60)]
    shop.api.faults = [None, *storm]
    naive = http_naive.by_page(shop.api, size=10, at_once=8)
    assert len(naive) < len(shop.orders)

    monkeypatch.setattr(http_patience, "FAILING_S", 5)
    shop.api.faults = [None, *storm]
    shop.load(WHOLE.model_copy(update={"paging": PAGING.model_copy(update={"kind": "page", "next": None, "size": 10})}))
    assert equal(shop)
    tell(
        "HTTP: every third request is answered by 5xx, pages read ahead",
        harm=f"{len(naive)} of {len(shop.orders)} rows",
        ours="every page asked for until it came; all rows, each once",
    )


def test_a_storm_of_429_while_pages_are_read_ahead(shop: Shop, tell: Tell) -> None:
    for n in range(300):
        shop.put(f"SO{n}")
    limit = _Limit(requests=20, seconds=1)
    shop.api.lists["/v1/orders"] = lambda request: limit.refusal() or shop.by_place(request)
    naive = http_naive.by_page(shop.api, size=10, at_once=8)
    assert len(naive) < len(shop.orders)

    limit.refused = 0
    entry = WHOLE.model_copy(update={"paging": PAGING.model_copy(update={"kind": "offset", "next": None, "size": 10})})
    shop.load(entry)
    assert equal(shop)
    # Eight were under way when the limit was met; after that one asks for all of them.
    assert limit.refused < 40
    tell(
        "HTTP: 20 requests a second are allowed, pages read ahead",
        harm=f"{len(naive)} of {len(shop.orders)} rows",
        ours=f"all wait as long as the server says while one asks: {limit.refused} refusals, all rows",
    )


class _Limit:
    """So many ``requests`` in so many ``seconds``."""

    def __init__(self, requests: int, seconds: float) -> None:
        self._requests, self._seconds, self._lock = requests, seconds, threading.Lock()
        self._begun, self._made, self.refused = 0.0, 0, 0

    def refusal(self) -> Reply | None:
        with self._lock:
            now = time.monotonic()
            if now - self._begun > self._seconds:
                self._begun, self._made = now, 0
            self._made += 1
            if self._made <= self._requests:
                return None
            self.refused += 1
            return Reply({"error": "too many"}, 429, {"Retry-After": "1"})


@pytest.mark.parametrize("kind", ["gzip", "chunked", "gzip and chunked"])
def test_compressed_and_chunked_bodies(shop: Shop, tell: Tell, kind: str) -> None:
    shop.put("SO4", quantity=9, note="灯" * 3000)
    shop.api.zips = "gzip" in kind
    page = shop.api.lists["/v1/orders"]
    shop.api.lists["/v1/orders"] = lambda request: Reply(page(request), is_chunked="chunked" in kind)
    naive = http_naive.over_a_socket(shop.api)
    assert len(naive) < 3

    shop.load(WHOLE)

    assert equal(shop)
    assert "gzip" in shop.api.requests[-1].headers["Accept-Encoding"]
    tell(
        f"HTTP: bodies are {kind}",
        harm=f"a reader that takes them as they come: {len(naive)} of 3 rows of the first page",
        ours="unpacked and put together, all rows",
    )
