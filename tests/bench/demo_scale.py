"""`make demo-bench`: time and memory of making the reference company at several scales, each in a process of its own.

    python -m tests.bench.demo_scale [SCALE ...]

Prints rows, seconds and the peak memory of the process that tells them (PostgreSQL apart). Exit code 1 where scale 1 takes two
minutes or more, or any scale more than 4 GB.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from fupan.demo.systems import erp
from fupan.server.postgres import EmbeddedPostgres

SCALES = (0.02, 1.0, 10.0)
UNTIL = date(2026, 11, 27)
SECONDS_AT_SCALE_ONE, MEGABYTES = 120, 4096


def main() -> int:
    scales = [float(given) for given in sys.argv[1:]] or SCALES
    print(f"{'scale':>6} {'rows':>13} {'order lines':>12} {'seconds':>8} {'peak MB':>8} {'one more day, s':>16}")
    passed = True
    for scale in scales:
        made = _in_a_process(scale)
        print(
            f"{scale:>6g} {made['rows']:>13,} {made['lines']:>12,} {made['seconds']:>8.1f} {made['megabytes']:>8,.0f}"
            f" {made['day']:>16.1f}",
            flush=True,
        )
        passed &= made["megabytes"] <= MEGABYTES and (scale != 1 or made["seconds"] < SECONDS_AT_SCALE_ONE)
    return 0 if passed else 1


def _in_a_process(scale: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="fupan-demo-") as folder:
        command = [sys.executable, "-m", "tests.bench.demo_scale", "--make", str(scale)]
        ended = subprocess.run(
            command, env=os.environ | {"FUPAN_HOME": folder}, stdout=subprocess.PIPE, text=True, check=True
        )
        found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return found


def make(scale: float) -> None:
    """Make a company in this process and one more day of it; prints what it took as JSON."""
    server = EmbeddedPostgres(Path(os.environ["FUPAN_HOME"]) / "postgres")
    with contextlib.closing(_Removed(server)):
        server.start()
        began = time.perf_counter()
        erp.create(erp.Making(until=UNTIL, scale=scale))
        seconds = time.perf_counter() - began
        sizes = erp.sizes()
        began = time.perf_counter()
        erp.advance(1)
        day = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "rows": sum(sizes.values()),
                "lines": sizes["erp.sales_order_lines"],
                "seconds": seconds,
                "megabytes": peak,
                "day": day,
            }
        )
    )


class _Removed:
    """Closing it stops the server and removes its data."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server

    def close(self) -> None:
        self._server.remove()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(float(sys.argv[2]))
    else:
        sys.exit(main())
