"""Whether the news that a contract promises have come: part of the raw gate, from `freshness` of contract or installation.

A table is as new as the newest change stamp that has landed, its watermark; one without a stamp as the last business day
on which a load brought rows that are new or changed. Both are the company's time, not the warehouse's: a night that is
run late, or again, judges as it would have on time.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from fupan.contracts.contract import Contract, contracts
from fupan.night.business_day import time_zone
from fupan.quality.results import RuleResult
from fupan.warehouse.connection import Connection, rows

_NEWEST = """
select t.table_name, t.freshness, b.business_day, w.position, news.day
from ops.source_table as t
inner join ops.build as b on b.build_id = %(build)s
left join ops.watermark as w on w.system = t.system and w.table_name = t.table_name
left join lateral (
    select max(l.business_day) as day
    from ops.load as l
    where l.system = t.system and l.table_name = t.table_name and l.state = 'succeeded'
        and l.mode <> 'reconcile' and l.rows_inserted + l.rows_updated > 0
) as news on true
where t.is_delivered and t.freshness is not null
order by t.table_name
"""


def judge(connection: Connection, build_id: int, tables: Collection[str]) -> list[RuleResult]:
    """One result for each of ``tables`` that has a freshness; their dimensions are left to the gate."""
    zone, known = time_zone(), contracts()
    return [
        _result(known[row["table_name"]], row, zone)
        for row in rows(connection, _NEWEST, {"build": build_id})
        if row["table_name"] in tables
    ]


def _result(contract: Contract, row: dict[str, Any], zone: tzinfo) -> RuleResult:
    allowed: timedelta = row["freshness"]
    due = _end_of(row["business_day"], zone)
    newest = _stamp(contract, row["position"] or {}, zone) or (_end_of(row["day"], zone) if row["day"] else None)
    passed = newest is not None and due - newest <= allowed
    label = f"News of {contract.name} within {_words(allowed)} 按约定时限更新"
    return RuleResult(
        gate="raw",
        suite=f"{contract.system}__{contract.name}",
        rule=f"{contract.name}_fresh",
        expectation="expect_table_to_be_fresh",
        system=contract.system,
        table=contract.name,
        dimensions=(),
        severity="warning",
        on_fail="warn",
        owner=contract.owner,
        passed=passed,
        evaluated=None,
        unexpected=None,
        observed={"newest": newest, "allowed": _words(allowed), "end_of_business_day": due},
        sample_keys=[],
        message=label if passed else f"{label}: {_since(newest, due)}",
        runbook="#runbook-freshness",
    )


def _stamp(contract: Contract, position: dict[str, str | None], zone: tzinfo) -> datetime | None:
    """The newest moment that a watermark names; None where the table is read by something else than time, or whole."""
    stamps = []
    for column in contract.columns:
        if not (text := position.get(column.name)):
            continue
        if column.data_type == "timestamptz":
            stamps.append(datetime.fromisoformat(text))
        elif column.data_type == "date":
            stamps.append(_end_of(date.fromisoformat(text), zone))
    return max(stamps, default=None)


def _end_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone)


def _since(newest: datetime | None, due: datetime) -> str:
    if newest is None:
        return "nothing has ever arrived"
    return (
        f"nothing new since {newest.astimezone(due.tzinfo):%Y-%m-%d %H:%M}, {_words(due - newest)} before the day ended"
    )


def _words(duration: timedelta) -> str:
    """`2 days`, `1 day 6 hours`, `45 minutes`; what is smaller is left out."""
    minutes = int(duration.total_seconds()) // 60
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    shown = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count][:2]
    return " ".join(shown) or "no time"
