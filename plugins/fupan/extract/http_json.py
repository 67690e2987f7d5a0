"""Read from an HTTP JSON API: page by page into the warehouse, where text becomes the contract's columns."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence
from itertools import count, groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fupan.contracts.contract import Column
from fupan.contracts.installation import HttpSystem, HttpTable, Paging
from fupan.extract.connections import http_site
from fupan.extract.copy_text import copy_lines
from fupan.extract.drift import Difference
from fupan.extract.http_client import Client
from fupan.extract.http_listing import Page
from fupan.extract.http_paging import pages
from fupan.extract.http_reading import Reading
from fupan.extract.http_records import Fields
from fupan.extract.http_totals import totals_of
from fupan.extract.plain_rows import PlainRows
from fupan.extract.source import Copied, Read, Totals
from fupan.extract.text_stage import convert, copy_landed, create_landed, extend_landed, staged
from fupan.warehouse.connection import Connection

log = logging.getLogger("fupan.extract")

_ONE_ANSWER = Paging(kind="none")


class _Plan(NamedTuple):
    """Which list is read, what becomes of its objects, and whether all that the contract says is asked of it.

    ``plain``: what needs no select may go straight into the stage.
    """

    reading: Reading
    fields: Fields
    select: str | None
    plain: PlainRows | None
    is_table: bool


class _Met(NamedTuple):
    """A page, the columns that it adds, and its rows as lines for the stage where they need no closer look."""

    page: Page
    added: list[str]
    lines: bytes | None


class HttpSource:
    """An HTTP JSON API. It has no snapshot: pages are read while the source goes on living."""

    exact = True

    def __init__(self, system: HttpSystem) -> None:
        self._zone = ZoneInfo(system.time_zone)
        self._client = Client(system, http_site(system.connection, system.system))
        self._client.reach()
        #: Totals by table, as they were before the table was read.
        self._before: dict[str, Totals] = {}

    def describe(self, read: Read) -> dict[str, str | None]:
        """As Source.describe; which fields there are only the objects show, so the read itself tells what differs."""
        return dict.fromkeys(column.name for column in read.contract.columns)

    def copy(self, read: Read, columns: Sequence[Column], warehouse: Connection, stage: str) -> Copied:
        """As Source.copy; the key's columns alone come from the installation's ``keys``, where it names them."""
        entry, plan = _entry(read), self._plan(read, columns)
        if plan.is_table and entry.totals is not None:
            self._before[read.contract.name] = self._told(read)
        rows, landed = self._land(read, plan, warehouse, stage)
        differences: list[Difference] = []
        if plan.is_table:
            differences = [Difference(name, "added", "is new") for name in plan.fields.new]
        if rows or landed:
            missing = [name for name in plan.fields.columns if name in plan.fields.absent - {*entry.optional}]
            differences += [Difference(name, "missing", "no object has it") for name in missing]
            if landed and not missing:
                fitted = plan.plain.filled if plan.plain else set()
                found = convert(warehouse, read, columns, stage, plan.select)
                differences += [one for one in found if not (one.kind == "retyped" and one.column in fitted)]
                rows = staged(warehouse, stage)
        return Copied(rows, not plan.reading.narrowed(), tuple(differences))

    def totals(self, read: Read) -> Totals | None:
        """As Source.totals; None also where they have changed since the read began, so that they say nothing of what it got."""
        if _entry(read).totals is None:
            return None
        told = self._told(read)
        if told != self._before.pop(read.contract.name):
            log.info("%s.%s changed while it was read: no control totals", read.contract.system, read.contract.name)
            return None
        return told

    def close(self) -> None:
        """As Source.close."""
        self._client.close()

    def _land(self, read: Read, plan: _Plan, warehouse: Connection, stage: str) -> tuple[int, int]:
        """Bring the objects into the stage, and those that need a closer look into the landed relation; returns how many."""
        create_landed(warehouse, plan.fields.columns)
        rows, landed, table = 0, 0, read.contract.name
        with contextlib.closing(_meet(plan)) as met:
            for is_plain, run in groupby(met, key=lambda one: one.lines is not None):
                if is_plain:
                    rows += copy_lines(warehouse, stage, plan.fields.columns, (one.lines or b"" for one in run))
                    continue
                for page, added, _ in run:
                    extend_landed(warehouse, added)
                    origins = (f"{table} {page.name} item {item}" for item in count(page.first))
                    landed += copy_landed(
                        warehouse, plan.fields.columns, zip(origins, plan.fields.rows(page.items), strict=False)
                    )
        return rows, landed

    def _told(self, read: Read) -> Totals:
        wanted = _entry(read).totals
        assert wanted is not None
        narrowed = Reading(self._client, self._zone, read, wanted, {}).narrowed()
        (answer,) = pages(self._client, read.contract, wanted, _ONE_ANSWER, wanted.parameters | narrowed)
        return totals_of(read.contract, wanted, answer.items)

    def _plan(self, read: Read, columns: Sequence[Column]) -> _Plan:
        entry, is_table = _entry(read), len(columns) == len(read.contract.columns)
        wanted = entry.keys if entry.keys is not None and not is_table else entry
        select = entry.select if wanted is entry else None
        paths = dict(wanted.fields)
        if select is None:
            paths = {column.name: wanted.fields.get(column.name, column.name) for column in columns}
        reading = Reading(self._client, self._zone, read, wanted, paths)
        plain = PlainRows(read.contract, columns) if select is None else None
        return _Plan(reading, Fields(paths, select), select, plain, is_table)


def _meet(plan: _Plan) -> Generator[_Met]:
    for page in plan.reading.pages():
        added, lines = plan.fields.meet(page.items), None
        if plan.plain is not None and page.items:
            lines = plan.plain.lines(plan.fields.values(page.items))
        yield _Met(page, added, lines)


def _entry(read: Read) -> HttpTable:
    assert isinstance(read.entry, HttpTable)
    return read.entry
