"""Enquiries in the shops' chat windows, by bot or agent; wholesale and large orders have a queue of their own."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from fupan.demo.company import stamp
from fupan.demo.rows import Customer
from fupan.demo.story import Story, code
from fupan.demo.trading import festival, poisson

CHATS_A_DAY = 6.0
NOBODY_REPLIED, LATE_AFTER_MINUTES = 0.02, 60
_TOPICS = {"presale": 0.35, "order": 0.2, "logistics": 0.17, "aftersale": 0.2, "wholesale": 0.08}


class Chat(NamedTuple):
    """A conversation as the desk keeps it."""

    chat_id: str
    user_id: str
    customer_id: str | None
    topic: str
    agent_id: str | None
    handled_by_bot: bool
    is_vip_queue: bool
    queue_entered_at: datetime
    first_reply_at: datetime | None
    ended_at: datetime
    resolved_flag: bool
    rating: int | None


def stories(customers: Sequence[Customer], first: date, last: date, seed: int) -> Iterator[Story]:
    """Conversations of the days from ``first`` to ``last``; each stands once it has ended."""
    known = sorted(customers, key=lambda c: (c.created_at, c.customer_id))
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        random = Random(f"{seed}/chats/{day}")
        for number in range(1, 1 + poisson(CHATS_A_DAY * (1 + festival(day)), random)):
            chat = _chat(f"CH{day:%Y%m%d}{number:03d}", known, stamp(day, random), random, seed)
            yield Story(chat.ended_at, chat)


def _chat(chat_id: str, known: Sequence[Customer], entered: datetime, random: Random, seed: int) -> Chat:
    topic = random.choices([*_TOPICS], [*_TOPICS.values()])[0]
    asking = known[random.randrange(bisect.bisect_right(known, entered, key=lambda c: c.created_at))]
    stranger = topic == "presale" and random.random() < 0.6
    vip = topic == "wholesale" or (asking.is_b2b and not stranger)
    bot = not vip and random.random() < 0.45
    unanswered = not bot and random.random() < NOBODY_REPLIED
    # A bot answers within seconds; of the agents' replies about one in twenty takes longer than the hour they promise.
    wait = random.uniform(1, 6) if bot else 60 * random.lognormvariate(1.4 if vip else 2.0, 1.2)
    replied = None if unanswered else entered + timedelta(seconds=int(min(wait, 7200)))
    ended = (replied or entered) + timedelta(seconds=random.randint(60, 1500))
    return Chat(
        chat_id=chat_id,
        user_id=code("U", seed, "user", chat_id if stranger else asking.customer_id),
        customer_id=None if stranger else asking.customer_id,
        topic=topic,
        agent_id=None if bot or unanswered else f"KF{random.randint(1, 12):02d}",
        handled_by_bot=bot,
        is_vip_queue=vip,
        queue_entered_at=entered,
        first_reply_at=replied,
        ended_at=ended,
        resolved_flag=not unanswered and random.random() < (0.6 if bot else 0.85),
        rating=None if unanswered or random.random() < 0.55 else random.choices((5, 4, 3, 2, 1), (8, 4, 2, 1, 1))[0],
    )
