"""One thin runner around Great Expectations: a relation, its rules, what failed, and the SQL that finds the failing rows.

The whole suite runs once for yes or no, which costs one scan; only what failed runs again for counts.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import great_expectations as gx
import psycopg2
from great_expectations.compatibility import pydantic
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations import UnexpectedRowsExpectation
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import get_expectation_impl

from fupan import settings
from fupan.errors import ConfigurationError, SourceUnavailable
from fupan.quality.suites import Rule
from fupan.warehouse.connection import Connection, rows

#: Failing rows shown of each rule.
SAMPLES = 5

_runs = itertools.count(1)

# GX logs each rule that cannot be judged with its traceback; the error that names the rule says it once.
# The second sets a level of its own.
for _name in ("great_expectations", "great_expectations.data_context.types.base"):
    logging.getLogger(_name).setLevel(logging.ERROR)


@dataclass(frozen=True)
class Relation:
    """A table or view to judge; ``keys``: the columns that name its rows; ``marts``: schema that SQL rules mean by {schema}."""

    schema: str
    name: str
    keys: tuple[str, ...]
    marts: str = ""

    @property
    def quoted(self) -> str:
        """Name as SQL writes it."""
        return f'"{self.schema}"."{self.name}"'


@dataclass(frozen=True)
class Judged:
    """``failing_rows``: SQL of the failing rows with the relation's keys (None: the rule judges no rows, or passed)."""

    rule: Rule
    passed: bool
    unexpected: int | None = None
    observed: Any = None
    failing_rows: str | None = None


Judge = Callable[[Relation, Sequence[Rule], Path], list[Judged]]


class UnexpectedRowCountExpectation(UnexpectedRowsExpectation):  # type: ignore[misc]  # GX is untyped to mypy
    """GX's own less its second query, which would carry every failing row into this process."""

    metric_dependencies = ("unexpected_rows_query.row_count",)

    @pydantic.validator("unexpected_rows_query")  # type: ignore[untyped-decorator]  # GX's prints to stdout
    def _validate_query(cls, query: str) -> str:
        return query

    def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
        count = metrics["unexpected_rows_query.row_count"]
        return {"success": count == 0, "result": {"observed_value": count}}


@contextlib.contextmanager
def judging() -> Iterator[Judge]:
    """Judge relations, each by all its rules, in their order.

    The judge raises ConfigurationError naming file and rule where a rule itself is broken, SourceUnavailable where the
    warehouse is gone; never for bad data. Its connections are closed at the end, which GX leaves to the garbage collector.
    """
    sources = _context().data_sources
    source = sources.add_postgres(
        f"warehouse {next(_runs)}",
        # GX takes $NAME in an address for a setting of its own.
        connection_string=settings.sqlalchemy_url(settings.warehouse_url("builder")).replace("$", "%24"),
        kwargs={"connect_args": {"application_name": "fupan quality"}},
    )

    def judge(relation: Relation, rules: Sequence[Rule], file: Path) -> list[Judged]:
        return _judge(_batch_definition(source, relation), relation, rules, file) if rules else []

    try:
        yield judge
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()
        sources.delete(source.name)


def _judge(batch: BatchDefinition, relation: Relation, rules: Sequence[Rule], file: Path) -> list[Judged]:
    passed = {rule: result["success"] for rule, result in _run(batch, relation, rules, file, "BOOLEAN_ONLY").items()}
    failed = [rule for rule in rules if not passed[rule.id]]
    details = _run(
        batch,
        relation,
        failed,
        file,
        {
            "result_format": "BASIC",
            "unexpected_index_column_names": list(relation.keys),
            "return_unexpected_index_query": True,
            "partial_unexpected_count": 1,
        },
    )
    return [
        _failed(rule, relation, details[rule.id]["result"]) if rule.id in details else Judged(rule, True)
        for rule in rules
    ]


