"""Keyed hash that stands for a person's name, phone, address or e-mail, the same whether SQL or Python computes it.

A value is normalised first, so that one person written two ways has one hash: NFKC (full-width letters and digits become
plain ones), case folded letter by letter, blanks and invisible characters dropped; of a phone number only the digits stay,
less China's country code before a mobile number. What normalises to nothing is missing. The hash is HMAC-SHA256 in hex.

PostgreSQL's own `lower` depends on the database's locale and pgcrypto is not everywhere: so the SQL form folds case by
`translate` with the same table as Python and builds the HMAC from the core function `sha256`. `translate` compares every
letter with its whole table, half a thousand letters: only values that hold one of them pay for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata

from psycopg2 import sql

from fupan import settings
from fupan.contracts.contract import PersonalData

#: Blanks that NFKC leaves, then soft hyphen, zero-width and direction marks, which come along when a number is pasted.
_DROPPED = " \t\n\r\f\v\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029" + "".join(
    map(chr, [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])
)
#: Latin, Greek, Cyrillic and Armenian capitals beyond ASCII that have one small letter.
_CAPITALS = [c for c in map(chr, range(0x80, 0x557)) if len(c.lower()) == 1 and c != c.lower()]
_FROM, _TO = "".join(_CAPITALS) + _DROPPED, "".join(c.lower() for c in _CAPITALS)
_ASCII_LOWER = {n: n + 32 for n in range(ord("A"), ord("Z") + 1)}
_TABLE = str.maketrans({c: c.lower() for c in _CAPITALS} | dict.fromkeys(_DROPPED)) | _ASCII_LOWER

_ASCII_DROPPED = "".join(c for c in _DROPPED if c.isascii())

#: ASCII and unified ideographs: NFKC leaves them as they are, alone and in any company of each other.
_PLAIN = r"^[\u0001-\u007f\u3400-\u4dbf\u4e00-\u9fff]*$"
#: What only the whole table folds or drops.
_RARE = f"[{''.join(c for c in _FROM if not c.isascii())}]"

_NOT_A_DIGIT = "[^0123456789]"
#: The country code, where a mobile number follows.
_BEFORE_MOBILE = "^(?:0086|86)(?=1[0123456789]{10}$)"

#: Settings of the source's transaction that carry the padded key, which so stays out of the text of long statements.
_INNER, _OUTER = "fupan.inner_key", "fupan.outer_key"


def normalised(value: str, kind: PersonalData) -> str | None:
    """What is hashed; None where nothing is left."""
    text = unicodedata.normalize("NFKC", value).translate(_TABLE)
    if kind == "phone":
        text = re.sub(_BEFORE_MOBILE, "", re.sub(_NOT_A_DIGIT, "", text))
    return text or None


def hashed(value: str, kind: PersonalData, key: bytes) -> str | None:
    """Hex HMAC-SHA256 of the normalised value; None where nothing is left of it."""
    text = normalised(value, kind)
    return None if text is None else hmac.digest(key, text.encode(), "sha256").hex()


def sql_normalised(value: sql.Composable, kind: PersonalData) -> sql.Composed:
    """SQL for what is hashed, null where nothing is left; ``value`` may be evaluated several times."""
    given = {
        "value": sql.SQL('{}::text collate "C"').format(value),
        "nfkc": sql.SQL('normalize({}::text, nfkc) collate "C"').format(value),
        "plain": sql.Literal(_PLAIN),
    }
    if kind == "phone":
        # Folding case makes no digit and takes none away.
        text = sql.SQL(
            "regexp_replace(regexp_replace(case when {value} ~ {plain} then {value} else {nfkc} end, {no_digit}, '', 'g'),"
            " {before_mobile}, '')"
        ).format(**given, no_digit=sql.Literal(_NOT_A_DIGIT), before_mobile=sql.Literal(_BEFORE_MOBILE))
    else:
        text = sql.SQL(
            "case when {value} ~ {plain} then translate(lower({value}), {dropped}, '')"
            " when {nfkc} ~ {rare} then translate(lower({nfkc}), {letters}, {folded})"
            " else translate(lower({nfkc}), {dropped}, '') end"
        ).format(
            **given,
            rare=sql.Literal(_RARE),
            dropped=sql.Literal(_ASCII_DROPPED),
            letters=sql.Literal(_FROM),
            folded=sql.Literal(_TO),
        )
    return sql.SQL("nullif({}, '')").format(text)


def sql_hashed(value: sql.Composable, kind: PersonalData) -> sql.Composed:
    """SQL for the hash, on PostgreSQL 13 or newer with encoding UTF8, once `sql_key` ran in the transaction."""
    # As a sub-select the key is decoded once, not once a row.
    keyed = sql.SQL("sha256((select decode(current_setting({}), 'hex')) || {})")
    inner = keyed.format(sql.Literal(_INNER), sql.SQL("convert_to({}, 'UTF8')").format(sql_normalised(value, kind)))
    return sql.SQL("encode({}, 'hex')").format(keyed.format(sql.Literal(_OUTER), inner))


def sql_key() -> sql.Composed:
    """Statement that hands the key to the current transaction of a source."""
    key = settings.pseudonym_key()
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return sql.SQL("select set_config({}, {}, true), set_config({}, {}, true)").format(
        sql.Literal(_INNER),
        sql.Literal(bytes(b ^ 0x36 for b in block).hex()),
        sql.Literal(_OUTER),
        sql.Literal(bytes(b ^ 0x5C for b in block).hex()),
    )
