"""A person has one hash, whichever of the two ways computed it."""

from __future__ import annotations

import random
import unicodedata

import psycopg2
import pytest
from psycopg2 import sql

from fupan.contracts.contract import PersonalData
from fupan.extract.pseudonym import hashed, sql_hashed, sql_key
from fupan.server.postgres import EmbeddedPostgres

_KINDS: tuple[PersonalData, ...] = ("name", "phone", "address", "email")
_WRITTEN = [
    "",
    " ",
    "\u3000",
    "王小明",
    "浙江省杭州市西湖区文三路 90 号\t東部軟件園",
    "Ａｎｎａ.Ｍüller＠Example.ＣＯＭ",
    "O'Brien\\n",
    "+86 138 0013 8000",
    "008613800138000",
    "86138001380001",
    "（０５７１）８８８８－６６６６",
    "ΣΊΣΥΦΟΣ",
    "ЖУКОВ",
    "İstanbul STRASSE ß ẞ",
    "ﬁnance ™ ㎏ ½",
    "e\u0301\u200b\u202dx\ufeff\xad",
    "👩‍👩‍👧 😀",
]


def _noise(dice: random.Random) -> str:
    """Letters from all over, all of them assigned in every Unicode version in use."""
    ranges = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x556), (0x2000, 0x206F), (0x4E00, 0x4FFF), (0xFF00, 0xFFEF)]
    letters = [chr(dice.randint(*dice.choice(ranges))) for _ in range(dice.randint(1, 12))]
    return "".join(c for c in letters if unicodedata.category(c) != "Cn")


@pytest.mark.parametrize("key", ["short key", "a key that is longer than a block of the hash " * 3])
def test_sql_and_python_agree(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("FUPAN_PSEUDONYM_KEY", key)
    dice = random.Random(20260310)
    values = _WRITTEN + [_noise(dice) for _ in range(1500)]
    connection = psycopg2.connect(server.url)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql_key())
        cursor.execute(
            sql.SQL("select {} from unnest(%s::text[]) with ordinality as given (value, place) order by place").format(
                sql.SQL(", ").join(sql_hashed(sql.Identifier("value"), kind) for kind in _KINDS)
            ),
            [values],
        )
        found = cursor.fetchall()
    connection.close()
    assert [list(row) for row in found] == [[hashed(value, kind, key.encode()) for kind in _KINDS] for value in values]
    assert len({row[0] for row in found}) > 1400
