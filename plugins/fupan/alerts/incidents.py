"""A fault's life, from the night it is first seen to the night it is gone: `ops.incident`.

A fault is known by what it is (kind, system, table, rule) and who answers for it, never by the dimensions it holds or by
tonight's numbers: one that holds three dimensions of an owner is one incident, one that goes on for a week too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fupan.contracts.contract import contracts
from fupan.warehouse.connection import Connection, rows

#: Asked about whatever names no owner of its own.
DEFAULT_OWNER = "data-engineering"
#: What an owner is told of, mildest first; `info` stays in the report.
SEVERITIES = ("warning", "critical")
#: Sample keys of a fault; all that were kept stand in `ops.validation`.
SAMPLE_KEYS = 5


@dataclass(frozen=True)
class Fault:
    """One thing wrong in one build, and who answers for it.

    ``dimensions``: all that it touches (empty: none, or the whole night). ``unexpected`` of ``evaluated`` failed (rows where
    both are known); ``keys`` of some of them, without personal data.
    """

    kind: str
    system: str | None
    table: str | None
    rule: str | None
    owner: str
    severity: str
    message: str
    runbook: str | None
    dimensions: frozenset[str]
    unexpected: int | None = None
    evaluated: int | None = None
    keys: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Identity of the fault from night to night."""
        named = [part for part in (self.system, self.table, self.rule) if part]
        # A reason that names nothing is known by its words, less the numbers that change each night.
        return " ".join([self.owner, self.kind, *(named or [re.sub(r"\d+", "#", self.message)])])


@dataclass(frozen=True)
class Incident:
    """A fault with its history; ``announced`` is the severity that its owner was last told of."""

    incident_id: int
    fault: Fault
    opened_day: date
    announced: str | None

    @property
    def is_news(self) -> bool:
        """Whether the owner has yet to hear of it, or of how bad it has become."""
        return self.announced is None or SEVERITIES.index(self.announced) < SEVERITIES.index(self.fault.severity)


@dataclass(frozen=True)
class Incidents:
    """What a build changed: faults open tonight, and those that are gone."""

    open: tuple[Incident, ...]
    closed: tuple[Incident, ...]


def update(connection: Connection, build_id: int) -> Incidents:
    """Open, keep and close incidents by what the build found; the caller commits. Again for the same build: no change."""
    found = faults(connection, build_id)
    still_open = tuple(_see(connection, build_id, fault) for fault in found)
    return Incidents(still_open, tuple(_close(connection, build_id, {fault.fingerprint for fault in found})))


def faults(connection: Connection, build_id: int) -> list[Fault]:
    """The build's distinct faults, worst first: from its verdicts, from rules that touch no dimension, from its own failure."""
    reasons = rows(
        connection,
        """
        select reason, array[v.dimension] as dimensions
        from ops.verdict as v cross join jsonb_array_elements(v.reasons) as reason
        where v.build_id = %(build)s
        union all
        select jsonb_build_object(
            'kind', 'rule', 'system', system, 'table', table_name, 'rule', rule, 'owner', owner, 'severity', severity,
            'message', message, 'runbook', runbook, 'unexpected', unexpected, 'evaluated', evaluated,
            'sample_keys', sample_keys
        ), '{}'
        from ops.validation where build_id = %(build)s and not passed and dimensions = '{}'
        union all
        select jsonb_build_object(
            'kind', 'build', 'severity', 'critical',
            'message', 'The build failed: ' || coalesce(r.error, 'no error recorded')
        ), '{}'
        from ops.build as b join ops.run as r using (run_id)
        where b.build_id = %(build)s and b.state = 'failed'
        """,
        {"build": build_id},
    )
    return merge(_fault(row["reason"], row["dimensions"]) for row in reasons)


def merge(found: Iterable[Fault]) -> list[Fault]:
    """One fault a fingerprint, with all its dimensions and its worst severity; those nobody is told of are left out."""
    merged: dict[str, Fault] = {}
    for fault in found:
        if fault.severity not in SEVERITIES:
            continue
        known = merged.get(fault.fingerprint)
        worst = fault if known is None or _rank(fault) > _rank(known) else known
        others = known.dimensions if known else frozenset()
        merged[fault.fingerprint] = replace(worst, dimensions=fault.dimensions | others)
    return sorted(merged.values(), key=lambda fault: (-_rank(fault), fault.fingerprint))


