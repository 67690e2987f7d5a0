"""Data quality as data: one reader of `expectations/raw/<system>__<table>.yml` and `expectations/marts/<dimension>.yml`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fupan import settings
from fupan.errors import ConfigurationError

Severity = Literal["critical", "warning", "info"]
OnFail = Literal["hold", "quarantine", "warn"]

#: Name under which the gates give raw rows their key (text[], the contract's order); rules that judge rows select it.
ROW_KEY = "_row_key"

# The parser in C where PyYAML has it: the suites are read once a gate and once a verdict.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BILINGUAL = re.compile(r"[A-Za-z].*[\u4e00-\u9fff]")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Meta(_Strict):
    """Who is asked, what to do, what a failure costs.

    ``dimension``: only where dbt's lineage does not tell which dimension suffers. ``quarantine_share``: above this share
    of the landed rows the rule holds instead; so few as ``quarantine_rows`` are quarantined whatever their share, since
    a share of a handful says nothing.
    """

    label: str
    owner: str
    runbook: str = Field(pattern=r"^#runbook-[a-z0-9-]+$")
    on_fail: OnFail
    dimension: str | None = None
    quarantine_share: float | None = Field(default=None, gt=0, lt=1)
    quarantine_rows: int = Field(default=10, ge=0)

    @field_validator("label")
    @classmethod
    def _bilingual(cls, value: str) -> str:
        if not _BILINGUAL.search(value):
            raise ValueError(f"{value!r} is not bilingual: 'English 简体中文'")
        return value

    @model_validator(mode="after")
    def _share_with_quarantine(self) -> Meta:
        if (self.on_fail == "quarantine") != (self.quarantine_share is not None):
            raise ValueError("quarantine_share belongs to on_fail: quarantine, and the one needs the other")
        return self


class Rule(_Strict):
    """One expectation. ``kwargs`` are Great Expectations' own; ``table`` is a mart's public name (marts only).

    In SQL `{batch}` is the judged relation and `{schema}` the schema of tonight's marts. ``needs``: the rule is judged
    only where the installation delivers these source tables. ``expects_news``: only where news of these are expected
    (`freshness`), so not on a closed history. ``reads``: further marts of the dimension that it compares.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    expectation: str = Field(pattern=r"^(expect_[a-z_]+|unexpected_rows_expectation)$")
    kwargs: dict[str, Any]
    severity: Severity
    meta: Meta
    table: str | None = None
    needs: tuple[str, ...] = ()
    expects_news: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _severity_fits(self) -> Rule:
        if (self.meta.on_fail == "hold") != (self.severity == "critical"):
            raise ValueError("severity critical and on_fail hold go together: a warning holds nothing")
        if self.query is not None and self.meta.on_fail == "quarantine" and ROW_KEY not in self.query:
            raise ValueError(f"the query must select {ROW_KEY}: it names the rows to quarantine")
        return self

    @property
    def query(self) -> str | None:
        """The SQL of a rule written in SQL."""
        return self.kwargs.get("unexpected_rows_query")


class Suite(_Strict):
    """The rules of one raw table or of one dimension's marts."""

    name: str
    path: Path
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_unique(self) -> Suite:
        twice = [name for name, times in Counter(rule.id for rule in self.rules).items() if times > 1]
        if twice:
            raise ValueError(f"rule id used twice: {', '.join(twice)}")
        return self


class RawSuite(Suite):
    """Rules over the landed rows of one raw table."""

    system: str
    table: str

    @model_validator(mode="after")
    def _fits_file(self) -> RawSuite:
        if self.name != f"{self.system}__{self.table}":
            raise ValueError(f"the file should be named {self.system}__{self.table}.yml")
        if any(rule.table for rule in self.rules):
            raise ValueError("a rule of a raw suite names no table: the file does")
        return self


class MartSuite(Suite):
    """Rules over tonight's marts of one dimension. ``grain``: public table name -> columns that make a row unique."""

    dimension: str
    grain: dict[str, tuple[str, ...]]

    @model_validator(mode="after")
    def _fits_file(self) -> MartSuite:
        if self.name != self.dimension:
            raise ValueError(f"the file should be named {self.dimension}.yml")
        for rule in self.rules:
            if rule.table not in self.grain:
                raise ValueError(f"rule {rule.id} is over table {rule.table}, which has no grain in this file")
            if rule.meta.on_fail == "quarantine":
                raise ValueError(f"rule {rule.id} would quarantine rows of a mart; only raw rows can be quarantined")
        return self


S = TypeVar("S", bound=Suite)


def raw_suites(folder: Path | None = None) -> dict[str, RawSuite]:
    """Suites by raw table name. Raises ConfigurationError with file and rule to correct."""
    found = [_read(path, RawSuite) for path in sorted((folder or settings.EXPECTATIONS / "raw").glob("*.yml"))]
    return {suite.table: suite for suite in found}


def mart_suites(folder: Path | None = None) -> dict[str, MartSuite]:
    """Suites by dimension. Raises ConfigurationError with file and rule to correct."""
    found = [_read(path, MartSuite) for path in sorted((folder or settings.EXPECTATIONS / "marts").glob("*.yml"))]
    return {suite.dimension: suite for suite in found}


def _read(path: Path, kind: type[S]) -> S:
    try:
        content = yaml.load(path.read_text(), _LOADER)
    except yaml.YAMLError as wrong:
        raise ConfigurationError(f"{path.name} is not YAML: {wrong}", remedy=f"Correct {path}") from wrong
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path.name} holds no mapping", remedy=f"Correct {path}")
    given: list[Any] = content.get("rules") or []
    defaults = content.pop("defaults", None) or {}
    for rule in given:
        if isinstance(rule, dict) and isinstance(rule.get("meta"), dict):
            rule["meta"] = defaults | rule["meta"]
    try:
        return kind.model_validate(content | {"name": path.stem, "path": path})
    except ValidationError as wrong:
        problems = "; ".join(f"{_where(error['loc'], given)}{error['msg']}" for error in wrong.errors())
        raise ConfigurationError(f"{path.name} is not valid: {problems}", remedy=f"Correct {path}") from wrong


def _where(location: tuple[int | str, ...], given: list[Any]) -> str:
    """Names the rule by its id, not by its place in the list."""
    match location:
        case ("rules", int(place), *inside) if place < len(given):
            rule = given[place]
            name = rule.get("id", f"number {place + 1}") if isinstance(rule, dict) else f"number {place + 1}"
            return f"rule {name}{'.'.join(['', *map(str, inside)])}: "
        case ():
            return ""
        case _:
            return f"{'.'.join(map(str, location))}: "
