"""The e-commerce platform's HTTP API: its tables, page by page, to whoever brings the shop's token.

    GET /v1/reviews?updated_since=2026-01-30T00:00:00%2B08:00&updated_until=...&cursor=...&limit=500
    GET /v1/reviews/ids?cursor=...&limit=500
    GET /v1/reviews/totals?updated_since=...&updated_until=...

So are all of `platform_tables.TABLES` (ids and totals where they have some). A list is ordered by a key that only grows, and
its cursor names the last row that was sent: what changes while somebody reads comes again on a later page, nothing is left
out. Who asks too often gets 429 with Retry-After. All answers are JSON.

    python -m fupan.demo.systems.platform_api --port 8123 --database reference_erp
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import orjson
import psycopg2
import uvicorn
from psycopg2.extensions import cursor as Cursor
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fupan import settings
from fupan.demo.systems import platform_tables
from fupan.demo.systems.login import reading_url
from fupan.demo.systems.platform_tables import TABLES, Table

ROLE = "platform_reader"
PAGE = 500
#: Requests a second that a shop is granted, and as many at once: with small pages a first night meets the limit, the nights
#: after it don't.
REQUESTS_A_SECOND = 20.0

#: A token -> libpq URL of the shop's database; None where it opens none.
Shops = Callable[[str], str | None]
#: What a request gets: the text of a JSON document.
Answer = Callable[[Cursor, Request], str]


def application(shop_of: Shops, requests_a_second: float | None = REQUESTS_A_SECOND) -> Starlette:
    """The API for any number of shops; each has the rate for itself (None: no limit)."""
    buckets: dict[str, Bucket] = {}

    def guarded(answer: Answer) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            url = shop_of(token) if scheme.lower() == "bearer" else None
            if url is None:
                raise HTTPException(401, "A valid token is needed", {"WWW-Authenticate": "Bearer"})
            wait = buckets.setdefault(token, Bucket(requests_a_second)).wait() if requests_a_second else 0
            if wait:
                raise HTTPException(429, "Too many requests", {"Retry-After": str(math.ceil(wait))})
            with _shop(url) as cursor:
                return Response(answer(cursor, request), media_type="application/json")

        return respond

    routes = [Route(path, guarded(answer)) for table in TABLES for path, answer in _answers(table).items()]
    return Starlette(routes=routes, exception_handlers={HTTPException: _error})


def _answers(table: Table) -> dict[str, Answer]:
    """Path -> what it answers."""

    def rows(cursor: Cursor, request: Request) -> str:
        after = _position(request, 1 + len(table.key))
        return _page(lambda: platform_tables.rows(cursor, table, _within(request), after, _limit(request, table)))

    def ids(cursor: Cursor, request: Request) -> str:
        after = _position(request, len(table.key))
        return _page(lambda: platform_tables.ids(cursor, table, after, _limit(request, table)))

    def totals(cursor: Cursor, request: Request) -> str:
        return f'{{"data":{platform_tables.totals(cursor, table, _within(request))}}}'

    found: dict[str, Answer] = {table.path: rows}
    if table.lists_ids:
        found[f"{table.path}/ids"] = ids
    if table.day:
        found[f"{table.path}/totals"] = totals
    return found


class Bucket:
    """So many requests a second, and no more than a second's worth at once."""

    def __init__(self, rate: float) -> None:
        self._rate, self._left, self._at = rate, rate, time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Take one request, or say how many seconds are to be waited for it."""
        with self._lock:
            now = time.monotonic()
            self._left = min(self._rate, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left >= 1:
                self._left -= 1
                return 0.0
            return (1 - self._left) / self._rate


@contextlib.contextmanager
def _shop(url: str) -> Iterator[Cursor]:
    """A cursor on the shop's database; 503 where it is stopped or does not answer."""
    try:
        # A connection a request: cheap beside a page, and nothing breaks when the database is made anew.
        with (
            contextlib.closing(
                psycopg2.connect(url, connect_timeout=5, options="-c timezone=Asia/Shanghai")
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("select from shop_platform.stopped")
            if cursor.rowcount:
                raise HTTPException(503, "The platform is down for maintenance")
            yield cursor
    except psycopg2.OperationalError as silence:
        raise HTTPException(503, "The platform's database does not answer") from silence


def _page(ask: Callable[[], tuple[str, str | None]]) -> str:
    try:
        data, position = ask()
    except psycopg2.DataError:
        raise _strange_cursor() from None
    following = "null" if position is None else f'"{base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")}"'
    return f'{{"data":{data},"paging":{{"next_cursor":{following}}}}}'


def _within(request: Request) -> tuple[datetime | None, datetime | None]:
    return _moment(request, "updated_since"), _moment(request, "updated_until")


def _moment(request: Request, name: str) -> datetime | None:
    given = request.query_params.get(name)
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise HTTPException(400, f"{name} is no ISO 8601 time with an offset")
    return moment


def _strange_cursor() -> HTTPException:
    return HTTPException(400, "cursor is none that this list has given")


def _position(request: Request, parts: int) -> list[str]:
    """Where the last page ended: values of the list's key, each a text; none at the start."""
    given = request.query_params.get("cursor")
    if given is None:
        return []
    try:
        position = orjson.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    except ValueError:
        raise _strange_cursor() from None
    if not (isinstance(position, list) and len(position) == parts and all(isinstance(part, str) for part in position)):
        raise _strange_cursor()
    return position


def _limit(request: Request, table: Table) -> int:
    given = request.query_params.get("limit", str(PAGE))
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= table.largest):
        raise HTTPException(400, f"limit is no number from 1 to {table.largest}")
    return int(given)


def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Response(
        orjson.dumps({"error": error.detail}), error.status_code, dict(error.headers or {}), "application/json"
    )


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fupan.demo.systems.platform_api", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True)
    given = parser.parse_args()

    def shop_of(token: str) -> str | None:
        known = secrets.compare_digest(token.encode(), settings.secret("platform_token").encode())
        # Asked each time: the database server may have come back on another port.
        return reading_url(given.database, ROLE) if known else None

    rate = float(os.environ.get("FUPAN_DEMO_RATE") or REQUESTS_A_SECOND)
    uvicorn.run(
        application(shop_of, rate),
        host="127.0.0.1",
        port=given.port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
    )


if __name__ == "__main__":
    _main()
