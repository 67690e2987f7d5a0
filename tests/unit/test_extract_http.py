"""Requests, patience and paging against a real server on this machine."""

from __future__ import annotations

import hashlib
import hmac
import logging
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from tests.extract_source import contract
from tests.http_api import HTML, TOKEN, Api, Reply

from fupan.contracts.installation import Auth, HttpList, HttpSystem, Paging
from fupan.errors import ConfigurationError, ContractError, FupanError, SourceUnavailable
from fupan.extract import http_client, http_patience
from fupan.extract.connections import Site
from fupan.extract.http_auth import signed
from fupan.extract.http_client import Client
from fupan.extract.http_paging import pages
from fupan.extract.http_patience import Patience
from fupan.extract.http_records import ABSENT, Fields, as_text, at

CURSOR = Paging(kind="cursor", next="paging.next_cursor", size_parameter="limit", size=2)
ORDERS = HttpList(path="/orders", items="data")
ROWS = [{"n": n} for n in range(5)]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(http_patience, "FIRST_S", 0.01)
    monkeypatch.setattr(http_patience, "DOWN_S", 0.05)
    monkeypatch.setattr(http_patience, "FAILING_S", 0.1)
    served = Api()
    served.serve("/orders", ROWS)
    yield served
    served.close()


def system(**auth: Any) -> HttpSystem:
    return HttpSystem(
        system="shop", kind="http", connection="shop_test", time_zone="Asia/Shanghai", auth=Auth(**auth), tables={}
    )


def client(api: Api, folder: str = "", **auth: Any) -> Client:
    return Client(system(**auth), Site(api.url + folder, "me", TOKEN))


def read(api: Api, paging: Paging = CURSOR, **parameters: str) -> list[Any]:
    return [page.items for page in pages(client(api), contract(), ORDERS, paging, parameters)]


def everything(api: Api, paging: Paging = CURSOR, **parameters: str) -> list[Any]:
    return [item for items in read(api, paging, **parameters) for item in items]


def test_one_connection_serves_all_pages(api: Api) -> None:
    assert read(api, since="2026-03-01T00:00:00+08:00") == [ROWS[:2], ROWS[2:4], ROWS[4:]]
    assert [r.parameters.get("cursor") for r in api.requests] == [None, "c2", "c4"]
    assert {r.parameters["since"] for r in api.requests} == {"2026-03-01T00:00:00+08:00"}
    assert api.connections == 1


def test_packed_and_chunked_bodies(api: Api) -> None:
    api.zips = True
    assert everything(api) == ROWS
    chunked = {"data": [{"text": "灯很亮" * 100}], "paging": {"next_cursor": None}}
    api.faults = [Reply(chunked, is_chunked=True)]
    assert everything(api) == chunked["data"]
    assert api.requests[0].headers["Accept-Encoding"] == "gzip"


def test_numbers_are_what_was_written(api: Api) -> None:
    body = b'{"a": 0.10, "b": 12345678901234567890.123456789, "c": 98765432109876543210, "d": 1E400, "e": [1.50, "x"]}'
    api.faults = [Reply(body)]
    answer = client(api).get("/orders", {})
    assert [as_text(value) for value in answer.document.values()] == [
        "0.10",
        "12345678901234567890.123456789",
        "98765432109876543210",
        "1E+400",
        '[1.50, "x"]',
    ]
    api.faults = [Reply(b'{"data": [NaN]}')] * 99
    with pytest.raises(SourceUnavailable, match="no JSON document"):
        client(api).get("/orders", {})


def test_another_charset_and_half_an_emoji(api: Api) -> None:
    api.faults = [
        Reply('["\u706f"]'.encode("gb18030"), headers={"Content-Type": "application/json; charset=GB18030"}),
        Reply(b'["\\ud83d\\ude00 \\ud83d \\u0000 \\\\u0000"]'),
    ]
    assert client(api).get("/orders", {}).document == ["灯"]
    assert client(api).get("/orders", {}).document == ["😀 \ufffd \ufffd \\u0000"]


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=500),
        Reply(status=503, headers={"Retry-After": "0"}),
        Reply(status=429, headers={"Retry-After": "soon"}),
        HTML,
        Reply({"data": ROWS, "paging": {}}, cut=30),
        Reply({"data": ROWS, "paging": {}}, cut=60, is_chunked=True),
        Reply(b'{"data": [{"n": 0}, {"n"'),
        Reply(b""),
        Reply(b"\x1f\x8bnot really", headers={"Content-Encoding": "gzip"}),
        Reply(b"\xff\xfe["),
        Reply(b"[" * 100_000),
        Reply(b'{"data": [{"n": 1e99999999999999999999}]}'),
        Reply(status=302, headers={"Location": "http://[no:address"}),
    ],
)
def test_what_goes_wrong_for_a_while_is_no_empty_page(api: Api, fault: Reply) -> None:
    api.faults = [None, fault, fault]
    assert everything(api) == ROWS

    api.faults = [None] + [fault] * 99
    walk = pages(client(api), contract(), ORDERS, CURSOR, {})
    assert next(walk).items == ROWS[:2]
    with pytest.raises(SourceUnavailable) as failure:
        next(walk)
    assert failure.value.where == {"system": "shop", "table": "shop_orders"}
    assert 2 < len(api.requests) < 50


