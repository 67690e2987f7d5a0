"""What this installation has to offer to the rules: which tables it delivers, and of which of them news are expected."""

from __future__ import annotations

from dataclasses import dataclass

from fupan.quality.suites import Rule
from fupan.warehouse.connection import Connection, rows


@dataclass(frozen=True)
class Installed:
    """Raw tables that are delivered, and those of them that have a freshness."""

    delivered: frozenset[str]
    with_news: frozenset[str]

    def judges(self, rule: Rule) -> bool:
        """Whether the rule can be judged here."""
        return self.delivered.issuperset(rule.needs) and self.with_news.issuperset(rule.expects_news)


def installed(connection: Connection) -> Installed:
    """The installation as its last extraction or night has recorded it."""
    found = rows(connection, "select table_name, freshness from ops.source_table where is_delivered")
    return Installed(
        frozenset(row["table_name"] for row in found),
        frozenset(row["table_name"] for row in found if row["freshness"] is not None),
    )
