"""`make bench`: every benchmark, or those named; prints a table and writes `.fupan/bench.json`.

    python -m tests.bench [name ...]

A benchmark is a module `bench_<name>.py` here with `run() -> list[Result]`. Exit code 1 where a bound is missed.
"""

from __future__ import annotations

import importlib
import json
import signal
import sys
from pathlib import Path

from fupan import settings
from tests.bench.measure import Result

HERE = Path(__file__).parent


def main(chosen: list[str]) -> int:
    """Run, print, write down; returns the exit code."""
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    if unknown := set(chosen) - set(known):
        sys.exit(f"No benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    results: list[Result] = []
    for name in chosen or known:
        print(f"{name} …", file=sys.stderr, flush=True)
        found = importlib.import_module(f"tests.bench.bench_{name}").run()
        _print(found)
        results += found
        _write(results)
    missed = [one for one in results if not one.passed]
    print(f"{len(results)} measured, {len(missed)} beyond their bound")
    return 1 if missed else 0


def _print(results: list[Result]) -> None:
    for one in results:
        bound = "" if one.bound is None else f"{'at least' if one.at_least else 'at most'} {one.bound:g}"
        verdict = "" if one.bound is None else "ok" if one.passed else "MISSED"
        print(f"{one.name:<52}{one.ratio:>8.2f} x  {one.against:<44}{bound:>14}  {verdict:<7}{one.detail}", flush=True)


def _write(results: list[Result]) -> None:
    path = settings.home() / "bench.json"
    path.write_text(json.dumps([one.as_json() for one in results], indent=1, ensure_ascii=False))


if __name__ == "__main__":
    # Whoever ends a benchmark early must not leave its server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
