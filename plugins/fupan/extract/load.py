"""From the stage into raw: rejects out, duplicates out, then only what differs is written. One transaction, the caller's."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from psycopg2 import sql

from fupan.contracts.contract import Contract
from fupan.errors import ContractError
from fupan.extract.columns import misfit
from fupan.extract.raw_tables import relation, same_key
from fupan.extract.source import Copied
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


def settle(connection: Connection, contract: Contract, load_id: int, copied: Copied, *, raw_is_empty: bool) -> Counts:
    """Bring the stage's rows into raw, unless raw holds newer ones; where the stage is the whole table, delete what it lacks.

    The stage keeps the rows that now stand in raw, or are older. Raises ContractError where it lacks implausibly many.
    """
    with connection.cursor() as cursor:
        # Its number of rows is what plans need; statistics of every column cost as much as the upsert.
        cursor.execute(sql.SQL("analyze {} ({})").format(sql.Identifier(STAGE), _key(contract)))
    # Before rejects leave the stage: a row that the source still has is not deleted because it can't be read.
    deleted = mark_deleted(connection, contract, load_id, STAGE) if copied.whole and not raw_is_empty else 0
    rejected = reject(connection, contract, load_id)
    duplicate = drop_duplicates(connection, contract, sql.Identifier(STAGE), in_order=copied.may_be_older)
    if raw_is_empty:
        inserted, updated = insert(connection, contract, load_id), 0
    else:
        inserted, updated = _upsert(connection, contract, load_id, guarded=copied.may_be_older)
    unchanged = copied.rows - rejected - duplicate - inserted - updated
    return Counts(copied.rows, inserted, updated, unchanged, duplicate, rejected, deleted)


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
        cursor.execute(
            sql.SQL("select count(*) from {} where _deleted_at is null").format(relation(contract))
            if deleted
            else sql.SQL("select 0")
        )
        (left,) = cursor.fetchone() or (0,)
    before = deleted + left
    implausible = deleted and (left == 0 or (before > MASS_DELETE_FROM and deleted > MASS_DELETE_SHARE * before))
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
    faults: list[tuple[sql.Composable, str, str]] = [
        (sql.SQL("{} is null").format(sql.Identifier(name)), name, "is missing, and the contract requires it")
        for name in contract.required
    ]
    faults += [
        (condition, column.name, f"does not fit {column.data_type}")
        for column in contract.columns
        if (condition := misfit(column)) is not None
    ]
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
                    where {reasons} is not null or {any_fault}
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
                any_fault=sql.SQL(" or ").join(condition for condition, _, _ in faults),
                found=found,
                load=sql.Literal(load_id),
                system=sql.Literal(contract.system),
                table=sql.Literal(contract.name),
            )
        )
        return cursor.rowcount


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


def insert(connection: Connection, contract: Contract, load_id: int) -> int:
    """Into an empty table, at a third of what an upsert costs; the system's lock keeps other writers away."""
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("insert into {} ({}, _batch_id) select {}, {} from {}").format(
                relation(contract), names, names, sql.Literal(load_id), sql.Identifier(STAGE)
            )
        )
        return cursor.rowcount


def _upsert(connection: Connection, contract: Contract, load_id: int, *, guarded: bool) -> tuple[int, int]:
    """Rows inserted and updated. Equal rows are left out first: ON CONFLICT would lock, that is write, each of them.

    ``guarded``: so are rows that are older, by the cursor's first column, than raw's row of the same key.
    """
    older = sql.SQL("s.{0} < r.{0}").format(sql.Identifier(contract.cursor[0])) if guarded and contract.cursor else None
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                with applied as (
                    insert into {raw} as r ({names}, _batch_id)
                    select {names}, {load} from {stage} as s
                    where not exists (
                        select from {raw} as r
                        where {same_key} and ({older} or r._deleted_at is null and ({theirs}) is not distinct from ({ours}))
                    )
                    on conflict ({key}) do update
                    set {changes}, _batch_id = excluded._batch_id, _loaded_at = excluded._loaded_at, _deleted_at = null
                    returning (r.xmax = 0) as is_new
                )
                select count(*) filter (where is_new), count(*) filter (where not is_new) from applied
                """
            ).format(
                raw=relation(contract),
                stage=sql.Identifier(STAGE),
                names=sql.SQL(", ").join(sql.Identifier(column.name) for column in contract.columns),
                load=sql.Literal(load_id),
                same_key=same_key(contract, "s", "r"),
                older=older or sql.SQL("false"),
                theirs=_all_of("s", contract),
                ours=_all_of("r", contract),
                key=_key(contract),
                changes=sql.SQL(", ").join(
                    sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column.name)) for column in contract.columns
                ),
            )
        )
        inserted, updated = cursor.fetchone() or (0, 0)
        return inserted, updated


def _key(contract: Contract) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, contract.primary_key))


def _all_of(alias: str, contract: Contract) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, column.name) for column in contract.columns)


def _json(value: list[list[str]]) -> sql.Composable:
    return sql.Literal(json.dumps(value))
