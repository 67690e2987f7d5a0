"""The raw gate: every row landed since a table's last passed gate is judged again until it is fixed or quarantined.

Judging changes nothing but `ops.gate_<table>`, which is dropped at the end. What was found takes effect in one
transaction (validations, quarantine, gate passes), so a gate that was killed has done nothing, and one that runs again
for the same build judges the same rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from fupan.contracts.contract import Contract, contracts
from fupan.errors import ConfigurationError
from fupan.quality import freshness, gate_table, gx_runner, quarantine
from fupan.quality.gate_table import GateTable, Window
from fupan.quality.gx_runner import Judged
from fupan.quality.installed import installed
from fupan.quality.quarantine import EVERYTHING, Chosen, Kept
from fupan.quality.results import Gate, RuleResult, record
from fupan.quality.suites import ROW_KEY, RawSuite, Rule, raw_suites
from fupan.transform import dbt
from fupan.warehouse.connection import Connection, connect, only_one, rows

# A pass counts from the build that reached core: a build that died before is repeated by the next one, its gate too.
_WINDOWS = """
select
    t.system,
    t.table_name,
    coalesce(case when counts.pass then p.load_id else p.previous_load_id end, 0) as after,
    coalesce(taken.up_to, 0) as up_to
from ops.source_table as t
left join ops.gate_pass as p on p.system = t.system and p.table_name = t.table_name
left join ops.build as b on b.build_id = p.build_id
cross join lateral (
    select
        p.build_id is null
        or (p.build_id <> %(build)s and (b.core_built_at is not null or b.state in ('core_built', 'finished'))) as pass
) as counts
left join lateral (
    select max(l.load_id) as up_to
    from ops.build_load as bl
    inner join ops.load as l on l.load_id = bl.load_id
    where bl.build_id <= %(build)s and l.system = t.system and l.table_name = t.table_name
) as taken on true
where t.is_delivered
"""

_PASS = """
insert into ops.gate_pass (system, table_name, load_id, previous_load_id, build_id) values
    (%(system)s, %(table)s, %(up_to)s, nullif(%(after)s, 0), %(build)s)
on conflict (system, table_name) do update
set load_id = excluded.load_id,
    previous_load_id = excluded.previous_load_id,
    build_id = excluded.build_id,
    passed_at = clock_timestamp()
