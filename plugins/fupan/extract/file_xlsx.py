"""Rows of a worksheet as text: numbers exactly as the sheet holds them, dates and times in ISO notation.

A cell with an error, or with a formula that was never calculated, is the text that a person sees there (`#DIV/0!`, `=B2*2`):
in a column of numbers that rejects the row. What is merged over several rows stands in each of them.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BufferedReader
from typing import Any, TypeVar
from zipfile import BadZipFile

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, WorksheetNotFound

from fupan.contracts.installation import FilesTable
from fupan.errors import ContractError, FupanError, SourceUnavailable
from fupan.extract import file_workbook
from fupan.extract.file_sheet import Record, header_names
from fupan.extract.source import Read
from fupan.extract.text_stage import Fault

_Error = TypeVar("_Error", bound=FupanError)


class XlsxSheet:
    """A worksheet (the first one, or ``sheet`` of the installation) whose header is read.

    Raises ContractError where there is no such sheet or it would take too much memory, SourceUnavailable where the workbook is
    damaged.
    """

    def __init__(self, name: str, content: BufferedReader, read: Read) -> None:
        assert isinstance(read.entry, FilesTable)
        self._name, self._read = name, read
        try:
            odd = file_workbook.look(content)
            workbook = CalamineWorkbook.from_filelike(content)
            wanted = read.entry.sheet
            sheet = workbook.get_sheet_by_name(wanted) if wanted else workbook.get_sheet_by_index(0)
        except WorksheetNotFound:
            raise self._failure(
                ContractError,
                f"{name} has no sheet {wanted or 1}; it has {', '.join(workbook.sheet_names) or 'none'}",
                "Correct sheet in the installation, or ask the source's owner",
            ) from None
        except PasswordError:
            raise self._failure(
                ContractError, f"{name} is locked with a password", "Ask the source's owner for one that is not"
            ) from None
        except file_workbook.TooLarge as error:
            raise self._failure(ContractError, f"{name} is too large to be read: {error}", "Export it again") from None
        except (CalamineError, BadZipFile, zlib.error, EOFError) as error:
            raise self._failure(
                SourceUnavailable, f"{name} is no whole workbook: {error}", "Have it exported again"
            ) from None
        self._odd, self._merged = odd.of(sheet.name), _Merged(sheet.merged_cell_ranges or [])
        self._rows = enumerate(sheet.iter_rows(), 1)
        self.header = next((header_names(cells) for _, cells in self._filled()), [])

    def records(self) -> Iterator[Record]:
        """As Sheet.records; a row is a line."""
        for row, cells in self._filled():
            yield f"{self._name}:{row}", cells

    def explained(self, first: Fault, faults: int, rows: int) -> ContractError:
        """As Sheet.explained; rows of a worksheet are as wide as its header, so there are none."""
        return self._failure(
            ContractError, f"{first.origin} {first.reason}: {faults} of {rows} rows", "Export it again"
        )

    def _filled(self) -> Iterator[tuple[int, list[str]]]:
        for row, cells in self._rows:
            texts = [cell if isinstance(cell, str) else _text(cell) for cell in cells]
            for place, shown in self._odd.get(row, {}).items():
                texts[place:] = [shown, *texts[place + 1 :]]
            if any(map(str.strip, texts)):
                self._merged.fill(row, texts)
                yield row, texts

    def _failure(self, kind: type[_Error], problem: str, remedy: str) -> _Error:
        contract = self._read.contract
        return kind(problem, system=contract.system, table=contract.name, remedy=remedy)


class _Merged:
    """Cells that are merged over several rows, whose value only the first of them holds.

    ``ranges``: first and last (row, column) of each, from 0.
    """

    def __init__(self, ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]]) -> None:
        self._begin: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for (first, column), (last, _) in ranges:
            if last > first:
                self._begin[first + 1].append((column, last + 1))
        self._open: dict[int, tuple[int, str]] = {}

    def fill(self, row: int, texts: list[str]) -> None:
        """Complete a row, counted from 1, that has something of its own."""
        for column, (last, text) in list(self._open.items()):
            if row > last:
                del self._open[column]
            else:
                texts[column] = text
        for column, last in self._begin.get(row, ()):
            self._open[column] = last, texts[column]


def _text(cell: Any) -> str:
    """A worksheet has no integers: 2549 is held as 2549.0. A float's repr is the shortest decimal that stands for it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return cell.isoformat(" ") if isinstance(cell, datetime) else str(cell)
