"""The night report's numbers, read from `ops` and `status`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg2 import sql

from fupan.errors import ConfigurationError
from fupan.report.model import (
    COUNTS,
    ControlTotals,
    Counts,
    DbtNodes,
    DifferingTotal,
    DimensionOutcome,
    Drift,
    FailedNode,
    FailedRule,
    Gate,
    NightReport,
    OpenIncident,
    PublishedTable,
    Quarantine,
    SentAlert,
    Step,
    TableLoad,
)
from fupan.report.redact import redact
from fupan.report.visible import Visible, visible
from fupan.warehouse.connection import Connection, connect, rows

Query = Callable[[str], Any]


def collect(build_id: int) -> NightReport:
    """Everything that `ops` and `status` know of a build, at this moment. Raises ConfigurationError for an unknown one."""
    with connect("builder", "night report") as connection:
        return _collect(connection, build_id)


def _collect(connection: Connection, build_id: int) -> NightReport:
    def query(text: str) -> Any:
        return [_redacted(row) for row in rows(connection, text, {"build": build_id})]

    found = query(
        """
        select b.build_id, b.business_day, b.kind, b.state, r.error, b.started_at, b.finished_at,
            clock_timestamp() as reported_at
        from ops.build as b join ops.run as r using (run_id) where b.build_id = %(build)s
        """
    )
    if not found:
        raise ConfigurationError(f"There is no build {build_id}", remedy="See ops.build for those there are")
    build = found[0]
    loads = _loads(query)
    return NightReport(
        **build,
        seconds=((build["finished_at"] or build["reported_at"]) - build["started_at"]).total_seconds(),
        installations=tuple(row["installation"] for row in query(_INSTALLATIONS)),
        dimensions=tuple(_dimensions(connection, query, build_id)),
        loads=loads,
        totals=Counts(**{name: sum(getattr(load.counts, name) for load in loads) for name in COUNTS}),
        undelivered=tuple(row["table_name"] for row in query(_UNDELIVERED)),
        drift=tuple(Drift(**row) for row in query(_DRIFT)),
        quarantine=tuple(Quarantine(**row) for row in query(_QUARANTINE)),
        gates=tuple(Gate(**row) for row in query(_GATES)),
        failed_rules=tuple(FailedRule(**row) for row in query(_FAILED_RULES)),
        control_totals=_control_totals(query),
        dbt=tuple(DbtNodes(**row) for row in query(_DBT)),
        failed_nodes=tuple(FailedNode(**row) for row in query(_FAILED_NODES)),
        alerts=tuple(SentAlert(**row) for row in query(_ALERTS)),
        incidents=tuple(OpenIncident(**row) for row in query(_INCIDENTS)),
        steps=tuple(Step(**row) for row in query(_STEPS)),
    )


def _redacted(row: dict[str, object]) -> dict[str, object]:
    texts = ("error", "message", "summary")
    return row | {name: redact(value) for name in texts if isinstance(value := row.get(name), str)}


def _loads(query: Query) -> tuple[TableLoad, ...]:
    return tuple(
        TableLoad(
            system=row["system"],
            table=row["table_name"],
            loads=row["loads"],
            counts=Counts(**{name: row[name] for name in COUNTS}),
            seconds=row["seconds"],
            error=row["error"],
        )
        for row in query(_LOADS)
    )


def _control_totals(query: Query) -> ControlTotals:
    [counted] = query(_CONTROL_TOTALS)
    return ControlTotals(**counted, differing=tuple(DifferingTotal(**row) for row in query(_DIFFERING_TOTALS)))


def _dimensions(connection: Connection, query: Query, build_id: int) -> list[DimensionOutcome]:
    seen = visible(connection)
    found = []
    for verdict in query(_VERDICTS):
        name = verdict["dimension"]
        state = seen.get(name) or _unpublished(name, verdict["verdict"])
        found.append(
            DimensionOutcome(
                verdict=verdict["verdict"],
                reasons=tuple(
                    redact(reason.get("message") or reason.get("kind") or "") for reason in verdict["reasons"]
                ),
                published_now=state.release_id is not None and state.release_id == verdict["release_id"],
                visible=state,
                tables=tuple(_tables(connection, state.release_id)),
            )
        )
    return found


def _unpublished(name: str, verdict: str) -> Visible:
    """A dimension that the publish step has never come to."""
    return Visible(
        dimension=name,
        label_en=name.replace("_", " ").capitalize(),
        label_zh="",
        verdict=verdict,
        business_day=None,
        release_id=None,
        published_at=None,
        held_since=None,
        why=None,
        override_reason=None,
        no_data=(),
        age_hours=None,
    )


def _tables(connection: Connection, release_id: int | None) -> list[PublishedTable]:
    """Row counts of the visible release, exact."""
    release: Any = rows(
        connection,
        "select schema_name, columns from ops.release where release_id = %s and state <> 'pruned'",
        [release_id],
    )
    found = []
    for row in release:
        for table in sorted(row["columns"]):
            statement = sql.SQL("select count(*) from {}").format(sql.Identifier(row["schema_name"], table))
            with connection.cursor() as cursor:
                cursor.execute(statement)
                counted = cursor.fetchone()
            found.append(PublishedTable(name=table, row_count=counted[0] if counted else None))
    return found


_INSTALLATIONS = "select distinct installation from ops.source_system order by 1"

_UNDELIVERED = "select table_name from ops.source_table where not is_delivered order by 1"

#: The loads a build took up, and failed ones of its business day that no later load of the table made good.
_LOADS = """
with taken as (
    select l.*
    from ops.build_load as bl join ops.load as l using (load_id)
    where bl.build_id = %(build)s
), failed as (
    select l.*
    from ops.load as l join ops.build as b on b.build_id = %(build)s and b.business_day = l.business_day
    where l.state = 'failed' and l.started_at <= coalesce(b.finished_at, clock_timestamp())
        and not exists (
            select from ops.load as later
            where later.system = l.system and later.table_name = l.table_name
                and later.state <> 'failed' and later.load_id > l.load_id
        )
), every_one as (
    select * from taken union all select * from failed
)
select system, table_name, count(*) as loads,
    sum(rows_read)::bigint as read, sum(rows_inserted)::bigint as inserted, sum(rows_updated)::bigint as updated,
    sum(rows_unchanged)::bigint as unchanged, sum(rows_duplicate)::bigint as duplicate,
    sum(rows_rejected)::bigint as rejected, sum(rows_deleted)::bigint as deleted,
    coalesce(sum(extract(epoch from finished_at - started_at)), 0)::float as seconds,
    (array_agg(error order by load_id desc) filter (where state = 'failed'))[1] as error
