"""What is proven, and by which fault: every expectation of the gates with its entry in `raw/` or `marts/` beside this file.

An entry is a rule id -> SQL (one statement or a list) that corrupts in a good company what the rule guards:

| in the SQL | means |
|---|---|
| {table} | the raw table, or the mart in build_<dimension> |
| {schema} | build_<dimension> |
| {batch} | load_id of the load under judgement |
| {business_day} | the business day, as a date literal |
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from fupan.contracts.contract import contracts
from fupan.quality.suites import MartSuite, OnFail, RawSuite, Rule, Severity, mart_suites, raw_suites

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Expectation:
    """One thing that a gate judges. ``suite``: the entry's file below this folder; ``table``: raw table, or mart."""

    gate: Literal["raw", "release"]
    suite: str
    table: str
    rule: str
    owner: str
    severity: Severity
    on_fail: OnFail
    dimension: str | None = None


def expectations() -> list[Expectation]:
    """Every rule of every suite, and the freshness of every table of which news are expected."""
    found = [_expectation(suite, rule) for suite in raw_suites().values() for rule in suite.rules]
    found += [_freshness(table) for table, contract in contracts().items() if contract.freshness is not None]
    found += [_expectation(suite, rule) for suite in mart_suites().values() for rule in suite.rules]
    return sorted(found, key=lambda one: (one.gate, one.suite))


def _expectation(suite: RawSuite | MartSuite, rule: Rule) -> Expectation:
    table, dimension = (suite.table, None) if isinstance(suite, RawSuite) else (rule.table or "", suite.dimension)
    return Expectation(
        gate="raw" if isinstance(suite, RawSuite) else "release",
        suite=f"{'raw' if isinstance(suite, RawSuite) else 'marts'}/{suite.name}",
        table=table,
        rule=rule.id,
        owner=rule.meta.owner,
        severity=rule.severity,
        on_fail=rule.meta.on_fail,
        dimension=dimension,
    )


def _freshness(table: str) -> Expectation:
    contract = contracts()[table]
    suite = f"raw/{contract.system}__{table}"
    return Expectation("raw", suite, table, f"{table}_fresh", contract.owner, "warning", "warn")


def faults(folder: Path = FOLDER) -> dict[str, dict[str, list[str]]]:
    """Suite -> rule -> statements. Raises ValueError where a file is no mapping of that kind or has an entry twice."""
    found = {
        f"{path.parent.name}/{path.stem}": _read(path)
        for path in sorted([*folder.glob("raw/*.yml"), *folder.glob("marts/*.yml")])
    }
    for one in expectations():
        if one.rule == f"{one.table}_fresh":
            found.setdefault(one.suite, {}).setdefault(one.rule, [_stale(one.table)])
    return found


def _stale(table: str) -> str:
    """All tables grow old alike: their newest change stamp is a week older than the installation allows."""
    return f"""
        update ops.watermark as w set position = (
            select jsonb_object_agg(key, (value::timestamptz - t.freshness - interval '7 days')::text)
            from jsonb_each_text(w.position)
        ) from ops.source_table as t where t.table_name = w.table_name and w.table_name = '{table}'
    """


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, where the last one would win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"{', '.join(twice)} given twice in {node.start_mark.name}")
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, list[str]]:
    with path.open() as file:
        content = yaml.load(file, _Loader)
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds no mapping of rules to SQL")
    return {rule: [given] if isinstance(given, str) else given for rule, given in content.items()}