def announce(connection: Connection, incident_ids: Iterable[int]) -> None:
    """Remember that the owner has been told of these incidents as bad as they are now; the caller commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.incident set announced_severity = severity where incident_id = any(%s)", [list(incident_ids)]
        )


def _rank(fault: Fault) -> int:
    return SEVERITIES.index(fault.severity)


def _fault(reason: Any, dimensions: Any) -> Fault:
    return Fault(
        kind=reason.get("kind") or "fault",
        system=reason.get("system"),
        table=reason.get("table"),
        rule=reason.get("rule"),
        owner=reason.get("owner") or DEFAULT_OWNER,
        severity=reason.get("severity") or "critical",
        message=reason.get("message") or "",
        runbook=reason.get("runbook"),
        dimensions=frozenset(dimensions),
        unexpected=reason.get("unexpected"),
        evaluated=reason.get("evaluated"),
        keys=_keys(reason.get("sample_keys"), reason.get("table")),
    )


def _keys(samples: Any, table: str | None) -> tuple[str, ...]:
    """Sample keys as text; a column that the contract marks as personal is left out, although raw holds only its hash."""
    contract = contracts().get(table or "")
    personal = {column.name for column in contract.columns if column.personal_data} if contract else set()
    found = []
    for sample in (samples or [])[:SAMPLE_KEYS]:
        if isinstance(sample, dict):
            parts = [f"{name}={value}" for name, value in sample.items() if name not in personal]
        else:
            parts = [str(value) for value in (sample if isinstance(sample, list) else [sample])]
        found.append(", ".join(parts))
    return tuple(key for key in found if key)


def _see(connection: Connection, build_id: int, fault: Fault) -> Incident:
    found: Any = rows(
        connection,
        """
        insert into ops.incident as known (
            fingerprint, kind, rule, table_name, owner, dimensions, severity, summary, opened_day, last_seen_day
        )
        select %(fingerprint)s, %(kind)s, %(rule)s, %(table)s, %(owner)s, %(dimensions)s, %(severity)s, %(summary)s,
            business_day, business_day
        from ops.build where build_id = %(build)s
        on conflict (fingerprint) where closed_at is null do update set
            owner = excluded.owner, severity = excluded.severity, summary = excluded.summary,
            -- A dimension that this build did not judge is still touched.
            dimensions = array(select distinct unnest(known.dimensions || excluded.dimensions) order by 1),
            last_seen_day = greatest(known.last_seen_day, excluded.last_seen_day)
        returning incident_id, opened_day, announced_severity
        """,
        {
            "fingerprint": fault.fingerprint,
            "kind": fault.kind,
            "rule": fault.rule,
            "table": fault.table,
            "owner": fault.owner,
            "dimensions": sorted(fault.dimensions),
            "severity": fault.severity,
            "summary": fault.message,
            "build": build_id,
        },
    )
    return Incident(found[0]["incident_id"], fault, found[0]["opened_day"], found[0]["announced_severity"])


def _close(connection: Connection, build_id: int, present: set[str]) -> Iterable[Incident]:
    """Close what is gone, and only where this build looked.

    It looked when it decided on all the incident's dimensions. A rule must have passed and a dbt node succeeded besides,
    unless all those dimensions are sound: one that was held for something else may never have come to them. Rows still in
    quarantine keep their rule's incident open although no gate sees them any more.
    """
    gone: Any = rows(
        connection,
        """
        update ops.incident as i set closed_at = clock_timestamp()
        where i.closed_at is null
            and not i.fingerprint = any(%(present)s)
            and exists (select from ops.verdict as v where v.build_id = %(build)s)
            and not exists (
                select from unnest(i.dimensions) as d (dimension)
                where not exists (
                    select from ops.verdict as v where v.build_id = %(build)s and v.dimension = d.dimension
                )
            )
            and not exists (
                select from ops.quarantine as q
                where q.released_at is null and q.rule = i.rule and q.table_name = i.table_name
            )
            and (
                (i.kind not in ('raw_gate', 'release_gate', 'rule') and (i.kind <> 'dbt' or position('.' in i.rule) = 0))
                or not exists (
                    select from ops.verdict as v
                    where v.build_id = %(build)s and v.dimension = any(i.dimensions) and v.verdict <> 'published'
                )
                or exists (
                    select from ops.validation as j
                    where j.build_id = %(build)s and j.rule = i.rule and j.table_name = i.table_name and j.passed
                )
                or exists (
                    select from ops.dbt_node as n
                    where n.build_id = %(build)s and n.node_id = i.rule and n.status in ('success', 'pass', 'no-op', 'reused')
                )
            )
        returning i.*
        """,
        {"present": list(present), "build": build_id},
    )
    for row in gone:
        fault = _fault(row | {"table": row["table_name"], "message": row["summary"]}, row["dimensions"])
        yield Incident(row["incident_id"], fault, row["opened_day"], row["announced_severity"])
