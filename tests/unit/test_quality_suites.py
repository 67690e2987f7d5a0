"""Suites of expectations: the committed ones are sound, a wrong one says what is wrong and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fupan import settings
from fupan.contracts.contract import contracts
from fupan.errors import ConfigurationError
from fupan.quality import gx_runner
from fupan.quality.suites import mart_suites, raw_suites
from fupan.transform.dbt import manifest

META = {"label": "A rule 规则", "owner": "someone", "runbook": "#runbook-x", "on_fail": "warn"}
RULE: dict[str, Any] = {
    "id": "a_rule",
    "expectation": "expect_column_values_to_not_be_null",
    "kwargs": {"column": "qty"},
    "severity": "warning",
    "meta": META,
}


def test_every_table_that_core_reads_has_a_suite(state: Path) -> None:
    """What no mart is built of yet waits for its rules with it."""
    nodes = manifest().content["nodes"].values()
    core = {
        read for node in nodes if node["fqn"][1] in ("core", "marts") for read in node["depends_on"].get("nodes", [])
    }
    read = {
        source.rpartition(".")[2]
        for node in nodes
        if node["unique_id"] in core
        for source in node["depends_on"].get("nodes", [])
    }
    assert set(raw_suites()) == read & set(contracts())


def test_committed_rules_are_known_to_great_expectations() -> None:
    for suite in [*raw_suites().values(), *mart_suites().values()]:
        gx_runner.check(suite.rules, suite.path)


def test_every_rule_has_an_owner_and_a_runbook_and_an_id_of_its_own() -> None:
    rules = [rule for suite in [*raw_suites().values(), *mart_suites().values()] for rule in suite.rules]
    assert all(rule.meta.owner and rule.meta.runbook.startswith("#runbook-") for rule in rules)
    assert len({rule.id for rule in rules}) == len(rules), "owners and alerts name a rule by its id"


def test_every_runbook_is_written() -> None:
    headings = re.findall(r"^#+ (.+)$", (settings.PROJECT / "README.md").read_text(), re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}
    sources = [*settings.EXPECTATIONS.glob("*/*.yml"), *(settings.PROJECT / "plugins" / "fupan").rglob("*.py")]
    named = {found for path in sources for found in re.findall(r'"(#runbook-[a-z-]+)"', path.read_text())}
    assert named
    assert named <= anchors


def test_rules_name_columns_of_their_table() -> None:
    for suite in raw_suites().values():
        columns = {column.name for column in contracts()[suite.table].columns}
        for rule in suite.rules:
            named = {rule.kwargs[name] for name in ("column", "column_A", "column_B") if name in rule.kwargs}
            assert named <= columns, rule.id


def written(folder: Path, content: Any, name: str = "erp__erp_products.yml") -> Path:
    (folder / name).write_text(content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True))
    return folder


def raw(**changes: Any) -> dict[str, Any]:
    return {"system": "erp", "table": "erp_products", "rules": [RULE]} | changes


def rule(**changes: Any) -> dict[str, Any]:
    return raw(rules=[RULE | changes])


def test_defaults_fill_the_meta_of_every_rule(tmp_path: Path) -> None:
    without_owner = {key: value for key, value in META.items() if key != "owner"}
    content = raw(defaults={"owner": "warehouse", "runbook": "#runbook-y"}, rules=[RULE | {"meta": without_owner}])
    (only,) = raw_suites(written(tmp_path, content))["erp_products"].rules
    assert (only.meta.owner, only.meta.runbook) == ("warehouse", "#runbook-x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("rules: [", "is not YAML"),
        ("just words", "holds no mapping"),
        (raw(rules=[]), "rules: "),
        (raw(surprise=1), "surprise: Extra inputs"),
        (raw(table="erp_customers"), "should be named erp__erp_customers.yml"),
        (raw(rules=[RULE, RULE]), "rule id used twice: a_rule"),
        (rule(severity="fatal"), "rule a_rule.severity: "),
        (rule(expectation="ExpectColumnToExist"), "rule a_rule.expectation: "),
        (rule(table="trend"), "names no table"),
        (rule(severity="critical"), "severity critical and on_fail hold go together"),
        (rule(meta=META | {"on_fail": "hold"}), "severity critical and on_fail hold go together"),
        (rule(meta={**META, "owner": None}), "rule a_rule.meta.owner: "),
        (rule(meta=META | {"runbook": "the wiki"}), "rule a_rule.meta.runbook: "),
        (rule(meta=META | {"label": "English alone"}), "not bilingual"),
        (rule(meta=META | {"on_fail": "quarantine"}), "quarantine_share belongs to on_fail: quarantine"),
        (rule(meta=META | {"quarantine_share": 0.1}), "quarantine_share belongs to on_fail: quarantine"),
        (
            rule(
                expectation="unexpected_rows_expectation",
                kwargs={"unexpected_rows_query": "select sku from {batch}"},
                meta=META | {"on_fail": "quarantine", "quarantine_share": 0.1},
            ),
            "must select _row_key",
        ),
        (raw(rules=[RULE, {"kwargs": {}}]), "rule number 2.id: Field required"),
    ],
)
def test_a_wrong_suite_says_what_is_wrong_and_where(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        raw_suites(written(tmp_path, content))
    assert says in str(raised.value)
    assert "erp__erp_products.yml" in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"table": "nowhere"}, "rule a_rule is over table nowhere, which has no grain"),
        (
            {"table": "trend", "meta": META | {"on_fail": "quarantine", "quarantine_share": 0.1}},
            "quarantine rows of a mart",
        ),
    ],
)
def test_a_wrong_mart_suite_says_so(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    content = {"dimension": "sales", "grain": {"trend": ["day"]}, "rules": [RULE | changes]}
    with pytest.raises(ConfigurationError, match=says):
        mart_suites(written(tmp_path, content, "sales.yml"))
