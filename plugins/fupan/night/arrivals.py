"""What has landed when: a day is extracted once, and a source that lands after the build has begun gets one more build.

That build publishes only the dimensions that were held.
"""

from __future__ import annotations

from datetime import date

from fupan.contracts.installation import systems
from fupan.warehouse.connection import connect, rows

_LEFT_BEHIND = """
select 1
from ops.load as load
where load.system = %(system)s and load.business_day = %(day)s and load.state = 'succeeded'
    and exists (
        select 1 from ops.build as build where build.business_day = %(day)s and build.state <> 'failed'
    )
    and not exists (
        select 1
        from ops.build_load as taken
        inner join ops.build as build on build.build_id = taken.build_id
        where taken.load_id = load.load_id and (build.state <> 'failed' or build.core_built_at is not null)
    )
limit 1
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


def missing(day: date) -> list[str]:
    """Systems of the installation that have not landed for ``day``, failed ones among them."""
    return [system for system in systems() if not has_landed(system, day)]


def expect_again(day: date, *, landed_too: bool) -> None:
    """Let the build of ``day`` wait for systems that are about to be extracted again: failed ones, and ``landed_too``."""
    with connect("builder", "expect again", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            "delete from ops.landing where business_day = %s and (state = 'failed' or %s)", [day, landed_too]
        )


def came_late(system: str, day: date) -> bool:
    """Whether a build of ``day`` has begun without something that ``system`` has loaded for that day."""
    with connect("builder", f"late {system}") as connection:
        return bool(rows(connection, _LEFT_BEHIND, {"system": system, "day": day}))


def held_dimensions(day: date) -> list[str]:
    """Dimensions that the newest finished build of ``day`` held back; empty where it held none or there is none."""
    with connect("builder", "held dimensions") as connection:
        return [str(row["dimension"]) for row in rows(connection, _HELD, {"day": day})]
