"""Requests under way at once, and what they do when they are turned away."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from fupan.extract.http_ahead import in_order, side_by_side
from fupan.extract.http_turn import Turn


class _Busy:
    """Counts how many are at work at once."""

    def __init__(self) -> None:
        self._lock, self._now, self.most, self.all = threading.Lock(), 0, 0, 0

    def work(self, n: int) -> int:
        with self._lock:
            self._now, self.all = self._now + 1, self.all + 1
            self.most = max(self.most, self._now)
        time.sleep(0.002 * (n % 3))
        with self._lock:
            self._now -= 1
        if n == 40:
            raise ValueError(n)
        return n


def test_results_come_in_order_and_the_window_is_kept() -> None:
    busy = _Busy()
    calls = (partial(busy.work, n) for n in itertools.count())
    found = list(itertools.islice(in_order(calls, 5), 30))
    assert found == list(range(30))
    assert 2 < busy.most <= 5
    assert busy.all <= 35

    few = _Busy()
    assert next(in_order((partial(few.work, n) for n in itertools.count()), 8)) == 0
    assert few.all <= 6  # most lists are short
    with pytest.raises(ValueError, match="40"):
        list(in_order((partial(busy.work, n) for n in range(50)), 5))
    # Beyond the place where the reader stops, nothing can go wrong.
    assert list(itertools.islice(in_order((partial(busy.work, n) for n in range(50)), 8), 40)) == list(range(40))


def test_readers_side_by_side() -> None:
    def reader(n: int) -> Iterator[int]:
        for one in range(5):
            time.sleep(0.001)
            yield 10 * n + one
        if n == 7:
            raise ValueError(n)

    found = list(side_by_side([partial(reader, n) for n in range(6)], 3))
    assert sorted(found) == [10 * n + one for n in range(6) for one in range(5)]
    with pytest.raises(ValueError, match="7"):
        list(side_by_side([partial(reader, n) for n in range(9)], 3))
    before = threading.active_count()
    left = side_by_side([partial(reader, n) for n in range(6)], 3)
    next(left)
    left.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_one_asks_for_all_who_were_turned_away() -> None:
    turn, order = Turn(), list[str]()
    assert turn.take()

    def other() -> None:
        turn.await_mine()
        order.append("other")

    waiting = threading.Thread(target=other)
    waiting.start()
    time.sleep(0.02)
    turn.await_mine()  # the one who asks may
    order.append("asks")
    turn.leave()
    waiting.join(5)
    assert order == ["asks", "other"]

    assert turn.take()
    turn.give_up(ConnectionError("gave up"))
    turn.leave()
    with pytest.raises(ConnectionError, match="gave up"):
        turn.await_mine()

    turn = Turn()
    begun = time.monotonic()
    threading.Timer(0.05, turn.end).start()
    assert not turn.pause(60)
    assert time.monotonic() - begun < 5
    assert not turn.pause(60)
