"""Rows of raw that staging leaves out: marked by rule, listed for their owners, released when they pass or are gone.

What changes here outside a build (null build) is taken up by the next one: core looks at everything quarantined or
released since the last build that reached it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.quality.gate_table import LANDED, GateTable, key_matches
from fupan.quality.suites import ROW_KEY
from fupan.warehouse.connection import Connection, rows


@dataclass(frozen=True)
class Chosen:
    """Rows in quarantine by where they stand and why (None: all)."""

    system: str | None = None
    table: str | None = None
    rule: str | None = None


EVERYTHING = Chosen()


@dataclass(frozen=True)
class Kept:
    """One rule and raw row kept out of staging. ``returns``: why it would return if it were let go now; None: it fails."""

    quarantine_id: int
    system: str
    table: str
    rule: str
    row_key: list[str]
    row_content: dict[str, Any]
    quarantined_at: datetime
    first_build_id: int | None
    returns: str | None = None


def kept(connection: Connection, chosen: Chosen = EVERYTHING) -> list[Kept]:
    """What is in quarantine, oldest first."""
    found = rows(
        connection,
        "select quarantine_id, system, table_name as table, rule, row_key, row_content, quarantined_at, first_build_id "
        f"from ops.quarantine where {_CHOSEN} order by quarantine_id",
        asdict(chosen),
    )
    return [Kept(**row) for row in found]


def counts(connection: Connection, chosen: Chosen = EVERYTHING) -> list[dict[str, Any]]:
    """Rows in quarantine by table and rule: system, table_name, rule, rows, since."""
    return rows(
        connection,
        "select system, table_name, rule, count(*) as rows, min(quarantined_at) as since from ops.quarantine "
        f"where {_CHOSEN} group by system, table_name, rule order by system, table_name, rule",
        asdict(chosen),
    )


def outcomes(connection: Connection, before: Iterable[Kept]) -> list[Kept]:
    """The same rows with what became of them since: released and why, or still kept."""
    known = list(before)
    released = {
        row["quarantine_id"]: row["release_reason"]
        for row in rows(
            connection,
            "select quarantine_id, release_reason from ops.quarantine "
            "where quarantine_id = any(%s) and released_at is not null",
            [[one.quarantine_id for one in known]],
        )
    }
    return [replace(one, returns=released.get(one.quarantine_id)) for one in known]


def landed_failures(connection: Connection, gate: GateTable, failing_rows: str) -> int:
    """How many of the rows under judgement fail; rows that were in quarantine before are not among them."""
    query = sql.SQL("select count(*) as failures from {gate} as g where g.{landed} and g.{key} in ({failing})").format(
        gate=sql.SQL(gate.relation.quoted),
        landed=sql.Identifier(LANDED),
        key=sql.Identifier(ROW_KEY),
        failing=_keys(failing_rows),
    )
    failures: int = rows(connection, query.as_string(connection))[0]["failures"]
    return failures


def settle(
    connection: Connection,
    contract: Contract,
    gate: GateTable,
    failing: Mapping[str, tuple[str, bool]],
    build_id: int | None,
    *,
    only: str | None = None,
) -> None:
    """Bring the quarantine of one table in line with what its gate found (commit is the caller's).

    ``failing``: rule -> (SQL of its failing rows, whether new ones are taken in) for each quarantine rule that was
    judged; no SQL (empty): nothing failed. Rows that pass, are deleted at the source, or whose rule is gone, return.
    ``only``: the one rule whose rows may return; rows of others stay.
    """
    with connection.cursor() as cursor:
        cursor.execute("create temporary table failing (rule text, row_key text[], takes_in boolean) on commit drop")
        for rule, (query, takes_in) in failing.items():
            if query:
                cursor.execute(
                    sql.SQL("insert into failing select {}, k.row_key, {} from ({}) as k (row_key)").format(
                        sql.Literal(rule), sql.Literal(takes_in), _keys(query)
                    )
                )
        cursor.execute("analyze failing")
        names = {"system": sql.Literal(contract.system), "table": sql.Literal(contract.name)}
        cursor.execute(
            sql.SQL(_MARK).format(
                gate=sql.SQL(gate.relation.quoted),
                key=sql.Identifier(ROW_KEY),
                own=sql.Literal([ROW_KEY, LANDED]),
                build=sql.Literal(build_id),
                **names,
            )
        )
        cursor.execute(
            sql.SQL(_RELEASE).format(
                gate=sql.SQL(gate.relation.quoted),
                key=sql.Identifier(ROW_KEY),
                rules=sql.Literal(list(failing)),
                only=sql.Literal(only),
                raw=sql.SQL(contract.relation),
                matches=key_matches(contract, "r", sql.SQL("q.row_key")),
                build=sql.Literal(build_id),
                **names,
            )
        )
        cursor.execute("drop table failing")


def _keys(failing_rows: str) -> sql.Composed:
    return sql.SQL("select distinct f.{} from ({}) as f").format(sql.Identifier(ROW_KEY), sql.SQL(failing_rows))


_CHOSEN = (
    "released_at is null and system = coalesce(%(system)s, system) and table_name = coalesce(%(table)s, table_name) "
    "and rule = coalesce(%(rule)s, rule)"
)

_MARK = """
insert into ops.quarantine (system, table_name, rule, row_key, row_content, first_build_id, last_build_id)
select {system}, {table}, failing.rule, failing.row_key, to_jsonb(g) - {own}::text[], {build}, {build}
from failing
inner join {gate} as g on g.{key} = failing.row_key
where failing.takes_in or exists (
    select 1 from ops.quarantine as q
    where q.table_name = {table} and q.row_key = failing.row_key and q.rule = failing.rule and q.released_at is null
)
on conflict (table_name, row_key, rule) where released_at is null
do update set row_content = excluded.row_content, last_build_id = excluded.last_build_id
"""

_RELEASE = """
with outcome as (
    select
        q.quarantine_id,
        case
            when not exists (select 1 from {raw} as r where {matches} and r._deleted_at is null)
                then 'deleted at the source'
            when q.rule <> all ({rules}::text[]) then 'rule withdrawn'
            when exists (select 1 from {gate} as g where g.{key} = q.row_key)
                and not exists (select 1 from failing where failing.rule = q.rule and failing.row_key = q.row_key)
                then 'passes'
        end as reason
    from ops.quarantine as q
    where q.system = {system} and q.table_name = {table} and q.released_at is null and q.rule = coalesce({only}, q.rule)
)

update ops.quarantine as q
set released_at = clock_timestamp(), released_build_id = {build}, release_reason = outcome.reason
from outcome
where outcome.quarantine_id = q.quarantine_id and outcome.reason is not null
"""
