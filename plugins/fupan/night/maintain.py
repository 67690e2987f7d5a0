"""What a warehouse needs once a week: old run records and reports go, releases beyond the last few are pruned."""

from __future__ import annotations

import time
from datetime import timedelta

from fupan import settings
from fupan.warehouse.connection import connect

KEEP = timedelta(days=400)

#: Bulk of `ops` by day and rule; what was rejected, quarantined, decided and published is kept for good.
_PERISHABLE = {
    "ops.validation": "validated_at",
    "ops.dbt_node": "finished_at",
    "ops.control_total": "(select started_at from ops.load where load.load_id = control_total.load_id)",
}


def retention(keep: timedelta = KEEP) -> dict[str, int]:
    """Delete run records and HTML reports older than ``keep``; returns how many of each went."""
    gone: dict[str, int] = {}
    with connect("builder", "retention") as connection, connection.cursor() as cursor:
        for table, stamp in _PERISHABLE.items():
            cursor.execute(f"delete from {table} where {stamp} < clock_timestamp() - %s", [keep])
            gone[table] = cursor.rowcount
        connection.commit()
    gone["reports"] = 0
    for report in (settings.home() / "reports").glob("night-*.html"):
        if report.stat().st_mtime < time.time() - keep.total_seconds():
            report.unlink()
            gone["reports"] += 1
    return gone
