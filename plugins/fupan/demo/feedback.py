"""What customers say of what was delivered to them: reviews on the platforms, complaints, repairs, chats and surveys.

Everything is told from the ERP's own orders (`story`), in the caller's transaction; the service desk's exports of each day
are written into the same transaction, and dropped as files when it has committed (`service_desk`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from random import Random

from psycopg2 import sql

from fupan.demo import chats, complaints, repairs, reviews, surveys
from fupan.demo.delivered import delivered
from fupan.demo.dirt import soil
from fupan.demo.exports import export
from fupan.demo.relations import Connection, add, delete, execute, identifier, insert, select, update
from fupan.demo.story import Story, news

#: For how many days after a delivery, and after the day before a wave, something may still happen because of it.
DELIVERY_ECHOES, SURVEY_ECHOES = 100, 45


def found(connection: Connection, started: date, until: date, seed: int) -> None:
    """Create both systems with all that was said from ``started`` to the end of ``until``, and the desk's first export."""
    with connection.cursor() as cursor:
        cursor.execute(files("fupan.demo").joinpath("feedback.sql").read_text(encoding="utf-8"))
    random = Random(f"{seed}/slips")
    for relation, stories in _stories(connection, started, started, until, seed).items():
        told = [(story, row) for story in stories if (row := story.on(until)) is not None]
        rows = soil(relation, [row for _, row in told], [story.over(until) for story, _ in told], random)
        insert(connection, relation, rows)
        execute(connection, sql.SQL("analyze {}").format(identifier(relation)), [])
    export(connection, until, since=None)


def play(connection: Connection, today: date, started: date, seed: int) -> Counter[str]:
    """What is said and done on ``today``, after the ERP's day; returns rows by kind of change."""
    counts: Counter[str] = Counter()
    for relation, stories in _stories(connection, started, today, today, seed).items():
        told = news(stories, today)
        noun = relation.partition(".")[2]
        counts[f"{noun}_new"] = sum(add(connection, relation, row) for row in told.new)
        counts[f"{noun}_changed"] = sum(update(connection, relation, row, **changes) for row, changes in told.changed)
        counts[f"{noun}_gone"] = sum(delete(connection, relation, row) for row in told.gone)
    export(connection, today, since=today)
    # Only reviews are ever taken away, and a conversation that has ended stays as it is.
    return +counts


def _stories(connection: Connection, started: date, first: date, last: date, seed: int) -> dict[str, list[Story]]:
    """Stories of which something may happen from ``first`` to ``last``; none begins before the company's history."""

    def since(days: int) -> date:
        return max(started, first - timedelta(days=days))

    lines, customers = delivered(connection, since(DELIVERY_ECHOES)), select(connection, "erp.customers")
    by_relation: dict[str, Iterator[Story]] = {
        "shop_platform.reviews": reviews.stories(lines, seed),
        "service_desk.complaints": complaints.stories(lines, seed),
        "service_desk.repairs": repairs.stories(lines, seed),
        "service_desk.chats": chats.stories(customers, first, last, seed),
        "service_desk.survey_answers": surveys.stories(customers, since(SURVEY_ECHOES), last, seed),
    }
    return {relation: list(stories) for relation, stories in by_relation.items()}
