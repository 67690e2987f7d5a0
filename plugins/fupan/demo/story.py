"""Rows that have a life: each is told once, whole, and shown as far as its days have come.

What a story tells depends on the company's seed and on what it is about, never on the day it is looked at from: so a
history is every story as it stands on its last day, and a day played is what it adds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from fupan.demo.company import ZONE


@dataclass(frozen=True)
class Story:
    """``row`` from ``begins`` on, then what changes of it and when; a change to None takes the row away."""

    begins: datetime
    row: Any
    changes: Sequence[tuple[datetime, Mapping[str, Any] | None]] = ()

    def on(self, day: date) -> Any | None:
        """The row as it stands at the end of ``day``; None where it is not there."""
        return self._before(midnight(day + timedelta(days=1)))

    def over(self, day: date) -> bool:
        """Whether nothing more will happen after ``day``."""
        return all(at < midnight(day + timedelta(days=1)) for at in (self.begins, *(at for at, _ in self.changes)))

    def _before(self, moment: datetime) -> Any | None:
        if self.begins >= moment:
            return None
        row = self.row
        for at, change in self.changes:
            if at >= moment:
                break
            if change is None:
                return None
            row = row._replace(**change, updated_at=at)
        return row


@dataclass(frozen=True)
class News:
    """What a day adds to a relation: new rows, changed ones with what has changed, and those that are gone."""

    new: list[Any]
    changed: list[tuple[Any, dict[str, Any]]]
    gone: list[Any]


def news(stories: Iterable[Story], today: date) -> News:
    """What ``today`` adds to how the stories stood the evening before."""
    found = News([], [], [])
    for story in stories:
        before, after = story.on(today - timedelta(days=1)), story.on(today)
        if before == after:
            continue
        if before is None:
            found.new.append(after)
        elif after is None:
            found.gone.append(before)
        else:
            old, new = before._asdict(), after._asdict()
            found.changed.append((after, {name: new[name] for name in new if new[name] != old[name]}))
    return found


def midnight(day: date) -> datetime:
    """The moment at which a day of the company begins."""
    return datetime.combine(day, time(), ZONE)


def draw(*key: object) -> float:
    """A number in [0, 1) that belongs to the key for good: cheaper than a generator where most draws end a story."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=7).digest()
    return int.from_bytes(digest) / (1 << 56)


def code(prefix: str, *key: object, digits: int = 8) -> str:
    """A number, written with ``digits``, that belongs to the key for good."""
    return f"{prefix}{int(draw(*key) * 10**digits):0{digits}d}"
