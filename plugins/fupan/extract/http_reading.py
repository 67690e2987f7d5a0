"""How one table's list is asked for: narrowed to what the read wants, and ahead where the source allows it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from fupan.contracts.installation import HttpList, HttpTable
from fupan.extract.http_client import Client
from fupan.extract.http_days import Days, Range, by_days
from fupan.extract.http_listing import Item, Page
from fupan.extract.http_paging import pages
from fupan.extract.http_records import at
from fupan.extract.source import CursorValue, Read


class Reading:
    """One read of the list ``wanted`` of a table. ``paths``: column -> dotted path, where it is a field as it stands."""

    def __init__(self, client: Client, zone: ZoneInfo, read: Read, wanted: HttpList, paths: Mapping[str, str]) -> None:
        assert isinstance(read.entry, HttpTable)
        self._client, self._zone, self._read, self._wanted, self._paths = client, zone, read, wanted, paths
        self._entry = read.entry

    def narrowed(self) -> dict[str, str]:
        """The parameters that narrow a list to the read's bound; none where the source can't."""
        bound = self._read.bound
        return {} if bound is None else self._within(bound.low, bound.high)

    def pages(self) -> Iterator[Page]:
        """The list's pages; by days side by side where that is asked for."""
        entry, bound = self._entry, self._read.bound
        ahead, is_chained = entry.paging.ahead or 1, entry.paging.kind in ("cursor", "link")
        can_narrow = entry.since is not None and entry.until is not None and self._wanted is entry
        limits = (bound.low, bound.high) if bound is not None else (None, None)
        stamp = self._stamp()
        if ahead > 1 and is_chained and can_narrow and stamp is not None and all(map(_is_stamp, limits)):
            return by_days(Days(self._range, stamp, self._zone, ahead), limits, datetime.now(UTC))  # type: ignore[arg-type]
        return self._list(self.narrowed())

    def _range(self, limits: Range) -> Iterator[Page]:
        return self._list(self._within(*limits))

    def _list(self, narrowed: Mapping[str, str]) -> Iterator[Page]:
        parameters = self._wanted.parameters | dict(narrowed)
        paging, contract = self._entry.paging, self._read.contract
        return pages(self._client, contract, self._wanted, paging, parameters, same=self._same())

    def _within(self, low: CursorValue | None, high: CursorValue | None) -> dict[str, str]:
        if self._entry.since is None:
            return {}
        limits = {self._entry.since: low, self._entry.until: high}
        return {name: self._written(value) for name, value in limits.items() if name is not None and value is not None}

    def _written(self, value: CursorValue) -> str:
        """A cursor value as the source reads it."""
        if not isinstance(value, date):
            return str(value)
        time_format = self._entry.time_format
        if time_format in ("seconds", "milliseconds"):
            stamp = value if isinstance(value, datetime) else datetime.combine(value, time(), self._zone)
            return str(int(stamp.timestamp()) * (1000 if time_format == "milliseconds" else 1))
        local = value.astimezone(self._zone) if isinstance(value, datetime) else value
        return local.strftime(time_format) if time_format else local.isoformat()

    def _same(self) -> Callable[[Item], Hashable]:
        """Rows are told apart by key and cursor; where their fields are not known, by everything."""
        contract = self._read.contract
        if not all(name in self._paths for name in contract.primary_key):
            return repr
        known = [self._paths[name] for name in (*contract.primary_key, *contract.cursor) if name in self._paths]
        return lambda item: repr([at(item, path) for path in known])

    def _stamp(self) -> Callable[[Item], datetime | None] | None:
        contract = self._read.contract
        path = self._paths.get(contract.cursor[0]) if contract.cursor else None
        if path is None:
            return None

        def stamp(item: Item) -> datetime | None:
            value = at(item, path)
            try:
                found = datetime.fromisoformat(value) if isinstance(value, str) else None
            except ValueError:
                return None
            return found.replace(tzinfo=self._zone) if found and found.tzinfo is None else found

        return stamp


def _is_stamp(limit: CursorValue | None) -> bool:
    return limit is None or isinstance(limit, datetime)
