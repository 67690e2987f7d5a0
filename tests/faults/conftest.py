"""What the fault tests tell: which harm each shows first, and that it is gone; a table at the end of the run."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

Tell = Callable[..., None]


@pytest.fixture
def rounds() -> int:
    """How often a fault at random points is tried: FUPAN_FAULT_ROUNDS (`make faults` sets 50)."""
    return int(os.environ.get("FUPAN_FAULT_ROUNDS", "3"))


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Tell, once a test: the fault, the harm that a simpler way takes from it (as shown), and what ours does."""

    def told(fault: str, *, harm: str, ours: str) -> None:
        record_property("fault", fault)
        record_property("harm", harm)
        record_property("ours", ours)

    return told


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table, in the order of the files."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    lines = []
    for report in sorted(reports, key=lambda one: one.nodeid):
        told = dict(report.user_properties)
        if "fault" in told:
            lines.append((told["fault"], told["harm"], told["ours"], report.outcome))
    if not lines:
        return
    terminalreporter.section("faults")
    for fault, harm, ours, outcome in lines:
        terminalreporter.write_line(f"{fault:<58} {'ok' if outcome == 'passed' else outcome.upper()}")
        terminalreporter.write_line(f"    harm: {harm}")
        terminalreporter.write_line(f"    ours: {ours}")
