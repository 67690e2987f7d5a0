"""From the stage into raw: rejects out, duplicates out, then only what differs is written. One transaction, the caller's."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.errors import ContractError
from fupan.extract import control_totals, cursors
from fupan.extract.columns import misfit
from fupan.extract.cursors import Position
from fupan.extract.raw_tables import relation, same_key
from fupan.extract.source import Copied, Totals
from fupan.extract.stage import REJECTED_CONTENT, REJECTED_REASON, STAGE
from fupan.warehouse.connection import Connection

#: More deletions than this share of a table's live rows, on a table of more than so many, look like a broken source.
MASS_DELETE_SHARE, MASS_DELETE_FROM = 0.5, 100


@dataclass(frozen=True)
class Counts:
    """Rows of one load; read = inserted + updated + unchanged + duplicate + rejected."""

    read: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class Settled:
    """``reached``: the highest cursor in the stage. ``totals``: of raw's rows on the stage's keys; None: of all live ones."""

    counts: Counts
    reached: Position | None
    totals: Totals | None


def settle(
    connection: Connection,
    contract: Contract,
    load_id: int,
    copied: Copied,
    not_after: date,
    *,
    raw_is_empty: bool,
    is_keyless: bool = False,
) -> Settled:
    """Bring the stage's rows into raw, unless raw holds newer ones; where the stage is the whole table, delete what it lacks.

    ``not_after``: as for `cursors.highest`. ``is_keyless``: raw is empty and has no key; duplicates come into it in their
    order, for whoever builds the key to find. Raises ContractError where the stage lacks implausibly many rows.
    """
    if not copied.rows and not copied.whole:
        return Settled(Counts(0), None, {})
    count_stage(connection, contract, STAGE)
    reached, has_faults, has_doubles = _look(connection, contract, not_after, by_key=not is_keyless)
    # Before rejects leave the stage: a row that the source still has is not deleted because it can't be read.
    deleted = mark_deleted(connection, contract, load_id, STAGE) if copied.whole and not raw_is_empty else 0
    rejected = reject(connection, contract, load_id) if has_faults else 0
    duplicate = 0
    if has_doubles:
        duplicate = drop_duplicates(connection, contract, sql.Identifier(STAGE), in_order=copied.may_be_older)
    inserted, updated, totals = 0, 0, None
    if raw_is_empty:
        inserted = insert(connection, contract, load_id)
    else:
        inserted, updated, totals = _upsert(connection, contract, load_id, copied)
    unchanged = copied.rows - rejected - duplicate - inserted - updated
    counts = Counts(copied.rows, inserted, updated, unchanged, duplicate, rejected, deleted)
    return Settled(counts, reached, totals)


def count_stage(connection: Connection, contract: Contract, stage: str) -> None:
    """Have the planner know how many rows a temporary table has, and that keys differ: statistics worth the name would cost
    more than they save."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "set local default_statistics_target = 1; analyze {} ({}); set local default_statistics_target to default"
            ).format(sql.Identifier(stage), _key(contract))
        )


def _look(
    connection: Connection, contract: Contract, not_after: date, *, by_key: bool
) -> tuple[Position | None, bool, bool]:
    """The highest cursor in the stage, whether there is anything to reject, and, asked ``by_key``, whether rows share a key:
    in one scan where the cursor is one column."""
    value = cursors.highest_value(contract, not_after)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "select max(reached)::text, coalesce(bool_or(is_faulty), false), coalesce(max(rows) > 1, false) from ("
                "select {} as reached, bool_or({}) as is_faulty, {} as rows from {}{}) as looked_at"
            ).format(
                value or sql.SQL("null::text"),
                _any_fault(contract),
                sql.SQL("count(*)" if by_key else "0"),
                sql.Identifier(STAGE),
                sql.SQL(" group by {}").format(_key(contract)) if by_key else sql.SQL(""),
            )
        )
        found, has_faults, has_doubles = cursor.fetchone() or (None, False, False)
    if value is None:
        return cursors.highest(connection, contract, sql.Identifier(STAGE), not_after), has_faults, has_doubles
    return None if found is None else {contract.cursor[0]: found}, has_faults, has_doubles


