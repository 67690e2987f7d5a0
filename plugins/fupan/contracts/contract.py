"""The contract of a source table: one reader of `models/staging/<system>/_<system>__sources.yml`."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from fupan import settings
from fupan.errors import ConfigurationError

PersonalData = Literal["name", "phone", "address", "email"]

#: libyaml's loader, where PyYAML has it, is eight times as fast: every process of a night reads every contract.
YamlLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TYPE = re.compile(
    r"^(text|smallint|integer|bigint|boolean|date|timestamptz|double precision|numeric(\(\d+,\s*\d+\))?)$"
)
_DURATION = re.compile(r"^(\d+) (minute|hour|day)s?$")


def _duration(value: Any) -> Any:
    found = _DURATION.match(value) if isinstance(value, str) else None
    if isinstance(value, str) and not found:
        raise ValueError(f"{value!r} is not a duration like '2 days' or '6 hours'")
    return timedelta(**{f"{found[2]}s": int(found[1])}) if found else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """One contracted column. ``required``: a row without it is rejected. ``personal_data``: stands in raw as keyed hash."""

    name: str
    data_type: str
    description: str
    required: bool = False
    personal_data: PersonalData | None = None

    @model_validator(mode="after")
    def _known_type(self) -> Column:
        if not _TYPE.match(self.data_type):
            raise ValueError(f"data_type {self.data_type!r} of column {self.name} is none that a contract may use")
        if self.personal_data and self.data_type != "text":
            raise ValueError(f"column {self.name} holds personal data, so its data_type must be text (a hash)")
        return self


class ControlTotals(_Strict):
    """What is counted and summed in source and raw: rows and ``sums``, by the day of ``day`` (null: over the table)."""

    day: str | None = None
    sums: tuple[str, ...] = ()


class SchemaContract(_Strict):
    """What becomes of a source that no longer fits its contract; the modes are named as dlt names them.

    A column of the contract that is missing, renamed or of another type family stops the table whatever is said here: what
    reads raw would go on with nothing, or with another meaning. The order of columns never matters.

    ``columns``, one that the contract does not name: `discard_value` logs it as drift and leaves it out; `freeze` stops the
    table; `evolve` adds it to raw, nullable and in the widest type of its family, reads the table whole once, and fills it
    from then on; when the source drops or retypes it, so does raw, unless a view reads it there: then the table stops.
    Evolving is unsafe, and refused, where the contract marks personal data (nobody would hash the new column), and where the
    source tells no types (files, HTTP, databases other than PostgreSQL): a column that tonight's rows lack is not known to
    be gone.
    ``data_type``, a value that its column can't hold exactly, or a row without one that is required: `discard_row` keeps the
    row out of raw, in `ops.rejected_row` with its reason; `freeze` stops the table. Types never evolve: raw would be
    rewritten under its readers.
    """

    columns: Literal["discard_value", "freeze", "evolve"] = "discard_value"
    data_type: Literal["discard_row", "freeze"] = "discard_row"


class Contract(_Strict):
    """One source table; ``cursor`` empty means: read whole and compared.

    ``freshness``: how long before the end of the business day the newest row may be loaded; None: nobody expects news.
    ``absent``: columns that an installation does not have; raw holds them, empty. A contract file names none.
    """

    system: str
    name: str
    description: str
    owner: str
    primary_key: tuple[str, ...] = Field(min_length=1)
    cursor: tuple[str, ...] = ()
    lookback: Duration = timedelta(days=2)
    delivery: Literal["full", "delta"] = "delta"
    reconcile: Literal["nightly", "weekly", "never"] = "weekly"
    freshness: Duration | None = None
    control_totals: ControlTotals = ControlTotals()
    schema_contract: SchemaContract = SchemaContract()
    columns: tuple[Column, ...]
    absent: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def _columns_exist(self) -> Contract:
        names = [column.name for column in self.columns]
        for use in (self.primary_key, self.cursor, self.control_totals.sums, [self.control_totals.day or names[0]]):
            for name in use:
                if name not in names:
                    raise ValueError(f"column {name} is used but not among the columns of {self.name}")
        return self

    @property
    def personal(self) -> tuple[str, ...]:
        """Columns with personal data."""
        return tuple(column.name for column in self.columns if column.personal_data)

    def column(self, name: str) -> Column:
        """The column of that name; StopIteration where the contract has none."""
        return next(column for column in self.columns if column.name == name)

    @property
    def relation(self) -> str:
        """Quoted name of the raw table."""
        return f'raw."{self.name}"'

    @property
    def required(self) -> tuple[str, ...]:
        """Columns without which a row is rejected: the primary key and those marked so."""
        return tuple(c.name for c in self.columns if c.required or c.name in self.primary_key)


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return dict((node.get("config") or {}).get("meta") or {})


def _contract(system: str, node: dict[str, Any], defaults: dict[str, Any]) -> Contract:
    columns: Any = [
        {"name": c["name"], "data_type": c.get("data_type"), "description": c.get("description", "")} | _meta(c)
        for c in node.get("columns", [])
    ]
    given: dict[str, Any] = {"owner": defaults.get("owner")} | _meta(node)
    return Contract(system=system, name=node["name"], description=node.get("description", ""), columns=columns, **given)


@cache
def _load(folder: Path) -> dict[str, dict[str, Contract]]:
    found: dict[str, dict[str, Contract]] = {}
    for path in sorted(folder.glob("*/_*__sources.yml")):
        for source in yaml.load(path.read_text(), YamlLoader)["sources"]:
            if source.get("schema", source["name"]) != "raw":
                continue
            tables = found.setdefault(source["name"], {})
            for node in source["tables"]:
                try:
                    tables[node["name"]] = _contract(source["name"], node, _meta(source))
                except ValidationError as wrong:
                    raise ConfigurationError(
                        f"The contract is not valid: {wrong}",
                        system=source["name"],
                        table=node["name"],
                        remedy=f"Correct {path}",
                    ) from wrong
    return found


def contracts(system: str | None = None, *, folder: Path | None = None) -> dict[str, Contract]:
    """Contracts by table name, of one system or of all. Raises ConfigurationError with the file to correct."""
    known = _load(folder or settings.DBT_PROJECT / "models" / "staging")
    if system is None:
        return {name: contract for tables in known.values() for name, contract in tables.items()}
    if system not in known:
        raise ConfigurationError(
            "No contract names this system",
            system=system,
            remedy=f"Known systems: {', '.join(sorted(known)) or 'none'}",
        )
    return known[system]
