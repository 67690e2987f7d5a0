"""A monthly survey of satisfaction; who is unhappy is called back, and what was wrong is put right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from fupan.demo.company import stamp
from fupan.demo.rows import Customer
from fupan.demo.story import Story, midnight

RESPONDENTS = 40
FIRST_DAY, LAST_DAY = 8, 20  # of the month, in which answers come in
SCORED = ("overall", "product", "delivery", "service")
REASONS = ("price", "quality", "design", "service", "brand")
ANONYMOUS, PROMISED_HOURS = 0.25, 24
_AGES = ("18-24", "25-34", "35-44", "45-54", "55+")


class Answer(NamedTuple):
    """An answer as the desk keeps it."""

    survey_id: str
    respondent_id: str
    question_code: str
    customer_id: str | None
    segment: str
    region_code: str
    age_band: str
    score: int | None
    answer_code: str | None
    responded_at: datetime
    needs_followup: bool
    followup_at: datetime | None
    fixed_at: datetime | None
    updated_at: datetime


def stories(customers: Sequence[Customer], first: date, last: date, seed: int) -> Iterator[Story]:
    """Answers of the waves of every month from that of ``first`` to that of ``last``."""
    month = first.replace(day=1)
    while month <= last:
        asked = [customer for customer in customers if customer.created_at < midnight(month)]
        random = Random(f"{seed}/survey/{month}")
        for number, customer in enumerate(random.sample(asked, min(RESPONDENTS, len(asked))), 1):
            yield from _respondent(f"CSAT-{month:%Y%m}", number, customer, month, random)
        month = (month + timedelta(days=31)).replace(day=1)


def _respondent(survey_id: str, number: int, customer: Customer, month: date, random: Random) -> Iterator[Story]:
    responded = stamp(month.replace(day=random.randint(FIRST_DAY, LAST_DAY)), random)
    mood = random.choices((5, 4, 3, 2, 1), (40, 33, 15, 8, 4))[0]
    common: dict[str, Any] = {
        "survey_id": survey_id,
        "respondent_id": f"R{number:03d}",
        "customer_id": None if random.random() < ANONYMOUS else customer.customer_id,
        "segment": customer.customer_type,
        "region_code": customer.region_code,
        "age_band": random.choice(_AGES),
        "responded_at": responded,
        "followup_at": None,
        "fixed_at": None,
        "updated_at": responded,
    }
    for question in SCORED:
        score = mood if question == "overall" else min(5, max(1, mood + random.choice((-1, 0, 0, 1))))
        unhappy = question == "overall" and score <= 2
        answer = Answer(question_code=question, score=score, answer_code=None, needs_followup=unhappy, **common)
        yield Story(responded, answer, _course(responded, random) if unhappy else ())
    reason = random.choice(REASONS)
    yield Story(
        responded,
        Answer(question_code="reason", score=None, answer_code=reason, needs_followup=False, **common),
    )


def _course(responded: datetime, random: Random) -> list[tuple[datetime, dict[str, Any]]]:
    """The call back, most within the hours promised, and the remedy; some are forgotten."""
    if random.random() < 0.08:
        return []
    called = responded + timedelta(seconds=int(3600 * min(PROMISED_HOURS * random.lognormvariate(-0.7, 0.8), 200)))
    fixed = called + timedelta(hours=random.randint(4, 200))
    return [(called, {"followup_at": called}), (fixed, {"fixed_at": fixed})]
