"""One verdict a dimension and build: published, published with warnings, or held, with every reason.

What has not been judged or built holds as surely as what failed: a gate that did not run proves nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

from fupan.contracts.contract import contracts
from fupan.quality.suites import Severity, mart_suites, raw_suites
from fupan.transform import dbt
from fupan.transform.manifest import Dimension, Manifest
from fupan.warehouse.connection import Connection, connect, rows

Kind = Literal["raw_gate", "release_gate", "dbt", "landing", "load", "control_total", "not_judged"]
Outcome = Literal["published", "published_with_warnings", "held"]

_DBT_WELL = ("success", "pass", "no-op", "reused")


@dataclass(frozen=True)
class Reason:
    """Why a verdict is what it is. ``severity`` critical holds, warning warns, info is only told."""

    kind: Kind
    severity: Severity
    message: str
    owner: str
    rule: str | None = None
    table: str | None = None
    evaluated: int | None = None
    unexpected: int | None = None
    sample_keys: list[Any] = field(default_factory=list)
    runbook: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What becomes of a dimension tonight, and why (critical reasons first)."""

    verdict: Outcome
    reasons: list[Reason]


@dataclass(frozen=True)
class _Build:
    build_id: int
    business_day: date
    dimensions: list[str] | None


def decide(build_id: int) -> dict[str, Verdict]:
    """One verdict for each dimension that this build may publish; written to ops.verdict, again at every call."""
    manifest = dbt.manifest()
    with connect("builder", f"verdict {build_id}") as connection:
        build = _Build(
            **rows(
                connection, "select build_id, business_day, dimensions from ops.build where build_id = %s", [build_id]
            )[0]
        )
        reasons = _reasons(connection, build, manifest)
        verdicts = {
            name: _verdict(reasons[name])
            for name in sorted(manifest.dimensions())
            if build.dimensions is None or name in build.dimensions
        }
        _write(connection, build, verdicts)
        connection.commit()
    return verdicts


def _verdict(reasons: list[Reason]) -> Verdict:
    severities = {reason.severity for reason in reasons}
    outcome: Outcome = "published"
    if "critical" in severities:
        outcome = "held"
    elif "warning" in severities:
        outcome = "published_with_warnings"
    order: list[Severity] = ["critical", "warning", "info"]
    return Verdict(outcome, sorted(reasons, key=lambda reason: order.index(reason.severity)))


def _reasons(connection: Connection, build: _Build, manifest: Manifest) -> dict[str, list[Reason]]:
    """Reasons by dimension."""
    found: dict[str, list[Reason]] = defaultdict(list)
    for dimension, reason in _of_gates(connection, build):
        found[dimension].append(reason)
    delivered = {
        row["table_name"] for row in rows(connection, "select table_name from ops.source_table where is_delivered")
    }
    by_table = {
        table: dimensions
        for table, dimensions in manifest.dimensions_by_raw_table().items()
        if table in delivered and table in contracts()
    }
    for table, reason in [
        *_of_loads(connection, build),
        *_of_control_totals(connection, build),
        *_of_unjudged_tables(connection, build, delivered),
    ]:
        for dimension in by_table.get(table, ()):
            found[dimension].append(reason)
    systems: dict[str, set[str]] = defaultdict(set)
    for table, dimensions in by_table.items():
        systems[contracts()[table].system] |= dimensions
    for system, reason in _of_landing(connection, build, sorted(systems)):
        for dimension in systems[system]:
            found[dimension].append(reason)
    nodes = rows(connection, "select * from ops.dbt_node where build_id = %s", [build.build_id])
    judged, suites = _judged_dimensions(connection, build), mart_suites()
    for name, reviewed in manifest.dimensions().items():
        found[name] += _of_dbt(nodes, manifest, reviewed)
        if name in suites and name not in judged:
            found[name].append(_not_judged("The release gate has not judged this dimension", reviewed.owner))
    return found