from every_one
group by system, table_name
order by system, table_name
"""

_DRIFT = """
select d.system, d.table_name as table, d.column_name as column, d.kind, d.detail, d.first_seen >= night.began as is_new
from ops.drift as d
cross join (
    select min(l.started_at) as began, max(coalesce(b.finished_at, clock_timestamp())) as ended
    from ops.build as b
    join ops.build_load as bl using (build_id)
    join ops.load as l using (load_id)
    where b.build_id = %(build)s
) as night
where d.last_seen between night.began and night.ended
order by 1, 2, 3
"""

_QUARANTINE = """
select table_name as table, rule,
    count(*) filter (where first_build_id = %(build)s) as new,
    count(*) filter (where released_build_id = %(build)s) as released,
    count(*) filter (where released_at is null) as open
from ops.quarantine
group by table_name, rule
having count(*) filter (where first_build_id = %(build)s or released_build_id = %(build)s or released_at is null) > 0
order by 1, 2
"""

_GATES = """
select gate, count(*) filter (where passed) as passed, count(*) filter (where not passed) as failed
from ops.validation where build_id = %(build)s
group by gate order by gate
"""

_FAILED_RULES = """
select gate, table_name as table, rule, severity, on_fail, owner, unexpected, evaluated, message
from ops.validation where build_id = %(build)s and not passed
order by severity, gate, table_name, rule
"""

_CONTROL_TOTALS = """
select count(*) as compared, count(*) filter (where agrees) as agreed
from ops.control_total join ops.build_load using (load_id) where build_id = %(build)s
"""

_DIFFERING_TOTALS = """
select system, table_name as table, day, measure, source_value, raw_value
from ops.control_total join ops.build_load using (load_id) where build_id = %(build)s and not agrees
order by system, table_name, day, measure
limit 20
"""

_DBT = """
select stage, resource_type,
    count(*) filter (where status in ('success', 'pass', 'no-op', 'reused')) as passed,
    count(*) filter (where status = 'warn') as warned,
    count(*) filter (where status not in ('success', 'pass', 'no-op', 'reused', 'warn', 'skipped')) as failed,
    count(*) filter (where status = 'skipped') as skipped,
    sum(seconds) as seconds
from ops.dbt_node where build_id = %(build)s
group by stage, resource_type order by min(finished_at)
"""

_FAILED_NODES = """
select node_id as node, status, failures, message
from ops.dbt_node
where build_id = %(build)s and status not in ('success', 'pass', 'no-op', 'reused', 'skipped')
order by status, node_id
"""

_VERDICTS = (
    "select dimension, verdict, reasons, release_id from ops.verdict where build_id = %(build)s order by dimension"
)

_ALERTS = """
select owner, kind, severity, subject, sent_at is not null as sent, error
from ops.alert where build_id = %(build)s order by alert_id
"""

_INCIDENTS = """
select summary, concat_ws(' / ', kind, table_name, rule) as what, owner, severity, opened_day as since
from ops.incident where closed_at is null order by severity, opened_day, incident_id
"""

#: Extractions whose loads the build took up or that failed on its day, then its own steps.
_STEPS = """
select 'extract ' || r.system as name, r.started_at, extract(epoch from r.finished_at - r.started_at)::float as seconds, r.error
from ops.run as r
where r.kind = 'extract' and (
    exists (
        select from ops.load as l join ops.build_load as bl using (load_id)
        where l.run_id = r.run_id and bl.build_id = %(build)s
    )
    or r.state = 'failed' and exists (
        select from ops.build as b
        where b.build_id = %(build)s and b.business_day = r.business_day
            and r.started_at <= coalesce(b.finished_at, clock_timestamp())
    )
)
union all
select step, started_at, extract(epoch from finished_at - started_at)::float, error
from ops.build_step where build_id = %(build)s
order by started_at
"""
