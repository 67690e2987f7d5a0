"""One message a night and owner on what is new, one on what is gone, silence on what is known: the step `notify`.

A message is written to `ops.alert` in the transaction that opens or closes its incidents, and sent after. Killed between
the sending and its record, the next run of the step sends it again: every message arrives at least once. An incident is
known once a message about it was delivered, so what no channel took tonight is told again tomorrow, with tomorrow's numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import Json

from fupan.alerts import incidents
from fupan.alerts.channels import Delivery, Message, deliver
from fupan.alerts.incidents import Incident
from fupan.alerts.message import Night, failure, recovery
from fupan.alerts.routing import channels
from fupan.report.visible import visible
from fupan.warehouse.connection import Connection, connect, only_one, rows

NO_CHANNEL = "no channel configured"


@dataclass(frozen=True)
class Alert:
    """One message of one build to one owner. ``error`` names the channels that did not take it."""

    alert_id: int
    owner: str
    kind: str
    severity: str
    subject: str
    sent: bool
    error: str | None


def notify(build_id: int) -> list[Alert]:
    """Tell owners what a build found; returns the alerts of that build. Again for the same build: sends what is unsent.

    A channel that fails is recorded and never fails the night. Raises SourceUnavailable without the warehouse, Busy where
    another run of this step is under way.
    """
    with connect("builder", "notify") as connection:
        only_one(connection, "notify")
        _plan(connection, build_id)
        connection.commit()
        for alert_id, owner, dimensions, message in _unsent(connection, build_id):
            _record(connection, alert_id, deliver(channels(owner, message.severity, dimensions), message))
            connection.commit()
        return _alerts(connection, build_id)


def _plan(connection: Connection, build_id: int) -> None:
    build: Any = rows(connection, "select business_day from ops.build where build_id = %s", [build_id])
    changed = incidents.update(connection, build_id)
    night = Night(build[0]["business_day"], visible(connection))
    planned = _already_planned(connection, build_id)
    for owner, theirs in _by_owner(changed.open).items():
        news = [one for one in theirs if one.is_news and one.incident_id not in planned]
        if news:
            known = sum(not one.is_news for one in theirs)
            _write(connection, build_id, owner, failure(owner, night, news, known), news)
    for owner, theirs in _by_owner(changed.closed).items():
        _write(connection, build_id, owner, recovery(owner, night, theirs), theirs)


def _by_owner(found: Iterable[Incident]) -> dict[str, list[Incident]]:
    grouped: dict[str, list[Incident]] = defaultdict(list)
    for incident in found:
        grouped[incident.fault.owner].append(incident)
    return dict(sorted(grouped.items()))


def _already_planned(connection: Connection, build_id: int) -> set[int]:
    sql = "select unnest(incident_ids) as incident_id from ops.alert where build_id = %s and kind = 'failure'"
    found: Any = rows(connection, sql, [build_id])
    return {row["incident_id"] for row in found}


def _write(connection: Connection, build_id: int, owner: str, message: Message, about: list[Incident]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into ops.alert (
                build_id, business_day, owner, kind, severity, subject, body, fields, channels, incident_ids
            )
            select build_id, business_day, %s, %s, %s, %s, %s, %s, '{}', %s from ops.build where build_id = %s
            """,
            [
                *(owner, message.kind, message.severity, message.title, message.body, Json(message.fields)),
                *([incident.incident_id for incident in about], build_id),
            ],
        )


def _unsent(connection: Connection, build_id: int) -> list[tuple[int, str, list[str], Message]]:
    found: Any = rows(
        connection,
        """
        select a.*, array(
            select distinct unnest(i.dimensions) from ops.incident as i where i.incident_id = any(a.incident_ids)
        ) as dimensions
        from ops.alert as a where a.build_id = %s and a.sent_at is null order by a.alert_id
        """,
        [build_id],
    )
    return [
        (
            row["alert_id"],
            row["owner"],
            row["dimensions"],
            Message(row["kind"], row["severity"], row["subject"], row["body"], row["fields"]),
        )
        for row in found
    ]


def _record(connection: Connection, alert_id: int, deliveries: list[Delivery]) -> None:
    """An alert counts as sent when one channel took it; the others' errors stand beside."""
    errors = [f"{one.channel}: {one.error}" for one in deliveries if one.error] or ([] if deliveries else [NO_CHANNEL])
    sent = any(one.error is None for one in deliveries)
    found: Any = rows(
        connection,
        """
        update ops.alert
        set channels = %s, error = %s, sent_at = case when %s then clock_timestamp() end
        where alert_id = %s
        returning incident_ids
        """,
        [[one.channel for one in deliveries], "; ".join(errors) or None, sent, alert_id],
    )
    if sent:
        incidents.announce(connection, found[0]["incident_ids"])


def _alerts(connection: Connection, build_id: int) -> list[Alert]:
    found: Any = rows(
        connection,
        """
        select alert_id, owner, kind, severity, subject, sent_at is not null as sent, error
        from ops.alert where build_id = %s order by alert_id
        """,
        [build_id],
    )
    return [Alert(**row) for row in found]
