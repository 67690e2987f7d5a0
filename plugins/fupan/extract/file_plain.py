"""Rows of a CSV file that can be nothing but what they look like: passed on as they are, by COPY into the stage or raw.

What a text means, and whether it fits, `text_stage` decides, a row at a time, in SQL. Most files hold nothing but values of
which there can be no two opinions: one regular expression over a whole block shows it, and PostgreSQL then reads the file
itself. Each form here accepts less than `text_stage` does and takes it for the same value (a test compares the two); from the
first row that needs a closer look on, a file goes the long way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import psycopg2
from psycopg2 import sql

from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import FilesTable
from fupan.extract.columns import family, precision_and_scale
from fupan.extract.copy_text import copy_by
from fupan.extract.file_encoding import is_utf8
from fupan.extract.plain_rows import DATE, STAMP, WIDTH
from fupan.warehouse.connection import Connection

_BLOCK = 1 << 20
#: Digits of which every number fits the type.
_DIGITS = {"smallint": 4, "integer": 9, "bigint": 18}
#: The longer ones first: what has matched is not tried in another way.
_FLAG = "(?i:true|t|false|f|yes|y|no|n|off|on|0|1)"
#: Before a text that does not begin with a blank: no row of which that is so counts as empty.
_VISIBLE = r"(?=[!-~\xc3-\xe0\xe4-\xee\xf0-\xf4])"


def copy_plain(
    warehouse: Connection,
    content: BinaryIO,
    entry: FilesTable,
    contract: Contract,
    header: Sequence[str],
    *,
    table: sql.Composable,
) -> tuple[int, int]:
    """Copy the rows from where ``content`` stands up to the first that is not plain into ``table`` (the stage, or raw); returns
    how many, and their lines.

    ``content`` then stands behind them. Of a file that a SELECT maps, whose columns are not the contract's, that has personal
    data or is not in UTF-8, no row is plain.
    """
    columns = {column.name: column for column in contract.columns}
    is_as_contracted = len(header) > 1 and sorted(header) == sorted(columns)
    has_personal_data = any(column.personal_data for column in contract.columns)
    if (
        entry.select
        or has_personal_data
        or not (is_as_contracted and is_utf8(entry.encoding) and entry.delimiter.isascii())
    ):
        return 0, 0
    blocks = _Blocks(content, _rows([columns[name] for name in header], contract.required, entry.delimiter))
    into = sql.SQL("copy {} ({names}) from stdin (format csv, delimiter {}, force_null ({names}))").format(
        table, sql.Literal(entry.delimiter), names=sql.SQL(", ").join(map(sql.Identifier, header))
    )
    begun = content.tell()
    with warehouse.cursor() as cursor:
        cursor.execute("savepoint plain")
        try:
            count = copy_by(warehouse, into, iter(blocks))
        except psycopg2.DataError:
            # A day that no calendar has, bytes that are no text: the long way tells which row it is.
            cursor.execute("rollback to savepoint plain")
            count, blocks.lines, blocks.end = 0, 0, begun
        cursor.execute("release savepoint plain")
    content.seek(blocks.end)
    return count, blocks.lines


class _Blocks:
    """Blocks of plain rows, about 1 MB each. ``lines`` and ``end``: how many lines they have, and where they end."""

    def __init__(self, content: BinaryIO, rows: re.Pattern[bytes]) -> None:
        self._content, self._rows = content, rows
        self.lines, self.end = 0, content.tell()

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        while True:
            block = self._content.read(_BLOCK)
            data = rest + block
            if not block and data and not data.endswith(b"\n"):
                data += b"\n"
            found = self._rows.match(data)
            length = found.end() if found else 0
            self.lines += data.count(b"\n", 0, length)
            self.end += length
            if length:
                yield data[:length]
            rest = data[length:]
            if not block or len(rest) > _BLOCK:
                return


def _rows(columns: Sequence[Column], required: Sequence[str], delimiter: str) -> re.Pattern[bytes]:
    fields = re.escape(delimiter).join(_field(column, column.name in required, delimiter) for column in columns)
    # Possessive throughout: what does not match is never tried in another way.
    return re.compile(rf"(?:{fields}\r?+\n)*+".encode("latin-1"))


def _field(column: Column, is_required: bool, delimiter: str) -> str:
    if family(column.data_type) == "text":
        begin, times = (_VISIBLE, "++") if is_required else ("", "*+")
        bare = rf'{begin}[^{re.escape(delimiter)}"\r\n\x00]{times}'
        return rf'(?>"{begin}(?:[^"\x00]|""){times}"|{bare})'
    form = _form(column.data_type)
    return rf'(?>"{form}"|{form})' + ("" if is_required else "?+")


def _form(data_type: str) -> str:
    """Texts of which every one is a value of the type, and of no other, in raw."""
    kind = family(data_type)
    if kind == "integer":
        return rf"-?[0-9]{{1,{_DIGITS[data_type]}}}"
    if kind in ("numeric", "double precision"):
        precision, scale = precision_and_scale(data_type) or (sum(WIDTH), WIDTH[1])
        if not 0 <= scale < precision:
            return r"(?!)"
        return rf"-?[0-9]{{1,{precision - scale}}}" + (rf"(?:\.[0-9]{{1,{scale}}})?" if scale else "")
    return {"boolean": _FLAG, "date": DATE, "timestamptz": STAMP}[kind]
