"""Kinds of complaints: how quickly they come, what the desk promises, who is liable, what was the cause."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """``share``: of a usual line, per thousand. ``after_days``: within how many days of delivery it comes. ``promised_hours``:
    to the first answer. ``causes``: root causes and how often each is found; after a colon, what kind of other cause it is.
    """

    name: str
    share: float
    after_days: int
    promised_hours: int
    department: str
    causes: dict[str, float]


KINDS = (
    Kind("产品质量", 1.40, 45, 24, "质量部", {
        "driver_failure": 26, "led_failure": 16, "flicker": 20, "colour_shift": 10, "water_ingress": 6, "housing_defect": 8,
        "compatibility": 6, "misuse": 8,
    }),
    Kind("安装服务", 0.68, 12, 48, "安装服务部", {"wrong_wiring": 30, "late_installation": 55, "other:installation": 15}),
    Kind("售后响应", 0.56, 40, 2, "客服部", {"slow_response": 85, "other:service": 15}),
    Kind("物流配送", 0.45, 4, 24, "物流部", {"late_delivery": 50, "transport_damage": 32, "wrong_item": 18}),
    Kind("环保合规", 0.16, 30, 24, "质量部", {"certificate_missing": 65, "other:eco": 35}),
)  # fmt: skip
QUALITY, INSTALLATION, RESPONSE, DELIVERY, COMPLIANCE = range(len(KINDS))
#: Urgency -> share, and how long it takes beside what is usual.
URGENCIES = {"低": (0.15, 1.3), "一般": (0.6, 1.0), "高": (0.2, 0.75), "紧急": (0.05, 0.5)}
#: Why an answer comes late, how often; where people are lacking, the first weighs more.
DELAYS = {"人手不足": 5, "审批流程": 2, "备件缺货": 2, "其他": 1}
ROOT_CAUSES = tuple(sorted({cause for kind in KINDS for cause in kind.causes}))
#: Root cause -> what the text is about.
TOPIC_OF = {
    "driver_failure": "quality", "led_failure": "brightness", "flicker": "flicker", "colour_shift": "brightness",
    "water_ingress": "quality", "housing_defect": "quality", "compatibility": "smart_control", "misuse": "quality",
    "wrong_wiring": "installation", "late_installation": "installation", "slow_response": "service",
    "late_delivery": "logistics", "transport_damage": "packaging", "wrong_item": "logistics", "certificate_missing": "eco",
    "other:installation": "installation", "other:service": "service", "other:eco": "eco",
}  # fmt: skip
