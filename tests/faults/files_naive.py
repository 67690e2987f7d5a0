"""How one reads a drop folder in thirty lines, to show what comes of it."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

from python_calamine import CalamineWorkbook

Rows = list[dict[str, str]]

_MEMORY = """
import resource, sys
from python_calamine import CalamineWorkbook
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
rows = sum(1 for _ in CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).iter_rows())
print(rows, peak())
"""
#: Python that defines `peak()`: the most MB that its process ever held; what getrusage says may be its parent's.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))
"""


class Naive:
    """Every file of the folder once, known by its name; ``rows`` has grown by each."""

    def __init__(self, folder: Path, encoding: str = "utf-8") -> None:
        self.folder, self.rows, self._encoding = folder, Rows(), encoding
        self._names = set[str]()

    def load(self) -> Rows:
        for path in sorted(self.folder.glob("*.csv")):
            if path.name not in self._names:
                self._names.add(path.name)
                with path.open(encoding=self._encoding, errors="replace", newline="") as file:
                    self.rows += list(csv.DictReader(file))
        return self.rows


def lines(path: Path) -> list[list[str]]:
    """The lines after the header, each cut at its commas."""
    return [line.split(",") for line in path.read_text().splitlines()[1:]]


def texts(path: Path, sheet: int = 1) -> list[list[str]]:
    """A sheet's cells as its XML has them: formulas as formulas, as most readers do unless told otherwise."""
    with ZipFile(path) as archive:
        document = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{sheet}.xml"))
    return [
        [cell.findtext("{*}f") or cell.findtext("{*}v") or "" for cell in row.iterfind("{*}c")]
        for row in document.iterfind(".//{*}row")
    ]


def cells(path: Path, sheet: int = 0) -> list[list[object]]:
    """A sheet's cells as a reader gives them."""
    return list(CalamineWorkbook.from_path(path).get_sheet_by_index(sheet).iter_rows())


def rows_and_memory(path: Path) -> tuple[int, int] | None:
    """Rows of a workbook that is read whole in a process of its own, and the MB that this took; None where 4 GB did not do."""
    done = subprocess.run([sys.executable, "-c", PEAK + _MEMORY, path], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    rows, memory = done.stdout.split()
    return int(rows), int(memory)
