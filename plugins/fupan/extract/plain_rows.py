"""Values that plainly fit their columns' types, column by column, as COPY lines for the typed stage.

What a text means, and whether it fits, `text_stage` decides, a row at a time, in SQL. Most pages hold nothing but values of
which there can be no two opinions: these need no text table and no cast, which together cost three times as much as the rows
themselves. So each rule here accepts less than `text_stage` does and takes it for the same value (a test compares the two);
a page with anything else in it, or with a row that raw would reject, goes the long way as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fupan import settings
from fupan.contracts.contract import Column, Contract, PersonalData
from fupan.extract.columns import INTEGER_BITS, family, precision_and_scale
from fupan.extract.copy_text import line
from fupan.extract.http_records import as_text
from fupan.extract.pseudonym import hashed

#: Values of one column -> the same as text for COPY, nulls as _NULL; None where any of them needs a closer look.
_Rule = Callable[[Sequence[Any]], Sequence[str] | None]

#: Stands for null until the rows are written; no text holds it, for PostgreSQL's can't.
_NULL = "\0"

_NOTHING = type(None)
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
STAMP = DATE + r"[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-](?:0[0-9]|1[0-4])(?::[0-9]{2})?)?"
#: Without a declared precision: digits before and after the point that every kind of number has.
WIDTH = (15, 15)


class PlainRows:
    """Turns pages of a contract's ``columns`` into lines for COPY into the stage, in that order."""

    def __init__(self, contract: Contract, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]
        self._rules = [_rule(column) for column in columns]
        self._required = [column.name in contract.required for column in columns]
        #: Columns that had a value in any page that was taken.
        self.filled = set[str]()

    def lines(self, columns: Sequence[Sequence[Any]], *more: str) -> bytes | None:
        """A page's rows, given as one sequence of JSON values a column; None where the page needs a closer look.

        ``more``: plain texts that each row has after them.
        """
        texts: list[Sequence[str]] = []
        for values, rule, is_required in zip(columns, self._rules, self._required, strict=True):
            text = rule(values)
            if text is None or (is_required and _NULL in text):
                return None
            texts.append(text)
        for name, text in zip(self._names, texts, strict=True):
            if name not in self.filled and set(text) != {_NULL}:
                self.filled.add(name)
        return _block([*texts, *([text] * len(texts[0]) for text in more)])


def _block(columns: Sequence[Sequence[str]]) -> bytes:
    """COPY lines of a page. Hardly any holds a character that must be escaped, and one look at the whole page shows it."""
    rows = "\n".join(map("\t".join, zip(*columns, strict=True)))
    count = len(columns[0])
    has_breaks = rows.count("\t") != (len(columns) - 1) * count or rows.count("\n") != count - 1 or "\r" in rows
    if has_breaks or "\\" in rows:
        return b"".join(line([None if one == _NULL else one for one in row]) for row in zip(*columns, strict=True))
    return f"{rows}\n".replace(_NULL, "\\N").encode()


def _rule(column: Column) -> _Rule:
    if column.personal_data is not None:
        return _hashes(column.personal_data, settings.pseudonym_key())
    kind = family(column.data_type)
    if kind == "integer":
        return _integers(1 << INTEGER_BITS[column.data_type])
    if kind in ("numeric", "double precision"):
        return _numbers(*(precision_and_scale(column.data_type) or (sum(WIDTH), WIDTH[1])))
    return _RULES[kind]


def _texts(values: Sequence[Any]) -> Sequence[str]:
    kinds = set(map(type, values))
    if not kinds <= {str, _NOTHING}:
        return [as_text(value) or _NULL for value in values]
    return [value or _NULL for value in values] if _NOTHING in kinds or "" in values else values


def _integers(limit: int) -> _Rule:
    digits = re.compile(r"[+-]?[0-9]{1,18}").fullmatch

    def rule(values: Sequence[Any]) -> Sequence[str] | None:
        kinds = set(map(type, values))
        if kinds == {int}:
            return list(map(str, values)) if _are_within(values, limit) else None
        if not kinds <= {int, str, _NOTHING}:
            return None
        told = [str(value) for value in values if value is not None and value != ""]
        if not all(map(digits, told)) or not _are_within(map(int, told), limit):
            return None
        return [_NULL if value is None or value == "" else str(value) for value in values]

    return rule


def _are_within(numbers: Iterable[int], limit: int) -> bool:
    low, *_, high = sorted([0, *numbers, 0])
    return -limit <= low and high < limit


def _numbers(precision: int, scale: int) -> _Rule:
    whole = precision - scale
    if whole < 1 or scale < 0:
        return lambda _values: None
    shape = re.compile(rf"-?[0-9]{{1,{whole}}}" + (rf"(?:\.[0-9]{{1,{scale}}})?" if scale else "")).fullmatch

    def rule(values: Sequence[Any]) -> Sequence[str] | None:
        if not set(map(type, values)) <= {int, str, Decimal, _NOTHING}:
            return None
        texts = [_NULL if value is None or value == "" else str(value) for value in values]
        return texts if all(map(shape, set(texts) - {_NULL})) else None

    return rule


def _flags(values: Sequence[Any]) -> Sequence[str] | None:
    if not set(map(type, values)) <= {bool, _NOTHING}:
        return None
    return [_NULL if value is None else "t" if value else "f" for value in values]


def _times(shape: str, parse: Callable[[str], object]) -> _Rule:
    fits = re.compile(shape).fullmatch

    def rule(values: Sequence[Any]) -> Sequence[str] | None:
        kinds = set(map(type, values))
        if not kinds <= {str, _NOTHING}:
            return None
        texts = [value or _NULL for value in values] if _NOTHING in kinds or "" in values else values
        told = set(texts) - {_NULL}
        try:
            return texts if all(map(fits, told)) and all(map(parse, told)) else None
        except ValueError:
            return None

    return rule


def _hashes(kind: PersonalData, key: bytes) -> _Rule:
    def rule(values: Sequence[Any]) -> Sequence[str]:
        return [_NULL if text is None else hashed(text, kind, key) or _NULL for text in map(as_text, values)]

    return rule


_RULES: dict[str, _Rule] = {
    "text": _texts,
    "boolean": _flags,
    "date": _times(DATE, date.fromisoformat),
    "timestamptz": _times(STAMP, datetime.fromisoformat),
}