def mark_deleted(connection: Connection, contract: Contract, load_id: int, keys: str) -> int:
    """Set _deleted_at on raw's live rows whose key is not in table ``keys``; returns how many.

    Raises ContractError where the source lacks so many that it is more likely broken than cleaned up.
    """
    gone = sql.SQL("r._deleted_at is null and not exists (select from {} as k where {})").format(
        sql.Identifier(keys), same_key(contract, "k", "r")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("update {} as r set _deleted_at = now(), _loaded_at = now(), _batch_id = {} where {}").format(
                relation(contract), sql.Literal(load_id), gone
            )
        )
        deleted = cursor.rowcount
        if not deleted:
            return 0
        cursor.execute(sql.SQL("select count(*) from {} where _deleted_at is null").format(relation(contract)))
        (left,) = cursor.fetchone() or (0,)
    before = deleted + left
    implausible = left == 0 or (before > MASS_DELETE_FROM and deleted > MASS_DELETE_SHARE * before)
    if implausible and contract.name not in os.environ.get("FUPAN_ACCEPT_DELETES", "").split(","):
        raise ContractError(
            f"The source lacks {deleted} of {before} rows that were loaded before; nothing was deleted",
            system=contract.system,
            table=contract.name,
            remedy=f"If it is right, run the extraction once with FUPAN_ACCEPT_DELETES={contract.name}",
        )
    return deleted


def reject(connection: Connection, contract: Contract, load_id: int) -> int:
    """Move rows that can't stand in raw from the stage to ops.rejected_row; returns how many."""
    faults = _faults(contract)
    found = sql.SQL(" || ").join(
        sql.SQL("case when {} then {}::jsonb else '[]' end").format(condition, _json([[name, reason]]))
        for condition, name, reason in faults
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                with rejected as (
                    delete from {stage} as s
                    where {any_fault}
                    returning coalesce({reasons}, {found}) as reasons,
                        (to_jsonb(s) - {reasons_name} - {content_name}) || coalesce({content}, '{{}}') as content
                )
                insert into ops.rejected_row
                    (load_id, system, table_name, row_number, column_name, reason, row_content)
                select {load}, {system}, {table}, row_number() over (), reasons -> 0 ->> 0,
                    (select string_agg(concat_ws(' ', r ->> 0, r ->> 1), '; ') from jsonb_array_elements(reasons) as r),
                    content
                from rejected
                """
            ).format(
                stage=sql.Identifier(STAGE),
                reasons=sql.Identifier(REJECTED_REASON),
                content=sql.Identifier(REJECTED_CONTENT),
                reasons_name=sql.Literal(REJECTED_REASON),
                content_name=sql.Literal(REJECTED_CONTENT),
                any_fault=_any_fault(contract),
                found=found,
                load=sql.Literal(load_id),
                system=sql.Literal(contract.system),
                table=sql.Literal(contract.name),
            )
        )
        return cursor.rowcount


def _faults(contract: Contract) -> list[tuple[sql.Composable, str, str]]:
    """What makes raw refuse a staged row: condition, column, reason."""
    faults: list[tuple[sql.Composable, str, str]] = [
        (sql.SQL("{} is null").format(sql.Identifier(name)), name, "is missing, and the contract requires it")
        for name in contract.required
    ]
    return faults + [
        (condition, column.name, f"does not fit {column.data_type}")
        for column in contract.columns
        if (condition := misfit(column)) is not None
    ]


def _any_fault(contract: Contract) -> sql.Composed:
    noted = sql.SQL("{} is not null").format(sql.Identifier(REJECTED_REASON))
    return sql.SQL(" or ").join([noted, *(condition for condition, _, _ in _faults(contract))])


def drop_duplicates(connection: Connection, contract: Contract, table: sql.Identifier, *, in_order: bool) -> int:
    """Leave one row a key in a table, the stage or raw: the latest by cursor, and among equals the last one where rows stand
    ``in_order``, else one that does not depend on the order of reading."""
    key = _key(contract)
    order: list[sql.Composable] = [
        sql.SQL("s.{} desc nulls last").format(sql.Identifier(name)) for name in contract.cursor
    ]
    if not in_order:
        order.append(sql.SQL('s::text collate "C" desc'))
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                with doubled as (select {key} from {stage} group by {key} having count(*) > 1),
                ranked as (
                    select s.ctid as place, row_number() over (partition by {key} order by {order}) as place_in_key
                    from {stage} as s join doubled using ({key})
                )
                delete from {stage} as s using ranked where s.ctid = ranked.place and ranked.place_in_key > 1
                """
            ).format(
                key=key,
                stage=table,
                order=sql.SQL(", ").join([*order, sql.SQL("s.ctid desc")]),
            )
        )
        return cursor.rowcount


