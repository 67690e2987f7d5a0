"""Read from an HTTP JSON API: page by page into the warehouse, where text becomes the contract's columns."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import count
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fupan.contracts.contract import Column
from fupan.contracts.installation import HttpList, HttpSystem, HttpTable, Paging
from fupan.extract.connections import http_site
from fupan.extract.drift import Difference
from fupan.extract.http_client import Client
from fupan.extract.http_paging import pages
from fupan.extract.http_records import Fields
from fupan.extract.http_totals import totals_of
from fupan.extract.source import Copied, CursorValue, Read, Totals
from fupan.extract.text_stage import convert, copy_landed, create_landed, extend_landed, staged
from fupan.warehouse.connection import Connection

log = logging.getLogger("fupan.extract")

_ONE_ANSWER = Paging(kind="none")


class _Plan(NamedTuple):
    """Which list is read, what becomes of its objects, and whether all that the contract says is asked of it."""

    list: HttpList
    fields: Fields
    select: str | None
    is_table: bool


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
        entry, narrowed = _entry(read), self._narrowed(read)
        plan = _plan(read, columns)
        if plan.is_table and entry.totals is not None:
            self._before[read.contract.name] = self._told(read, narrowed)
        is_empty = self._land(read, plan, narrowed, warehouse)
        differences: list[Difference] = []
        if plan.is_table:
            differences = [Difference(name, "added", "is new") for name in plan.fields.new]
        if not is_empty:
            missing = [name for name in plan.fields.columns if name in plan.fields.absent - {*entry.optional}]
            differences += [Difference(name, "missing", "no object has it") for name in missing]
            if not missing:
                differences += convert(warehouse, read, columns, stage, plan.select)
        return Copied(staged(warehouse, stage), not narrowed, tuple(differences))

    def totals(self, read: Read) -> Totals | None:
        """As Source.totals; None also where they have changed since the read began, so that they say nothing of what it got."""
        if _entry(read).totals is None:
            return None
        told = self._told(read, self._narrowed(read))
        if told != self._before.pop(read.contract.name):
            log.info("%s.%s changed while it was read: no control totals", read.contract.system, read.contract.name)
            return None
        return told

    def close(self) -> None:
        """As Source.close."""
        self._client.close()

    def _land(self, read: Read, plan: _Plan, narrowed: dict[str, str], warehouse: Connection) -> bool:
        """Bring the list's objects into the landed relation; returns whether there was none."""
        create_landed(warehouse, plan.fields.columns)
        landed, table = 0, read.contract.name
        for page in pages(self._client, read.contract, plan.list, _entry(read).paging, plan.list.parameters | narrowed):
            if added := plan.fields.meet(page.items):
                extend_landed(warehouse, added)
            origins = (f"{table} page {page.number} item {item}" for item in count(1))
            landed += copy_landed(
                warehouse, plan.fields.columns, zip(origins, plan.fields.rows(page.items), strict=False)
            )
        return landed == 0

    def _told(self, read: Read, narrowed: dict[str, str]) -> Totals:
        wanted = _entry(read).totals
        assert wanted is not None
        (answer,) = pages(self._client, read.contract, wanted, _ONE_ANSWER, wanted.parameters | narrowed)
        return totals_of(read.contract, wanted, answer.items)

    def _narrowed(self, read: Read) -> dict[str, str]:
        """The parameters that narrow a list to the read's bound; none where the source can't."""
        entry, bound = _entry(read), read.bound
        if bound is None or entry.since is None:
            return {}
        limits = {entry.since: bound.low, entry.until: bound.high}
        return {
            name: self._written(value, entry.time_format)
            for name, value in limits.items()
            if name is not None and value is not None
        }

    def _written(self, value: CursorValue, time_format: str | None) -> str:
        """A cursor value as the source reads it."""
        if not isinstance(value, date):
            return str(value)
        if time_format in ("seconds", "milliseconds"):
            stamp = value if isinstance(value, datetime) else datetime.combine(value, time(), self._zone)
            return str(int(stamp.timestamp()) * (1000 if time_format == "milliseconds" else 1))
        local = value.astimezone(self._zone) if isinstance(value, datetime) else value
        return local.strftime(time_format) if time_format else local.isoformat()


def _entry(read: Read) -> HttpTable:
    assert isinstance(read.entry, HttpTable)
    return read.entry


def _plan(read: Read, columns: Sequence[Column]) -> _Plan:
    entry, is_table = _entry(read), len(columns) == len(read.contract.columns)
    if entry.keys is not None and not is_table:
        paths = {column.name: entry.keys.fields.get(column.name, column.name) for column in columns}
        return _Plan(entry.keys, Fields(paths, None), None, is_table)
    if entry.select is not None:
        return _Plan(entry, Fields(entry.fields, entry.select), entry.select, is_table)
    paths = {column.name: entry.fields.get(column.name, column.name) for column in columns}
    return _Plan(entry, Fields(paths, None), None, is_table)
