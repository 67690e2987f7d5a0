"""What a contract's data type means on the way: how wide a value is staged, and when it does not fit raw."""

from __future__ import annotations

import re

from psycopg2 import sql

from fupan.contracts.contract import Column

#: Source types (PostgreSQL names and families) that may feed a contracted type without a cast in the installation's query.
FAMILIES: dict[str, frozenset[str]] = {
    "text": frozenset({"text"}),
    "integer": frozenset({"integer"}),
    "numeric": frozenset({"integer", "numeric"}),
    "double precision": frozenset({"integer", "numeric", "float"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "timestamptz": frozenset({"timestamp"}),
}

_INTEGER_BITS = {"smallint": 15, "integer": 31, "bigint": 63}
_PRECISION = re.compile(r"^numeric\((\d+),\s*(\d+)\)$")


def family(data_type: str) -> str:
    """Contracted type -> its family, a key of FAMILIES: numeric(14,4) is numeric, smallint is integer."""
    return "integer" if data_type in _INTEGER_BITS else data_type.partition("(")[0]


def stage_type(data_type: str) -> str:
    """Type of the stage's column: the widest of the family, so that a value that is too big is a rejected row, no error."""
    return {"integer": "bigint"}.get(family(data_type), family(data_type))


def misfit(column: Column) -> sql.Composable | None:
    """SQL condition on a staged value: true where raw's narrower type can't hold it exactly; None where all values fit."""
    value = sql.Identifier(column.name)
    kind = family(column.data_type)
    if kind == "integer" and column.data_type != "bigint":
        limit = 1 << _INTEGER_BITS[column.data_type]
        return sql.SQL("not {} between {} and {}").format(value, sql.Literal(-limit), sql.Literal(limit - 1))
    if kind == "numeric" and (found := _PRECISION.match(column.data_type)):
        precision, scale = int(found[1]), int(found[2])
        # NaN and infinity count as greater than every number.
        return sql.SQL("(abs({0}) >= {1} or {0} <> round({0}, {2}))").format(
            value, sql.SQL(f"1e{precision - scale}::numeric"), sql.Literal(scale)
        )
    if kind in ("date", "timestamptz"):
        return sql.SQL("not isfinite({})").format(value)
    return None
