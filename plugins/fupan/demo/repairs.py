"""Repairs: units that fail, a technician who comes or helps from afar. The desk's ticket system knows minutes, no seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from fupan.demo.company import stamp
from fupan.demo.delivered import Delivered
from fupan.demo.story import Story, code, draw
from fupan.demo.workmanship import trouble

REPAIRED = 0.02  # share of delivered lines, of an average product
_CAUSES = {"产品": 0.5, "安装": 0.2, "误用": 0.12, "老化": 0.1, "其他": 0.08}
_FAULTS = ("F01", "F02", "F03", "F07", "F11", "F20")


class Repair(NamedTuple):
    """A service ticket as the desk keeps it."""

    ticket_id: str
    customer_id: str | None
    order_id: str
    sku: str
    serial_no: str
    fault_code: str
    cause_class: str | None
    is_compat_issue: bool
    is_remote: bool
    resolved_remotely: bool
    opened_at: datetime
    first_response_at: datetime | None
    arrived_at: datetime | None
    closed_at: datetime | None
    work_minutes: int | None
    updated_at: datetime


def stories(lines: Iterable[Delivered], seed: int) -> Iterator[Story]:
    """Tickets of those lines of which a unit fails within three months."""
    for line in lines:
        if draw(seed, "repair", line.key) < REPAIRED * trouble(line.sku):
            yield _story(line, Random(f"{seed}/repair/{line.key}"), seed)


def _story(line: Delivered, random: Random, seed: int) -> Story:
    opened = stamp(line.days_later(random.randint(2, 75)), random).replace(second=0)
    ticket = Repair(
        ticket_id=code("WX", seed, "ticket number", line.key, digits=11),
        customer_id=line.customer_id,
        order_id=line.order_id,
        sku=line.sku,
        serial_no=code("SN", seed, "serial", line.key, digits=10),
        fault_code=random.choice(_FAULTS),
        cause_class=None,
        is_compat_issue=line.product_line == "smart_luminaires" and random.random() < 0.2,
        is_remote=random.random() < 0.4,
        resolved_remotely=False,
        opened_at=opened,
        first_response_at=None,
        arrived_at=None,
        closed_at=None,
        work_minutes=None,
        updated_at=opened,
    )
    answered = opened + _minutes(9 * random.lognormvariate(0, 0.9))
    course: list[tuple[datetime, dict[str, Any]]] = [(answered, {"first_response_at": answered})]
    found = {"cause_class": random.choices([*_CAUSES], [*_CAUSES.values()])[0], "work_minutes": random.randint(10, 150)}
    if ticket.is_remote and random.random() < 0.6:
        closed = answered + _minutes(random.uniform(0.5, 6))
        course.append((closed, {"closed_at": closed, "resolved_remotely": True, **found}))
    else:
        arrived = answered + _minutes(random.uniform(12, 100))
        closed = arrived + _minutes(random.uniform(0.5, 4))
        course += [(arrived, {"arrived_at": arrived}), (closed, {"closed_at": closed, **found})]
    return Story(opened, ticket, course)


def _minutes(hours: float) -> timedelta:
    return timedelta(minutes=max(1, round(min(hours, 240) * 60)))