def test_a_server_that_hangs_or_trickles(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "SILENCE_S", 0.05)
    api.lists["/orders"] = lambda _: time.sleep(0.2) or ROWS
    with pytest.raises(SourceUnavailable, match="no answer in time"):
        everything(api)
    monkeypatch.setattr(http_client, "ANSWER_S", -1.0)
    api.faults = [Reply(ROWS)] * 99
    with pytest.raises(SourceUnavailable, match="takes longer"):
        client(api).get("/orders", {})


def test_a_flood_is_no_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LARGEST_BYTES", 1 << 20)
    api.zips = True
    api.faults = [Reply(b" " * (8 << 20))] * 99
    with pytest.raises(SourceUnavailable, match="larger than 1 MiB"):
        client(api).get("/orders", {})


def test_retry_after_is_obeyed(api: Api) -> None:
    api.faults = [Reply(status=429, headers={"Retry-After": "1"})]
    begun = time.monotonic()
    assert everything(api) == ROWS
    assert 1 <= time.monotonic() - begun < 2


def test_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    waits = []
    patience = Patience(in_the_middle=True)
    while (wait := patience.next_wait()) is not None:
        waits.append(wait)
    assert waits == [1, 2, 4, 8, 16]  # the next one would go beyond a minute
    patience = Patience(in_the_middle=True)
    assert [patience.next_wait("0") for _ in range(6)] == [*waits, None]
    patience = Patience(in_the_middle=False)  # the source is down; its task is tried again later
    assert [patience.next_wait() for _ in range(4)] == [1, 2, 4, None]

    in_ten_minutes = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    patience = Patience(in_the_middle=False)
    assert patience.next_wait("7") == pytest.approx(7.5)
    assert patience.next_wait(in_ten_minutes) == pytest.approx(600, abs=2)
    assert patience.next_wait(in_ten_minutes) is None
    assert Patience(in_the_middle=False).next_wait("3600") is None
    assert [
        Patience(in_the_middle=False).next_wait(no_wait) for no_wait in ("Thu, 01 Jan 1970 00:00:00 GMT", "soon", "")
    ] == [1, 1, 1]
    monkeypatch.setattr(random, "uniform", lambda low, _high: low)
    assert Patience(in_the_middle=False).next_wait("7") >= 7
    assert Patience(in_the_middle=False).next_wait() == 0.5


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (Reply({"error": TOKEN}, 401), ConfigurationError, "connection shop_test"),
        (Reply(status=403), ConfigurationError, "connection shop_test"),
        (Reply(status=404), ConfigurationError, "Correct the path"),
        (Reply({"error": f"updated_since of {TOKEN} is no time"}, 400), ContractError, "updated_since of … is no time"),
        (Reply(b"<html>" + TOKEN.encode(), 422), ContractError, "HTTP 422"),
        (Reply(status=204), ContractError, "HTTP 204"),
    ],
)
def test_what_another_try_does_not_mend(
    api: Api, caplog: pytest.LogCaptureFixture, reply: Reply, kind: type[FupanError], told: str
) -> None:
    caplog.set_level(logging.DEBUG)
    api.faults = [reply]
    with pytest.raises(kind) as refusal:
        everything(api)
    assert told in str(refusal.value)
    assert len(api.requests) == 1
    assert TOKEN not in str(refusal.value) + caplog.text


def test_nobody_there(api: Api) -> None:
    api.close()
    with pytest.raises(SourceUnavailable, match="does not answer"):
        client(api).reach()
    with pytest.raises(SourceUnavailable, match="does not accept a connection"):
        client(api).get("/orders", {})


