"""Read from a drop folder: CSV and XLSX files, each content once."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from io import BufferedReader

from psycopg2 import sql

from fupan.contracts.contract import Column
from fupan.contracts.installation import FilesSystem, FilesTable
from fupan.errors import ContractError
from fupan.extract import file_ledger
from fupan.extract.drift import Difference
from fupan.extract.file_csv import CsvSheet
from fupan.extract.file_due import eligible
from fupan.extract.file_folder import drop_folder, look
from fupan.extract.file_plain import copy_plain
from fupan.extract.file_sheet import Record, Sheet
from fupan.extract.file_xlsx import XlsxSheet
from fupan.extract.raw_tables import relation
from fupan.extract.source import Copied, Read
from fupan.extract.stage import REJECTED_REASON
from fupan.extract.text_stage import Fault, convert, copy_landed, create_landed, staged
from fupan.warehouse.connection import Connection

log = logging.getLogger("fupan.extract")

#: From so many unreadable rows on, if they are more than this share, it is the file that is wrong, not its rows.
UNREADABLE_FROM, UNREADABLE_SHARE = 10, 0.1


class FilesSource:
    """A drop folder as it was when the run opened it."""

    exact = True

    def __init__(self, system: FilesSystem, business_day: date) -> None:
        self._folder = look(drop_folder(system.connection, system.system), system.system)
        self._business_day = business_day

    def describe(self, read: Read) -> dict[str, str | None]:
        """As Source.describe; what a file really holds is seen when it is read."""
        return dict.fromkeys(column.name for column in read.contract.columns)

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        """As Source.copy: the files that are due, oldest first, each written down in ops.source_file.

        Raises SourceUnavailable where one is missing or not whole, ContractError where one can't be read.
        """
        return self._copy(read, columns, warehouse, stage, sql.Identifier(stage))[1]

    def copy_fitting(self, read: Read, load_id: int, warehouse: Connection, stage: str) -> tuple[int, Copied]:
        """As `copy`, but plain rows go straight into raw, which is empty, until one came that is not, so that raw has all in
        their order once the stage has followed; returns how many these are, and the rest."""
        raw = relation(read.contract)
        with warehouse.cursor() as cursor:
            cursor.execute(sql.SQL("alter table {} alter _batch_id set default {}").format(raw, sql.Literal(load_id)))
            passed, rest = self._copy(read, read.contract.columns, warehouse, stage, raw)
            cursor.execute(sql.SQL("alter table {} alter _batch_id drop default").format(raw))
        return passed, rest

    def _copy(
        self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str, into: sql.Composable
    ) -> tuple[int, Copied]:
        """Plain rows into table ``into`` as long as all were plain; returns how many it got if it is not the stage, and what
        the stage got."""
        assert isinstance(read.entry, FilesTable)
        assert read.load_id is not None
        is_full = read.entry.delivery == "full"
        ledger = file_ledger.ledger_of(warehouse, read.contract)
        due = eligible(self._folder, read, self._business_day)
        # Content -> file of what need not be read again; what is the whole table now may have been so long ago.
        known: dict[str, str] = {}
        if not read.anew and read.window is None:
            known = {sha256: name for sha256, name in ledger.files.items() if not is_full or sha256 == ledger.latest}
        elif read.anew and (gone := set(ledger.files.values()) - {file.name for file in self._folder.files}):
            log.warning(
                "%s.%s is read anew, but %d files that were read before are gone from the folder: %s …",
                *(read.contract.system, read.contract.name, len(gone), min(gone)),
            )
        differences: dict[tuple[str, str], Difference] = {}
        was_read, passed = False, 0
        for dated in due:
            if ledger.content_of(dated.file) in known:
                continue
            with dated.file.opened(read.contract.system, read.contract.name) as content:
                sha256 = file_ledger.fingerprint(content)
                row_count = None
                if sha256 not in known:
                    if not read.contract.cursor:
                        # Nothing but the order of files tells what is newer: those after this one speak last again.
                        known = {}
                    plain, row_count, found = _load(
                        dated.file.name, content, read, columns, warehouse=warehouse, stage=stage, into=into
                    )
                    was_read = True
                    passed += plain if into != sql.Identifier(stage) else 0
                    into = into if row_count == plain else sql.Identifier(stage)
                    differences |= {(d.column, d.kind): d for d in found}
            if any(difference.kind != "added" for difference in differences.values()):
                break
            file_ledger.record(
                warehouse, read.contract, read.load_id, dated, sha256, row_count=row_count, same_as=known.get(sha256)
            )
            known.setdefault(sha256, dated.file.name)
        return passed, Copied(
            rows=staged(warehouse, stage),
            whole=is_full and was_read and not _lacks_keys(warehouse, read, stage),
            differences=tuple(differences.values()),
            may_be_older=not is_full,
        )

    def totals(self, read: Read) -> None:
        """As Source.totals: a file tells none."""

    def close(self) -> None:
        """As Source.close."""


def _load(
    name: str,
    content: BufferedReader,
    read: Read,
    columns: Sequence[Column],
    *,
    warehouse: Connection,
    stage: str,
    into: sql.Composable,
) -> tuple[int, int, list[Difference]]:
    """Bring one file's plain rows into table ``into``, the others into the stage; returns how many were plain, how many there
    are, and in what the file differs from the contract."""
    assert isinstance(read.entry, FilesTable)
    sheet: Sheet = (XlsxSheet if read.entry.format == "xlsx" else CsvSheet)(name, content, read)
    if doubled := [column for column in sheet.header if sheet.header.count(column) > 1]:
        raise ContractError(
            f"{name} has column {doubled[0]} twice",
            system=read.contract.system,
            table=read.contract.name,
            column=doubled[0],
            remedy="Ask the source's owner to name them differently",
        )
    plain = 0
    if isinstance(sheet, CsvSheet):
        plain, sheet.skipped = copy_plain(warehouse, content, read.entry, read.contract, sheet.header, table=into)
    create_landed(warehouse, sheet.header)
    records = _Counted(sheet)
    row_count = plain + copy_landed(warehouse, sheet.header, records)
    if records.faults >= UNREADABLE_FROM and records.faults > UNREADABLE_SHARE * row_count and records.first:
        raise sheet.explained(records.first, records.faults, row_count)
    differences = [
        replace(difference, detail=f"{difference.detail}; {name}")
        for difference in convert(warehouse, read, columns, stage, read.entry.select)
    ]
    log.info("%s.%s: %s has %d rows", read.contract.system, read.contract.name, name, row_count)
    return plain, row_count, [*differences, *_added(sheet.header, read)]


class _Counted:
    """The records of a sheet, and how many of them are faults."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self.faults = 0
        self.first: Fault | None = None

    def __iter__(self) -> Iterator[Record]:
        for record in self._sheet.records():
            if isinstance(record, Fault):
                self.faults += 1
                self.first = self.first or record
            yield record


def _added(header: Sequence[str], read: Read) -> list[Difference]:
    """Columns that nothing makes use of: neither the contract nor the installation's SELECT, if only in a comment."""
    assert isinstance(read.entry, FilesTable)
    wanted = {column.name for column in read.contract.columns}
    if select := read.entry.select:
        wanted = {name for name in header if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", select)}
    return [Difference(name, "added", "is new") for name in header if name not in wanted]


def _lacks_keys(warehouse: Connection, read: Read, stage: str) -> bool:
    """Whether a rejected row does not tell its key: then nobody knows which rows the file lacks."""
    with warehouse.cursor() as cursor:
        cursor.execute(
            sql.SQL("select exists (select from {} where {} is not null and ({}))").format(
                sql.Identifier(stage),
                sql.Identifier(REJECTED_REASON),
                sql.SQL(" or ").join(
                    sql.SQL("{} is null").format(sql.Identifier(name)) for name in read.contract.primary_key
                ),
            )
        )
        row = cursor.fetchone()
    return row is None or bool(row[0])
