"""The release gate: tonight's marts are judged before anyone sees them.

It reads schema `build_<dimension>`, or, once this build is published, the release that came of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import sql

from fupan.quality import gx_runner
from fupan.quality.gx_runner import Judge, Judged, Relation
from fupan.quality.installed import installed
from fupan.quality.results import RuleResult, record
from fupan.quality.suites import MartSuite, Rule, mart_suites
from fupan.transform import dbt
from fupan.warehouse.connection import Connection, connect, rows

#: Rule id of a mart that a suite judges and tonight's build has not made.
NOT_BUILT = "mart_built"


def run(build_id: int, tables: Sequence[str] = ()) -> list[RuleResult]:
    """Judge the marts of this build (of ``tables``, else all) and write what was found to ops.validation.

    Never raises for bad data; raises ConfigurationError for a broken rule.
    """
    with connect("builder", f"release gate {build_id}") as connection:
        results = _judge(connection, build_id, tables)
        record(connection, build_id, "release", results, tables)
        connection.commit()
    return results


def judge(build_id: int) -> list[RuleResult]:
    """What `run` would find now, without writing it down."""
    with connect("builder", f"judge release {build_id}") as connection:
        return _judge(connection, build_id)


def _judge(connection: Connection, build_id: int, tables: Sequence[str] = ()) -> list[RuleResult]:
    build = rows(connection, "select dimensions from ops.build where build_id = %s", [build_id])[0]
    suites = mart_suites()
    chosen = dbt.manifest().dimensions().keys() & suites.keys()
    if build["dimensions"] is not None:
        chosen &= set(build["dimensions"])
    results = []
    with gx_runner.judging() as judge:
        for dimension in sorted(chosen):
            results += _judge_dimension(connection, build_id, suites[dimension], tables, judge)
    # GX reads through connections of its own: leave no transaction open on the marts that publish is about to rename.
    connection.rollback()
    return results


def _judge_dimension(
    connection: Connection, build_id: int, suite: MartSuite, tables: Sequence[str], judge: Judge
) -> list[RuleResult]:
    grains = {table: grain for table, grain in suite.grain.items() if not tables or table in tables}
    schema = _schema(connection, build_id, suite.dimension)
    here = installed(connection)
    built = {
        row["relname"]
        for row in rows(
            connection,
            "select relname from pg_class where relnamespace = to_regnamespace(quote_ident(%s)) "
            "and relkind in ('r', 'v', 'm')",
            [schema],
        )
    }
    results = [_not_built(suite, table, schema) for table in grains if table not in built]
    for table, grain in grains.items():
        rules = [
            rule
            for rule in suite.rules
            if rule.table == table and here.judges(rule) and built.issuperset({table, *rule.reads})
        ]
        if rules:
            relation = Relation(schema, table, grain, marts=schema)
            judged = judge(relation, rules, suite.path)
            results += [_result(connection, suite, relation, one, _count(connection, relation)) for one in judged]
    return results


def _schema(connection: Connection, build_id: int, dimension: str) -> str:
    released = rows(
        connection,
        "select schema_name from ops.release where build_id = %s and dimension = %s and state <> 'pruned'",
        [build_id, dimension],
    )
    return str(released[0]["schema_name"]) if released else f"build_{dimension}"


def _count(connection: Connection, relation: Relation) -> int:
    query = sql.SQL("select count(*) as rows from {}").format(sql.SQL(relation.quoted))
    count: int = rows(connection, query.as_string(connection))[0]["rows"]
    return count


def _not_built(suite: MartSuite, table: str, schema: str) -> RuleResult:
    first = next(rule for rule in suite.rules if rule.table == table)
    return RuleResult(
        gate="release",
        suite=suite.name,
        rule=NOT_BUILT,
        expectation="expect_table_to_exist",
        system=None,
        table=table,
        dimensions=(suite.dimension,),
        severity="critical",
        on_fail="hold",
        owner=first.meta.owner,
        passed=False,
        evaluated=None,
        unexpected=None,
        observed=None,
        sample_keys=[],
        message=f"Mart {schema}.{table} has not been built tonight 集市今晚未生成",
        runbook="#runbook-dbt-node",
    )


def _result(connection: Connection, suite: MartSuite, relation: Relation, one: Judged, evaluated: int) -> RuleResult:
    shown = gx_runner.samples(connection, one, suite.path)
    rule: Rule = one.rule
    return RuleResult(
        gate="release",
        suite=suite.name,
        rule=rule.id,
        expectation=rule.expectation,
        system=None,
        table=relation.name,
        dimensions=(suite.dimension,),
        severity=rule.severity,
        on_fail=rule.meta.on_fail,
        owner=rule.meta.owner,
        passed=one.passed,
        evaluated=evaluated,
        unexpected=0 if one.passed else one.unexpected,
        observed=shown or one.observed,
        sample_keys=[_key(row, relation.keys) for row in shown],
        message=rule.meta.label if one.passed else _message(one, evaluated),
        runbook=rule.meta.runbook,
    )


def _message(one: Judged, evaluated: int) -> str:
    counted = f": {one.unexpected:,} failing, of {evaluated:,} rows in the mart" if one.unexpected else ": fails"
    return f"{one.rule.meta.label}{counted}"


def _key(row: dict[str, object], keys: Sequence[str]) -> dict[str, object]:
    """The mart's key of a failing row, or whatever the rule shows where it compares groups of rows."""
    key = {name: row[name] for name in keys if name in row}
    return key or row
