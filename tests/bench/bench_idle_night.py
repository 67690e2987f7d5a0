"""A night with nothing new: the reference company's three extractions, each in a process of its own, as tasks run them."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fupan import settings
from fupan.contracts.installation import systems
from fupan.demo.systems import erp, service_desk
from fupan.extract.run import extract_system
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap
from fupan.warehouse.connection import connect, rows
from tests.bench.measure import Result
from tests.bench.order_lines import PROJECT
from tests.company import FIRST_DAY, platform_served, used

SECONDS = 15
ROUNDS = 5


def run() -> list[Result]:
    folder = Path(tempfile.mkdtemp(prefix="fupan-bench-"))
    server = EmbeddedPostgres(folder / "postgres")
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("FUPAN_HOME", str(folder))
        stack.callback(shutil.rmtree, folder)
        stack.callback(server.remove)
        warehouse = (server.start(), server.ensure_database("warehouse"))[1]
        platform = stack.enter_context(platform_served())
        stack.enter_context(used(warehouse, "company", platform))
        bootstrap()
        erp.ensure(erp.Making(until=FIRST_DAY))
        for system in systems():
            extract_system(system, FIRST_DAY)
        settle()
        spent = {system: [seconds(system) for _ in range(ROUNDS)] for system in systems()}
        with connect("loader", "bench") as connection:
            (idle,) = rows(
                connection,
                "select count(*) as loads, sum(rows_read) as read, sum(rows_inserted + rows_updated + rows_deleted) as written"
                " from (select *, row_number() over (partition by system, table_name, mode order by load_id desc) as back"
                " from ops.load where mode <> 'full') as load where back <= %s",
                [ROUNDS],
            )
        assert idle["written"] == 0, idle
    medians = {system: statistics.median(of_system) for system, of_system in spent.items()}
    total = sum(medians.values())
    detail = f"{total:.1f} s: " + ", ".join(f"{system} {one:.1f}" for system, one in medians.items())
    detail += f"; {idle['loads'] // ROUNDS} loads, {idle['read'] // ROUNDS:,} rows read"
    return [Result("night with nothing new, three extractions", total / SECONDS, f"{SECONDS} s", 1.0, detail=detail)]


def settle() -> None:
    """The desk's files are hours old, as at night."""
    for file in service_desk.folder().iterdir():
        os.utime(file, (time.time() - 7200,) * 2)


def seconds(system: str) -> float:
    """Wall time of one extraction, Python's start included."""
    command = [sys.executable, "-m", "tests.bench.extract_once", settings.DBT_PROJECT, system, FIRST_DAY.isoformat()]
    began = time.perf_counter()
    subprocess.run(command, check=True, cwd=PROJECT)
    return time.perf_counter() - began
