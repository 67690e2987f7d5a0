"""What a waiting person sees."""

from __future__ import annotations

import os

import pytest
from rich.console import Console

from fupan.progress import Progress


def test_a_log_gets_one_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.say("starting [PostgreSQL]")
        progress.say("starting [PostgreSQL]")
        progress.done("ready")
    lines = [line.split(" s  ")[1] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["starting [PostgreSQL]", "ready"]


def test_nobody_listening_stops_no_work() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    closed = os.fdopen(writing, "w", buffering=1)
    with Progress(Console(file=closed)) as progress:
        progress.say("stopping Airflow")
        progress.done("stopped")
    with pytest.raises(BrokenPipeError):
        closed.close()
