"""The server of the source or of the warehouse is killed with -9 during a load: the next run makes raw equal to the source."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.databases import started_server
from tests.extract_source import DAY
from tests.faults.conftest import Tell
from tests.faults.sales_lines import TRIED_AGAIN, SalesLines

from fupan.extract.run import extract_system
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap

SEED = 20260310


class Servers:
    """One server for the source, one for the warehouse, both to be killed."""

    def __init__(self, source: EmbeddedPostgres, warehouse: EmbeddedPostgres) -> None:
        self.source, self.warehouse = source, warehouse

    def urls(self) -> tuple[str, str]:
        return self.source.ensure_database("shop"), self.warehouse.ensure_database("warehouse")


@pytest.fixture(scope="module")
def servers(state: Path) -> Iterator[Servers]:
    with started_server(state / "source to kill") as source, started_server(state / "warehouse to kill") as warehouse:
        yield Servers(source, warehouse)


@pytest.fixture
def lines(servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SalesLines:
    found = SalesLines(monkeypatch, tmp_path)
    found.at(*servers.urls())
    bootstrap()
    found.make()
    found.extract()
    found.forget()
    return found


def kill(server: EmbeddedPostgres) -> None:
    """SIGKILL for the postmaster and every process of it."""
    pid = server.pid()
    assert pid is not None
    postmaster = psutil.Process(pid)
    for process in [postmaster, *postmaster.children(recursive=True)]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def failure_of(load: Callable[[], object]) -> BaseException | None:
    try:
        load()
    except BaseException as failure:  # whatever it is, the test judges it
        return failure
    return None


@pytest.mark.parametrize("mode", ["full", "incremental"])
@pytest.mark.parametrize("victim", ["source", "warehouse"])
def test_killed_at_any_moment_and_run_again(
    servers: Servers, lines: SalesLines, tell: Tell, rounds: int, *, victim: str, mode: str
) -> None:
    server: EmbeddedPostgres = getattr(servers, victim)
    begun = time.monotonic()
    lines.extract()
    undisturbed = time.monotonic() - begun
    lines.naive.load()
    dice, killed, lost = random.Random(SEED), 0, 0

    while (killed < rounds or not lost) and lines.night < 4 * rounds + 10:
        lines.pass_a_night()
        if mode == "full":
            lines.forget()
        # The simple way is shown beside ours until its harm has been seen.
        simple = threading.Thread(target=failure_of, args=[lines.naive.load])
        shows_harm = not lost
        killer = threading.Timer(dice.uniform(0.05, 0.9) * undisturbed, kill, [server])
        if shows_harm:
            simple.start()
        killer.start()
        failure = failure_of(lambda: extract_system("erp", DAY))
        killer.join()
        if shows_harm:
            simple.join()
        server.start()
        lines.at(*servers.urls())
        if shows_harm:
            lost = lines.lost_by_the_simple_way()

        if failure is not None:
            assert isinstance(failure, TRIED_AGAIN), repr(failure)
            killed += 1
            lines.extract()
        lines.must_be_equal()

    assert killed >= rounds, "the load was too fast for its killer"
    assert lost
    tell(
        f"kill -9 of the {victim}'s server, {mode} load",
        harm=f"committed by the batch, newest stamp as watermark: {lost} rows lost for good by one kill",
        ours="an error that is tried again; after it raw equals the source to the row, watermark too",
        rounds=killed,
    )
