"""The platform's API: whole lists, page by page, for who has the token; and the process that serves it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg2
import pytest
import requests
from tests.company import platform_served
from tests.databases import drop_database

from fupan.demo import erp, founding
from fupan.demo.platform_api import Bucket
from fupan.demo.platform_server import PlatformServer
from fupan.errors import SourceUnavailable
from fupan.server.postgres import EmbeddedPostgres

DATABASE = "shop_of_platform_tests"


class Shop:
    """One shop as its owner sees it, and as the API shows it."""

    def __init__(self, url: str, address: str) -> None:
        self.url, self.address = url, address

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(psycopg2.connect(self.url, options="-c timezone=Asia/Shanghai")) as connection:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                found = cursor.fetchall() if cursor.description else []
            connection.commit()
        return found

    def get(self, path: str, token: str = DATABASE, **parameters: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"http://{self.address}{path}", params=parameters, headers=headers, timeout=10)

    def pages(self, path: str = "/v1/reviews", **parameters: Any) -> Iterator[list[dict[str, Any]]]:
        following: dict[str, str] = {}
        while following is not None:
            answer = self.get(path, **parameters, **following)
            assert answer.status_code == 200, answer.text
            yield answer.json()["data"]
            cursor = answer.json()["paging"]["next_cursor"]
            following = {"cursor": cursor} if cursor else None  # type: ignore[assignment]

    def rows(self, path: str = "/v1/reviews", **parameters: Any) -> list[dict[str, Any]]:
        return [row for page in self.pages(path, **parameters) for row in page]


@pytest.fixture(scope="module")
def shop(server: EmbeddedPostgres) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch, platform_served() as address:
        patch.setattr(founding, "DAYS_OF_HISTORY", 120)
        patch.setattr(erp, "DATABASE", DATABASE)
        url = erp.ensure()
        yield Shop(url, address)
        drop_database(server, url)


def test_a_list_is_whole_and_in_order(shop: Shop) -> None:
    pages = list(shop.pages(limit=100))
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert len(pages) > 5
    stored = shop.ask("select to_json(it) from shop_platform.reviews as it order by updated_at, review_id")
    assert rows == [row for (row,) in stored]
    assert rows[0]["updated_at"].endswith("+08:00")
    assert shop.rows("/v1/reviews/ids", limit=1000) == [
        {"review_id": one} for one in sorted(r["review_id"] for r in rows)
    ]


def test_what_changed_since(shop: Shop) -> None:
    since = shop.ask("select max(updated_at) - interval '3 days' from shop_platform.reviews")[0][0].isoformat()
    changed = shop.rows(updated_since=since)
    assert [(len(changed),)] == shop.ask(f"select count(*) from shop_platform.reviews where updated_at >= '{since}'")
    assert changed
    totals = shop.get("/v1/reviews/totals", updated_since=since).json()["data"]
    by_day: dict[str, list[int]] = {}
    for row in changed:
        by_day.setdefault(row["posted_at"][:10], []).append(row["rating"])
    assert totals == [
        {"day": day, "rows": len(stars), "rating": f"{sum(stars)}.00"} for day, stars in sorted(by_day.items())
    ]


def test_who_reads_while_rows_change_misses_none(shop: Shop) -> None:
    pages = shop.pages(limit=100)
    first = next(pages)
    # Rows of a page that was sent and of one that was not; a row that goes; a new one.
    shop.ask(
        "update shop_platform.reviews set text = '改', updated_at = now() where review_id in "
        f"('{first[3]['review_id']}', (select review_id from shop_platform.reviews order by updated_at desc limit 1 offset 50))"
    )
    shop.ask(
        "insert into shop_platform.reviews select review_id || 'N', order_id, line_no, user_id, sku, title, brand, platform, "
        f"rating, text, is_default, posted_at, now() from shop_platform.reviews where review_id = '{first[4]['review_id']}'"
    )
    shop.ask(f"delete from shop_platform.reviews where review_id = '{first[5]['review_id']}'")
    seen = {row["review_id"]: row for row in first} | {row["review_id"]: row for page in pages for row in page}
    del seen[first[5]["review_id"]]
    assert seen == {row["review_id"]: row for row in shop.rows()}


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "many"},
        {"cursor": "WyJub3doZXJlIl0"},
        {"cursor": "%%%"},
        {"updated_since": "2026-01-30"},
        {"updated_since": "yesterday"},
    ],
)
def test_what_can_t_be_understood(shop: Shop, parameters: dict[str, str]) -> None:
    answer = shop.get("/v1/reviews", **parameters)
    assert answer.status_code == 400
    assert next(iter(parameters)) in answer.json()["error"]


def test_who_may_not_read(shop: Shop) -> None:
    strangers = platform_served(lambda _: None)
    with strangers as address:
        refused = Shop(shop.url, address).get("/v1/reviews", token="guessed")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert "token" in refused.json()["error"]
    assert shop.get("/v1/orders").status_code == 404
    assert shop.get("/v1/orders").json()["error"]


def test_who_asks_too_often_is_told_when_to_come_back(shop: Shop) -> None:
    with platform_served(requests_a_second=5) as address:
        hasty = Shop(shop.url, address)
        answers = [hasty.get("/v1/reviews", limit=1) for _ in range(12)]
        turned_away = [answer for answer in answers if answer.status_code == 429]
        assert turned_away
        assert turned_away[0].headers["Retry-After"] == "1"
        time.sleep(1)
        assert hasty.get("/v1/reviews", limit=1).status_code == 200


def test_a_bucket_fills_with_time_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    bucket = Bucket(2)
    assert [bucket.wait() for _ in range(3)] == [0, 0, 0.5]
    now = 100.25
    assert bucket.wait() == 0.25
    now = 200
    assert [bucket.wait() for _ in range(3)] == [0, 0, 0.5]


def test_a_platform_that_is_down_and_comes_back(shop: Shop) -> None:
    erp.stop("ecommerce")
    assert shop.get("/v1/reviews").status_code == 503
    erp.stop("ecommerce")
    erp.resume("ecommerce")
    assert shop.get("/v1/reviews").status_code == 200
    assert shop.get("/v1/reviews", token="no_such_database").status_code == 503


def test_the_process_is_found_again_and_stopped(shop: Shop) -> None:
    platform = PlatformServer()
    with pytest.raises(SourceUnavailable, match="never been started"):
        _ = platform.url
    try:
        began = time.monotonic()
        platform.start(DATABASE)
        assert time.monotonic() - began < 10
        url = platform.url
        token, address = url.removeprefix("http://:").split("@")
        served = Shop(shop.url, address)
        assert served.get("/v1/reviews", token=token, limit=1).json()["data"]
        assert served.get("/v1/reviews", token="guessed").status_code == 401
        assert token not in " ".join(psutil.Process(_pid(platform)).cmdline())

        # Somebody else's object finds the same process; a killed one starts again where it was.
        pid = _pid(platform)
        PlatformServer().start(DATABASE)
        assert _pid(platform) == pid
        psutil.Process(pid).kill()
        psutil.Process(pid).wait()
        assert not platform.running()
        platform.start(DATABASE)
        assert platform.url == url
        assert served.get("/v1/reviews", token=token, limit=1).status_code == 200
    finally:
        platform.stop()
    assert not platform.running()
    platform.stop()


def _pid(platform: PlatformServer) -> int:
    process = platform.process()
    assert process
    return process.pid
