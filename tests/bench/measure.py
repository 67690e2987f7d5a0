"""Two ways of doing one thing, measured in turns; what counts is the ratio of their medians."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import psutil


@dataclass(frozen=True)
class Result:
    """One line of the table: ``ratio`` of ours to ``against``, at most ``bound`` (``at_least``: at least)."""

    name: str
    ratio: float
    against: str
    bound: float | None
    at_least: bool = False
    detail: str = ""
    passed: bool = field(init=False)

    def __post_init__(self) -> None:
        fits = self.bound is None or (self.ratio >= self.bound if self.at_least else self.ratio <= self.bound)
        object.__setattr__(self, "passed", fits)

    def as_json(self) -> dict[str, object]:
        """For `.fupan/bench.json`."""
        return asdict(self)


def scaled(size: int) -> int:
    """A size that the issue names, smaller by FUPAN_BENCH_SCALE for a try-out."""
    return max(1, round(size * float(os.environ.get("FUPAN_BENCH_SCALE", "1"))))


def interleaved(pairs: int, *ways: Callable[[], object], before: Callable[[], object] | None = None) -> list[float]:
    """Median seconds of each way, run in turns ``pairs`` times after one round that does not count.

    In turns, so that a machine that slows down for a while slows all of them. ``before``: what each run needs but does not
    pay for.
    """
    seconds: list[list[float]] = [[] for _ in ways]
    for turn in range(pairs + 1):
        for number, way in enumerate(ways):
            if before is not None:
                before()
            began = time.perf_counter()
            way()
            if turn:
                seconds[number].append(time.perf_counter() - began)
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return [statistics.median(of_way) for of_way in seconds]


def peak_memory_mb(command: list[str], env: dict[str, str] | None = None) -> float:
    """Run ``command`` to its end; the most resident memory that it and its children took, in MB. Raises where it fails."""
    process = subprocess.Popen(command, env=os.environ | (env or {}))
    peak = 0
    watched = threading.Event()

    def watch() -> None:
        nonlocal peak
        root = psutil.Process(process.pid)
        while not watched.wait(0.02):
            try:
                family = [root, *root.children(recursive=True)]
                peak = max(peak, sum(one.memory_info().rss for one in family))
            except psutil.Error:
                continue

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    code = process.wait()
    watched.set()
    watcher.join()
    if code:
        raise subprocess.CalledProcessError(code, command)
    return peak / (1 << 20)
