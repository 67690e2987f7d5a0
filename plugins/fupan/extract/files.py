"""Read from a drop folder: CSV and XLSX files, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from fupan.contracts.contract import Column
from fupan.contracts.installation import FilesSystem
from fupan.extract.source import Copied, Read, Totals
from fupan.warehouse.connection import Connection


class FilesSource:
    exact = True

    def __init__(self, system: FilesSystem, business_day: date) -> None:
        raise NotImplementedError

    def describe(self, read: Read) -> dict[str, str | None]:
        raise NotImplementedError

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        raise NotImplementedError

    def totals(self, read: Read) -> Totals | None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