def test_a_redirect_elsewhere_does_not_carry_the_token(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    other = Api()
    other.lists["/orders"] = lambda request: {"data": [{"told": str("Authorization" in request.headers)}]}
    api.faults = [Reply(status=302, headers={"Location": f"{other.url}/orders"})]
    single = Paging(kind="none")
    assert everything(api, single) == [{"told": "False"}]
    other.close()

    api.faults = [Reply(status=307, headers={"Location": "/orders?limit=5"})]
    assert everything(api, single, limit="1") == ROWS
    api.faults = [Reply(status=302, headers={"Location": "/orders"})] * 999
    with pytest.raises(SourceUnavailable, match="redirected more than 5 times"):
        everything(api)
    assert TOKEN not in caplog.text


def test_basic_and_no_credentials(api: Api) -> None:
    api.lists["/who"] = lambda request: [request.headers.get("Authorization")]
    assert client(api, scheme="basic").get("/who", {}).document == [
        "Basic bWU6YS10b2tlbi10aGF0LW5vYm9keS1tYXktc2Vl"  # me:a-token-that-nobody-may-see
    ]
    assert client(api, scheme="none").get("/who", {}).document == [None]
    with pytest.raises(ConfigurationError, match="shop_test has no login"):
        Client(system(scheme="basic"), Site(api.url, None, TOKEN))


def test_a_token_that_no_header_can_carry() -> None:
    for site in (Site("http://api", None, TOKEN + "\n"), Site("http://api", None, "灯" + TOKEN)):
        with pytest.raises(ConfigurationError, match="line break") as refusal:
            Client(system(), site)
        assert TOKEN not in str(refusal.value)


def test_a_signed_request(api: Api) -> None:
    def check(request: Any) -> Any:
        told = dict(request.parameters)
        signature = told.pop("sign")
        text = "/orders" + "".join(f"{name}{told[name]}" for name in sorted(told))
        wanted = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
        more = None if "from" in told else "/rest/orders?from=2&sign=old"
        return {"data": [told], "next": more} if signature == wanted else Reply({"error": "sign"}, 403)

    api.lists["/rest/orders"] = check
    api.faults = [Reply(status=500)]
    signer = client(api, "/rest", scheme="signed")
    walk = pages(signer, contract(), ORDERS, Paging(kind="link", next="next"), {"名": "灯 &", "limit": "2"})
    first, second = (page.items[0] for page in walk)
    assert (first["app_key"], first["名"], second["from"]) == ("me", "灯 &", "2")
    assert abs(int(first["timestamp"]) / 1000 - time.time()) < 10
    assert "Authorization" not in api.requests[0].headers


def test_signatures_of_another_platform() -> None:
    """The example is worked by hand: HMAC-MD5 with key `helloworld`, the parameters sorted by name, no path."""
    auth = Auth(scheme="signed", digest="md5", clock="local", sign_path=False)
    now = datetime(2026, 1, 30, 9, 5, 7)
    told = signed(auth, Site("", "12345678", "helloworld"), "/router/rest", {"method": "items", "sign": "old"}, now)
    text = "app_key12345678methoditemstimestamp2026-01-30 09:05:07"
    assert told["sign"] == hmac.new(b"helloworld", text.encode(), hashlib.md5).hexdigest().upper()
    assert told["timestamp"] == "2026-01-30 09:05:07"


def _page_of(rows: list[Any], size: int, name: str, *, counts: int) -> Callable[[Any], Any]:
    def told(request: Any) -> Any:
        begin = (int(request.parameters[name]) - counts) * (size if name == "page" else 1)
        return {"data": rows[begin : begin + size], "more": begin + size < len(rows)}

    return told


def test_pages_and_offsets_go_on_until_an_empty_page(api: Api) -> None:
    api.lists["/orders"] = _page_of(ROWS, 2, "page", counts=1)
    assert everything(api, Paging(kind="page")) == ROWS
    # At last the top is looked at again: a row may have risen there.
    assert [r.parameters for r in api.requests] == [{"page": str(n)} for n in (1, 2, 3, 4, 1)]
    # The server gives fewer than it is asked for: the offset follows what came.
    api.lists["/orders"] = _page_of(ROWS, 2, "start", counts=0)
    assert everything(api, Paging(kind="offset", parameter="start", size_parameter="limit", size=500)) == ROWS
    api.requests.clear()
    api.lists["/orders"] = _page_of(ROWS, 2, "page", counts=0)
    assert everything(api, Paging(kind="page", first=0, next="more")) == ROWS
    asked = [r.parameters["page"] for r in api.requests if "page" in r.parameters]
    assert asked == ["0", "1", "2", "0"]


def test_links(api: Api) -> None:
    def told(request: Any) -> Any:
        begin = int(request.parameters.get("from", "0"))
        link = f"/orders?from={begin + 2}&q=%E7%81%AF" if begin + 2 < len(ROWS) else None
        headers = {"Link": f'<{api.url}/orders?from=0>; rel="first", <{link}>; rel="next"'} if link else {}
        return Reply({"data": ROWS[begin : begin + 2], "links": {"next": link}}, headers=headers)

    api.lists["/orders"] = told
    assert everything(api, Paging(kind="link", next="links.next"), q="灯") == ROWS
    assert everything(api, Paging(kind="link"), q="灯") == ROWS
    assert {r.parameters["q"] for r in api.requests} == {"灯"}

    api.faults = [Reply({"data": ROWS, "links": {"next": "http://127.0.0.1:9/orders"}})]
    with pytest.raises(ContractError, match="links to another server"):
        everything(api, Paging(kind="link", next="links.next"))


def test_a_last_page_that_leaves_the_cursor_out(api: Api) -> None:
    api.faults = [Reply({"data": ROWS})]
    assert everything(api, CURSOR.model_copy(update={"next_omitted": True})) == ROWS


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([{"data": ROWS}], r"does not say whether there is a next one: it has no paging\.next_cursor"),
        (
            [{"code": 15, "msg": "secret of the source"}],
            "Page 1 has no list at data; it holds an object with code, msg",
        ),
        ([{"data": None, "paging": {"next_cursor": None}}], "has no list at data"),
        ([[{"n": 1}]], "has no list at data; it holds a list"),
        ([{"data": ["x"], "paging": {"next_cursor": None}}], "other things than objects"),
        ([{"data": ROWS, "paging": {"next_cursor": {"a": 1}}}], "but an object with a"),
        (
            [
                {"data": [{"n": 1}], "paging": {"next_cursor": "a"}},
                {"data": [{"n": 2}], "paging": {"next_cursor": "b"}},
                {"data": [{"n": 3}], "paging": {"next_cursor": "a"}},
            ],
            "Page 3 names a next one that was read before",
        ),
        (
            [
                {"data": [{"n": 1}], "paging": {"next_cursor": "a"}},
                {"data": [{"n": 2}], "paging": {"next_cursor": "b"}},
                {"data": [{"n": 1}], "paging": {"next_cursor": "c"}},
            ],
            "Page 3 is the same as one before",
        ),
    ],
)
def test_a_page_that_can_not_be_the_next(api: Api, answers: list[Any], told: str) -> None:
    api.faults = [Reply(answer) for answer in answers]
    with pytest.raises(ContractError, match=told) as refusal:
        everything(api)
    assert len(api.requests) == len(answers)
    assert "secret" not in str(refusal.value)


