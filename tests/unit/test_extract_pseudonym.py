"""Which ways of writing a person are the same person."""

import hashlib
import hmac
import re
import unicodedata

import pytest

from fupan.contracts.contract import PersonalData
from fupan.extract import pseudonym
from fupan.extract.pseudonym import hashed, normalised


@pytest.mark.parametrize(
    ("kind", "written", "means"),
    [
        ("name", " 王 小明\u3000", "王小明"),
        ("name", "ÉMILE Zola", "émilezola"),
        ("email", "Anna.Müller＠EXAMPLE.com", "anna.müller@example.com"),
        ("phone", "+86 138-0013-8000", "13800138000"),
        ("phone", "0086 １３８００１３８０００", "13800138000"),
        ("phone", "\u202d138 0013 8000\u202c", "13800138000"),
        ("phone", "0571-8888 6666", "057188886666"),
        ("phone", "+86 571 8888 6666", "8657188886666"),
        ("phone", "none", None),
        ("address", "\t\u200b", None),
    ],
)
def test_normalised(kind: PersonalData, written: str, means: str | None) -> None:
    assert normalised(written, kind) == means


def test_hash_is_keyed() -> None:
    first = hashed("王小明", "name", b"one")
    assert first == hmac.new(b"one", "王小明".encode(), hashlib.sha256).hexdigest()
    assert hashed("王小明", "name", b"two") != first
    assert hashed("none", "phone", b"one") is None


def test_plain_letters_need_no_normalisation_in_any_company() -> None:
    plain = [c for c in map(chr, range(1, 0x110000)) if re.match(pseudonym._PLAIN, c)]
    assert len(plain) > 27_000
    assert [c for c in plain if unicodedata.normalize("NFKC", c) != c or unicodedata.combining(c)] == []
    decomposed = [unicodedata.decomposition(c).split() for c in map(chr, range(0x110000))]
    composing = {
        chr(int(part, 16)) for parts in decomposed if len(parts) == 2 and parts[0][0] != "<" for part in parts[1:]
    }
    assert composing.isdisjoint(plain)
    assert {c for c in plain if not c.isascii()}.isdisjoint(pseudonym._FROM)
