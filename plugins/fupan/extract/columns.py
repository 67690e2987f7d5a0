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

#: An integer type -> bits of its largest value.
INTEGER_BITS = {"smallint": 15, "integer": 31, "bigint": 63}
_PRECISION = re.compile(r"^numeric\((\d+),\s*(\d+)\)$")


def family(data_type: str) -> str:
    """Contracted type -> its family, a key of FAMILIES: numeric(14,4) is numeric, smallint is integer."""
    return "integer" if data_type in INTEGER_BITS else data_type.partition("(")[0]


def precision_and_scale(data_type: str) -> tuple[int, int] | None:
    """(14, 4) of numeric(14,4); None of a type that declares none."""
    found = _PRECISION.match(data_type)
    return (int(found[1]), int(found[2])) if found else None


def stage_type(data_type: str) -> str:
    """Type of the stage's column: the widest of the family, so that a value that is too big is a rejected row, no error."""
    return {"integer": "bigint"}.get(family(data_type), family(data_type))


def misfit(column: Column, given: str | None = None) -> sql.Composable | None:
    """SQL condition on a staged value: true where raw's narrower type can't hold it exactly; None where all values fit.

    ``given``: PostgreSQL's name of the type in which the value comes, where that is known: what it rules out is not asked.
    """
    value = sql.Identifier(column.name)
    kind = family(column.data_type)
    if kind == "integer" and column.data_type != "bigint":
        bits = INTEGER_BITS[column.data_type]
        if given is not None and INTEGER_BITS.get(given, 64) <= bits:
            return None
        return sql.SQL("not {} between {} and {}").format(
            value, sql.Literal(-(1 << bits)), sql.Literal((1 << bits) - 1)
        )
    if kind == "numeric" and (declared := precision_and_scale(column.data_type)):
        precision, scale = declared
        if given is not None and (narrow := precision_and_scale(given)):
            whole = narrow[0] - narrow[1]
            if whole <= precision - scale and narrow[1] <= scale:
                return sql.SQL("{} = 'NaN'").format(value)
        # NaN and infinity count as greater than every number.
        return sql.SQL("(abs({0}) >= {1} or {0} <> round({0}, {2}))").format(
            value, sql.SQL(f"1e{precision - scale}::numeric"), sql.Literal(scale)
        )
    if kind in ("date", "timestamptz"):
        return sql.SQL("not isfinite({})").format(value)
    return None
