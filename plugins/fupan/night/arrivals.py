"""What has landed when: a day is extracted once, and a source that lands after the build has begun gets one more build.

That build publishes only the dimensions that were held.
"""

from __future__ import annotations

from datetime import date

from fupan.warehouse.connection import connect, rows

_BEGUN_WITHOUT = """
select build.build_id
from ops.build as build
where build.business_day = %(day)s and build.state <> 'failed'
    and not exists (
        select 1
        from ops.build_load as taken
        inner join ops.load as load on load.load_id = taken.load_id
        where taken.build_id = build.build_id and load.system = %(system)s and load.business_day = %(day)s
    )
    and build.build_id = (
        select max(newest.build_id) from ops.build as newest
        where newest.business_day = %(day)s and newest.state <> 'failed'
    )
"""

_HELD = """
select verdict.dimension
from ops.verdict as verdict
where verdict.verdict = 'held' and verdict.build_id = (
    select max(build.build_id) from ops.build as build
    where build.business_day = %(day)s and build.state = 'finished'
)
order by verdict.dimension
"""


def has_landed(system: str, day: date) -> bool:
    """Whether every table of ``system`` has landed for ``day``."""
    with connect("builder", f"landed {system}") as connection:
        sql = "select 1 from ops.landing where system = %s and business_day = %s and state = 'landed'"
        return bool(rows(connection, sql, [system, day]))


def came_late(system: str, day: date) -> bool:
    """Whether the newest build of ``day`` began before ``system`` had landed; False where none has begun."""
    with connect("builder", f"late {system}") as connection:
        return bool(rows(connection, _BEGUN_WITHOUT, {"system": system, "day": day}))


def held_dimensions(day: date) -> list[str]:
    """Dimensions that the newest finished build of ``day`` held back; empty where it held none or there is none."""
    with connect("builder", "held dimensions") as connection:
        return [str(row["dimension"]) for row in rows(connection, _HELD, {"day": day})]
