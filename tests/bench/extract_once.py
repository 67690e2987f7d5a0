"""One extraction in a process of its own: python -m tests.bench.extract_once <dbt project> <system> <day>."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from fupan import settings
from fupan.extract.run import extract_system

if __name__ == "__main__":
    settings.DBT_PROJECT = Path(sys.argv[1])
    for load in extract_system(sys.argv[2], date.fromisoformat(sys.argv[3])):
        assert load.totals_agree is not False, f"the control totals of {load.table} disagree"