def insert(connection: Connection, contract: Contract, load_id: int, table: sql.Identifier | None = None) -> int:
    """Rows of a table, by default the stage, into empty raw, at a third of what an upsert costs; the system's lock keeps
    other writers away."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("insert into {} ({}, _batch_id) select {}, {} from {}").format(
                relation(contract), names, names, sql.Literal(load_id), table or sql.Identifier(STAGE)
            )
        )
        return cursor.rowcount


def _upsert(connection: Connection, contract: Contract, load_id: int, copied: Copied) -> tuple[int, int, Totals | None]:
    """Rows inserted and updated, and raw's totals over the keys of the stage, None where that is the whole table.

    Each row is looked up once. One that is equal, or older by the cursor's first column where that may be, is kept as it is:
    ON CONFLICT would lock, that is write, it. The others are updated in their place or inserted, and what raw then holds
    is told by the writing itself.
    """
    older: sql.Composable = sql.SQL("false")
    if copied.may_be_older and contract.cursor:
        older = sql.SQL("s.{0} < r.{0}").format(sql.Identifier(contract.cursor[0]))
    names = [sql.Identifier(column.name) for column in contract.columns]
    told = control_totals.measured(contract)
    day, *values = columns = [sql.Identifier(f"fupan_told_{number}") for number in range(len(told))]
    comma = sql.SQL(", ")
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                with compared as materialized (
                    select r.ctid as fupan_place, is_kept as fupan_is_kept, {told_by_name}, {theirs}
                    from {stage} as s
                    left join {raw} as r on {same_key}
                    cross join lateral (
                        select r.ctid is not null and coalesce(
                            {older} or r._deleted_at is null and ({theirs}) is not distinct from ({ours}), false
                        ) as is_kept
                    ) as compare
                    where {wanted}
                ),
                updated as (
                    update {raw} as r
                    set {changes}, _batch_id = {load}, _loaded_at = now(), _deleted_at = null
                    from compared as c
                    where r.ctid = c.fupan_place and not c.fupan_is_kept
                    returning {told}
                ),
                inserted as (
                    insert into {raw} as r ({names}, _batch_id)
                    select {names}, {load} from compared where fupan_place is null
                    returning {told}
                ),
                now_there (what, {columns}) as (
                    select 'updated', * from updated
                    union all select 'inserted', * from inserted
                    union all select 'kept', {columns} from compared where fupan_is_kept
                )
                select what, {totalled} from now_there group by what, {day}
                """
            ).format(
                raw=relation(contract),
                stage=sql.Identifier(STAGE),
                names=comma.join(names),
                load=sql.Literal(load_id),
                same_key=same_key(contract, "s", "r"),
                older=older,
                theirs=_all_of("s", contract),
                ours=_all_of("r", contract),
                told=comma.join(told),
                told_by_name=comma.join(
                    sql.SQL("case when is_kept then {} end as {}").format(*both)
                    for both in zip(told, columns, strict=True)
                ),
                columns=comma.join(columns),
                day=day,
                totalled=control_totals.totalled(day, values),
                # What is kept of a whole table is only looked at: its totals are those of all of raw.
                wanted=sql.SQL("not is_kept" if copied.whole else "true"),
                changes=comma.join(sql.SQL("{0} = c.{0}").format(name) for name in names),
            )
        )
        rows = cursor.fetchall()
    inserted, updated = (sum(int(row[2]) for row in rows if row[0] == what) for what in ("inserted", "updated"))
    return inserted, updated, None if copied.whole else control_totals.as_totals(contract, [row[1:] for row in rows])


def _key(contract: Contract) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, contract.primary_key))


def _all_of(alias: str, contract: Contract) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, column.name) for column in contract.columns)


def _json(value: list[list[str]]) -> sql.Composable:
    return sql.Literal(json.dumps(value))
