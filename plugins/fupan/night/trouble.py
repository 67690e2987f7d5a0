"""The night itself is late or dead: its engineers are told at once, by the channels of every other alert.

What is wrong with the data is told by the last step of a build (fupan.alerts); here nothing of the build is needed but Airflow.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from psycopg2.extras import Json

from fupan.errors import SourceUnavailable
from fupan.night.dag_defaults import TASK_DEFAULTS
from fupan.warehouse.connection import connect

log = logging.getLogger(__name__)


def overdue(context: Mapping[str, Any]) -> None:
    """Callback of the night's deadline: the run is still at work, or waits."""
    run = context["dag_run"]
    _tell(
        _day(run["partition_key"], run["conf"]),
        f"{run['dag_id']} is late 未按时完成",
        f"The run {run['dag_run_id']} has not ended by its deadline, {context['deadline']['deadline_time']:%Y-%m-%d %H:%M %Z}. "
        "It goes on; BI users see the last releases meanwhile.",
    )


def failed(context: Mapping[str, Any]) -> None:
    """Callback of a DAG whose run has failed."""
    run = context["dag_run"]
    _tell(
        _day(run.partition_key, run.conf),
        f"{run.dag_id} has failed 运行失败",
        f"The run {run.run_id} has failed ({context.get('reason') or 'no reason given'}). Nothing of it was published that "
        "did not pass; BI users see the last releases. Mend the cause, then clear the failed task in Airflow.",
    )


def _day(partition_key: str | None, conf: Mapping[str, Any] | None) -> date:
    key = partition_key or (conf or {}).get("business_day")
    return date.fromisoformat(key) if key else datetime.now(UTC).date()


def _tell(day: date, title: str, body: str) -> None:
    # Imported here: a DAG file names these callbacks, and parsing it must cost nothing.
    from fupan.alerts.channels import Message, deliver  # noqa: PLC0415
    from fupan.alerts.routing import channels  # noqa: PLC0415

    owner = TASK_DEFAULTS["owner"]
    fields = {"kind": "failure", "owner": owner, "severity": "critical", "business_day": day.isoformat(), "text": body}
    message = Message("failure", "critical", f"Fupan 复盘 {day}: {title}", body, fields)
    delivered = deliver(channels(owner, message.severity, []), message)
    errors = [f"{one.channel}: {one.error}" for one in delivered if one.error]
    for error in errors:
        log.error("The alert %r was not delivered: %s", message.title, error)
    # The warehouse may be the very reason.
    with (
        contextlib.suppress(SourceUnavailable),
        connect("builder", "alert", autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            """
            insert into ops.alert (
                business_day, owner, kind, severity, subject, body, fields, channels, incident_ids, sent_at, error
            ) values (%s, %s, %s, %s, %s, %s, %s, %s, '{}', case when %s then clock_timestamp() end, %s)
            """,
            [
                *(day, owner, message.kind, message.severity, message.title, message.body),
                *(Json(message.fields), [one.channel for one in delivered]),
                any(one.error is None for one in delivered),
                "; ".join(errors) or (None if delivered else "no channel configured"),
            ],
        )
