"""A list that only tells its next page by page can still be read ahead, where it can be narrowed to days: side by side.

A row that changes meanwhile leaves its day for the present one. So the days up to yesterday are read first, and what is
newer, without an end, when all of them are done: whatever left them stands there. Rows without a cursor value are in no
range of days; that is why the installation has to ask for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from fupan.errors import ContractError
from fupan.extract.http_ahead import side_by_side
from fupan.extract.http_listing import Item, Page

#: So many ranges for each request under way: days differ in what they hold.
_RANGES_EACH = 4
#: What changes while we read is newer than this, whatever the difference between the source's clock and ours.
_SETTLED = timedelta(days=1)

#: From (including) and to; None: open.
Range = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class Days:
    """How a list is cut: ``pages`` of a range, one after the other, and a row's cursor value, None where that is no time."""

    pages: Callable[[Range], Iterator[Page]]
    stamp: Callable[[Item], datetime | None]
    zone: tzinfo
    ahead: int


def by_days(days: Days, whole: Range, now: datetime) -> Iterator[Page]:
    """The pages of range ``whole``; one after the other where it is short, or where its rows do not tell their time.

    Raises ContractError where the source does not heed the ranges.
    """
    walk = days.pages(whole)
    head = list(itertools.islice(walk, 2))
    stamps = [days.stamp(item) for item in head[0].items]
    settled, cuts = [], list[datetime]()
    if len(head) > 1 and stamps and None not in stamps:
        first = min(stamp for stamp in stamps if stamp is not None)
        cuts = _cuts(whole, first, now, days)
    if len(cuts) < 2:
        yield from itertools.chain(head, walk)
        return
    settled = [(whole[0], cuts[0]), *itertools.pairwise(cuts)]
    readers = [lambda one=one: _heeded(days, one) for one in settled if one[0] != one[1]]
    yield from side_by_side(readers, days.ahead)
    if cuts[-1] != whole[1]:
        yield from _heeded(days, (cuts[-1], whole[1]))


def _cuts(whole: Range, first: datetime, now: datetime, days: Days) -> list[datetime]:
    """Midnights between which to read, from the day of ``first`` on, up to where nothing changes any more."""
    begin = first.astimezone(days.zone).date()
    if whole[0] is not None:
        begin = max(begin, whole[0].astimezone(days.zone).date() + timedelta(days=1))
    end = (now - _SETTLED).astimezone(days.zone).date()
    if whole[1] is not None:
        end = min(end, whole[1].astimezone(days.zone).date())
    pieces = min((end - begin).days, days.ahead * _RANGES_EACH)
    if pieces < 1:
        return []
    found = [begin + timedelta(days=(end - begin).days * n // pieces) for n in range(pieces + 1)]
    return [datetime.combine(day, time(), days.zone) for day in found]


def _heeded(days: Days, wanted: Range) -> Iterator[Page]:
    """The range's pages; a source that does not know its parameters would send everything each time."""
    low, high = wanted
    for number, page in enumerate(days.pages(wanted)):
        if number == 0:
            for stamp in map(days.stamp, page.items):
                too_early = stamp and low and stamp < low - _SETTLED
                if too_early or (stamp and high and stamp > high + _SETTLED):
                    raise ContractError(
                        "The source does not heed `since` and `until`: it sends rows of other days",
                        remedy="Correct them in the installation's YAML, or leave `ahead` out of its `paging`",
                    )
        yield Page(f"{_told(wanted)} {page.name}", page.items, page.first)


def _told(wanted: Range) -> str:
    low, high = (f"{limit:%Y-%m-%d}" if limit else "" for limit in wanted)
    return f"{low}..{high}"
