"""Re-read a range of business days, rebuild what they touched, publish once."""

from __future__ import annotations

from datetime import date

from fupan.contracts.installation import systems
from fupan.errors import ConfigurationError
from fupan.extract.run import extract_system
from fupan.night import build, steps


def backfill(first: date, last: date) -> int:
    """Backfill ``first`` to ``last``, both inclusive, and publish as of the newest business day; returns the build_id.

    raw is current state: rows whose cursor lies in the range are read again from every system, the keys they touched are
    rebuilt, and the marts stay as of the newest day that was ever built (or ``last`` where that is newer).
    """
    if first > last:
        raise ConfigurationError(f"--from {first} is after --to {last}", remedy="Give the older day first")
    newest = build.newest_business_day()
    as_of = max(last, newest) if newest else last
    for system in systems():
        extract_system(system, as_of, window=(first, last))
    build_id = build.begin(as_of, kind="backfill")
    steps.run_all(build_id)
    return build_id
