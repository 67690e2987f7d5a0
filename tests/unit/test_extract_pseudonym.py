"""Which ways of writing a person are the same person."""

import hashlib
import hmac

import pytest

from fupan.contracts.contract import PersonalData
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
