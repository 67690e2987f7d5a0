"""Load pieces of a big table: python -m tests.bench.load_pieces <dbt project> <system> <load> <number> ..."""

from __future__ import annotations

import sys
from pathlib import Path

from fupan import settings
from fupan.extract.run import extract_piece

if __name__ == "__main__":
    settings.DBT_PROJECT = Path(sys.argv[1])
    for number in sys.argv[4:]:
        extract_piece(sys.argv[2], int(sys.argv[3]), int(number))
