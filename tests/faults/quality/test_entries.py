"""Every expectation has exactly one fault, and every fault is an expectation's."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.quality.entries import expectations, faults


def test_every_expectation_has_one_fault_and_every_fault_an_expectation() -> None:
    wanted = {(one.suite, one.rule) for one in expectations()}
    given = {(suite, rule) for suite, entries in faults().items() for rule in entries}
    assert given - wanted == set(), "entries of no rule"
    assert wanted - given == set(), "rules without an entry"


def test_every_fault_is_sql() -> None:
    for suite, entries in faults().items():
        for rule, statements in entries.items():
            assert statements, (suite, rule)
            assert all(isinstance(statement, str) and statement.strip() for statement in statements), (suite, rule)


def test_an_entry_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "erp__erp_regions.yml").write_text("a_rule: select 1\na_rule: select 2\n")
    with pytest.raises(ValueError, match="a_rule given twice"):
        faults(tmp_path)
