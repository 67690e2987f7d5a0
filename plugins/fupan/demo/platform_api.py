"""The e-commerce platform's HTTP API: product reviews, page by page, to whoever brings the shop's token.

    GET /v1/reviews?updated_since=2026-01-30T00:00:00%2B08:00&cursor=...&limit=500
    GET /v1/reviews/ids?cursor=...&limit=500
    GET /v1/reviews/totals?updated_since=...

A list is ordered by a key that only grows, and its cursor names the last row that was sent: what changes while somebody
reads comes again on a later page, nothing is left out. Who asks too often gets 429 with Retry-After. All answers are JSON.

    python -m fupan.demo.platform_api --port 8123 --database reference_erp
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
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

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
from fupan.demo.login import reading_url

ROLE = "platform_reader"
PAGE, LARGEST_PAGE = 500, 1000
#: Requests a second that a shop is granted, and as many at once: a first night meets the limit, the nights after it don't.
REQUESTS_A_SECOND = 20.0

_REVIEWS = """
select review_id, order_id, line_no, user_id, sku, title, brand, platform, rating, text, is_default, posted_at, updated_at
from shop_platform.reviews
where updated_at >= %(since)s and (updated_at, review_id) > (%(updated_at)s, %(review_id)s)
order by updated_at, review_id
limit %(limit)s
"""
_IDS = "select review_id from shop_platform.reviews where review_id > %(review_id)s order by review_id limit %(limit)s"
_TOTALS = """
select posted_at::date as day, count(*) as rows, sum(rating)::numeric(16, 2)::text as rating
from shop_platform.reviews
where updated_at >= %(since)s
group by 1
order by 1
"""

#: A token -> libpq URL of the shop's database; None where it opens none.
Shops = Callable[[str], str | None]
Answer = Callable[[Cursor, Request], dict[str, Any]]


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
                return _json(answer(cursor, request))

        return respond

    return Starlette(
        routes=[
            Route("/v1/reviews", guarded(_reviews)),
            Route("/v1/reviews/ids", guarded(_ids)),
            Route("/v1/reviews/totals", guarded(_totals)),
        ],
        exception_handlers={HTTPException: _error},
    )


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


def _reviews(cursor: Cursor, request: Request) -> dict[str, Any]:
    updated_at, review_id = _position(request, ("-infinity", ""))
    values = {"since": _since(request), "updated_at": updated_at, "review_id": review_id}
    return _page(cursor, request, _REVIEWS, values, lambda last: [last["updated_at"], last["review_id"]])


def _ids(cursor: Cursor, request: Request) -> dict[str, Any]:
    (review_id,) = _position(request, ("",))
    return _page(cursor, request, _IDS, {"review_id": review_id}, lambda last: [last["review_id"]])


def _totals(cursor: Cursor, request: Request) -> dict[str, Any]:
    return {"data": _rows(cursor, _TOTALS, {"since": _since(request)})}


def _page(
    cursor: Cursor,
    request: Request,
    query: str,
    values: dict[str, Any],
    position: Callable[[dict[str, Any]], list[Any]],
) -> dict[str, Any]:
    limit = _limit(request)
    # One more than asked for tells whether there is a next page.
    found = _rows(cursor, query, values | {"limit": limit + 1})
    more = len(found) > limit
    following = (
        base64.urlsafe_b64encode(orjson.dumps(position(found[limit - 1]))).decode().rstrip("=") if more else None
    )
    return {"data": found[:limit], "paging": {"next_cursor": following}}


def _rows(cursor: Cursor, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    cursor.execute(query, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _since(request: Request) -> datetime | str:
    given = request.query_params.get("updated_since")
    if given is None:
        return "-infinity"
    try:
        since = datetime.fromisoformat(given)
    except ValueError:
        since = datetime.min
    if since.tzinfo is None:
        raise HTTPException(400, "updated_since is no ISO 8601 time with an offset")
    return since


def _position(request: Request, start: Sequence[str]) -> Sequence[str]:
    """Where the last page ended: values of the list's key, each a text."""
    given = request.query_params.get("cursor")
    if given is None:
        return start
    try:
        position = orjson.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        if len(position) == len(start) and all(isinstance(part, str) for part in position):
            if len(position) > 1:
                datetime.fromisoformat(position[0])
            return list(position)
    except (ValueError, TypeError):
        pass
    raise HTTPException(400, "cursor is none that this list has given")


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", str(PAGE))
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= LARGEST_PAGE):
        raise HTTPException(400, f"limit is no number from 1 to {LARGEST_PAGE}")
    return int(given)


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")


def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code, dict(error.headers or {}))


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fupan.demo.platform_api", description=__doc__)
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
