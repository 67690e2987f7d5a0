"""What a workbook holds, looked at part by part before it is read as a whole.

Its reader keeps the rectangle from the first cell to the last in memory, and all texts: a zip bomb of some kilobytes, or one
stray cell in the last column, would take more than there is. And it reads a cell with an error, or with a formula that
nobody has calculated, as an empty one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

#: Bytes that a workbook may unpack to; beyond the second number also no more than so many times its size: spreadsheets pack
#: to a fifth or a fortieth, bombs to a thousandth.
LARGEST, DENSE_FROM, DENSEST = 4 << 30, 64 << 20, 200
#: Cells in the rectangle that a sheet spans, 32 bytes each.
MOST_CELLS = 50_000_000

_CHUNK = 1 << 20
_ROW = re.compile(rb'row r="([0-9]+)')
#: A cell with content whose column has two letters or three.
_FAR = re.compile(rb'r="([A-Z]{2,3})[0-9]+"(?:[^>]*[^/])?>')
_ERROR = re.compile(rb'<c r="([A-Z]+)([0-9]+)"[^>]* t="e"[^>]*>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)?<v>([^<]*)</v>')
_UNCALCULATED = re.compile(
    rb'<c r="([A-Z]+)([0-9]+)"(?:(?! t="str")[^>])*>(?:<f[^>]*/>|<f[^>]*>([^<]*)</f>)(?:<v></v>|<v/>)?</c>'
)


class TooLarge(Exception):
    """Reading it would take more memory than any honest export; the text says why."""


@dataclass(frozen=True)
class Odd:
    """Cells, by part, that a reader takes for empty ones: row -> place in the row, from 0 -> what a person sees there."""

    _content: BufferedReader
    _by_part: dict[str, dict[int, dict[int, str]]] = field(default_factory=dict)

    def of(self, sheet: str) -> dict[int, dict[int, str]]:
        """Those of a sheet, rows counted from 1."""
        if not any(self._by_part.values()):
            return {}
        with ZipFile(self._content) as archive:
            book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
            relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
        for found in book.iterfind(".//{*}sheet"):
            if found.get("name") == sheet:
                target = next(targets.get(value, "") for name, value in found.items() if name.endswith("}id"))
                return self._by_part.get(target.lstrip("/") if target.startswith("/") else f"xl/{target}", {})
        return {}


def look(content: BufferedReader) -> Odd:
    """Unpack every part once, in chunks, whatever sizes the archive declares.

    A file that is no zip has no parts. Raises TooLarge, and BadZipFile, zlib.error or EOFError where it is damaged.
    """
    odd = Odd(content)
    size, unpacked = content.seek(0, 2), 0
    try:
        archive = ZipFile(content)
    except BadZipFile:
        return odd
    with archive:
        for part in archive.infolist():
            part.file_size = LARGEST + 1
            sheet = _Sheet() if part.filename.startswith("xl/worksheets/") else None
            with archive.open(part) as file:
                while chunk := file.read(_CHUNK):
                    unpacked += len(chunk)
                    if unpacked > LARGEST or unpacked > max(DENSE_FROM, DENSEST * size):
                        raise TooLarge(f"its {size} bytes unpack to more than {unpacked >> 20} MB, as a zip bomb's do")
                    if sheet:
                        sheet.take(chunk)
            if sheet:
                odd._by_part[part.filename] = sheet.end()
    content.seek(0)
    return odd


class _Sheet:
    """One sheet's XML, as it comes."""

    def __init__(self) -> None:
        self._rest, self._row, self._last_row, self._width = b"", 1, 0, 26
        self._odd: dict[int, dict[int, str]] = defaultdict(dict)

    def take(self, chunk: bytes) -> None:
        """Look at all but the last cell, which may go on in the next chunk."""
        text = self._rest + chunk
        cut = max(text.rfind(b"<c "), text.rfind(b"<row "))
        whole, self._rest = (text[:cut], text[cut:]) if cut > 0 and len(text) - cut < _CHUNK else (text, b"")
        self._look(whole)

    def end(self) -> dict[int, dict[int, str]]:
        self._look(self._rest)
        return dict(self._odd)

    def _look(self, text: bytes) -> None:
        if b"r='" in text:
            text = text.replace(b"'", b'"')
        # A row that is only formatted takes no place; neither do those below the last value.
        filled = max(text.rfind(b"v>"), text.rfind(b"is>"))
        if filled >= 0:
            self._last_row = max(self._last_row, _row_before(text, filled) or self._row)
        self._row = _row_before(text, len(text)) or self._row
        for name in set(_FAR.findall(text)):
            self._width = max(self._width, _place(name) + 1)
        if self._last_row * self._width > MOST_CELLS:
            raise TooLarge(f"a sheet reaches to row {self._last_row} and column {self._width}, most of it empty")
        for column, row, shown in self._odd_cells(text):
            self._odd[int(row)][_place(column)] = shown

    def _odd_cells(self, text: bytes) -> Iterator[tuple[bytes, bytes, str]]:
        if b't="e"' in text:
            yield from ((found[1], found[2], found[3].decode()) for found in _ERROR.finditer(text))
        if b"<f" in text:
            for found in _UNCALCULATED.finditer(text):
                yield found[1], found[2], f"={(found[3] or b'').decode()}"


def _row_before(text: bytes, end: int) -> int | None:
    """Number of the last row that begins before a place in the text."""
    begun = text.rfind(b"row r=", 0, end)
    found = _ROW.match(text, begun) if begun >= 0 else None
    return int(found[1]) if found else None


def _place(letters: bytes) -> int:
    """Of a column, from 0: A is 0, AA is 26."""
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place - 1
