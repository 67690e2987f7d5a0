"""Lists by page and offset that move while several requests are under way: what was there before and is not gone is found."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from typing import Any, NoReturn

import pytest

from fupan.contracts.installation import Paging
from fupan.errors import ContractError
from fupan.extract.http_listing import Item
from fupan.extract.http_places import by_place


class _List:
    """Stands for a Listing: rows that move, once in so many requests (``often``), by their change; asked from many threads."""

    def __init__(self, paging: Paging, rows: int, seed: int, *, newest_first: bool, often: float) -> None:
        self.paging, self.requests, self.gone = paging, 0, set[int]()
        self._dice, self._clock, self._lock = random.Random(seed), itertools.count(rows), threading.Lock()
        self._newest_first, self._often = newest_first, often
        self._rows = [{"id": n, "at": n} for n in range(rows)]
        if newest_first:
            self._rows.reverse()
        self.there = set(range(rows))

    def at(self, place: int, size: int) -> Any:
        with self._lock:
            self.requests += 1
            if self._dice.random() < self._often and self._rows:
                self._move()
            begin = place if self.paging.kind == "offset" else (place - 1) * size
            return [dict(row) for row in self._rows[begin : begin + size]]

    def items(self, answer: Any, _name: str) -> list[Item]:
        return list(answer)

    def new_page(self, _items: list[Item], _name: str) -> None: ...

    def says_last(self, _answer: Any, _name: str) -> bool:
        return False

    def broken(self, problem: str, remedy: str | None = None) -> NoReturn:
        raise ContractError(problem, remedy=remedy)

    def _move(self) -> None:
        what = self._dice.choice(["come", "change", "change", "go"])
        key = -next(self._clock) if what == "come" else self._rows.pop(self._dice.randrange(len(self._rows)))["id"]
        if what == "go":
            self.gone.add(key)
        elif self._newest_first:
            self._rows.insert(0, {"id": key, "at": next(self._clock)})
        else:
            self._rows.append({"id": key, "at": next(self._clock)})


def _read(listing: _List) -> Counter[int]:
    found = Counter[int]()
    for page in by_place(listing, lambda row: (row["id"], row["at"])):  # type: ignore[arg-type]
        found.update(row["id"] for row in page.items)
    return found


@pytest.mark.parametrize("kind", ["page", "offset"])
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("often", [0.1, 0.5])
def test_no_row_is_lost(kind: Any, newest_first: bool, often: float) -> None:
    for seed in range(15):
        dice = random.Random(seed)
        paging = Paging(kind=kind, size_parameter="limit", size=dice.choice([10, 20, 50]), ahead=dice.choice([1, 4, 8]))
        listing = _List(paging, dice.choice([7, 60, 200]), seed, newest_first=newest_first, often=often)
        found = _read(listing)
        assert listing.there - listing.gone <= set(found), f"seed {seed}"


@pytest.mark.parametrize("kind", ["page", "offset"])
@pytest.mark.parametrize("rows", [0, 1, 9, 10, 11, 20, 95, 100])
def test_a_list_that_stands_still_is_read_once(kind: Any, rows: int) -> None:
    paging = Paging(kind=kind, size_parameter="limit", size=10)
    listing = _List(paging, rows, 0, newest_first=False, often=0)
    assert _read(listing) == Counter(range(rows))
    # A page and a border each, a look at the top, and what was under way when the end came.
    assert listing.requests <= 2 * (rows // 10 + 1) + 2 + 2 * 16

    still = _List(paging.model_copy(update={"stands_still": True}), rows, 0, newest_first=False, often=0)
    assert _read(still) == Counter(range(rows))


class _Deaf(_List):
    """Shows the beginning, whatever it is asked for."""

    def at(self, place: int, size: int) -> Any:
        return super().at(min(place, 1) if self.paging.kind == "page" else 0, size)


@pytest.mark.parametrize("kind", ["page", "offset"])
def test_a_server_that_does_not_heed_the_place(kind: Any) -> None:
    listing = _Deaf(Paging(kind=kind, size_parameter="limit", size=10), 50, 0, newest_first=False, often=0)
    with pytest.raises(ContractError, match="not heeded"):
        _read(listing)
    assert listing.requests < 300