def test_a_server_that_ignores_the_page_or_never_ends(api: Api) -> None:
    api.lists["/orders"] = lambda _: {"data": ROWS}
    with pytest.raises(ContractError, match="Page 2 is the same"):
        everything(api, Paging(kind="page"))
    turns = iter(range(10_000))
    api.lists["/orders"] = lambda _: {"data": [], "paging": {"next_cursor": str(next(turns) + 1)}}
    with pytest.raises(ContractError, match="empty pages"):
        everything(api)


def test_dotted_paths() -> None:
    document = {"a": {"b": [{"c": 1}, None]}, "n": None}
    assert at(document, "a.b.0.c") == 1
    assert at(document, "a.b.1.c") is None
    assert at(document, "n.x.y") is None
    assert at(document, "") is document
    assert [at(document, path) for path in ("x", "a.b.2", "a.b.c", "a.b.0.c.d")] == [ABSENT] * 4


def test_fields_met_and_missed() -> None:
    fields = Fields({"id": "id", "name": "user.name", "note": "note"}, None)
    assert fields.meet([{"id": 1, "user": None, "tags": ["a"]}, {"id": True, "user": {"name": "x"}}]) == []
    assert (fields.absent, fields.new) == ({"note"}, ["tags"])
    rows = fields.rows([{"id": Decimal("1.50"), "user": {"name": {"de": "ü"}}}, {"id": False, "note": None}])
    assert list(rows) == [["1.50", '{"de": "ü"}', None], ["false", None, None]]

    selected = Fields({"sku": "item.sku"}, 'select sku, "review-id" as review_id, body from landed')
    assert selected.meet([{"item": {"sku": "L1"}, "review-id": 7, "other": 1}]) == ["review-id"]
    assert selected.meet([{"body": "x"}]) == ["body"]
    assert selected.columns == ["sku", "review-id", "body"]
    assert selected.new == ["other"]
