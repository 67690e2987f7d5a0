"""Which source systems have landed for a business day, or have failed for good: what the build waits for."""

from __future__ import annotations

from datetime import date

from fupan.contracts.installation import systems
from fupan.warehouse.connection import Connection, connect, rows, wait_for_disk


def landed(connection: Connection, system: str, business_day: date, run_id: int) -> None:
    """Record that every table of the system has landed (not committed): its commit, and every one before, is on disk."""
    wait_for_disk(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ops.landing (system, business_day, state, run_id) values (%s, %s, 'landed', %s)
            on conflict (system, business_day) do update
            set state = 'landed', run_id = excluded.run_id, landed_at = clock_timestamp(), error = null
            """,
            [system, business_day, run_id],
        )


def failed(connection: Connection, system: str, business_day: date, error: str) -> None:
    """Record that the system won't land for that day, unless it already has (not committed)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ops.landing as l (system, business_day, state, error) values (%s, %s, 'failed', %s)
            on conflict (system, business_day) do update
            set state = 'failed', landed_at = clock_timestamp(), error = excluded.error
            where l.state <> 'landed'
            """,
            [system, business_day, error],
        )


def outstanding(business_day: date) -> dict[str, str]:
    """Systems of the installation that have neither landed nor failed for that day -> what they are doing."""
    with connect("loader", "landing") as connection:
        settled = {
            row["system"]
            for row in rows(connection, "select system from ops.landing where business_day = %s", [business_day])
        }
        doing = {
            row["system"]: (
                f"extracting since {row['started_at']:%Y-%m-%d %H:%M:%S %Z}"
                if row["state"] == "running"
                else f"to be tried again: {row['error']}"
            )
            for row in rows(
                connection,
                "select distinct on (system) system, state, started_at, error from ops.run"
                " where business_day = %s and kind = 'extract' order by system, run_id desc",
                [business_day],
            )
            if row["state"] != "succeeded"
        }
    return {system: str(doing.get(system, "not started")) for system in systems() if system not in settled}
