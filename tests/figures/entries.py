"""Which published figures the reference company reproduces, how each is read, and by which SQL it is measured.

The figures stand in the catalogue beside the project (figures.csv); one YAML a business process here says how they are read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fupan import settings
from fupan.errors import ConfigurationError

CATALOGUE = settings.DBT_PROJECT.parent.parent / "shared" / "catalogue" / "figures.csv"
_TOLERANCE = re.compile(r"^(exact|operator|(\d+(?:\.\d+)?) (absolute|relative))$")
_OPERATORS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "="}


class Entry(BaseModel):
    """How one figure is reproduced; or ``not_reproduced``: why not.

    ``tolerance``: `exact`, `operator` (the figure is a bound), `0.02 absolute`, `0.05 relative`. ``from``: marts, where a
    published one carries it, else the source tables.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    id: str
    tolerance: str = "exact"
    reading: str = ""
    reads: Literal["marts", "source"] = Field(default="source", alias="from")
    sql: str | None = None
    not_reproduced: str | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Entry:
        if (self.sql is None) == (self.not_reproduced is None):
            raise ValueError(f"{self.id} needs either sql or not_reproduced")
        if self.sql is not None and not (_TOLERANCE.match(self.tolerance) and self.reading):
            raise ValueError(f"{self.id} needs a reading, and a tolerance like '0.02 absolute', exact or operator")
        return self


@dataclass(frozen=True)
class Figure:
    """One row of the catalogue. ``operator``: of the quoted value (`=`, `<` …). ``nature``: actual, target, threshold …"""

    id: str
    metric_id: str
    seed: int
    context: str
    operator: str
    nature: str
    is_external: bool
    value: Decimal
    unit: str

    @property
    def must_come_out(self) -> bool:
        """An actual figure of the company or of its market."""
        return self.nature == "actual"

    def holds(self, measured: Decimal | None, tolerance: str) -> bool:
        """Whether what was measured is the figure, within ``tolerance``."""
        if measured is None:
            return False
        if self.operator in ("<", "<=", ">", ">="):
            return {"<": measured < self.value, "<=": measured <= self.value, ">": measured > self.value}.get(
                self.operator, measured >= self.value
            )
        found = _TOLERANCE.match(tolerance)
        assert found is not None
        if found[2] is None:
            return measured == self.value
        allowed = Decimal(found[2]) * (abs(self.value) if found[3] == "relative" else 1)
        return abs(measured - self.value) <= allowed


def figures(path: Path = CATALOGUE) -> dict[str, Figure]:
    """The catalogue's figures by id. Raises ConfigurationError where it does not lie beside the project."""
    if not path.exists():
        raise ConfigurationError(f"There is no {path.name} beside the project", remedy=f"Put it at {path}")
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: _figure(row) for row in csv.DictReader(file)}


def _figure(row: dict[str, str]) -> Figure:
    context = dict(part.split("=", 1) for part in row["context"].split("; ") if "=" in part)
    value = {"true": "1", "false": "0"}.get(row["value"], row["value"])
    return Figure(
        row["id"],
        row["metric_id"],
        int(row["seed"]),
        "; ".join(f"{name}={said}" for name, said in context.items() if name not in ("op", "nature", "feed")),
        _OPERATORS[context["op"]],
        context["nature"],
        context.get("feed") == "external",
        Decimal(value),
        row["unit"],
    )


def entries(folder: Path = Path(__file__).parent) -> dict[str, Entry]:
    """All entries by the figure's id. Raises ValueError for a figure that has two."""
    found: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.yml")):
        for given in yaml.safe_load(path.read_text(encoding="utf-8")):
            entry = Entry.model_validate(given)
            if entry.id in found:
                raise ValueError(f"{entry.id} stands twice, once in {path.name}")
            found[entry.id] = entry
    return found


def left_out(known: Iterable[Figure], said: dict[str, Entry]) -> list[str]:
    """Actual figures of which no entry says anything."""
    return [figure.id for figure in known if figure.must_come_out and figure.id not in said]


def as_number(value: Any) -> Decimal | None:
    """What a query returned, as a number; true is 1."""
    if isinstance(value, bool):
        return Decimal(int(value))
    return None if value is None else Decimal(str(value))
