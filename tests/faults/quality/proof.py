"""One fault: corrupt a copy of the good company, let the real gates, verdict and alerts judge it, see what came of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg2
from tests.databases import copy_database, drop_database
from tests.faults.quality.company import GoodCompany
from tests.faults.quality.entries import Expectation
from tests.webhook import Webhook

from fupan.alerts.notify import notify
from fupan.contracts.contract import contracts
from fupan.errors import FupanError
from fupan.quality import raw_gate, release_gate, verdict
from fupan.quality.results import RuleResult
from fupan.quality.verdict import Reason, Verdict
from fupan.server.postgres import EmbeddedPostgres
from fupan.transform import dbt
from fupan.warehouse.connection import connect, rows


@dataclass(frozen=True)
class Proof:
    """``problems``: why the fault does not prove the expectation (empty: it was caught, with all its consequences)."""

    expectation: Expectation
    fault: str
    problems: tuple[str, ...]
    verdicts: Mapping[str, str]
    alerted: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What the night made of the fault. ``withheld``: rows that the gate took out of staging."""

    result: RuleResult | None
    results: Sequence[RuleResult]
    verdicts: dict[str, Verdict]
    quarantined: int
    withheld: int
    alerted: tuple[str, ...]


def prove(good: GoodCompany, expectation: Expectation, statements: Sequence[str]) -> Proof:
    """Apply one fault to a copy of the company and judge it."""
    fault = " ".join("; ".join(statements).split())
    if not statements:
        return Proof(expectation, fault, (f"tests/faults/quality/{expectation.suite}.yml has no entry for it",), {}, ())
    if expectation.rule not in good.passed:
        return Proof(expectation, fault, ("the good company does not keep the rule, or no gate judges it",), {}, ())
    with _copy(good), _receiver() as receiver:
        try:
            seen = _judge(good, expectation, statements, receiver)
        except (FupanError, psycopg2.Error) as error:
            return Proof(expectation, fault, (" ".join(str(error).split()),), {}, ())
    verdicts = {name: one.verdict for name, one in seen.verdicts.items() if _concerns(expectation, name, seen)}
    return Proof(expectation, fault, tuple(problems(expectation, seen)), verdicts, seen.alerted)


@contextlib.contextmanager
def _copy(good: GoodCompany) -> Iterator[None]:
    server = EmbeddedPostgres()
    url = copy_database(server, good.url)
    os.environ["FUPAN_WAREHOUSE_URL"] = url
    try:
        yield
    finally:
        drop_database(server, url)


@contextlib.contextmanager
def _receiver() -> Iterator[Webhook]:
    webhook = Webhook()
    os.environ["FUPAN_ALERT_URLS"] = webhook.url
    try:
        yield webhook
    finally:
        webhook.close()


def _judge(good: GoodCompany, expectation: Expectation, statements: Sequence[str], receiver: Webhook) -> Seen:
    with connect("owner", "faults", autocommit=True) as connection:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(_filled(connection, good, expectation, statement))
            if expectation.dimension:
                cursor.execute("update ops.build set dimensions = array[%s]", [expectation.dimension])
        quarantines = expectation.on_fail == "quarantine"
        before = _staged(connection, expectation.table) if quarantines else 0
        gate = raw_gate if expectation.gate == "raw" else release_gate
        results = gate.run(good.build_id, [expectation.table])
        withheld = before - _staged(connection, expectation.table) if quarantines else 0
        verdicts = verdict.decide(good.build_id)
        notify(good.build_id)
        quarantined = rows(
            connection,
            "select count(distinct row_key) as rows from ops.quarantine where rule = %s and released_at is null",
            [expectation.rule],
        )[0]["rows"]
    return Seen(
        result=next((result for result in results if result.rule == expectation.rule), None),
        results=results,
        verdicts=verdicts,
        quarantined=quarantined,
        withheld=withheld,
        alerted=_alerted(receiver, expectation.rule),
    )


def _filled(connection: Any, good: GoodCompany, expectation: Expectation, statement: str) -> str:
    build = f"build_{expectation.dimension}"
    batch = rows(
        connection,
        "select max(load_id) as load_id from ops.build_load join ops.load using (load_id) "
        "where build_id = %s and table_name = %s and mode <> 'reconcile'",
        [good.build_id, expectation.table],
    )[0]["load_id"]
    table = f'raw."{expectation.table}"' if expectation.gate == "raw" else f'"{build}"."{expectation.table}"'
    for name, value in {
        "{table}": table,
        "{schema}": f'"{build}"',
        "{batch}": str(batch),
        "{business_day}": f"date '{good.business_day}'",
    }.items():
        statement = statement.replace(name, value)
    return statement


def _staged(connection: Any, table: str) -> int:
    """Rows of the table that staging shows."""
    staged: int = rows(connection, f"select count(*) as rows from {_staging_view(table)}")[0]["rows"]
    return staged


@cache
def _staging_view(table: str) -> str:
    source = f"source.fupan.{contracts()[table].system}.{table}"
    (view,) = [
        f'"{node["schema"]}"."{node["alias"]}"'
        for node in dbt.manifest().nodes.values()
        if node["resource_type"] == "model"
        and node["fqn"][1] == "staging"
        and source in node["depends_on"]["nodes"]
        and not node["name"].endswith("__changes")
    ]
    return view


def _alerted(receiver: Webhook, rule: str) -> tuple[str, ...]:
    """Owners whose message that arrived names the rule."""
    return tuple(
        sorted(
            message["owner"]
            for message in receiver.received
            if message["event"] == "failure" and rule in {incident["rule"] for incident in message["incidents"]}
        )
    )


def _concerns(expectation: Expectation, dimension: str, seen: Seen) -> bool:
    return seen.result is not None and dimension in seen.result.dimensions


def problems(expectation: Expectation, seen: Seen) -> Iterator[str]:
    """What should have followed and has not."""
    if seen.result is None:
        yield "no gate has judged it"
        return
    if seen.result.passed:
        yield "not caught: the rule passes"
        return
    if seen.result.on_fail != expectation.on_fail:
        yield f"on_fail came to {seen.result.on_fail}"
    if expectation.on_fail == "quarantine":
        if not seen.quarantined:
            yield "no row is in quarantine"
        if seen.withheld < seen.quarantined:
            yield f"{seen.quarantined} rows are in quarantine, {seen.withheld} of them out of staging"
    for name in seen.result.dimensions:
        yield from _verdict_problems(expectation, name, seen)
    expected = () if expectation.severity == "info" else (expectation.owner,)
    if seen.alerted != expected:
        yield f"alerted: {', '.join(seen.alerted) or 'nobody'}"


def _verdict_problems(expectation: Expectation, dimension: str, seen: Seen) -> Iterator[str]:
    decided = seen.verdicts[dimension]
    mentioned: list[Reason] = [reason for reason in decided.reasons if reason.rule == expectation.rule]
    if not mentioned:
        yield f"the verdict on {dimension} does not name the rule"
        return
    others_hold = any(result.holds for result in seen.results if result.rule != expectation.rule)
    expected = {
        "critical": ("held",),
        "warning": ("published_with_warnings", *(["held"] if others_hold else [])),
        "info": ("published", "published_with_warnings", *(["held"] if others_hold else [])),
    }[expectation.severity]
    if decided.verdict not in expected:
        yield f"{dimension} is {decided.verdict}: {decided.reasons[0].message}"
