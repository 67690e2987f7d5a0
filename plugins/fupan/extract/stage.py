"""The temporary table of the warehouse into which a source is streamed before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import sql

from fupan.contracts.contract import Column
from fupan.extract.columns import stage_type
from fupan.warehouse.connection import Connection

STAGE = "fupan_stage"
#: Beside the contract's columns: JSON list of [column or null, reason] of a row that was rejected on its way, and what its
#: columns do not show: texts that did not fit, where it comes from.
REJECTED_REASON, REJECTED_CONTENT = "fupan_reasons", "fupan_content"


def create_stage(connection: Connection, columns: Sequence[Column], name: str = STAGE) -> None:
    """Make the empty stage; it goes with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("create temporary table {} ({}, {} jsonb, {} jsonb) on commit drop").format(
                sql.Identifier(name), staged(columns), sql.Identifier(REJECTED_REASON), sql.Identifier(REJECTED_CONTENT)
            )
        )


def staged(columns: Sequence[Column]) -> sql.Composed:
    """Definitions of the contract's columns, as wide as the stage has them."""
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(stage_type(c.data_type))) for c in columns
    )
