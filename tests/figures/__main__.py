"""`make figures`: a night of the reference company at scale 1, then every published figure against what the company shows.

    python -m tests.figures [--seed N] [--scale S]

Each company has an installation of its own below FUPAN_HOME. Its night is run unless it has been; exit code 1 where a figure
is outside its tolerance. The result is written to FUPAN_HOME/figures.json as well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
from rich.console import Console
from rich.table import Table

from fupan import settings
from fupan.demo.systems import erp
from fupan.demo.world import World
from fupan.errors import FupanError
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import connect
from tests.figures.entries import Entry, Figure, as_number, entries, figures, left_out

#: The last day of the companies that are compared: theirs is the same year, whenever this runs.
UNTIL = date(2026, 11, 27)


@dataclass(frozen=True)
class Measured:
    """A figure and what the company shows."""

    id: str
    metric: str
    context: str
    reads: str
    expected: str
    measured: float | None
    tolerance: str
    passed: bool


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.figures", description=__doc__)
    parser.add_argument("--seed", type=int, default=erp.SEED)
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    result = settings.home().resolve() / "figures.json"
    os.environ["FUPAN_HOME"] = str(settings.home().resolve() / f"figures-{given.seed}-{given.scale:g}")
    with EmbeddedPostgres().borrowed():
        _night(given.seed, given.scale)
        measured, reasons = _measure()
    _print(measured, reasons)
    result.write_text(json.dumps([asdict(one) for one in measured], indent=2, ensure_ascii=False))
    return 0 if all(one.passed for one in measured) else 1


def _night(seed: int, scale: float) -> None:
    """The company and its night, unless both are there."""
    made = Path(settings.home()) / "figures-made"
    if made.exists():
        return
    print(f"Making the reference company, seed {seed}, scale {scale:g} …", file=sys.stderr)
    erp.create(erp.Making(until=UNTIL, seed=seed, scale=scale))
    ended = subprocess.run([sys.executable, "-m", "fupan", "nightly", "--date", str(UNTIL)], check=False)
    # 1: something is held, which the figures will show.
    if ended.returncode not in (0, 1):
        raise FupanError(f"The night ended with exit code {ended.returncode}", remedy="See its output above")
    made.touch()


def _measure() -> tuple[list[Measured], dict[str, str]]:
    known, said = figures(), entries()
    if missing := left_out(known.values(), said):
        raise FupanError(f"Nothing is said of {', '.join(missing)}", remedy="Add them to a YAML file of tests/figures")
    source = settings.embedded_url(erp.DATABASE)
    with contextlib.closing(psycopg2.connect(source, options="-c timezone=Asia/Shanghai")) as company:
        world = erp.world_of(company)
        with connect("reader", "figures") as reader:
            measured = [
                _one(known[entry.id], entry, reader if entry.reads == "marts" else company, world)
                for entry in sorted(said.values(), key=lambda entry: entry.id)
                if entry.sql is not None
            ]
    return measured, {entry.id: entry.not_reproduced for entry in said.values() if entry.not_reproduced}


def _one(figure: Figure, entry: Entry, connection: Any, world: World) -> Measured:
    first, last = world.review_year
    assert entry.sql is not None
    with connection.cursor() as cursor:
        cursor.execute(entry.sql, {"first": first, "last": last, "before": first - timedelta(days=365)})
        value = as_number(cursor.fetchone()[0])
    return Measured(
        figure.id,
        figure.metric_id,
        figure.context,
        entry.reads,
        f"{figure.operator} {figure.value:g}",
        None if value is None else float(round(value, 4)),
        entry.tolerance,
        figure.holds(None if value is None else Decimal(value), entry.tolerance),
    )


def _print(measured: list[Measured], reasons: dict[str, str]) -> None:
    table = Table("figure", "metric", "of", "read from", "value", "expected", "tolerance", "")
    for one in measured:
        value = "none" if one.measured is None else f"{one.measured:,.4g}"
        verdict = "pass" if one.passed else "[bold red]FAIL[/]"
        table.add_row(one.id, one.metric, one.context, one.reads, value, one.expected, one.tolerance, verdict)
    console = Console(width=200)
    console.print(table)
    for figure_id, why in sorted(reasons.items()):
        console.print(f"{figure_id} is not reproduced: {why}", highlight=False)
    passed = sum(one.passed for one in measured)
    from_marts = sum(one.reads == "marts" for one in measured)
    print(
        f"{len(measured)} figures compared, {passed} within tolerance, {len(measured) - passed} not; "
        f"{from_marts} read from published marts, {len(measured) - from_marts} from source tables; "
        f"{len(reasons)} not reproduced"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FupanError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
