"""What the e-commerce platform's API serves: a declaration a table, and the queries that follow from it.

PostgreSQL writes the JSON of a whole page itself; Python only passes the text on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor


@dataclass(frozen=True)
class Table:
    """A relation of schema shop_platform. ``path``: of its list. ``key``: its primary key; ``stamp``: what a list is ordered by
    before the key, for it only grows.

    ``largest``: most rows that a page may have. ``day`` and ``sums``: what totals are told by (no totals without a day).
    ``lists_ids``: the keys alone are a list of their own.
    """

    path: str
    relation: str
    key: tuple[str, ...]
    largest: int = 1000
    day: str | None = None
    sums: dict[str, str] = field(default_factory=dict)
    lists_ids: bool = False
    stamp: str = "updated_at"


#: Type of a sum of whole numbers, of stars, of money.
_COUNT, _STARS, _MONEY = "numeric", "numeric(16, 2)", "numeric(20, 4)"
TABLES = (
    Table("/v1/reviews", "reviews", ("review_id",), day="posted_at", sums={"rating": _STARS}, lists_ids=True),
    Table("/v1/users", "web_users", ("user_id",), largest=5000, lists_ids=True),
    Table(
        "/v1/sessions", "web_sessions", ("session_id",), largest=5000,
        day="started_at", sums={"page_views": _COUNT, "duration_s": _COUNT},
    ),
    Table("/v1/events", "web_events", ("event_id",), largest=5000, day="occurred_at"),
    Table(
        "/v1/live_sessions", "web_live_sessions", ("live_id",), day="started_at", sums={"orders": _COUNT, "gmv": _MONEY}
    ),
    Table(
        "/v1/content_posts", "web_content_posts", ("post_id", "stat_date"), largest=5000,
        day="stat_date", sums={"reads": _COUNT, "interactions": _COUNT, "gmv": _MONEY},
    ),
    Table("/v1/keyword_ranks", "web_keyword_ranks", ("stat_date", "engine", "keyword"), largest=5000),
)  # fmt: skip

#: From (including) and to: of the stamp; None: open.
Between = tuple[datetime | None, datetime | None]

_PAGE = """
with page as materialized (
    select found, {order}, row_number() over (order by {order}) as number
    from (select {what} from {relation} where {where} order by {order} limit %(limit)s + 1) as found
)
select
    coalesce(json_agg(found order by number) filter (where number <= %(limit)s), '[]')::text,
    max(json_build_array({order})::text) filter (where number = %(limit)s),
    count(*) > %(limit)s
from page
"""
_TOTALS = """
select coalesce(json_agg(total order by total.day), '[]')::text
from (select {day}::date as day, count(*) as rows{sums} from {relation} where {where} group by 1) as total
"""


def rows(cursor: Cursor, table: Table, within: Between, after: Sequence[str], limit: int) -> tuple[str, str | None]:
    """A page of whole rows after the position ``after`` (empty: from the start): a JSON array, and the position (JSON, too)
    at which the next page begins, None on the last."""
    order = (table.stamp, *table.key)
    return _page(cursor, table, order, after, limit, what=sql.SQL("*"), within=within)


def ids(cursor: Cursor, table: Table, after: Sequence[str], limit: int) -> tuple[str, str | None]:
    """A page of keys; as `rows`."""
    return _page(cursor, table, table.key, after, limit, what=_names(table.key), within=(None, None))


def totals(cursor: Cursor, table: Table, within: Between) -> str:
    """Rows and sums (as text) by day: a JSON array."""
    assert table.day
    sums = [
        sql.SQL(", sum({name})::{type}::text as {name}").format(name=sql.Identifier(name), type=sql.SQL(kind))
        for name, kind in table.sums.items()
    ]
    where, values = _where(table, within)
    query = sql.SQL(_TOTALS).format(
        day=sql.Identifier(table.day), sums=sql.Composed(sums), relation=_relation(table), where=where
    )
    cursor.execute(query, values)
    return str(_row(cursor)[0])


def _page(
    cursor: Cursor,
    table: Table,
    order: tuple[str, ...],
    after: Sequence[str],
    limit: int,
    *,
    what: sql.Composable,
    within: Between,
) -> tuple[str, str | None]:
    where, values = _where(table, within)
    if after:
        # Values are compared as the columns' own types.
        where += sql.SQL(" and ({}) > ({})").format(_names(order), sql.SQL(", ").join(map(sql.Placeholder, order)))
        values |= dict(zip(order, after, strict=True))
    query = sql.SQL(_PAGE).format(order=_names(order), what=what, relation=_relation(table), where=where)
    cursor.execute(query, values | {"limit": limit})
    data, last, is_followed = _row(cursor)
    return data, last if is_followed else None


def _where(table: Table, within: Between) -> tuple[sql.Composed, dict[str, Any]]:
    low, high = within
    parts: list[sql.Composable] = [sql.SQL("true")]
    if low is not None:
        parts.append(sql.SQL("{} >= %(low)s").format(sql.Identifier(table.stamp)))
    if high is not None:
        parts.append(sql.SQL("{} < %(high)s").format(sql.Identifier(table.stamp)))
    return sql.SQL(" and ").join(parts), {"low": low, "high": high}


def _relation(table: Table) -> sql.Identifier:
    return sql.Identifier("shop_platform", table.relation)


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _row(cursor: Cursor) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None
    return row
