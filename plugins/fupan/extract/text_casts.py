"""Texts as values of contracted types, by SQL that never raises: what does not fit is null."""

from __future__ import annotations

from psycopg2 import sql

from fupan.contracts.contract import Column
from fupan.extract.columns import family
from fupan.warehouse.connection import Connection

_BLANKS = " \t\r\n\f\v\u00a0\u3000\ufeff"

#: Server version from which PostgreSQL has the function.
_HAS_INPUT_IS_VALID = 160000
_INTEGER = r"^[+-]?[0-9]+(?:\.0*)?$"
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_YEAR_FIRST = r"^(?:[0-9]{4}[-/]|[0-9]{8}(?:$|[ T]))"
_TRUE, _FALSE = ["true", "t", "yes", "y", "on", "1", "是"], ["false", "f", "no", "n", "off", "0", "否"]

#: SQL on text `{t}`, `{b}` without the blanks around it -> value of the family's stage type, null where it does not fit. No
#: form ever raises. Each begins with what most texts look like, at a fraction of the cost of the exact test after it.
_CASTS = {
    "integer": "case when btrim({t}, {digits}) = '' and length({t}) between 1 and 18 then {t}::bigint"
    " when {b} ~ {integer} and length({b}) < 1000 then"
    " case when {b}::numeric between -9223372036854775808 and 9223372036854775807 then {b}::numeric::bigint end end",
    "numeric": "case when btrim({t}, {digits}) in ('', '.') and {t} not in ('', '.') and length({t}) < 100 then {t}::numeric"
    " when {b} ~ {number} and length({b}) < 1000 then {b}::numeric end",
    "double precision": "case when {b} ~ {number} and length({b}) < 1000 then"
    " case when {b}::numeric = 0 or abs({b}::numeric) between 1e-300 and 1e308 then {b}::double precision end end",
    "boolean": "case when lower({b}) = any ({true}) then true when lower({b}) = any ({false}) then false end",
    # A time of day that says something would be lost.
    "date": "case when {t} like '____-__-__' and btrim(left({t}, 4), {digits}) = '' and {is_valid}({t}, 'timestamp') then"
    " {t}::timestamp::date when {b} ~ {year_first} and {is_valid}({b}, 'timestamp') then"
    " case when {b}::timestamp = date_trunc('day', {b}::timestamp) then {b}::timestamp::date end end",
    "timestamptz": "case when {t} like '____-__-__ __:__%' and btrim(left({t}, 4), {digits}) = ''"
    " and {is_valid}({t}, 'timestamptz') then {t}::timestamptz"
    " when {b} ~ {year_first} and {is_valid}({b}, 'timestamptz') then {b}::timestamptz end",
}


def is_cast(column: Column) -> bool:
    """Whether a text of the column has to become something else."""
    return family(column.data_type) != "text"


def cast_of(warehouse: Connection, column: Column) -> sql.Composed:
    """A column's text, as the value of its family's stage type."""
    name = sql.Identifier(column.name)
    return sql.SQL(_CASTS[family(column.data_type)]).format(
        t=name,
        b=bare(name),
        digits=sql.Literal("0123456789"),
        integer=sql.Literal(_INTEGER),
        number=sql.Literal(_NUMBER),
        year_first=sql.Literal(_YEAR_FIRST),
        true=sql.Literal(_TRUE),
        false=sql.Literal(_FALSE),
        is_valid=sql.SQL(
            "pg_input_is_valid" if warehouse.server_version >= _HAS_INPUT_IS_VALID else "ops.input_is_valid"
        ),
    )


def bare(text: sql.Composable) -> sql.Composed:
    """A text that is cast, without the blanks around it; null where nothing is left."""
    return sql.SQL("nullif(btrim({}, {}), '')").format(text, sql.Literal(_BLANKS))