def _of_gates(connection: Connection, build: _Build) -> Iterator[tuple[str, Reason]]:
    """Failed rules of both gates; a rule holds where its failure came to critical and hold."""
    for row in rows(
        connection,
        "select * from ops.validation where build_id = %s and gate in ('raw', 'release') and not passed "
        "order by validation_id",
        [build.build_id],
    ):
        holds = row["severity"] == "critical" and row["on_fail"] == "hold"
        reason = Reason(
            kind="raw_gate" if row["gate"] == "raw" else "release_gate",
            severity="critical" if holds else "info" if row["severity"] == "info" else "warning",
            message=row["message"],
            owner=row["owner"],
            rule=row["rule"],
            table=row["table_name"],
            evaluated=row["evaluated"],
            unexpected=row["unexpected"],
            sample_keys=row["sample_keys"] or [],
            runbook=row["runbook"],
        )
        for dimension in row["dimensions"]:
            yield dimension, reason


def _of_unjudged_tables(connection: Connection, build: _Build, delivered: set[str]) -> Iterator[tuple[str, Reason]]:
    judged = {
        row["table_name"]
        for row in rows(
            connection,
            "select distinct table_name from ops.validation where build_id = %s and gate = 'raw'",
            [build.build_id],
        )
    }
    for table in sorted((delivered & raw_suites().keys()) - judged):
        yield table, _not_judged(f"The raw gate has not judged raw.{table}", contracts()[table].owner, table)


def _judged_dimensions(connection: Connection, build: _Build) -> set[str]:
    found = rows(
        connection,
        "select distinct unnest(dimensions) as dimension from ops.validation where build_id = %s and gate = 'release'",
        [build.build_id],
    )
    return {row["dimension"] for row in found}


def _not_judged(message: str, owner: str, table: str | None = None) -> Reason:
    return Reason("not_judged", "critical", message, owner, table=table, runbook="#runbook-not-judged")


def _of_landing(connection: Connection, build: _Build, systems: list[str]) -> Iterator[tuple[str, Reason]]:
    """Systems whose data of this business day are not there."""
    landed = {
        row["system"]: row
        for row in rows(connection, "select * from ops.landing where business_day = %s", [build.business_day])
    }
    for system in systems:
        row = landed.get(system)
        if row is not None and row["state"] == "landed":
            continue
        why = f"failed: {row['error'] or 'no error recorded'}" if row else "has neither landed nor failed"
        yield (
            system,
            Reason(
                "landing",
                "critical",
                f"System {system} of business day {build.business_day} {why}",
                _owner(system),
                rule=f"landing_{system}",
                runbook="#runbook-not-landed",
            ),
        )


def _of_loads(connection: Connection, build: _Build) -> Iterator[tuple[str, Reason]]:
    """Tables whose last load of this business day did not succeed; a failed search for deletions only warns."""
    for row in rows(
        connection,
        "select distinct on (table_name, mode = 'reconcile') table_name, mode, state, error from ops.load "
        "where business_day = %s order by table_name, mode = 'reconcile', load_id desc",
        [build.business_day],
    ):
        if row["state"] == "succeeded" or row["table_name"] not in contracts():
            continue
        reconcile, table = row["mode"] == "reconcile", row["table_name"]
        what = "Search for deleted rows" if reconcile else "Load"
        yield (
            table,
            Reason(
                "load",
                "warning" if reconcile else "critical",
                f"{what} of {table} {row['state']}: {row['error'] or 'its process ended before it did'}",
                contracts()[table].owner,
                rule=f"load_{table}",
                table=table,
                runbook="#runbook-load-failed",
            ),
        )


