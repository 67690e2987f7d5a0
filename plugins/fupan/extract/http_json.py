"""Read from an HTTP JSON API: page by page into the warehouse, where text becomes the contract's columns."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import count, groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from psycopg2 import sql

from fupan.contracts.contract import Column
from fupan.contracts.installation import HttpSystem, HttpTable, Paging
from fupan.extract.connections import http_site
from fupan.extract.copy_text import copy_by
from fupan.extract.drift import Difference
from fupan.extract.http_client import Client
from fupan.extract.http_listing import Page
from fupan.extract.http_paging import pages
from fupan.extract.http_reading import Reading
from fupan.extract.http_records import Fields
from fupan.extract.http_totals import totals_of
from fupan.extract.plain_rows import PlainRows
from fupan.extract.raw_tables import relation
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
        into = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(stage), _names(columns))
        passed, rest = self._copy(read, columns, warehouse, into, stage)
        return replace(rest, rows=passed + rest.rows)

    def copy_fitting(self, read: Read, load_id: int, warehouse: Connection, stage: str) -> tuple[int, Copied]:
        """As `copy`, but what needs no closer look goes straight into raw, which this transaction made empty, as frozen rows;
        returns how many these are, and the rest."""
        into = sql.SQL("copy {} ({}, _batch_id) from stdin with (freeze)").format(
            relation(read.contract), _names(read.contract.columns)
        )
        return self._copy(read, read.contract.columns, warehouse, into, stage, str(load_id))

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

    def _copy(
        self,
        read: Read,
        columns: Sequence[Column],
        warehouse: Connection,
        into: sql.Composable,
        stage: str,
        *more: str,
    ) -> tuple[int, Copied]:
        """Plain pages by COPY statement ``into`` (each row with texts ``more``), the others by way of text into the stage."""
        entry, plan = _entry(read), self._plan(read, columns)
        if plan.is_table and entry.totals is not None:
            self._before[read.contract.name] = self._told(read)
        passed, landed = _land(read, plan, warehouse, into, more)
        rows, differences = 0, list[Difference]()
        if plan.is_table:
            differences = [Difference(name, "added", "is new") for name in plan.fields.new]
        if passed or landed:
            missing = [name for name in plan.fields.columns if name in plan.fields.absent - {*entry.optional}]
            differences += [Difference(name, "missing", "no object has it") for name in missing]
            if landed and not missing:
                fitted = plan.plain.filled if plan.plain else set()
                found = convert(warehouse, read, columns, stage, plan.select)
                differences += [one for one in found if not (one.kind == "retyped" and one.column in fitted)]
                rows = staged(warehouse, stage) - (passed if not more else 0)
        return passed, Copied(rows, not plan.reading.narrowed(), tuple(differences))

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


def _land(read: Read, plan: _Plan, warehouse: Connection, into: sql.Composable, more: Sequence[str]) -> tuple[int, int]:
    """Bring plain pages where ``into`` says, the others into the landed relation; returns how many objects each."""
    create_landed(warehouse, plan.fields.columns)
    passed, landed, table = 0, 0, read.contract.name
    with contextlib.closing(_meet(plan, more)) as met:
        for is_plain, run in groupby(met, key=lambda one: one.lines is not None):
            if is_plain:
                passed += copy_by(warehouse, into, (one.lines or b"" for one in run))
                continue
            for page, added, _ in run:
                extend_landed(warehouse, added)
                origins = (f"{table} {page.name} item {item}" for item in count(page.first))
                rows = zip(origins, plan.fields.rows(page.items), strict=False)
                landed += copy_landed(warehouse, plan.fields.columns, rows)
    return passed, landed


def _meet(plan: _Plan, more: Sequence[str]) -> Generator[_Met]:
    for page in plan.reading.pages():
        added, lines = plan.fields.meet(page.items), None
        if plan.plain is not None and page.items:
            lines = plan.plain.lines(plan.fields.values(page.items), *more)
        yield _Met(page, added, lines)


def _names(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)


def _entry(read: Read) -> HttpTable:
    assert isinstance(read.entry, HttpTable)
    return read.entry
