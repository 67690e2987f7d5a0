"""How an installation gets the contracted tables: one reader of `dags/sources/<installation>/<system>.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fupan import settings
from fupan.contracts.contract import Contract, Duration, contracts
from fupan.errors import ConfigurationError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SqlTable(_Strict):
    """How one contracted table is read: ``relation`` with the contract's column names, or a ``query`` that yields them.

    ``cursor``, ``lookback`` and ``reconcile`` replace the contract's where given; an empty cursor reads the table whole.
    """

    relation: str | None = None
    query: str | None = None
    cursor: tuple[str, ...] | None = None
    lookback: Duration | None = None
    reconcile: Literal["nightly", "weekly", "never"] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> SqlTable:
        if (self.relation is None) == (self.query is None):
            raise ValueError("a table needs either relation or query")
        return self


class SqlSystem(_Strict):
    """One source system reached by SQL.

    ``connection``: Airflow connection id (or environment variable AIRFLOW_CONN_<ID>). ``time_zone``: of time stamps that
    carry none. ``parameters``: values that queries use as `:name` (a list for `in :name`).
    """

    system: str
    kind: Literal["sql"]
    connection: str
    time_zone: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    tables: dict[str, SqlTable]

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"{value!r} is no time zone of the tz database") from unknown
        return value

    def effective(self, table: str) -> Contract:
        """The contract of a table with what this installation overrides."""
        contract, entry = contracts(self.system)[table], self.tables[table]
        given = {k: v for k in ("cursor", "lookback", "reconcile") if (v := getattr(entry, k)) is not None}
        return contract.model_copy(update=given)


def systems(folder: Path | None = None) -> dict[str, SqlSystem]:
    """The installation's source systems by name. Raises ConfigurationError with the file to correct."""
    folder = folder or settings.sources()
    found: dict[str, SqlSystem] = {}
    for path in sorted(folder.glob("*.yml")):
        try:
            system = SqlSystem.model_validate(yaml.safe_load(path.read_text()))
        except (ValidationError, yaml.YAMLError) as wrong:
            raise ConfigurationError(f"{path.name} is not valid: {wrong}", remedy=f"Correct {path}") from wrong
        for table in system.tables:
            if table not in contracts(system.system):
                raise ConfigurationError(
                    "No contract names this table",
                    system=system.system,
                    table=table,
                    remedy=f"Correct its name in {path}, or add it to _{system.system}__sources.yml",
                )
        found[system.system] = system
    if not found:
        raise ConfigurationError(f"No source YAML in {folder}", remedy="Set FUPAN_SOURCES to an installation's folder")
    return found
