"""kill -9 in the middle of core: the next build makes up for it, and nobody goes on writing behind its back."""

import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from tests.core_warehouse import LINE, ORDER, PRODUCT, CoreWarehouse

from fupan.night.build import begin

DAY = date(2026, 1, 11)
SUBPROCESS = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
from fupan.transform.dbt import run_stage
run_stage(int(sys.argv[1]), "core")
"""


def _move(core: CoreWarehouse, order: str, to: date) -> None:
    core.land("erp_sales_orders", {"order_id": order, **ORDER, "order_date": to}, day=DAY)


def _killed_once(build_id: int, after: str) -> None:
    """Run the stage in a process of its own and kill it as soon as it has built ``after``."""
    with subprocess.Popen(
        [sys.executable, "-c", SUBPROCESS, str(build_id)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if re.search(rf" OK created .* core\.{after} ", line):
                process.kill()
                break
        else:
            pytest.fail(f"{after} was not built")


@pytest.mark.parametrize("after", ["fct_sales_order_line", "affected_days"])
def test_a_killed_build_is_made_up_for(core: CoreWarehouse, after: str) -> None:
    core.land("erp_products", {"sku": "A", **PRODUCT})
    for order in ("first", "second"):
        core.land("erp_sales_orders", {"order_id": order, **ORDER})
        core.land("erp_sales_order_lines", {"order_id": order, **LINE})
    core.build()
    _move(core, "first", date(2026, 1, 6))
    core.land("erp_products", {"sku": "A", **PRODUCT, "product_line": "Smart"}, day=date(2026, 1, 5))
    _killed_once(begin(DAY), after)
    _move(core, "first", date(2026, 1, 7))
    _move(core, "second", date(2026, 1, 8))
    core.build(DAY)
    assert core.query("select day, product_line, revenue::integer from core.agg_sales_daily order by day") == [
        (date(2026, 1, 7), "Smart", 90),
        (date(2026, 1, 8), "Smart", 90),
    ]


def test_what_a_killed_dbt_left_running_is_ended(core: CoreWarehouse) -> None:
    """Its lock on a table would keep the next build waiting for as long as its statement runs."""
    core.build()
    leftover = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import psycopg2; from fupan import settings\n"
            "session = psycopg2.connect(settings.warehouse_url('builder'), application_name='fupan dbt')\n"
            "session.cursor().execute('lock table core.dim_date; select pg_sleep(600)')",
        ],
        stderr=subprocess.DEVNULL,
    )
    sessions = (
        "select count(*) from pg_stat_activity where application_name = 'fupan dbt' and datname = current_database()"
    )
    deadline = time.monotonic() + 20
    while core.column(sessions) != [1]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    core.build(DAY)
    assert leftover.wait(10) != 0
    assert core.column(sessions) == [0]
