"""Raw differs from its source: the verdict says so, with table, day and amounts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.databases import drop_database, new_database
from tests.extract_source import DAY
from tests.faults.conftest import Tell
from tests.faults.sql_naive import ask, run

from fupan.contracts.contract import contracts
from fupan.extract.raw_tables import ensure_raw_tables
from fupan.extract.run import extract_system
from fupan.night import build
from fupan.quality import verdict
from fupan.server.postgres import EmbeddedPostgres

RETURNS = contracts("erp")["erp_returns"]
#: More than the contract's numeric(16,4) holds.
BEYOND = 10**15


def test_totals_that_disagree(
    server: EmbeddedPostgres, warehouse: str, tell: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = new_database(server, "totals_source")
    monkeypatch.setenv("AIRFLOW_CONN_TOTALS_TEST", source)
    monkeypatch.setenv("FUPAN_SOURCES", str(tmp_path))
    (tmp_path / "erp.yml").write_text(
        "{system: erp, kind: sql, connection: totals_test, time_zone: Asia/Shanghai,"
        " tables: {erp_returns: {relation: returns}}}"
    )
    columns = ", ".join(
        f"{column.name} {'numeric' if column.name == 'refund_amount' else column.data_type}"
        for column in RETURNS.columns
    )
    required = {name: "'x'" for name in RETURNS.required if RETURNS.column(name).data_type == "text"}
    given = required | {
        "return_id": "'R' || n",
        "qty": "1",
        "refund_amount": "10.5",
        "requested_at": "timestamptz '2026-03-09 23:30:00+08' - n * interval '1 hour'",
        "updated_at": "timestamptz '2026-03-10 08:00:00+08'",
    }
    run(
        source,
        f"create table returns ({columns})",
        f"insert into returns ({', '.join(given)}) select {', '.join(given.values())} from generate_series(0, 47) as n",
    )
    ensure_raw_tables()
    assert [one.totals_agree for one in extract_system("erp", DAY)] == [True]
    assert not differences(build.begin(DAY))

    run(source, f"update returns set refund_amount = {BEYOND} where return_id = 'R3'")
    run(source, "update returns set updated_at = updated_at + interval '1 hour' where return_id = 'R3'")
    run(warehouse, "truncate raw.erp_returns, ops.watermark")
    assert [one.totals_agree for one in extract_system("erp", DAY)] == [False]
    left_out = 48 - ask(warehouse, "select count(*) from raw.erp_returns")[0][0]
    assert left_out == 1

    told = differences(build.begin(DAY))
    assert told == [
        "erp_returns differs from its source: rows of 2026-03-09 is 24 there and 23 in raw;"
        " sum(qty) of 2026-03-09 is 24 there and 23 in raw;"
        f" sum(refund_amount) of 2026-03-09 is {BEYOND + 241}.5 there and 241.5000 in raw"
    ]
    drop_database(server, source)
    tell(
        "control totals that disagree",
        harm=f"{left_out} return that does not fit is left out: refunds are short by {BEYOND}, and there is no error",
        ours="the verdict holds and names table, day and both amounts",
    )


def differences(build_id: int) -> list[str]:
    """What holds after-sales because raw differs from its source."""
    found = verdict.decide(build_id)["after_sales"]
    told = [reason for reason in found.reasons if reason.kind == "control_total"]
    assert not told or found.verdict == "held"
    assert all((reason.table, reason.severity) == ("erp_returns", "critical") for reason in told)
    return [reason.message for reason in told]
