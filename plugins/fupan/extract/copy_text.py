"""COPY of rows that Python makes, in PostgreSQL's text format; memory does not grow with their number."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from psycopg2 import sql

from fupan.warehouse.connection import Connection

_CHUNK = 1 << 20
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


def line(values: Sequence[str | None]) -> bytes:
    """One row, None as null. Raises UnicodeEncodeError where a value is no text."""
    text = "\t".join(["\\N" if value is None else value for value in values])
    # Hardly any row holds a character that must be escaped, and to look for them in the whole is ten times as fast.
    is_plain = text.count("\\") == values.count(None) and text.count("\t") == len(values) - 1
    if not is_plain or "\n" in text or "\r" in text:
        text = "\t".join(["\\N" if value is None else _escaped(value) for value in values])
    return f"{text}\n".encode()


def _escaped(value: str) -> str:
    for character, escape in _ESCAPES:
        value = value.replace(character, escape)
    return value


def copy_lines(warehouse: Connection, table: str, columns: Iterable[str], lines: Iterator[bytes]) -> int:
    """Stream ``lines`` into ``table``; returns how many. What the iterator raises is raised as it is."""
    into = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    return copy_by(warehouse, into, lines)


def copy_by(warehouse: Connection, into: sql.Composable, lines: Iterator[bytes]) -> int:
    """As copy_lines, by a COPY statement of the caller's."""
    source = _Lines(lines)
    with warehouse.cursor() as cursor:
        try:
            cursor.copy_expert(into.as_string(warehouse), source, size=_CHUNK)
        except Exception:
            if source.failure is not None:
                raise source.failure from None
            raise
        return cursor.rowcount


class _Lines(io.RawIOBase):
    """What COPY reads from; keeps the source's failure, which the driver would swallow."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.failure: BaseException | None = None

    def read(self, size: int = -1, /) -> bytes:
        gathered, length = list[bytes](), 0
        try:
            for text in self._lines:
                gathered.append(text)
                length += len(text)
                if length >= size:
                    break
        except BaseException as failure:
            self.failure = failure
            raise
        return b"".join(gathered)
