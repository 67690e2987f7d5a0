"""Columns that a source delivers beyond its contract, where the contract lets them evolve: tonight's contract has them too."""

from __future__ import annotations

import psycopg2
from psycopg2 import sql

from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import SourceTable
from fupan.errors import ContractError
from fupan.extract import drift, raw_tables
from fupan.extract.source import Read, Source
from fupan.warehouse.connection import Connection

#: Family of a source's type -> the widest contracted type of it, so that no row is rejected for a column nobody asked for.
_WIDEST = {
    "integer": "bigint",
    "numeric": "numeric",
    "float": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}
_DESCRIPTION = "Came by itself, not in the contract 自动加入，合同中没有"


def evolved(work: Connection, source: Source, contract: Contract, entry: SourceTable) -> Contract:
    """The contract with the columns that the source delivers beyond it, where it lets columns evolve; raw gives up those that
    came so before and are gone or of another type by now (not committed).

    A source that breaks its contract changes nothing: the load will say so. Raises ContractError for a column whose type the
    source does not tell or whose name is one of ours, and where a view reads what raw would have to give up.
    """
    if contract.schema_contract.columns != "evolve":
        return contract
    delivered = source.describe(Read(contract, entry))
    differences = drift.compare(contract, delivered)
    if any(difference.kind != "added" for difference in differences):
        return contract
    new = [_column(contract, difference.column, delivered[difference.column]) for difference in differences]
    for name in raw_tables.beyond(work, contract, new):
        _give_up(work, contract, name)
    return contract.model_copy(update={"columns": (*contract.columns, *new)})


def _column(contract: Contract, name: str, family: str | None) -> Column:
    why = None
    if family is None:
        why = "the source does not tell its type"
    elif name in raw_tables.OURS or name.startswith("fupan_"):
        why = "raw has a column of that name for itself"
    if family is None or why is not None:
        raise ContractError(
            f"The new column {name} can't be added to raw by itself: {why}",
            system=contract.system,
            table=contract.name,
            column=name,
            remedy="Name it in the contract, cast or rename it in the installation's query, or say discard_value",
        )
    return Column(name=name, data_type=_WIDEST.get(family, "text"), description=_DESCRIPTION)


def _give_up(work: Connection, contract: Contract, name: str) -> None:
    with work.cursor() as cursor:
        try:
            cursor.execute(
                sql.SQL("alter table {} drop column {}").format(raw_tables.relation(contract), sql.Identifier(name))
            )
        except psycopg2.errors.DependentObjectsStillExist as used:
            raise ContractError(
                f"The source has dropped or retyped column {name}, which came to raw by itself, and it is read there: "
                f"{(used.diag.message_detail or '').splitlines()[0]}",
                system=contract.system,
                table=contract.name,
                column=name,
                remedy="Take it out of what reads it, or name it in the contract",
            ) from None
