"""kill -9 of a build at any moment: the next one ends where an undisturbed one does."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from tests.company import Company
from tests.databases import copy_database, drop_database
from tests.faults.conftest import Tell

from fupan.server.postgres import EmbeddedPostgres

BUILD = """
import sys
from datetime import date
from fupan.night import build, steps
build_id = build.begin(date.fromisoformat(sys.argv[1]))
print("begun", flush=True)
steps.run_all(build_id)
"""

#: The step after whose start the process is killed, and seconds into it.
MOMENTS = [("raw_gate", 0.5), ("core", 1.0), ("core", 4.0), ("marts", 1.0), ("release_gate", 0.2), ("publish", 0.0)]


def killed(company: Company, step: str, seconds: float) -> bool:
    """Run a build in a process of its own and kill it there; True where it did not get to its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, company.day.isoformat()], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    build_id = company.ask("select build_id from ops.clock")[0]["build_id"]
    while process.poll() is None and not company.ask(
        "select 1 as it from ops.build_step where build_id = %s and step = %s", build_id, step
    ):
        time.sleep(0.02)
    time.sleep(seconds)
    process.kill()
    process.wait()
    process.stdout.close()
    return process.returncode < 0


def test_killed_at_any_moment_of_the_build_and_run_again(
    company: Company, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:
    company.advance(2)
    company.extract()
    second = copy_database(server, company.warehouse)
    company.build()
    undisturbed = company.contents("core", "sales_performance", "status")

    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", second)
    disturbed = Company(second, company.source, company.day)
    cut_short = [killed(disturbed, step, seconds) for step, seconds in MOMENTS]
    assert sum(cut_short) >= 4, "too few kills came before the build's end to prove anything"
    disturbed.build()
    shown = disturbed.contents("core", "sales_performance", "status")
    assert shown.keys() == undisturbed.keys()
    assert {name for name in shown if shown[name] != undisturbed[name]} <= {'"status"."dimension_status"'}
    drop_database(server, second)
    tell(
        "kill -9 of a build, at any step",
        harm="a step that was half done is done twice, or never",
        ours="core, marts and status as after an undisturbed build",
        rounds=sum(cut_short),
    )
