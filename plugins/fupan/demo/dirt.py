"""Slips of the pen, as every source has some: the raw gate has something to find, and tests know how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any


@dataclass(frozen=True)
class Slip:
    """``rows`` rows of a relation, of those that ``fit``, were written down with ``wrong`` values."""

    relation: str
    rows: int
    fits: Callable[[Any], bool]
    wrong: Callable[[Any], Mapping[str, Any]]


SLIPS = {
    "review without stars": Slip(
        "shop_platform.reviews", 3, lambda it: not it.is_default, lambda it: {"rating": 0}
    ),
    "complaint answered before it was opened": Slip(
        "service_desk.complaints",
        2,
        lambda it: it.first_response_at is not None,
        lambda it: {"first_response_at": it.created_at - timedelta(hours=3)},
    ),
    "complaint of an unknown type": Slip(
        "service_desk.complaints", 1, lambda it: it.closed_at is not None, lambda it: {"complaint_type": "外观包装"}
    ),
    "repair closed before it was opened": Slip(
        "service_desk.repairs",
        1,
        lambda it: it.closed_at is not None,
        lambda it: {"closed_at": it.opened_at - timedelta(days=1)},
    ),
    "chat answered before it was asked": Slip(
        "service_desk.chats",
        1,
        lambda it: it.first_reply_at is not None,
        lambda it: {"first_reply_at": it.queue_entered_at - timedelta(minutes=8)},
    ),
    "survey score beyond the scale": Slip(
        "service_desk.survey_answers", 2, lambda it: it.score is not None, lambda it: {"score": 9}
    ),
}  # fmt: skip


def soil(relation: str, rows: list[Any], settled: list[bool], random: Random) -> list[Any]:
    """The same rows, some of those that are ``settled`` (nothing more happens to them) with slips, each in a row of its own."""
    soiled = list(rows)
    untouched = {position for position, is_settled in enumerate(settled) if is_settled}
    for slip in SLIPS.values():
        if slip.relation != relation:
            continue
        for position in random.sample([n for n in sorted(untouched) if slip.fits(rows[n])], slip.rows):
            soiled[position] = rows[position]._replace(**slip.wrong(rows[position]))
            untouched.discard(position)
    return soiled
