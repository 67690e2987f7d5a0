"""`status.dimension_status`: what BI users are told about each dimension, beside the data themselves."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fupan.publish import history
from fupan.publish.history import Release
from fupan.transform.manifest import Manifest
from fupan.warehouse.connection import Connection, rows

_SEVERITIES = ("critical", "warning", "info")


class StatusBoard:
    """Writes the status of a manifest's dimensions; what the manifest and the installation say is read once."""

    def __init__(self, connection: Connection, manifest: Manifest) -> None:
        self._dimensions = manifest.dimensions()
        self._no_data: dict[str, set[str]] = defaultdict(set)
        marts = manifest.marts_by_raw_table()
        for row in rows(connection, "select table_name from ops.source_table where not is_delivered"):
            for mart in marts.get(row["table_name"], ()):
                dimension, _, table = mart.partition(".")
                self._no_data[dimension].add(table)

    def write_all(self, connection: Connection) -> None:
        """Write every dimension's row; the caller commits."""
        for name in self._dimensions:
            self.write(connection, name)

    def write(self, connection: Connection, name: str) -> None:
        """Write one dimension's row from ops.verdict and ops.release as this transaction sees them."""
        dimension = self._dimensions[name]
        with connection.cursor() as cursor:
            cursor.execute(
                """
                insert into status.dimension_status (dimension, label_en, label_zh, no_data, verdict)
                values (%s, %s, %s, %s, 'never_published')
                on conflict (dimension) do update set
                    label_en = excluded.label_en, label_zh = excluded.label_zh, no_data = excluded.no_data
                """,
                [name, dimension.label_en, dimension.label_zh, sorted(self._no_data[name])],
            )
        refresh(connection, name)


def refresh(connection: Connection, name: str) -> None:
    """Bring what changes from release to release up to date in a dimension's row; needs no manifest."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            update status.dimension_status set
                verdict = %(verdict)s, business_day = %(business_day)s, release_id = %(release_id)s,
                published_at = %(published_at)s, held_since = %(held_since)s, why = %(why)s,
                override_reason = %(override_reason)s, checked_at = clock_timestamp()
            where dimension = %(dimension)s
            """,
            _row(connection, name),
        )


def _row(connection: Connection, name: str) -> dict[str, Any]:
    past = history.releases(connection, name)
    current = next((release for release in past if release.state == "current"), None)
    judged = _verdicts_since(connection, name, current)
    last = judged[-1] if judged else None
    missed = [v for v in judged if current is None or v["build_id"] != current.build_id]
    why = _why(last["reasons"]) if last else None
    if current is None:
        verdict = "never_published"
    elif missed:
        verdict = "held"
        if any(r.state == "rolled_back" and last and r.build_id == last["build_id"] for r in past):
            why = f"Rolled back to release {current.release_id} of business day {current.business_day}"
    elif current.override_reason is not None:
        verdict = "published_with_warnings"
    else:
        verdict = last["verdict"] if last else "published"
    return {
        "dimension": name,
        "verdict": verdict,
        "business_day": current.business_day if current else None,
        "release_id": current.release_id if current else None,
        "published_at": current.published_at if current else None,
        "held_since": min((v["business_day"] for v in missed), default=None),
        "why": why,
        "override_reason": current.override_reason if current else None,
    }


def _verdicts_since(connection: Connection, dimension: str, current: Release | None) -> list[dict[str, Any]]:
    """Verdicts on the visible release and on what came after it; an older day that was refused is not missing."""
    return rows(
        connection,
        """
        select v.build_id, v.business_day, v.verdict, v.reasons
        from ops.verdict as v
        join ops.build as b using (build_id)
        where v.dimension = %s and (b.dimensions is null or v.dimension = any(b.dimensions))
            and v.build_id >= coalesce(%s, 0) and v.business_day >= coalesce(%s, v.business_day)
        order by v.build_id
        """,
        [dimension, current.build_id if current else None, current.business_day if current else None],
    )


def _why(reasons: list[dict[str, Any]]) -> str | None:
    worst_first = sorted(reasons, key=lambda reason: _SEVERITIES.index(reason.get("severity") or "critical"))
    return "\n".join(reason["message"] for reason in worst_first) or None
