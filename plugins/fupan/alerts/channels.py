"""Delivery of a message through Apprise, in the form and the length that each service takes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType

from fupan.alerts.answers import read_answers
from fupan.alerts.routing import Channel
from fupan.alerts.shorten import shorten

#: Attempts after the first, and seconds before each: for a channel that hiccups, not for one that is down for the night.
RETRIES, WAIT_SECONDS = 2, 2.0

Kind = Literal["failure", "recovery", "test"]

read_answers()


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
    """How one channel took a message. ``channel`` is its name and address without secrets; ``error`` None: delivered."""

    channel: str
    error: str | None


def deliver(channels: Sequence[Channel], message: Message) -> list[Delivery]:
    """Send to each channel, with retries; what one refuses, or that it has no address, is in its Delivery, never raised."""
    return [_deliver(channel, message) for channel in channels]


def unusable(channel: Channel) -> str | None:
    """Why nothing can be sent to a channel that is set; None: it can be tried."""
    if channel.url is None or _service(channel.url) is not None:
        return None
    return f"{channel.name} {channel.url.partition(':')[0]}://…: not an address that Apprise understands"


def _deliver(channel: Channel, message: Message) -> Delivery:
    if channel.url is None:
        return Delivery(channel.name, channel.missing)
    service = _service(channel.url)
    if service is None:
        return Delivery(
            f"{channel.name} {channel.url.partition(':')[0]}://…", "not an address that Apprise understands"
        )
    name = f"{channel.name} {_address(service)}"
    if service.service_name == "JSON":
        service.payload_extras.update(message.fields)
    sender = Apprise(asset=service.asset)
    sender.add(service)
    result = sender.notify(
        title=message.title,
        body=_fitting(service, message),
        notify_type=_notify_type(message),
        body_format=NotifyFormat.TEXT,
    )
    if result:
        return Delivery(name, None)
    # An error of `requests` quotes the path of the address, which holds the token.
    told = dict.fromkeys(re.sub(r"url: \S+", "url: …", entry.message) for one in result.results for entry in one.logs())
    return Delivery(name, f"{RETRIES + 1} attempts: {'; '.join(told) or result.status.name.lower()}")


def _address(service: NotifyBase) -> str:
    """Where a service sends to, without what Apprise does not mask: headers with secrets in the query, people's addresses."""
    address: str = service.url(privacy=True).partition("?")[0]
    return re.sub(r"(?<=[^/])/[^/]*%40[^/]*", "/…", address)


def _service(url: str) -> NotifyBase | None:
    asset = AppriseAsset(
        app_id="Fupan",
        default_service_retry=RETRIES,
        default_service_wait=WAIT_SECONDS,
        # Its default are pictures on another site.
        image_url_mask="",
    )
    service: NotifyBase | None = Apprise.instantiate(url, asset=asset)
    if service is not None:
        # One message a night and owner needs no pause; one plugin (lark) would pause before its only request.
        service.request_rate_per_sec = 0
    return service


def _fitting(service: NotifyBase, message: Message) -> str:
    """The body as the service takes it: Apprise would send all of one that is too long, and the service refuse it."""
    # In a text of theirs this tag calls people by name, or all of them; the words of an alert are foreign in part.
    calls = service.secure_protocol in ("feishu", "lark")
    whole = message.body.replace("<at", "＜at") if calls else message.body

    def fits(body: str) -> bool:
        return _size(service, f"{message.title}\r\n{body}") <= int(service.body_maxlen)

    day = message.fields.get("business_day")
    pointer = f"The whole of it 全文: night report {day}, or: select body from ops.alert where business_day = '{day}'"
    return shorten(whole, pointer, fits)


def _size(service: NotifyBase, text: str) -> int:
    """Length of a text as the service counts it."""
    match service.secure_protocol:
        case "wecombot":
            return len(text.encode())
        case "dingtalk" | "feishu" | "lark":
            # Bytes of the request, in which their plugins write a Chinese character as six.
            return len(json.dumps(text))
        case _:
            return len(text)


def _notify_type(message: Message) -> NotifyType:
    match message.kind:
        case "recovery":
            return NotifyType.SUCCESS
        case "test":
            return NotifyType.INFO
        case "failure":
            return NotifyType.FAILURE if message.severity == "critical" else NotifyType.WARNING