"""


@dataclass(frozen=True)
class _Case:
    """One table under judgement and what came of it."""

    contract: Contract
    suite: RawSuite
    window: Window
    gate: GateTable
    judged: Sequence[Judged]
    results: Sequence[RuleResult]

    @property
    def passed(self) -> bool:
        return not any(result.holds for result in self.results)


def run(build_id: int, tables: Sequence[str] = ()) -> list[RuleResult]:
    """Judge what this build takes up (of ``tables``, else of all) and act on it: ops.validation, ops.quarantine, ops.gate_pass.

    Never raises for bad data; raises ConfigurationError for a broken rule.
    """
    with connect("builder", f"raw gate {build_id}") as connection:
        windows = _windows(connection, build_id, tables)
        cases = _cases(connection, "raw", windows)
        for case in cases:
            _settle_quarantine(connection, case, build_id)
            if case.passed and case.window.up_to:
                _move_pass(connection, case, build_id)
        results = [result for case in cases for result in case.results] + _fresh(connection, build_id, windows)
        record(connection, build_id, "raw", results, tables)
        connection.commit()
        gate_table.drop(connection, [case.gate.relation.name for case in cases])
    return results


def judge(build_id: int) -> list[RuleResult]:
    """What `run` would find now, without acting on it or writing it down."""
    with connect("builder", f"judge raw {build_id}") as connection:
        windows = _windows(connection, build_id)
        cases = _cases(connection, "raw", windows)
        gate_table.drop(connection, [case.gate.relation.name for case in cases])
        return [result for case in cases for result in case.results] + _fresh(connection, build_id, windows)


def judge_history(tables: Sequence[str] = (), *, to_quarantine: bool = False) -> list[RuleResult]:
    """Judge whole raw tables (all delivered ones by default), as after a change of rules; writes ops.validation.

    Only ``to_quarantine`` acts on it: the next build takes that up. Raises ConfigurationError for an unknown table, Busy
    while somebody else does this.
    """
    with _beside_the_night("validate full") as connection:
        cases = _cases(connection, "full", _chosen(connection, tables, Window()))
        if to_quarantine:
            for case in cases:
                _settle_quarantine(connection, case, None)
        results = [result for case in cases for result in case.results]
        record(connection, None, "full", results)
        connection.commit()
        gate_table.drop(connection, [case.gate.relation.name for case in cases])
    return results


def replay(chosen: Chosen = EVERYTHING, *, act: bool = True) -> list[Kept]:
    """Judge rows in quarantine now: those that pass return with the next build, unless this only looks (no ``act``).

    Returns the rows with what became of them, oldest first. Raises Busy while somebody else judges beside the night.
    """
    with _beside_the_night("quarantine replay") as connection:
        before = quarantine.kept(connection, chosen)
        cases = _cases(connection, "full", dict.fromkeys({one.table for one in before}, Window.quarantine_only()))
        for case in cases:
            _settle_quarantine(connection, case, None, chosen.rule)
        after = quarantine.outcomes(connection, before)
        if act:
            connection.commit()
        else:
            connection.rollback()
        gate_table.drop(connection, [case.gate.relation.name for case in cases])
    return after


@contextlib.contextmanager
def _beside_the_night(purpose: str) -> Iterator[Connection]:
    """A connection of the only one that judges outside a build: the gate tables of such work have one name."""
    with connect("builder", purpose) as connection:
        only_one(connection, "validate")
        yield connection


def _chosen(connection: Connection, tables: Sequence[str], window: Window) -> dict[str, Window]:
    delivered = installed(connection).delivered
    if unknown := sorted(set(tables) - delivered):
        raise ConfigurationError(
            f"No delivered raw table is named {', '.join(unknown)}",
            remedy=f"Choose from {', '.join(sorted(delivered))}",
        )
    return dict.fromkeys(tables or delivered, window)


def _windows(connection: Connection, build_id: int, tables: Collection[str] = ()) -> dict[str, Window]:
    return {
        row["table_name"]: Window(row["after"], row["up_to"])
        for row in rows(connection, _WINDOWS, {"build": build_id})
        if not tables or row["table_name"] in tables
    }


def _fresh(connection: Connection, build_id: int, tables: Collection[str]) -> list[RuleResult]:
    """Judged only for a build: of a day that nobody is building nothing is expected."""
    dimensions = dbt.manifest().dimensions_by_raw_table()
    return [
        replace(result, dimensions=tuple(sorted(dimensions.get(result.table, ()))))
        for result in freshness.judge(connection, build_id, tables)
    ]


def _cases(connection: Connection, gate: Gate, windows: dict[str, Window]) -> list[_Case]:
    """Judge each table that is delivered and has a suite, in the order of their names."""
    known, suites, here = contracts(), raw_suites(), installed(connection)
    dimensions = dbt.manifest().dimensions_by_raw_table()
    found = []
    with gx_runner.judging() as judge:
        for table in sorted(windows.keys() & suites.keys()):
            suite, contract, window = suites[table], known[table], windows[table]
            filled = gate_table.fill(connection, contract, _name(gate, table), window)
            judged = judge(filled.relation, [rule for rule in suite.rules if here.judges(rule)], suite.path)
            concerned = tuple(sorted(dimensions.get(table, ())))
            results = [_result(connection, suite, filled, one, gate=gate, dimensions=concerned) for one in judged]
            found.append(_Case(contract, suite, window, filled, judged, results))
    connection.commit()
    return found


def _name(gate: Gate, table: str) -> str:
    # `validate --full` must not drop the table that a night is judging.
    return f"gate_{table}" if gate == "raw" else f"gate_full_{table}"


def _result(
    connection: Connection,
    suite: RawSuite,
    filled: GateTable,
    one: Judged,
    *,
    gate: Gate,
    dimensions: tuple[str, ...],
) -> RuleResult:
    rule, by_row = one.rule, _judges_rows(one.rule)
    shown = gx_runner.samples(connection, one, suite.path)
    severity, on_fail, note = rule.severity, rule.meta.on_fail, ""
    if on_fail == "quarantine" and one.failing_rows:
        failures = quarantine.landed_failures(connection, filled, one.failing_rows)
        if _too_many(rule, failures, filled.landed):
            severity, on_fail = "critical", "hold"
            note = (
                f"; {failures:,} of {filled.landed:,} landed rows are more than the share of "
                f"{rule.meta.quarantine_share:.2%} that may be quarantined, so none is"
            )
        else:
            note = "; left out until the source is fixed"
    return RuleResult(
        gate=gate,
        suite=suite.name,
        rule=rule.id,
        expectation=rule.expectation,
        system=suite.system,
        table=suite.table,
        dimensions=(rule.meta.dimension,) if rule.meta.dimension else dimensions,
        severity=severity,
        on_fail=on_fail,
        owner=rule.meta.owner,
        passed=one.passed,
        evaluated=filled.rows if by_row else None,
        unexpected=(one.unexpected or 0) if by_row else one.unexpected,
        observed=shown or one.observed,
        sample_keys=[row[ROW_KEY] for row in shown if ROW_KEY in row],
        message=_message(one, filled.rows if by_row else None, note),
        runbook=rule.meta.runbook,
    )


def _judges_rows(rule: Rule) -> bool:
    return ROW_KEY in rule.query if rule.query is not None else rule.expectation.startswith("expect_column_")


def _too_many(rule: Rule, failures: int, landed: int) -> bool:
    assert rule.meta.quarantine_share is not None
    return failures > rule.meta.quarantine_rows and failures > rule.meta.quarantine_share * landed


def _message(one: Judged, evaluated: int | None, note: str) -> str:
    if one.passed:
        return one.rule.meta.label
    many = f": {one.unexpected:,} of {evaluated:,} rows fail" if evaluated is not None and one.unexpected else " fails"
    return f"{one.rule.meta.label}{many}{note}"


def _settle_quarantine(connection: Connection, case: _Case, build_id: int | None, only: str | None = None) -> None:
    failing = {
        one.rule.id: (one.failing_rows or "", result.on_fail == "quarantine")
        for one, result in zip(case.judged, case.results, strict=True)
        if one.rule.meta.on_fail == "quarantine"
    }
    quarantine.settle(connection, case.contract, case.gate, failing, build_id, only=only)


def _move_pass(connection: Connection, case: _Case, build_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _PASS,
            {
                "system": case.contract.system,
                "table": case.contract.name,
                "after": case.window.after,
                "up_to": case.window.up_to,
                "build": build_id,
            },
        )
