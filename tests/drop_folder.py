"""A service desk that drops files into a folder, and loads of its one table."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import xlsxwriter

from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import FilesSystem, FilesTable
from fupan.extract.ledger import LoadResult
from fupan.extract.session import running
from fupan.extract.table import load_table

DAY = date(2026, 3, 10)
HEADER = ("ticket_id", "phone", "amount", "opened_at", "updated_at")

COLUMNS = (
    Column(name="ticket_id", data_type="text", description="Ticket 工单"),
    Column(name="phone", data_type="text", description="Phone 电话", personal_data="phone"),
    Column(name="amount", data_type="numeric(10,2)", description="Amount 金额"),
    Column(name="opened_at", data_type="timestamptz", description="Opened 受理", required=True),
    Column(name="updated_at", data_type="timestamptz", description="Last change 更新"),
)


def contract(**changes: Any) -> Contract:
    """The desk's one contract, changed as the test needs."""
    given: dict[str, Any] = {
        "system": "desk",
        "name": "desk_tickets",
        "description": "One row a ticket",
        "owner": "nobody",
        "primary_key": ("ticket_id",),
        "cursor": ("updated_at",),
        "columns": COLUMNS,
    }
    return Contract(**(given | changes))


def row(ticket_id: str, amount: str = "1.00", updated_on: str = "2026-03-10", **more: str) -> list[str]:
    """An ordinary ticket."""
    values = {
        "ticket_id": ticket_id,
        "phone": "138 0013 8000",
        "amount": amount,
        "opened_at": "2026/3/1 9:05",
        "updated_at": f"{updated_on} 18:00:00",
    }
    return [(values | more)[name] for name in HEADER]


def text_of(rows: Iterable[Sequence[str]], header: Sequence[str] = HEADER) -> str:
    """CSV without quotation marks."""
    return "".join(",".join(fields) + "\n" for fields in [header, *rows])


class Desk:
    """The folder and the warehouse."""

    def __init__(self, folder: Path, warehouse: str) -> None:
        self.folder, self.warehouse = folder, warehouse
        folder.mkdir()

    def put(self, name: str, content: bytes | str, *, age_s: float = 60) -> Path:
        """A file that was written some time ago."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        then = time.time() - age_s
        os.utime(path, (then, then))
        return path

    def put_xlsx(self, name: str, rows: Sequence[Sequence[Any]], sheet: str = "导出") -> Path:
        """A workbook; dates become dates of the sheet."""
        path = self.folder / name
        with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd hh:mm:ss"}) as workbook:
            worksheet = workbook.add_worksheet(sheet)
            for number, cells in enumerate(rows):
                worksheet.write_row(number, 0, cells)
        os.utime(path, (time.time() - 60,) * 2)
        return path

    def load(
        self, table: Contract | None = None, *, day: date = DAY, window: tuple[date, date] | None = None, **entry: Any
    ) -> LoadResult:
        """One run that loads the table."""
        given = FilesTable(**({"files": "tickets_{date}.csv", "format": "csv"} | entry))
        system = FilesSystem(
            system="desk",
            kind="files",
            connection="desk_test",
            time_zone="Asia/Shanghai",
            tables={"desk_tickets": given},
        )
        with running(system, day) as session:
            return load_table(session, table or contract(), given, window)

    def ask(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the warehouse, as its owner."""
        connection = psycopg2.connect(self.warehouse, options="-c timezone=Asia/Shanghai")
        with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(statement, values or None)
            found = [dict(each) for each in cursor.fetchall()] if cursor.description else []
        connection.close()
        return found

    def amounts(self) -> dict[str, str]:
        """Raw's live tickets -> amount."""
        found = self.ask("select ticket_id, amount::text from raw.desk_tickets where _deleted_at is null")
        return {ticket["ticket_id"]: ticket["amount"] for ticket in found}

    def files(self) -> dict[str, tuple[int | None, str | None]]:
        """ops.source_file: name -> rows, same_as."""
        found = self.ask("select file_name, row_count, same_as from ops.source_file order by read_at")
        return {file["file_name"]: (file["row_count"], file["same_as"]) for file in found}

    def rejected(self) -> list[tuple[str, str | None, Any]]:
        """Reason, column and content of what was rejected."""
        found = self.ask("select reason, column_name, row_content from ops.rejected_row order by load_id, row_number")
        return [(each["reason"], each["column_name"], each["row_content"]) for each in found]


def day(offset: int) -> date:
    """So many days from the business day."""
    return DAY + timedelta(days=offset)
