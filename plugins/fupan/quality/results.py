"""What a gate found: one result a rule, and how it is written to `ops.validation`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fupan.quality.suites import OnFail, Severity
from fupan.warehouse.connection import Connection

Gate = Literal["raw", "release", "full"]


@dataclass(frozen=True)
class RuleResult:
    """One rule judged once.

    ``severity`` and ``on_fail`` are what the failure came to: a quarantine above its share is critical and holds.
    ``evaluated`` and ``unexpected`` count rows (None where the rule judges no rows); ``sample_keys`` are keys of failing
    rows, ``observed`` what was seen there.
    """

    gate: Gate
    suite: str
    rule: str
    expectation: str
    system: str | None
    table: str
    dimensions: tuple[str, ...]
    severity: Severity
    on_fail: OnFail
    owner: str
    passed: bool
    evaluated: int | None
    unexpected: int | None
    observed: Any
    sample_keys: list[Any]
    message: str
    runbook: str

    @property
    def holds(self) -> bool:
        """Whether what depends on this must not be published."""
        return not self.passed and self.severity == "critical" and self.on_fail == "hold"


_COLUMNS = (
    "build_id, gate, suite, rule, expectation, system, table_name, dimensions, severity, on_fail, owner, passed, "
    "evaluated, unexpected, observed, sample_keys, message, runbook"
)


def record(
    connection: Connection, build_id: int | None, gate: Gate, results: Iterable[RuleResult], tables: Sequence[str] = ()
) -> None:
    """Replace what this gate found for this build (commit is the caller's); a gate without a build adds to its history.

    ``tables``: the only ones that were judged; what was found on others stays.
    """
    with connection.cursor() as cursor:
        if build_id is not None:
            cursor.execute(
                "delete from ops.validation where build_id = %s and gate = %s and (table_name = any(%s) or %s)",
                [build_id, gate, list(tables), not tables],
            )
        cursor.executemany(
            f"insert into ops.validation ({_COLUMNS}) values ({', '.join(['%s'] * 18)})",
            [_values(build_id, result) for result in results],
        )


def _values(build_id: int | None, result: RuleResult) -> Sequence[Any]:
    return [
        build_id,
        result.gate,
        result.suite,
        result.rule,
        result.expectation,
        result.system,
        result.table,
        list(result.dimensions),
        result.severity,
        result.on_fail,
        result.owner,
        result.passed,
        result.evaluated,
        result.unexpected,
        json.dumps(result.observed, ensure_ascii=False, default=str),
        json.dumps(result.sample_keys, ensure_ascii=False, default=str),
        result.message,
        result.runbook,
    ]
