"""What the DAGs of the night have in common: their clock, their retries, their parameters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronPartitionTimetable, ExceptionRetryPolicy, Param, RetryAction, RetryRule

from fupan.night.business_day import KEY_FORMAT, night_starts, time_zone

#: A connection that was lost, or a lock whose holder is just being cleaned up, is worth another try. Nothing else is:
#: a broken contract, a failed gate or a bug is the same a minute later.
_RETRY_LOST_CONNECTIONS = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                "fupan.errors.SourceUnavailable",
                "fupan.errors.Busy",
                "psycopg2.OperationalError",
                "psycopg2.InterfaceError",
                "builtins.ConnectionError",
            ],
            action=RetryAction.RETRY,
        )
    ],
    default=RetryAction.FAIL,
)

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "data-engineering",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": _RETRY_LOST_CONNECTIONS,
}

FORCE = {"force": Param(False, type="boolean", description="Run again although this business day is finished.")}


def nightly() -> CronPartitionTimetable:
    """Every night for the business day before; the run of 02:00 on the 22nd has the partition key of the 21st."""
    starts = night_starts()
    return CronPartitionTimetable(
        f"{starts.minute} {starts.hour} * * *", timezone=time_zone().key, run_offset=-1, key_format=KEY_FORMAT
    )


def weekly() -> CronPartitionTimetable:
    """Every Sunday ten hours after the night's start, for that Sunday: the night is over, the office is closed."""
    starts = night_starts()
    return CronPartitionTimetable(
        f"{starts.minute} {(starts.hour + 10) % 24} * * 0", timezone=time_zone().key, key_format=KEY_FORMAT
    )
