"""`fupan nightly`: one real night, from the sources to the night report."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import click


@click.command()
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Business day; default: that of the newest night."
)
@click.option("--force", is_flag=True, help="Run again although this business day is finished.")
def nightly(day: datetime | None, force: bool) -> int:
    """Extract, prove, build and publish one business day under the real Airflow, then print the night report.

    What has to run for it (PostgreSQL, Airflow, the reference company's systems) is started, and stopped again unless it
    was running. Exit code 1: the night is done, but a dimension is held.
    """
    from fupan.night.arrivals import missing
    from fupan.night.build import already_finished
    from fupan.night.business_day import latest_business_day
    from fupan.night.follow import run_night
    from fupan.progress import Progress
    from fupan.server.services import Services

    chosen = day.date() if day else latest_business_day(datetime.now(UTC))
    with _alone(), Progress() as progress, Services(progress) as services:
        finished = already_finished(chosen)
        if finished and not missing(chosen) and not force:
            progress.done(f"Business day {chosen} is finished and nothing has landed since; --force builds it again")
            return show(finished)
        run_night(services.start_airflow(), chosen, force=force, progress=progress)
        return show(_newest_build(chosen))


def show(build_id: int) -> int:
    """Print the night report; exit code 1 where a dimension is held."""
    from fupan.cli import HELD
    from fupan.report.night import load_report
    from fupan.report.terminal import print_report

    report = load_report(build_id)
    print_report(report)
    return HELD if any(outcome.verdict == "held" for outcome in report.dimensions) else 0


def _newest_build(day: date) -> int:
    from fupan.errors import FupanError
    from fupan.night.build import already_finished

    build_id = already_finished(day)
    if build_id is None:
        raise FupanError(f"No build of {day} is finished", remedy="See `fupan status`, and the runs in Airflow")
    return build_id


@contextmanager
def _alone() -> Iterator[None]:
    """Two nights at once would stop each other's servers."""
    from fupan import settings
    from fupan.errors import Busy

    with (settings.home() / "nightly.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise Busy("Another `fupan nightly` is at work here", remedy="Wait for it to end") from taken
        yield
