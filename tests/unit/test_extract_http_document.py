"""Numbers and text of a JSON document are what was written, whichever reader reads it."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest

from fupan.extract.http_document import Documents

_DIGITS = (1, 2, 15, 17, 18, 19, 20, 30)


def _number(dice: random.Random) -> str:
    whole = str(dice.choice([0, 1, 2**53 + 1, 2**63, 2**64, 10 ** dice.choice(_DIGITS) - dice.randrange(3)]))
    fraction = "." + "".join(dice.choices("0123456789", k=dice.choice(_DIGITS))) if dice.random() < 0.3 else ""
    exponent = dice.choice(["e3", "E-7", "e+20", "e400"]) if dice.random() < 0.1 else ""
    return dice.choice(["", "-"]) + whole + fraction + exponent


def _document(dice: random.Random, depth: int = 0) -> str:
    kind = dice.randrange(6 if depth < 4 else 4)
    if kind == 4:
        return "[" + ", ".join(_document(dice, depth + 1) for _ in range(dice.randrange(4))) + "]"
    if kind == 5:
        return "{" + ", ".join(f'"k{n}": {_document(dice, depth + 1)}' for n in range(dice.randrange(4))) + "}"
    text = json.dumps("".join(dice.choices('a"\\/\n灯😀\u2028é\x7f', k=5)), ensure_ascii=dice.random() < 0.5)
    return [_number(dice), text, dice.choice(["true", "false", "null"]), _number(dice)][kind]


def test_every_digit_stays() -> None:
    dice, documents = random.Random(20260310), Documents()
    for _ in range(3000):
        text = _document(dice)
        exact = json.loads(text, parse_float=Decimal)
        assert repr(Documents().read(text.encode(), "application/json")) == repr(exact), text
        assert repr(documents.read(text.encode(), "application/json; charset=utf-8")) == repr(exact), text


def test_fractions_are_expected_once_they_were_met() -> None:
    documents = Documents()
    assert documents.read(b'[{"a": 1}]', "application/json") == [{"a": 1}]
    assert str(documents.read(b'[{"a": {"b": [0.10]}}]', "")[0]["a"]["b"][0]) == "0.10"
    assert documents.read(b'[{"a": 1, "b": 18446744073709551616}]', "") == [{"a": 1, "b": 18446744073709551616}]
    assert str(Documents().read(b"1.50", "")) == "1.50"


@pytest.mark.parametrize("body", [b"[NaN]", b"[-Infinity]", b'{"a": 1', b"", b"<html>", b"[1,]", b'{"a" 1}', b"\xff[]"])
def test_what_is_none(body: bytes) -> None:
    for documents in (Documents(), Documents()):
        with pytest.raises(ValueError):  # noqa: PT011  whatever it says
            documents.read(body, "application/json")
        documents.read(b"[0.5]", "")  # from now on by the other reader
