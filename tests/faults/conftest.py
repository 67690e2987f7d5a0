"""What the fault tests tell: which harm each shows first, and that it is gone; a table at the end, `faults.json` beside it.

Every test here asks for `tell` and calls it once, as soon as both are proven; a test that fails before stands in the table by
its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from fupan import settings

Tell = Callable[..., None]

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fault:
    """One row of the table. ``rounds``: how often it was tried, each time at another point or with other rows."""

    fault: str
    harm: str
    ours: str
    rounds: int
    passed: bool
    test: str


@pytest.fixture
def rounds() -> int:
    """How often a fault at random points is tried: FUPAN_FAULT_ROUNDS (`make faults` sets 50)."""
    return int(os.environ.get("FUPAN_FAULT_ROUNDS", "3"))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Tell, once a test: the fault, the harm that a simpler way takes from it (as shown), what ours does, how many rounds."""

    def told(fault: str, *, harm: str, ours: str, rounds: int = 1) -> None:
        record_property("fault", {"fault": fault, "harm": harm, "ours": ours, "rounds": rounds})

    return told


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """A fault test that would stand in no table is refused; nights and rounds may take long on a busy machine."""
    ours = [item for item in items if item.path.parent == _HERE and isinstance(item, pytest.Function)]
    for item in ours:
        item.add_marker(pytest.mark.timeout(3600))
    if silent := [item.nodeid for item in ours if "tell" not in item.fixturenames]:
        raise pytest.UsageError(f"These tests of faults do not `tell`: {', '.join(silent)}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table, in the order of the files, on paper and as JSON."""
    faults = _faults(terminalreporter.stats)
    if not faults:
        return
    terminalreporter.section("faults")
    table = Table("fault", "harm of the simple way", "what we do", "rounds", "passed", box=SIMPLE_HEAD, pad_edge=False)
    for one in faults:
        table.add_row(one.fault, one.harm, one.ours, str(one.rounds), "yes" if one.passed else "NO")
    console = Console(width=max(terminalreporter._tw.fullwidth, 160), color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    terminalreporter.write_line(captured.get())
    path = settings.home() / "faults.json"
    path.write_text(json.dumps([asdict(one) for one in faults], indent=1, ensure_ascii=False))
    terminalreporter.write_line(f"{sum(one.passed for one in faults)} of {len(faults)} passed; also in {path}")


def _faults(stats: dict[str, list[Any]]) -> list[Fault]:
    reports = [one for kind in ("passed", "failed", "error") for one in stats.get(kind, ())]
    faults: dict[str, Fault] = {}
    for report in sorted(reports, key=lambda one: one.nodeid):
        if Path(report.location[0]).parent.name != _HERE.name:
            continue
        properties = dict(report.user_properties)
        given = properties.get(
            "fault", {"fault": report.nodeid.rpartition("::")[2], "harm": "", "ours": "", "rounds": 0}
        )
        before = faults.get(report.nodeid)
        passed = report.outcome == "passed" and "fault" in properties and (before is None or before.passed)
        faults[report.nodeid] = Fault(**given, passed=passed, test=report.nodeid)
    return list(faults.values())
