"""The same table by the tools that others would take: ours with its checks and metadata on, theirs as they come.

They live in an environment of their own (`FUPAN_HOME/peers`), never in ours. A ratio says how many times as long a peer takes
as we do in the same run. sling, not ingestr: ingestr 0.15 is a command line over dlt's sources and destinations, and dlt by
its fastest backend is here already; sling is an engine of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fupan import settings
from tests.bench.bench_full_load import prepare
from tests.bench.measure import Result, interleaved, scaled
from tests.bench.order_lines import PROJECT, OrderLines, environment, order_lines

ROWS = scaled(1_000_000)
PAIRS = 5
#: Peer of peer_loads.py -> the packages that it is, newest that work together.
PEERS = {
    "sling": "sling-linux-amd64==1.4.11",
    "adbc": "adbc-driver-postgresql==1.13.0",
    "connectorx": "connectorx==0.4.6",
    "dlt": "dlt[postgres]==1.31.0",
    "pandas": "pandas==3.1.1",
}
#: What they need, and openpyxl, which the benchmark of files reads a worksheet with.
ALSO = ["pyarrow==26.0.1", "sqlalchemy==2.0.58", "psycopg2-binary==2.9.13", "openpyxl==3.1.5"]
SCHEMA = "peers"


def run() -> list[Result]:
    python = environment_of_peers()
    with order_lines(ROWS) as lines:
        ways = [lambda peer=peer: load(python, peer, lines) for peer in PEERS]
        ours, *theirs = interleaved(PAIRS, lambda: lines.extract("plain"), *ways, before=lambda: forget(lines))
    return [
        Result(
            PEERS[peer].replace("==", " "),
            seconds / ours,
            f"ours, {ROWS:,} order lines",
            1.0,
            at_least=True,
            detail=f"{seconds:.1f} s against {ours:.1f} s, {ROWS / seconds:,.0f} rows/s",
        )
        for peer, seconds in zip(PEERS, theirs, strict=True)
    ]


def environment_of_peers() -> Path:
    """Python of the environment in which they live, made where it is not there."""
    folder, wanted = settings.home() / "peers", [*PEERS.values(), *ALSO]
    python, made = folder / "bin" / "python", folder / "made-of"
    if not made.exists() or made.read_text() != "\n".join(wanted):
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *wanted],
            env=os.environ | index(),
            check=True,
        )
        made.write_text("\n".join(wanted))
    return python


def index() -> dict[str, str]:
    """uv does not read pip's configuration: a mirror that is set there is passed on."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    mirror = (
        os.environ.get("PIP_INDEX_URL") or subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    )
    return {"UV_DEFAULT_INDEX": mirror.strip()} if mirror.strip() and "UV_DEFAULT_INDEX" not in os.environ else {}


def forget(lines: OrderLines) -> None:
    """What peers remember in the schema goes too."""
    lines.run(lines.warehouse, f"drop schema if exists {SCHEMA} cascade")
    lines.run(lines.warehouse, f"create schema {SCHEMA}")
    prepare(lines)


def load(python: Path, peer: str, lines: OrderLines) -> None:
    command = [
        python,
        PROJECT / "tests" / "bench" / "peer_loads.py",
        peer,
        lines.source,
        lines.warehouse,
        f"{SCHEMA}.{peer}",
    ]
    done = subprocess.run(command, env=environment(), cwd=settings.home(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{peer} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    ((rows,),) = lines.run(lines.warehouse, f"select count(*) from {SCHEMA}.{peer}")
    assert rows == lines.rows, f"{peer} brought {rows} of {lines.rows} rows"
