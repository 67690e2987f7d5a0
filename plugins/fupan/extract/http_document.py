"""From the bytes of an answer to its JSON document, with every number as it was written.

orjson is four times as fast as the standard library, but binary floating point is all it has for a fraction, an exponent or an
integer beyond 64 bits: 0.10 would come out as 0.1. What it hands out as float therefore tells that the page must be read
again by the standard library, which can keep the digits; integers and text are the same either way.
"""

from __future__ import annotations

import itertools
import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import orjson

#: An escape in JSON that may be one of _NO_TEXT (or one half of an emoji, whose other half follows).
_PART_OF_A_CHARACTER = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)


class Documents:
    """Reads one system's documents, and remembers whether they hold fractions."""

    def __init__(self) -> None:
        self._hold_fractions = False

    def read(self, body: bytes, content_type: str) -> Any:
        """The document; numbers with a point or an exponent are Decimal, integers int.

        Raises ValueError, ArithmeticError, LookupError or RecursionError where it is none.
        """
        found = _CHARSET.search(content_type)
        charset = found[1] if found else "utf-8"
        # orjson refuses half a character and a number beyond double precision; the standard library knows what to do.
        if not self._hold_fractions and charset.lower() in ("utf-8", "utf8") and rb"\u0000" not in body:
            try:
                document = orjson.loads(body)
            except orjson.JSONDecodeError:
                return _read_slowly(body, charset)
            if not _holds_float(document):
                return document
            self._hold_fractions = True
        return _read_slowly(body, charset)


def _read_slowly(body: bytes, charset: str) -> Any:
    text = body.decode("utf-8-sig" if charset.lower() in ("utf-8", "utf8") else charset)
    document = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    return _mended(document) if _PART_OF_A_CHARACTER.search(text) else document


def _holds_float(document: Any) -> bool:
    """Whether there is one at any depth: level by level, all values of a level at once."""
    level: list[Any] = [document]
    while level:
        values = list(
            itertools.chain(
                itertools.chain.from_iterable(map(dict.values, [one for one in level if type(one) is dict])),
                itertools.chain.from_iterable([one for one in level if type(one) is list]),
            )
        )
        kinds = set(map(type, values))
        if float in kinds:
            return True
        level = [one for one in values if type(one) in (dict, list)] if kinds & {dict, list} else []
    return type(document) is float


def _mended(value: Any) -> Any:
    """The value with U+FFFD for what no text can hold: NUL, and halves of characters that were cut in two at the source."""
    if isinstance(value, str):
        return _NO_TEXT.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_mended(name): _mended(one) for name, one in value.items()}
    return [_mended(one) for one in value] if isinstance(value, list) else value


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)