def _of_control_totals(connection: Connection, build: _Build) -> Iterator[tuple[str, Reason]]:
    """Totals that disagree and have not agreed since: a difference stays until that day is read again."""
    found = rows(
        connection,
        """
        select * from (
            select distinct on (c.table_name, c.day, c.measure)
                c.table_name, c.day, c.measure, c.source_value, c.raw_value, c.agrees
            from ops.control_total as c
            where c.load_id <= (select max(load_id) from ops.build_load where build_id <= %s)
            order by c.table_name, c.day, c.measure, c.load_id desc
        ) as newest
        where not agrees
        order by table_name, day, measure
        """,
        [build.build_id],
    )
    by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        by_table[row["table_name"]].append(row)
    for table, differing in by_table.items():
        told = [
            f"{row['measure']} of {row['day'] or 'the whole table'} is {row['source_value']} there"
            f" and {row['raw_value']} in raw"
            for row in differing[:3]
        ]
        more = f" (and {len(differing) - 3} more totals)" if len(differing) > 3 else ""
        yield (
            table,
            Reason(
                "control_total",
                "critical",
                f"{table} differs from its source: {'; '.join(told)}{more}",
                contracts()[table].owner,
                rule=f"control_total_{table}",
                table=table,
                unexpected=len(differing),
                sample_keys=[f"{row['day'] or 'all'} {row['measure']}" for row in differing[:5]],
                runbook="#runbook-control-total",
            ),
        )


def _of_dbt(nodes: list[dict[str, Any]], manifest: Manifest, dimension: Dimension) -> Iterator[Reason]:
    """Failed nodes of the dimension's lineage, and marts that were never built."""
    line = set[str]().union(*(manifest.ancestors(model) for model in dimension.models.values()))
    concerned = [row for row in nodes if _concerns(row["node_id"], manifest, line)]
    for row in concerned:
        if row["status"] in (*_DBT_WELL, "skipped"):
            continue
        failures = f", {row['failures']} rows" if row["failures"] else ""
        yield Reason(
            "dbt",
            "warning" if row["status"] == "warn" else "critical",
            f"dbt {row['resource_type']} {_name(row['node_id'])}: {row['status']}{failures}"
            + (f": {row['message']}" if row["message"] else ""),
            dimension.owner,
            rule=row["node_id"],
            table=_name(row["node_id"]),
            unexpected=row["failures"],
            runbook="#runbook-dbt-node",
        )
    skipped = sorted(_name(row["node_id"]) for row in concerned if row["status"] == "skipped")
    built = {row["node_id"] for row in nodes if row["status"] in _DBT_WELL}
    mentioned = {row["node_id"] for row in concerned}
    missing = sorted(_name(model) for model in dimension.models.values() if model not in built | mentioned)
    for names, what in ((skipped, "skipped"), (missing, "not run")):
        if names:
            yield Reason(
                "dbt",
                "critical",
                f"{len(names)} dbt nodes {what}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}",
                dimension.owner,
                rule=f"dbt_{what.replace(' ', '_')}",
                unexpected=len(names),
                runbook="#runbook-dbt-node",
            )


def _concerns(node_id: str, manifest: Manifest, line: set[str]) -> bool:
    """A node of the lineage, or a test of one."""
    if node_id in line:
        return True
    node = manifest.nodes.get(node_id, {})
    if node.get("resource_type") not in ("test", "unit_test"):
        return False
    attached = node.get("attached_node")
    return attached in line if attached else bool(line.intersection(node.get("depends_on", {}).get("nodes", [])))


def _name(node_id: str) -> str:
    """The readable part of a dbt id such as test.fupan.not_null_dim_date_date_day.1a2b3c."""
    parts = node_id.split(".")
    return parts[2] if len(parts) > 2 else node_id


def _owner(system: str) -> str:
    """Who answers for a system: the owner of most of its tables."""
    owners = [contract.owner for contract in contracts(system).values()]
    return max(sorted(set(owners)), key=owners.count)


def _write(connection: Connection, build: _Build, verdicts: dict[str, Verdict]) -> None:
    with connection.cursor() as cursor:
        for dimension, verdict in verdicts.items():
            cursor.execute(
                "insert into ops.verdict (build_id, dimension, business_day, verdict, reasons) values (%s, %s, %s, %s, %s) "
                "on conflict (build_id, dimension) do update set verdict = excluded.verdict, "
                "reasons = excluded.reasons, decided_at = clock_timestamp()",
                [
                    build.build_id,
                    dimension,
                    build.business_day,
                    verdict.verdict,
                    json.dumps([asdict(reason) for reason in verdict.reasons], ensure_ascii=False, default=str),
                ],
            )
