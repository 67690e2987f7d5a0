"""Complaints at the service desk: the worse a product, the more; each is answered, settled and closed, in time or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from fupan.demo.company import money, stamp
from fupan.demo.delivered import Delivered
from fupan.demo.story import Story, code, draw
from fupan.demo.workmanship import trouble

COMPLAINED = 0.03  # share of delivered lines, of an average product
REOPENED, NEVER_SETTLED, FOLLOWED_UP = 0.07, 0.015, 0.75


class Kind(NamedTuple):
    """A type of complaint: how often, after how many days at most, and in how many hours the desk promises an answer."""

    weight: float
    after_days: int
    promised_hours: int
    department: str
    causes: tuple[str, ...]
    texts: tuple[str, ...]


KINDS = {
    "产品质量": Kind(
        0.42, 45, 24, "质量部",
        ("driver_failure", "led_failure", "flicker", "colour_shift", "water_ingress", "housing_defect", "misuse"),
        ("{name}装上两周开始频闪,关了再开也没用。", "灯罩有裂纹,{name}明显是品控问题。", "驱动电源烧了,有焦味,要求换新。"),
    ),
    "安装服务": Kind(
        0.2, 12, 48, "安装服务部",
        ("wrong_wiring", "late_installation", "other"),
        ("约好上午安装,师傅下午四点才到。", "安装把吊顶弄坏了,没人负责。", "{name}接线接反,跳闸两次。"),
    ),
    "售后响应": Kind(
        0.17, 40, 2, "客服部",
        ("slow_response", "other"),
        ("打了三次客服电话都没人接。", "客服互相推诿,一周了没有答复。", "在线客服只会发链接,解决不了问题。"),
    ),
    "物流配送": Kind(
        0.16, 4, 24, "物流部",
        ("late_delivery", "transport_damage", "wrong_item"),
        ("{name}比承诺晚到五天。", "外箱破损,灯具碎了一只。", "发错型号,订单和实物不符。"),
    ),
    "环保合规": Kind(
        0.05, 30, 24, "质量部",
        ("certificate_missing", "other"),
        ("{name}有刺鼻气味,怀疑材料不环保。", "外包装没有能效标识,要求说明。"),
    ),
}  # fmt: skip
_URGENCIES = {"低": (0.15, 1.3), "一般": (0.6, 1.0), "高": (0.2, 0.75), "紧急": (0.05, 0.5)}
_DELAYS = ("人手不足", "审批流程", "备件缺货", "其他")


class Complaint(NamedTuple):
    """A complaint as the desk keeps it."""

    complaint_id: str
    customer_id: str | None
    contact_name: str | None
    contact_phone: str | None
    order_id: str
    sku: str
    serial_no: str | None
    region_code: str | None
    complaint_type: str
    root_cause: str | None
    urgency: str
    is_safety: bool
    claim_amount: Decimal | None
    currency: str | None
    source_channel: str
    complaint_text: str
    created_at: datetime
    first_response_at: datetime | None
    verified_at: datetime | None
    liability_at: datetime | None
    liable_dept: str | None
    solution_at: datetime | None
    closed_at: datetime | None
    escalation_level: int
    escalated_at: datetime | None
    delay_cause: str | None
    reopened_flag: bool
    followup_at: datetime | None
    followup_score: int | None
    updated_at: datetime


def stories(lines: Iterable[Delivered], seed: int) -> Iterator[Story]:
    """Complaints about those lines that give cause for one."""
    for line in lines:
        if draw(seed, "complaint", line.key) < COMPLAINED * trouble(line.sku):
            yield _story(line, Random(f"{seed}/complaint/{line.key}"), seed)


def _story(line: Delivered, random: Random, seed: int) -> Story:
    name = random.choices([*KINDS], [kind.weight for kind in KINDS.values()])[0]
    kind = KINDS[name]
    urgency = random.choices([*_URGENCIES], [share for share, _ in _URGENCIES.values()])[0]
    created = stamp(line.days_later(random.randint(1, kind.after_days)), random)
    claims = kind.department == "质量部" and random.random() < 0.3
    complaint = Complaint(
        complaint_id=code("TS", seed, "complaint number", line.key, digits=11),
        customer_id=line.customer_id,
        contact_name=line.contact_name,
        contact_phone=line.contact_phone,
        order_id=line.order_id,
        sku=line.sku,
        serial_no=code("SN", seed, "serial", line.key, digits=10) if kind.department == "质量部" else None,
        region_code=line.region_code,
        complaint_type=name,
        root_cause=None,
        urgency=urgency,
        is_safety=kind.department == "质量部" and random.random() < 0.08,
        claim_amount=money(float(line.net_amount) * random.uniform(0.2, 1)) if claims else None,
        currency=line.currency if claims else None,
        source_channel=random.choices(("电话", "网页", "门店", "平台"), (4, 3, 1, 4 if line.platform else 1))[0],
        complaint_text=random.choice(kind.texts).format(name=line.product_name),
        created_at=created,
        first_response_at=None,
        verified_at=None,
        liability_at=None,
        liable_dept=None,
        solution_at=None,
        closed_at=None,
        escalation_level=0,
        escalated_at=None,
        delay_cause=None,
        reopened_flag=False,
        followup_at=None,
        followup_score=None,
        updated_at=created,
    )
    return Story(created, complaint, _course(complaint, kind, _URGENCIES[urgency][1], random))


def _course(complaint: Complaint, kind: Kind, pace: float, random: Random) -> list[tuple[datetime, dict[str, Any]]]:
    """What is done about it, in the order of time."""
    created, promised = complaint.created_at, timedelta(hours=kind.promised_hours)
    answered = created + _hours(kind.promised_hours * min(pace * random.lognormvariate(-1.0, 0.8), 6))
    late = answered > created + promised
    first: dict[str, Any] = {"first_response_at": answered}
    if late:
        first["delay_cause"] = random.choices(_DELAYS, (5, 2, 2, 1))[0]
    course = [(answered, first)]
    if complaint.is_safety and random.random() < 0.9:
        course.append(_escalated(answered + timedelta(minutes=20), random.choice((2, 3))))
    elif late and random.random() < 0.4:
        course.append(_escalated(created + promised, random.choices((1, 2, 3), (6, 3, 1))[0]))
    if random.random() < NEVER_SETTLED:
        return sorted(course, key=_moment)
    at = answered
    for step in (
        {"verified_at": None, "root_cause": random.choice(kind.causes)},
        {"liability_at": None, "liable_dept": kind.department},
        {"solution_at": None},
        {"closed_at": None},
    ):
        at += _about(pace * 18, random)
        course.append((at, {name: value or at for name, value in step.items()}))
    if random.random() < REOPENED:
        at += _hours(random.uniform(10, 90))
        course.append((at, {"closed_at": None, "reopened_flag": True}))
        at += _about(40, random)
        course.append((at, {"closed_at": at}))
    if random.random() < FOLLOWED_UP:
        at += _hours(random.uniform(12, 70))
        score = random.choices((5, 4, 3, 2, 1), (1, 2, 3, 2, 2) if late else (6, 4, 2, 1, 0.5))[0]
        course.append((at, {"followup_at": at, "followup_score": score}))
    return sorted(course, key=_moment)


def _about(hours: float, random: Random) -> timedelta:
    return _hours(min(hours * random.lognormvariate(-0.3, 0.7), 4 * hours))


def _hours(hours: float) -> timedelta:
    return timedelta(seconds=int(hours * 3600))


def _escalated(at: datetime, level: int) -> tuple[datetime, dict[str, Any]]:
    return at, {"escalation_level": level, "escalated_at": at}


def _moment(event: tuple[datetime, dict[str, Any]]) -> datetime:
    return event[0]
