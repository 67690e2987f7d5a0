"""The platform's API: whole lists, page by page, for who has the token; and the process that serves it."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

import psutil
import psycopg2
import pytest
import requests
from tests.company import platform_served
from tests.databases import drop_database

from fupan.demo.systems import erp
from fupan.demo.systems.platform_api import Bucket
from fupan.demo.systems.platform_server import PlatformServer
from fupan.demo.systems.platform_tables import TABLES, Table
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
        following: dict[str, str] | None = {}
        while following is not None:
            answer = self.get(path, **parameters, **following)
            assert answer.status_code == 200, answer.text
            yield answer.json()["data"]
            cursor = answer.json()["paging"]["next_cursor"]
            following = {"cursor": cursor} if cursor else None

    def rows(self, path: str = "/v1/reviews", **parameters: Any) -> list[dict[str, Any]]:
        return [row for page in self.pages(path, **parameters) for row in page]


@pytest.fixture(scope="module")
def shop(server: EmbeddedPostgres) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as patch, platform_served() as address:
        patch.setattr(erp, "DATABASE", DATABASE)
        url = erp.ensure(erp.Making(until=date(2026, 11, 20), scale=0.02, faults={}))
        yield Shop(url, address)
        drop_database(server, url)


def names(parts: tuple[str, ...]) -> str:
    return ", ".join(parts)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.relation)
def test_a_list_is_whole_and_in_order(shop: Shop, table: Table) -> None:
    ((count,),) = shop.ask(f"select count(*) from shop_platform.{table.relation}")
    size = min(table.largest, count // 5)
    pages = list(shop.pages(table.path, limit=size))
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert len(pages) >= 5
    order = names((table.stamp, *table.key))
    stored = shop.ask(f"select to_json(it) from shop_platform.{table.relation} as it order by {order}")
    assert rows == [row for (row,) in stored]
    assert rows[0]["updated_at"].endswith("+08:00")


@pytest.mark.parametrize("table", [table for table in TABLES if table.lists_ids], ids=lambda table: table.relation)
def test_keys_are_a_list_of_their_own(shop: Shop, table: Table) -> None:
    (key,) = table.key
    stored = shop.ask(f"select {key} from shop_platform.{table.relation} order by 1")
    assert shop.rows(f"{table.path}/ids", limit=table.largest) == [{key: value} for (value,) in stored]


@pytest.mark.parametrize("table", [table for table in TABLES if table.day], ids=lambda table: table.relation)
def test_what_changed_since(shop: Shop, table: Table) -> None:
    newest = f"select max(updated_at) from shop_platform.{table.relation}"
    since, until = (shop.ask(f"select ({newest}) - interval '{days} days'")[0][0].isoformat() for days in (30, 1))
    within = {"updated_since": since, "updated_until": until}
    changed = shop.rows(table.path, limit=1000, **within)
    assert shop.ask(
        f"select count(*) from shop_platform.{table.relation} where updated_at >= '{since}' and updated_at < '{until}'"
    ) == [(len(changed),)]
    assert changed
    by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in changed:
        by_day[row[table.day or ""][:10]].append(row)
    told = shop.get(f"{table.path}/totals", **within).json()["data"]
    assert [(row["day"], row["rows"]) for row in told] == [(day, len(rows)) for day, rows in sorted(by_day.items())]
    for row in told:
        for name in table.sums:
            assert float(row[name]) == pytest.approx(sum(each[name] or 0 for each in by_day[row["day"]]))


def test_who_reads_while_rows_change_misses_none(shop: Shop) -> None:
    users = "shop_platform.web_users"
    pages = shop.pages("/v1/users", limit=500)
    first = next(pages)
    # Rows of a page that was sent and of one that was not; a row that goes; a new one.
    shop.ask(
        f"update {users} set city = '改', updated_at = now() where user_id in "
        f"('{first[3]['user_id']}', (select user_id from {users} order by updated_at desc limit 1 offset 50))"
    )
    columns = ", ".join(name for name in first[0] if name not in ("user_id", "updated_at"))
    shop.ask(
        f"insert into {users} (user_id, {columns}, updated_at) select user_id || 'N', {columns}, now() from {users} "
        f"where user_id = '{first[4]['user_id']}'"
    )
    shop.ask(f"delete from {users} where user_id = '{first[5]['user_id']}'")
    seen = {row["user_id"]: row for row in first} | {row["user_id"]: row for page in pages for row in page}
    del seen[first[5]["user_id"]]
    assert seen == {row["user_id"]: row for row in shop.rows("/v1/users", limit=5000)}


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "²"},
        {"limit": "many"},
        {"cursor": "WyJub3doZXJlIl0"},
        {"cursor": "%%%"},
        {"cursor": "WyJuZXZlciIsICJSVjEiXQ"},
        {"cursor": "eyJhIjogMX0"},
        {"updated_since": "2026-01-30"},
        {"updated_since": "yesterday"},
        {"updated_until": "tomorrow"},
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
