"""Wait, holding no worker, until every source of a business day has landed or failed for good, or the deadline passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import BaseTrigger, TriggerEvent

from fupan.errors import SourceUnavailable
from fupan.night.business_day import business_day

#: Seconds between two looks at `ops`: short at first, for a source that needs seconds, then longer.
FIRST_LOOK, LONGEST_LOOK = 1.0, 30.0


class SourcesTrigger(BaseTrigger):
    """Ends when nothing is outstanding for ``day`` (ISO date), or at ``until`` (ISO stamp) with what still is."""

    def __init__(self, day: str, until: str) -> None:
        super().__init__()
        self.day, self.until = day, until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"day": self.day, "until": self.until}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look again; yields one event {system: why it is outstanding}."""
        until, pause = datetime.fromisoformat(self.until), FIRST_LOOK
        while True:
            try:
                waiting = await asyncio.to_thread(outstanding, date.fromisoformat(self.day))
            except SourceUnavailable as silence:
                # The warehouse restarts: the wait goes on, the deadline stays.
                waiting = {"warehouse": str(silence)}
            left = (until - datetime.now(UTC)).total_seconds()
            if not waiting or left <= 0:
                yield TriggerEvent(waiting)
                return
            self.log.info("Waiting for %s", ", ".join(sorted(waiting)))
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_LOOK)


class AwaitSources(BaseOperator):
    """Task that ends when the sources of the run's business day are there, at the latest ``wait`` after the run was due.

    Its return value is what is still outstanding then, {system: why}: the build goes on without it.
    """

    def __init__(self, *, wait: timedelta, **given: Any) -> None:
        super().__init__(**given)
        self.wait = wait

    def execute(self, context: Context) -> dict[str, str]:
        """Go on at once where nothing is outstanding, else defer to the triggerer."""
        day = business_day(context)
        until = context["dag_run"].run_after + self.wait
        waiting = outstanding(day)
        if waiting and datetime.now(UTC) < until:
            self.defer(trigger=SourcesTrigger(day.isoformat(), until.isoformat()), method_name="go_on")
        return self._told(waiting)

    def go_on(self, context: Context, event: dict[str, str]) -> dict[str, str]:
        """Resume after the trigger."""
        return self._told(event)

    def _told(self, waiting: dict[str, str]) -> dict[str, str]:
        for system, why in waiting.items():
            self.log.warning("%s has not landed (%s): the dimensions that depend on it will be held", system, why)
        return waiting


def outstanding(day: date) -> dict[str, str]:
    """Systems that have neither landed nor failed for ``day``, and why."""
    # Imported here: parsing the DAG file must not load the extraction.
    from fupan.extract.landing import outstanding as of_day  # noqa: PLC0415

    return of_day(day)
