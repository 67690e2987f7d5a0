"""A fault counts as caught only with everything that must follow from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.faults.quality.entries import Expectation
from tests.faults.quality.proof import Seen, problems

from fupan.quality.results import RuleResult
from fupan.quality.verdict import Reason, Verdict

EXPECTATIONS = {
    "critical": Expectation("release", "marts/sales", "trend", "a_rule", "sales", "critical", "hold", "sales"),
    "warning": Expectation("raw", "raw/erp__orders", "orders", "a_rule", "sales", "warning", "warn"),
    "info": Expectation("raw", "raw/erp__orders", "orders", "a_rule", "sales", "info", "warn"),
    "quarantine": Expectation("raw", "raw/erp__orders", "orders", "a_rule", "sales", "warning", "quarantine"),
}
OUTCOMES: dict[str, Any] = {"critical": "held", "warning": "published_with_warnings", "info": "published"}


def seen(expectation: Expectation) -> Seen:
    """What a night makes of the fault when all is as it should be."""
    result = RuleResult(
        gate=expectation.gate,
        suite="s",
        rule=expectation.rule,
        expectation="e",
        system="erp",
        table=expectation.table,
        dimensions=("sales",),
        severity=expectation.severity,
        on_fail=expectation.on_fail,
        owner="sales",
        passed=False,
        evaluated=10,
        unexpected=1,
        observed=None,
        sample_keys=[],
        message="fails",
        runbook="#runbook-key",
    )
    kind: Any = f"{expectation.gate}_gate"
    verdict = Verdict(
        OUTCOMES[expectation.severity], [Reason(kind, expectation.severity, "fails", "sales", rule="a_rule")]
    )
    caught = int(expectation.on_fail == "quarantine")
    told = () if expectation.severity == "info" else ("sales",)
    return Seen(result, [result], {"sales": verdict}, quarantined=caught, withheld=caught, alerted=told)


@pytest.mark.parametrize("kind", EXPECTATIONS)
def test_caught_with_all_that_follows(kind: str) -> None:
    assert list(problems(EXPECTATIONS[kind], seen(EXPECTATIONS[kind]))) == []


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        ("critical", {"result": None}, "no gate has judged it"),
        ("critical", {"verdicts": {"sales": Verdict("published", [])}}, "the verdict on sales does not name the rule"),
        ("critical", {"alerted": ()}, "alerted: nobody"),
        ("critical", {"alerted": ("somebody-else",)}, "alerted: somebody-else"),
        ("info", {"alerted": ("sales",)}, "alerted: sales"),
        ("quarantine", {"quarantined": 0, "withheld": 0}, "no row is in quarantine"),
        ("quarantine", {"withheld": 0}, "1 rows are in quarantine, 0 of them out of staging"),
    ],
)
def test_what_has_not_followed_is_a_problem(kind: str, change: dict[str, Any], problem: str) -> None:
    expectation = EXPECTATIONS[kind]
    assert list(problems(expectation, replace(seen(expectation), **change))) == [problem]


def test_a_rule_that_passes_has_caught_nothing() -> None:
    found = seen(EXPECTATIONS["warning"])
    assert found.result is not None
    passing = replace(found, result=replace(found.result, passed=True))
    assert list(problems(EXPECTATIONS["warning"], passing)) == ["not caught: the rule passes"]


def test_a_warning_must_not_hold_unless_another_rule_does() -> None:
    expectation = EXPECTATIONS["warning"]
    found = seen(expectation)
    held = replace(found, verdicts={"sales": replace(found.verdicts["sales"], verdict="held")})
    assert list(problems(expectation, held)) == ["sales is held: fails"]
    assert found.result is not None
    other = replace(found.result, rule="another_rule", severity="critical", on_fail="hold")
    assert list(problems(expectation, replace(held, results=[found.result, other]))) == []


def test_a_quarantine_that_turned_to_hold_is_no_quarantine() -> None:
    expectation = EXPECTATIONS["quarantine"]
    found = seen(expectation)
    assert found.result is not None
    escalated = replace(found.result, severity="critical", on_fail="hold")
    assert "on_fail came to hold" in list(problems(expectation, replace(found, result=escalated, results=[escalated])))