def samples(connection: Connection, judged: Judged, file: Path) -> list[dict[str, Any]]:
    """The first failing rows as the rule's query shows them.

    Raises ConfigurationError where GX knows what fails but cannot write a query for it.
    """
    if judged.failing_rows is None:
        return []
    # Percent signs of the rule's own SQL are no parameters: the query goes without any.
    query = f"select to_jsonb(f) as shown from ({judged.failing_rows}) as f order by 1 limit {SAMPLES}"
    try:
        return [row["shown"] for row in rows(connection, query)]
    except psycopg2.ProgrammingError as refusal:
        raise ConfigurationError(
            f"Rule {judged.rule.id} of {file.name} gives no query of its failing rows: {refusal}",
            remedy=f"Write it as unexpected_rows_expectation in {file}",
        ) from refusal


def check(rules: Sequence[Rule], file: Path) -> None:
    """Raise ConfigurationError where Great Expectations does not know a rule's expectation or its arguments."""
    for rule in rules:
        _expectation(rule, Relation("public", "any", ()), file)


def _failed(rule: Rule, relation: Relation, result: dict[str, Any]) -> Judged:
    if rule.query is not None:
        return Judged(rule, False, result["observed_value"], None, _sql(rule.query, relation))
    query = result.get("unexpected_index_query")
    return Judged(
        rule,
        False,
        result.get("unexpected_count"),
        result.get("observed_value"),
        query.rstrip("; \n") if query else None,
    )


def _sql(query: str, relation: Relation) -> str:
    return query.format(batch=relation.quoted, schema=f'"{relation.marts}"').rstrip("; \n")


def _run(
    batch: BatchDefinition, relation: Relation, rules: Sequence[Rule], file: Path, result_format: str | dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Results by rule id."""
    if not rules:
        return {}
    name = f"{relation.name} {next(_runs)}"
    context = _context()
    suite = context.suites.add(
        gx.ExpectationSuite(name=name, expectations=[_expectation(rule, relation, file) for rule in rules])
    )
    validation = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
    found: dict[str, dict[str, Any]] = {}
    for result in validation.run(result_format=result_format).results:
        rule_id = result.expectation_config.meta["rule"]
        _require_judged(rule_id, result.exception_info, file)
        found[rule_id] = {"success": bool(result.success), "result": result.result}
    return found


def _require_judged(rule_id: str, exceptions: dict[str, Any], file: Path) -> None:
    """GX reports what went wrong instead of raising it: one entry, or one a metric."""
    entries = [exceptions] if "raised_exception" in exceptions else list(exceptions.values())
    for entry in entries:
        if not entry["raised_exception"]:
            continue
        problem = str(entry["exception_message"]).partition("\n[SQL:")[0]
        if "OperationalError" in problem:
            raise SourceUnavailable(f"The warehouse broke off while rule {rule_id} was judged: {problem}")
        raise ConfigurationError(
            f"Rule {rule_id} of {file.name} cannot be judged: {problem}", remedy=f"Correct the rule in {file}"
        )


def _expectation(rule: Rule, relation: Relation, file: Path) -> Expectation:
    common = {"severity": rule.severity, "meta": {"rule": rule.id}}
    try:
        if rule.query is not None:
            # GX formats the query once more, so braces that are meant stay doubled.
            query = _sql(rule.query, relation).replace("{", "{{").replace("}", "}}")
            return UnexpectedRowCountExpectation(**rule.kwargs | {"unexpected_rows_query": query}, **common)
        return get_expectation_impl(rule.expectation)(**rule.kwargs, **common)
    except Exception as wrong:
        raise ConfigurationError(
            f"Rule {rule.id} of {file.name} is no valid {rule.expectation}: {wrong}", remedy=f"Correct {file}"
        ) from wrong


@cache
def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _batch_definition(source: Any, relation: Relation) -> BatchDefinition:
    """The relation as GX sees it."""
    with warnings.catch_warnings():
        # GX would have the schema in the address, so that one connection could judge one schema only.
        warnings.filterwarnings("ignore", message="`schema_name` is deprecated")
        asset = source.add_table_asset(relation.quoted, table_name=relation.name, schema_name=relation.schema)
    return asset.add_batch_definition_whole_table("whole")
