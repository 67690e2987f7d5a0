"""What the publish step does to `ops.verdict`: a lock, a shape or an older day may hold what the gates let through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from psycopg2.extras import Json

from fupan.warehouse.connection import Connection, rows

#: Reasons of this kind are the publish step's own; it takes them back when a later try succeeds.
KIND = "publish"


@dataclass(frozen=True)
class Reason:
    """Why the publish step holds a dimension; ``table`` is `dimension.table` where it is about one."""

    rule: str
    message: str
    table: str | None = None
    severity: str = "critical"
    owner: str = "data-engineering"
    kind: str = KIND
    runbook: str | None = None


@dataclass(frozen=True)
class Judgement:
    """One dimension in one build; ``by_gates`` is the verdict before the publish step held it."""

    dimension: str
    business_day: date
    by_gates: str


def judgements(connection: Connection, build_id: int) -> list[Judgement]:
    """The verdicts of a build, for the dimensions that it may publish."""
    found = rows(
        connection,
        """
        select v.dimension, v.business_day, coalesce(held.gate_verdict, v.verdict) as by_gates
        from ops.verdict as v
        join ops.build as b using (build_id)
        left join lateral (
            select max(reason ->> 'gate_verdict') as gate_verdict
            from jsonb_array_elements(v.reasons) as reason where reason ->> 'kind' = %s
        ) as held on true
        where v.build_id = %s and (b.dimensions is null or v.dimension = any(b.dimensions))
        order by v.dimension
        """,
        [KIND, build_id],
    )
    return [Judgement(**row) for row in found]


def final(connection: Connection, build_id: int) -> dict[str, str]:
    """Verdict by dimension as it stands."""
    found = rows(connection, "select dimension, verdict from ops.verdict where build_id = %s order by 1", [build_id])
    return {row["dimension"]: row["verdict"] for row in found}


def hold(connection: Connection, build_id: int, judgement: Judgement, reasons: Iterable[Reason]) -> None:
    """Turn a verdict to held; the reasons take the place of the publish step's earlier ones. The caller commits."""
    own: list[dict[str, Any]] = [asdict(reason) | {"gate_verdict": judgement.by_gates} for reason in reasons]
    _write(connection, build_id, judgement.dimension, "held", own)


def released(connection: Connection, build_id: int, dimension: str, release_id: int) -> None:
    """Note the release; what the publish step held before is as the gates judged it again. The caller commits."""
    [judgement] = [j for j in judgements(connection, build_id) if j.dimension == dimension]
    _write(connection, build_id, dimension, judgement.by_gates, [])
    with connection.cursor() as cursor:
        cursor.execute(
            "update ops.verdict set release_id = %s where build_id = %s and dimension = %s",
            [release_id, build_id, dimension],
        )


def _write(connection: Connection, build_id: int, dimension: str, verdict: str, own: list[dict[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update ops.verdict set
                verdict = %s,
                reasons = coalesce(
                    (
                        select jsonb_agg(reason order by position)
                        from jsonb_array_elements(reasons) with ordinality as r (reason, position)
                        where reason ->> 'kind' <> %s
                    ),
                    '[]'
                ) || %s
            where build_id = %s and dimension = %s
            """,
            [verdict, KIND, Json(own), build_id, dimension],
        )
