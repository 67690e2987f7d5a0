"""Requests that are under way while the answers of earlier ones are used; never more than so many at once."""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

#: How often a reader who waits for room looks whether anybody still wants its answers.
_LOOK_S = 0.2


def begin(call: Callable[[], T]) -> Future[T]:
    """Start ``call``; nobody has to wait for it, not even the end of the process."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as failure:
            future.set_exception(failure)

    threading.Thread(target=run, daemon=True).start()
    return future


def in_order(calls: Iterable[Callable[[], T]], at_most: int) -> Generator[T]:
    """Results in the order of ``calls``, up to ``at_most`` of them under way: few at first, for most lists are short.

    A failure is raised when it is its turn, so what lies beyond the place where the caller stops does not matter. With one at
    most, none is made before the caller wants it.
    """
    rest, under_way, window = iter(calls), deque[Future[T]](), min(2, at_most)
    while True:
        under_way += map(begin, itertools.islice(rest, window - len(under_way)))
        if not under_way:
            return
        result = under_way.popleft().result()
        if at_most > 1:
            window = min(2 * window, at_most)
            under_way += map(begin, itertools.islice(rest, window - len(under_way)))
        yield result


def side_by_side(readers: Iterable[Callable[[], Iterator[T]]], at_most: int) -> Generator[T]:
    """What all ``readers`` yield, ``at_most`` of them read at once, in any order; raises what the first one raises."""
    rest, turn, left = iter(readers), threading.Lock(), threading.Event()
    found: queue.Queue[T | _End] = queue.Queue(at_most)

    def put(one: T | _End) -> None:
        while not left.is_set():
            try:
                return found.put(one, timeout=_LOOK_S)
            except queue.Full:
                continue

    def work() -> None:
        try:
            while not left.is_set():
                with turn:
                    reader = next(rest, None)
                if reader is None:
                    break
                for one in reader():
                    put(one)
            put(_End(None))
        except BaseException as failure:
            put(_End(failure))

    for _ in range(at_most):
        threading.Thread(target=work, daemon=True).start()
    try:
        ended = 0
        while ended < at_most:
            one = found.get()
            if not isinstance(one, _End):
                yield one
            elif one.failure is not None:
                raise one.failure
            else:
                ended += 1
    finally:
        left.set()


class _End:
    """A worker has nothing more to do, or can't go on."""

    def __init__(self, failure: BaseException | None) -> None:
        self.failure = failure
