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


class _Stop(NamedTuple):
    """Why reading has to be begun anew, and with which row: the stretch does not follow on the one before (``lost``), is
    shorter than asked for, which the list's last one is as a rule, or is a border that the source does not know."""

    stretch: _Stretch
    row: int
    is_lost: bool = False


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
        self._page, self._page_row = top, 0
        #: How much a stretch shares with the one before as long as nothing moves; more, once something has.
        self._overlap = 1
        can_overlap = self._paging.kind == "offset" or self._paging.size_parameter is not None
        self._is_proven = not self._paging.stands_still and self._size > 1 and can_overlap

    def rest(self) -> Generator[Page]:
        """All pages after the first."""
        start, with_border, furthest, times = self._size, True, -1, 0
        while True:
            stop = yield from self._until_stop(start, with_border=with_border)
            if stop is None:
                return
            start, with_border, lost = stop.row, False, stop.stretch
            if not stop.is_lost:
                continue
            self._overlap = min(max(2 * self._overlap, self._size // 8), self._size // 2)
            times = 1 if lost.start > furthest else times + 1
            if times > _TIMES_BACK:
                self._listing.broken(
                    f"{lost.name} does not follow on the one before: the list moves too fast, or the paging is not heeded",
                    "Correct `paging` in the installation's YAML; if rows keep their places, say `stands_still: true` there",
                )
            log.info("%s does not follow on the one before: the list has moved", lost.name)
            furthest = max(furthest, lost.start)
            start = max(0, lost.start - self._size * 2**times // 4)

    def risen(self) -> Iterator[Page]:
        """What stands above the old top by now; until one page shows all of it, for more may rise between two."""
        for _ in range(_TIMES_BACK):
            place = 0 if self._paging.kind == "offset" else self._paging.first
            top = self._listing.items(self._listing.at(place, self._paging.size), "page 1")
            above = self._above(top)
            if above:
                yield Page("page 1 again", above)
            if len(above) < len(top) or not top:
                return
            with closing(_Reader(self._listing, self._same, top).rest()) as pages:
                for page in pages:
                    above = self._above(page.items)
                    yield Page(f"{page.name} again", above, page.first)
                    if len(above) < len(page.items):
                        break
            self._top = top
        self._listing.broken("the list moves too fast: its top is never twice the same")

    def _above(self, items: list[Item]) -> list[Item]:
        """Those before the first that was on top."""
        known = set(map(self._same, self._top))
        return list(itertools.takewhile(lambda item: self._same(item) not in known, items))

    def _until_stop(self, start: int, *, with_border: bool) -> Generator[Page, None, _Stop | None]:
        """Pages from row ``start`` on, the border before it among them or not; None at the list's end."""
        stretches = self._stretches(start)
        if not with_border:
            stretches = itertools.dropwhile(lambda stretch: stretch.border is not None, stretches)
        ahead = self._paging.ahead or AHEAD
        if self._is_proven and self._paging.kind == "page":
            ahead *= 2  # the short pages across borders do not count
        elif not self._is_proven and not self._paging.stands_still:
            ahead = 1
        with closing(in_order((partial(self._ask, stretch) for stretch in stretches), ahead)) as answers:
            for stretch, answer in answers:
                items = self._listing.items(answer, stretch.name)
                if stretch.border is not None and len(items) > stretch.size:
                    log.warning("%s: the source does not heed a page's size, so what moves can't be seen", stretch.name)
                    self._is_proven = False
                    return _Stop(stretch, stretch.border)
                if not self._is_proven:
                    self._listing.new_page(items, stretch.name)
                fresh = self._fresh(stretch, items)
                if fresh is None:
                    return _Stop(stretch, stretch.start, is_lost=True)
                if fresh:
                    yield Page(stretch.name, fresh, len(items) - len(fresh) + 1)
                if self._is_end(stretch, answer, items, fresh):
                    return None
                self._before = items
                if stretch.border is None and items:
                    self._page, self._page_row = items, stretch.start
                if self._is_proven and stretch.border is None and len(items) < self._size:
                    return self._after_short(stretch, items)
        return None

    def _after_short(self, stretch: _Stretch, items: list[Item]) -> _Stop:
        if self._paging.kind == "offset":
            return _Stop(stretch, stretch.start + len(items))
        # Nothing lay behind it, so nothing can have slipped across a border.
        self._before = []
        return _Stop(stretch, stretch.start + self._size)

    def _ask(self, stretch: _Stretch) -> tuple[_Stretch, Answer]:
        size = self._paging.size if stretch.border is None else stretch.size
        return stretch, self._listing.at(stretch.place, size)

    def _stretches(self, start: int) -> Iterator[_Stretch]:
        """What is asked for, from the stretch on that holds row ``start``, or lies across the border there."""
        size = self._size
        if self._paging.kind == "offset":
            overlap = self._overlap if self._is_proven else 0
            for row in itertools.count(max(0, start - overlap), size - overlap):
                yield _Stretch(row, size, row, f"offset {row}")
        for number in itertools.count(start // size):
            if self._is_proven and number:
                shortest = max(2, size // 20, min(2 * self._overlap, size // 2))
                yield _across(number * size, size, shortest, self._paging.first)
            yield _Stretch(number * size, size, self._paging.first + number, f"page {number + 1}")

    def _fresh(self, stretch: _Stretch, items: list[Item]) -> list[Item] | None:
        """The objects that the stretch before did not show; None where that may not be the one before."""
        if not self._is_proven or not self._before:
            return items
        before, same = self._before, self._same
        fresh, follows = items, False
        if items:
            head = same(items[0])
            for place in range(len(before) - 1, max(-1, len(before) - len(items) - 1), -1):
                if same(before[place]) == head and before[place:] == items[: len(before) - place]:
                    fresh, follows = items[len(before) - place :], True
                    break
        if not follows:
            known = {same(item): item for item in before}
            follows = stretch.start == 0 or any(same(item) in known for item in items)
            fresh = [item for item in items if known.get(same(item)) != item]
        return fresh if follows and not self._is_again(stretch, items) else None

    def _is_again(self, stretch: _Stretch, items: list[Item]) -> bool:
        """Whether it is the page before, further on: so many rows came in front, or the source does not heed its paging."""
        page, same = self._page, self._same
        if stretch.border is not None or stretch.start <= self._page_row or len(items) != len(page):
            return False
        return same(items[0]) == same(page[0]) and same(items[-1]) == same(page[-1])

    def _is_end(self, stretch: _Stretch, answer: Answer, items: list[Item], fresh: list[Item]) -> bool:
        if stretch.border is not None:
            return len(items) <= stretch.border - stretch.start
        if self._paging.next is not None:
            return self._listing.says_last(answer, stretch.name)
        if self._is_proven and self._paging.kind == "offset":
            return not fresh and len(items) < self._size
        return not items


def _across(border: int, page_size: int, shortest: int, first: int) -> _Stretch:
    """A short page of another size that holds rows before and after ``border``, as many of both as can be, and where possible
    none but those of the two pages."""

    def merit(size: int) -> tuple[bool, int]:
        before = border % size
        return before > 0 and size <= page_size, min(before, size - before)

    size = max(range(shortest, 2 * shortest + 6), key=merit)
    number = border // size
    return _Stretch(number * size, size, first + number, f"border at row {border}", border)
