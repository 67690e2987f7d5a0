"""Build core from nothing: after a change of a limit, band or rule that facts store."""

from __future__ import annotations

from fupan.errors import ConfigurationError
from fupan.night import build, steps


def rebuild() -> int:
    """Build the newest business day again, core from nothing, and publish what passes; returns the build_id.

    Raises ConfigurationError where no day has been built yet.
    """
    newest = build.newest_business_day()
    if newest is None:
        raise ConfigurationError("No business day has been built yet", remedy="Run `fupan nightly` first")
    build_id = build.begin(newest)
    steps.run_all(build_id, full_refresh=True)
    return build_id
