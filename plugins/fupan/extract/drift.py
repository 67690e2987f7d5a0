"""Differences between what a source delivers and what its contract says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from fupan.contracts.contract import Contract
from fupan.errors import ContractError
from fupan.extract.columns import FAMILIES, family
from fupan.warehouse.connection import Connection

#: How PostgreSQL, SQLite, MariaDB and Oracle say that a query names a column that is not there.
_NO_SUCH_COLUMN = re.compile(
    r"""column "?(?:[\w$]+\.)?([\w$]+)"? does not exist|no such column: "?(?:[\w$]+\.)?([\w$]+)"?"""
    r"""|Unknown column '(?:[\w$]+\.)?([\w$]+)'|"([\w$]+)": invalid identifier""",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Difference:
    """One column that differs; whether an ``added`` one stops a load, the contract says; the others do."""

    column: str
    kind: Literal["added", "missing", "retyped"]
    detail: str


def compare(contract: Contract, delivered: Mapping[str, str | None]) -> list[Difference]:
    """Differences of the delivered columns (name -> type family, None: unknown), in the contract's order, new ones last."""
    found: list[Difference] = []
    for column in contract.columns:
        if column.name not in delivered:
            found.append(Difference(column.name, "missing", f"contract says {column.data_type}"))
            continue
        actual = delivered[column.name]
        if actual is not None and actual not in FAMILIES[family(column.data_type)]:
            found.append(Difference(column.name, "retyped", f"is {actual}, contract says {column.data_type}"))
    known = {column.name for column in contract.columns}
    found += [Difference(name, "added", f"is {kind or 'new'}") for name, kind in delivered.items() if name not in known]
    return found


def missing_column(message: str) -> str | None:
    """Name of the column that a database says does not exist, else None."""
    found = _NO_SUCH_COLUMN.search(message)
    return next((name for name in found.groups() if name), None) if found else None


def record(connection: Connection, contract: Contract, differences: Iterable[Difference]) -> None:
    """Write tonight's differences of a table to ops.drift (not committed); those no longer seen are resolved."""
    seen = [(contract.system, contract.name, d.column, d.kind, d.detail) for d in differences]
    with connection.cursor() as cursor:
        for difference in seen:
            cursor.execute(
                """
                insert into ops.drift (system, table_name, column_name, kind, detail) values (%s, %s, %s, %s, %s)
                on conflict (system, table_name, column_name, kind, detail)
                do update set last_seen = clock_timestamp(), resolved_at = null
                """,
                difference,
            )
        cursor.execute(
            """
            update ops.drift set resolved_at = clock_timestamp()
            where system = %s and table_name = %s and resolved_at is null
                and (column_name || ' ' || kind || ' ' || detail) <> all (%s)
            """,
            [contract.system, contract.name, [f"{column} {kind} {detail}" for _, _, column, kind, detail in seen]],
        )


def refuse(contract: Contract, differences: Iterable[Difference]) -> None:
    """Raise ContractError for the differences that stop a load; columns beyond the first are named in the text."""
    is_frozen = contract.schema_contract.columns == "freeze"
    breaking = [d for d in differences if d.kind != "added" or is_frozen]
    if breaking:
        remedy = "Ask the source's owner, then cast or rename in the installation's query, or change the contract"
        if breaking[0].kind == "added":
            remedy = (
                "Name it in the contract, leave it out of the installation's query, or thaw schema_contract: columns"
            )
        raise ContractError(
            "The source breaks its contract: " + "; ".join(f"{d.column} is {d.kind} ({d.detail})" for d in breaking),
            system=contract.system,
            table=contract.name,
            column=breaking[0].column,
            remedy=remedy,
        )


def refuse_rejected(connection: Connection, contract: Contract, load_id: int) -> None:
    """Raise ContractError for rows that a load rejected where the contract freezes types; its transaction is to be undone."""
    if contract.schema_contract.data_type != "freeze":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "select column_name, reason, count(*) from ops.rejected_row where load_id = %s group by 1, 2 order by 3 desc, 2",
            [load_id],
        )
        found = cursor.fetchall()
    if found:
        raise ContractError(
            "The source breaks its contract: "
            + "; ".join(f"{reason} ({count} rows)" for _, reason, count in found[:5]),
            system=contract.system,
            table=contract.name,
            column=found[0][0],
            remedy="Have the rows corrected at the source, or say schema_contract: data_type: discard_row",
        )
