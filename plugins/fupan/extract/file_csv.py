"""Rows of a CSV file, streamed: any encoding in which a line's end is one byte, line breaks in quotation marks."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import BufferedReader

from fupan.contracts.installation import FilesTable
from fupan.errors import ContractError, SourceUnavailable
from fupan.extract.file_encoding import begins_as_utf8, codec_of, guess, is_utf8
from fupan.extract.file_sheet import Record, header_names
from fupan.extract.source import Read
from fupan.extract.text_stage import Fault

#: Longest field; a quotation mark that nothing closes would swallow the rest of the file.
_FIELD_LIMIT = 1 << 24


class CsvSheet:
    """A CSV file whose header is read.

    Raises ContractError for another encoding, SourceUnavailable where the end is missing.
    """

    def __init__(self, name: str, content: BufferedReader, read: Read) -> None:
        assert isinstance(read.entry, FilesTable)
        self._name, self._content, self._entry, self._read = name, content, read.entry, read
        if not is_utf8(self._entry.encoding) and begins_as_utf8(content):
            raise self._unreadable(1, f"is not {self._entry.encoding}")
        csv.field_size_limit(_FIELD_LIMIT)
        #: Lines after the header that somebody else has read.
        self.skipped = 0
        self._undecodable: set[int] = set()
        self._reader = csv.reader(self._lines(), delimiter=self._entry.delimiter, strict=True)
        self.header: list[str] = []
        for line, fields in self._records():
            if isinstance(fields, str):
                raise self._unreadable(line, fields)
            self.header = header_names(fields)
            break

    def records(self) -> Iterator[Record]:
        """Rows after the header, each with its file and line."""
        width = len(self.header)
        for line, fields in self._records():
            origin = f"{self._name}:{line}"
            if isinstance(fields, str):
                yield Fault(origin, fields)
            elif len(fields) != width:
                yield Fault(origin, f"has {len(fields)} fields, the header {width}")
            else:
                yield origin, fields

    def explained(self, first: Fault, faults: int, rows: int) -> ContractError:
        """As Sheet.explained."""
        line = int(first.origin.rpartition(":")[2])
        return self._unreadable(line, first.reason, f"; so it is with {faults} of {rows} rows")

    def _records(self) -> Iterator[tuple[int, Sequence[str] | str]]:
        """Line and fields, or line and what is wrong, of every row that is not blank."""
        while True:
            line = self._reader.line_num + self.skipped + 1
            try:
                fields = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end" in str(error) or "field limit" in str(error):
                    raise self._cut_short(line) from None
                yield line, f"is no CSV: {error}"
                continue
            if self._undecodable:
                self._undecodable.clear()
                yield line, f"is not {self._entry.encoding}"
            elif any(map(str.strip, fields)):
                yield line, fields

    def _lines(self) -> Iterator[str]:
        codec = codec_of(self._entry.encoding)
        for number, line in enumerate(self._content, 1):
            try:
                yield line.decode(codec if number == 1 else self._entry.encoding)
            except UnicodeDecodeError:
                self._undecodable.add(number)
                yield line.decode(self._entry.encoding, "replace")

    def _unreadable(self, line: int, reason: str, extent: str = "") -> ContractError:
        remedy = (
            f"Correct delimiter ({self._entry.delimiter}) or encoding in the installation, or have it exported again"
        )
        if reason == f"is not {self._entry.encoding}":
            other = guess(self._content, self._entry.encoding)
            remedy = (
                f"Set encoding: {other} in the installation" if other else "Ask the source's owner for the encoding"
            )
        return ContractError(
            f"Line {line} of {self._name} {reason}{extent}",
            system=self._read.contract.system,
            table=self._read.contract.name,
            row=f"{self._name}:{line}",
            remedy=remedy,
        )

    def _cut_short(self, line: int) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._name} has not been delivered whole: a quotation mark opens in or after line {line} and nothing closes it",
            system=self._read.contract.system,
            table=self._read.contract.name,
            row=f"{self._name}:{line}",
            remedy="Wait until it is whole; if it is, have it exported again with quotation marks doubled",
        )
