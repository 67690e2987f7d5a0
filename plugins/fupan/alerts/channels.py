"""Which channels a message goes to, and its delivery through Apprise.

| variable | meaning | default |
|---|---|---|
| FUPAN_ALERT_URLS | Apprise URLs, apart by commas or spaces: `mailtos://…`, `json://host/path` | none: `ops.alert` alone |
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType

#: Attempts after the first, and seconds before each: for a channel that hiccups, not for one that is down for the night.
RETRIES, WAIT_SECONDS = 2, 2.0

Kind = Literal["failure", "recovery"]


@dataclass(frozen=True)
class Message:
    """What is sent: ``body`` in plain text; ``fields`` (JSON-able) go along where a channel takes structure (`json://`)."""

    kind: Kind
    severity: str
    title: str
    body: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """How one channel took a message. ``channel`` is its address without secrets; ``error`` None: delivered."""

    channel: str
    error: str | None


def channels(owner: str, severity: str, dimensions: Collection[str]) -> list[str]:
    """Apprise URLs for a message to ``owner`` of this severity on these dimensions; empty: nobody to send it to."""
    # One set of channels for everybody, until a routing file tells owners apart.
    del owner, severity, dimensions
    return os.environ.get("FUPAN_ALERT_URLS", "").replace(",", " ").split()


def deliver(urls: Sequence[str], message: Message) -> list[Delivery]:
    """Send to each channel, with retries; what a channel refuses is in its Delivery, never raised."""
    return [_deliver(url, message) for url in urls]


def _deliver(url: str, message: Message) -> Delivery:
    asset = AppriseAsset(app_id="Fupan", default_service_retry=RETRIES, default_service_wait=WAIT_SECONDS)
    service: NotifyBase | None = Apprise.instantiate(url, asset=asset)
    if service is None:
        return Delivery(f"{url.partition(':')[0]}://…", "not an address that Apprise understands")
    # The query may hold headers with secrets, which Apprise does not mask.
    channel = service.url(privacy=True).partition("?")[0]
    if service.service_name == "JSON":
        service.payload_extras.update(message.fields)
    sender = Apprise(asset=asset)
    sender.add(service)
    result = sender.notify(
        title=message.title, body=message.body, notify_type=_notify_type(message), body_format=NotifyFormat.TEXT
    )
    if result:
        return Delivery(channel, None)
    told = [entry.message for one in result.results for entry in one.logs()]
    return Delivery(channel, f"{RETRIES + 1} attempts: {told[-1] if told else result.status.name.lower()}")


def _notify_type(message: Message) -> NotifyType:
    if message.kind == "recovery":
        return NotifyType.SUCCESS
    return NotifyType.FAILURE if message.severity == "critical" else NotifyType.WARNING
