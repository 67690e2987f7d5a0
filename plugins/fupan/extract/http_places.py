"""Pages by number or offset: a list that moves while it is read loses no row.

Where a row is deleted, or moves to the end, all rows behind it move up, and one of them slips from the page that is asked
for next onto the one that has been read. Where a row comes in front, they move down; in order of asking that only shows
one of them twice, but with several requests under way it loses one as well. So every answer has to share a row with
the one before: an offset begins at the last row of the page before, and between two pages by number a short one of another
size lies across their border. Rows that keep their order are then all seen, for the shared row was there both times.
Where it is not found, reading goes back. At last the top is looked at again: what rose there meanwhile, out of pages that
had not been read, stands above the first row that was on top before.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

from fupan.extract.http_ahead import in_order
from fupan.extract.http_client import Answer
from fupan.extract.http_listing import Item, Listing, Page

log = logging.getLogger("fupan.extract")

#: Requests under way unless the installation says otherwise.
AHEAD = 8
#: So many times in a row reading goes back, each time twice as far, before the list counts as unreadable.
_TIMES_BACK = 12

Same = Callable[[Item], Hashable]


class _Stretch(NamedTuple):
    """``size`` rows from row ``start`` (counted from 0); ``place`` is what they are asked for by; ``border``: the row that
    begins a page, where the stretch lies across one."""

    start: int
    size: int
    place: int
    name: str
    border: int | None = None


def by_place(listing: Listing, same: Same) -> Iterator[Page]:
    """As http_paging.pages, for kinds page and offset."""
    paging = listing.paging
    answer = listing.at(0 if paging.kind == "offset" else paging.first, paging.size)
    top = listing.items(answer, "page 1")
    listing.new_page(top, "page 1")
    yield Page("page 1", top)
    if not top or listing.says_last(answer, "page 1"):
        return
    reader, is_longer = _Reader(listing, same, top), False
    for page in reader.rest():
        is_longer = True
        yield page
    if is_longer and not paging.stands_still:
        yield from reader.risen()


class _Reader:
    """Goes through a list whose first page is ``top``; its length is what a page is taken to have."""

    def __init__(self, listing: Listing, same: Same, top: list[Item]) -> None:
        self._listing, self._same, self._top, self._paging = listing, same, top, listing.paging
        self._size, self._before = len(top), top
        can_overlap = self._paging.kind == "offset" or self._paging.size_parameter is not None
        self._is_proven = not self._paging.stands_still and self._size > 1 and can_overlap

    def rest(self) -> Iterator[Page]:
        """All pages after the first."""
        start, furthest, times = self._size, -1, 0
        while True:
            lost = yield from self._until_lost(start, goes_back=times > 0)
            if lost is None:
                return
            self._listing.forget_pages()
            if not self._is_proven:
                start = lost.border or lost.start
                continue
            times = 1 if lost.start > furthest else times + 1
            if times > _TIMES_BACK:
                self._listing.broken(
                    f"the list moves faster than it can be read: {lost.name} does not follow on the one before",
                    "If its rows keep their places, say `stands_still: true` under `paging` in the installation's YAML",
                )
            log.info("%s does not follow on the one before: the list has moved", lost.name)
            furthest = max(furthest, lost.start)
            start = max(0, lost.start - self._size * 2**times // 4)

    def risen(self) -> Iterator[Page]:
        """What stands above the old top by now."""
        known = set(map(self._same, self._top))
        for stretch in self._stretches(0):
            if stretch.border is not None:
                continue
            items = self._listing.items(self._listing.at(stretch.place, self._paging.size), stretch.name)
            above = list(itertools.takewhile(lambda item: self._same(item) not in known, items))
            if above:
                yield Page(f"{stretch.name} again", above)
            if len(above) < len(items) or not items:
                return

    def _until_lost(self, start: int, *, goes_back: bool) -> Generator[Page, None, _Stretch | None]:
        """Pages from row ``start`` on; returns the stretch that does not follow on the one before, None at the list's end."""
        stretches = self._stretches(start)
        if goes_back:
            # Not the border before the page: that lies outside of what was read.
            stretches = itertools.dropwhile(lambda stretch: stretch.border is not None, stretches)
        may_run_ahead = self._is_proven or self._paging.stands_still
        ahead = (self._paging.ahead or AHEAD) if may_run_ahead else 1
        with closing(in_order((partial(self._ask, stretch) for stretch in stretches), ahead)) as answers:
            for stretch, answer in answers:
                items = self._listing.items(answer, stretch.name)
                if stretch.border is not None and len(items) > stretch.size:
                    log.warning("%s: the source does not heed a page's size, so what moves can't be seen", stretch.name)
                    self._is_proven = False
                    return stretch
                if stretch.border is None:
                    self._listing.new_page(items, stretch.name)
                fresh = self._fresh(stretch, items)
                if fresh is None:
                    return stretch
                if fresh:
                    yield Page(stretch.name, fresh, len(items) - len(fresh) + 1)
                if self._is_end(stretch, answer, items, fresh):
                    return None
                self._before = items
        return None

    def _ask(self, stretch: _Stretch) -> tuple[_Stretch, Answer]:
        size = self._paging.size if stretch.border is None else stretch.size
        return stretch, self._listing.at(stretch.place, size)

    def _stretches(self, start: int) -> Iterator[_Stretch]:
        """What is asked for, from the stretch on that holds row ``start``, or lies across the border there."""
        size = self._size
        if self._paging.kind == "offset":
            overlap = int(self._is_proven)
            for row in itertools.count(max(0, start - overlap), size - overlap):
                yield _Stretch(row, size, row, f"offset {row}")
        for number in itertools.count(start // size):
            if self._is_proven and number:
                yield _across(number * size, size, self._paging.first)
            yield _Stretch(number * size, size, self._paging.first + number, f"page {number + 1}")

    def _fresh(self, stretch: _Stretch, items: list[Item]) -> list[Item] | None:
        """The objects that the stretch before did not show; None where that may not be the one before."""
        if not self._is_proven or stretch.start == 0:
            return items
        before, same = self._before, self._same
        if items:
            head = same(items[0])
            for place in range(len(before) - 1, max(-1, len(before) - len(items) - 1), -1):
                if same(before[place]) == head and before[place:] == items[: len(before) - place]:
                    return items[len(before) - place :]
        known = {same(item): item for item in before}
        if not any(same(item) in known for item in items):
            return None
        return [item for item in items if known.get(same(item)) != item]

    def _is_end(self, stretch: _Stretch, answer: Answer, items: list[Item], fresh: list[Item]) -> bool:
        if stretch.border is not None:
            return len(items) <= stretch.border - stretch.start
        if self._paging.next is not None:
            return self._listing.says_last(answer, stretch.name)
        return not (fresh if self._is_proven and self._paging.kind == "offset" else items)


def _across(border: int, page_size: int, first: int) -> _Stretch:
    """A short page of another size that holds rows before and after ``border``, as many of both as can be."""
    shortest = max(2, page_size // 20)
    size = max(range(shortest, 2 * shortest + 6), key=lambda size: min(border % size, size - border % size))
    number = border // size
    return _Stretch(number * size, size, first + number, f"border at row {border}", border)
