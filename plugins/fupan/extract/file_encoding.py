"""Whether bytes are in the encoding that an installation declares, and in which one they seem to be."""

from __future__ import annotations

import codecs
from io import BufferedReader

_CHUNK = 1 << 20
#: Bytes beyond ASCII from which on it is no accident that a text in another encoding reads as UTF-8.
_BEYOND_ASCII = 20
_CANDIDATES = ("utf-8", "gb18030", "big5", "utf-16")


def codec_of(declared: str) -> str:
    """Python's codec; a byte order mark is no part of a UTF-8 text."""
    return "utf-8-sig" if is_utf8(declared) else declared


def is_utf8(declared: str) -> bool:
    """Whether the declared encoding is UTF-8, however it is spelt."""
    return codecs.lookup(declared).name in ("utf-8", "utf-8-sig")


def begins_as_utf8(content: BufferedReader) -> bool:
    """Whether the file's beginning can hardly be anything but UTF-8; many other encodings read UTF-8 without complaint."""
    content.seek(0)
    sample = content.read(_CHUNK)
    content.seek(0)
    if sample.startswith(codecs.BOM_UTF8):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return sum(byte > 0x7F for byte in sample) >= _BEYOND_ASCII


def guess(content: BufferedReader, declared: str) -> str | None:
    """An encoding other than the declared one in which the whole file is text, None where none is known."""
    for candidate in _CANDIDATES:
        if codecs.lookup(candidate) != codecs.lookup(declared) and _is_text(content, candidate):
            return candidate
    return None


def _is_text(content: BufferedReader, encoding: str) -> bool:
    content.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := content.read(_CHUNK):
            if "\0" in decoder.decode(chunk):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
