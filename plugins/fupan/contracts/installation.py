"""How an installation gets the contracted tables: one reader of `dags/sources/<installation>/<system>.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, field_validator, model_validator

from fupan import settings
from fupan.contracts.contract import Contract, Duration, SchemaContract, YamlLoader, contracts
from fupan.contracts.file_pattern import FilePattern
from fupan.errors import ConfigurationError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceTable(_Strict):
    """How one contracted table is read. What is given here replaces the contract's; an empty cursor reads the table whole.

    ``absent``: columns of the contract that this installation does not have: they stay empty, and nobody misses them.
    """

    cursor: tuple[str, ...] | None = None
    lookback: Duration | None = None
    reconcile: Literal["nightly", "weekly", "never"] | None = None
    freshness: Duration | Literal["never"] | None = None
    absent: tuple[str, ...] = ()
    schema_contract: SchemaContract | None = None


class Pieces(_Strict):
    """``rows``: a piece has about so many; a table that has no more is loaded in one."""

    rows: int = Field(default=5_000_000, gt=0)


class SqlTable(SourceTable):
    """``relation`` with the contract's column names, or a ``query`` that yields them.

    ``pieces``: into which a first load from PostgreSQL is cut, by ranges of the primary key, for several workers; other
    databases read a table in one.
    """

    relation: str | None = None
    query: str | None = None
    pieces: Pieces = Pieces()

    @model_validator(mode="after")
    def _one_of(self) -> SqlTable:
        if (self.relation is None) == (self.query is None):
            raise ValueError("a table needs either relation or query")
        return self


class SourceSystem(_Strict):
    """One source system. ``connection``: Airflow connection id (or environment variable AIRFLOW_CONN_<ID>).

    ``time_zone``: of time stamps that carry none. ``freshness``: of all its tables that say nothing else; `never` for a closed
    history, of which nobody expects news.
    """

    system: str
    connection: str
    time_zone: str
    freshness: Duration | Literal["never"] | None = None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"{value!r} is no time zone of the tz database") from unknown
        return value


class SqlSystem(SourceSystem):
    """A system reached by SQL. ``parameters``: values that queries use as `:name` (a list for `in :name`)."""

    kind: Literal["sql"]
    parameters: dict[str, Any] = Field(default_factory=dict)
    tables: dict[str, SqlTable]


class Auth(_Strict):
    """How requests say who asks: the connection's password as bearer token, login and password as basic, or a signature.

    ``signed``: the query carries the login as ``key_parameter``, the time (``clock``; local: `YYYY-MM-DD HH:MM:SS` in the
    system's zone) as ``time_parameter``, and as ``signature_parameter`` the upper-case hex HMAC (``digest``) with the
    password over the path (unless ``sign_path`` is false) and every parameter, sorted by name: name, value, name, value ...
    """

    scheme: Literal["none", "bearer", "basic", "signed"] = "bearer"
    digest: Literal["sha256", "md5"] = "sha256"
    clock: Literal["milliseconds", "seconds", "local"] = "milliseconds"
    key_parameter: str = "app_key"
    time_parameter: str = "timestamp"
    signature_parameter: str = "sign"
    sign_path: bool = True


class Paging(_Strict):
    """How a list goes on after its first page.

    ``parameter``: carries the cursor, the page's number (from ``first``) or the offset; default: named like the kind.
    ``next``: where a page names the next cursor or link (dotted path; a link without it stands in the header Link), or, of
    pages and offsets, says whether there is a next one (without it they go on until an empty page). It is null, empty,
    false or 0 on the last page; where the last page leaves it out altogether, ``next_omitted`` says so.
    ``size_parameter`` and ``size``: rows a page.
    ``ahead``: requests under way at once. Pages and offsets: 8 unless told otherwise. Cursors and links one after the other,
    unless it is given and the table has ``since`` and ``until``: ranges of days are then read side by side (rows without a
    cursor value are in none of them).
    ``stands_still``: rows neither come nor go nor change places while pages or offsets are read. Without it each request
    reaches back to the one before, which shows what moved; pages can only do so with a ``size_parameter``.
    """

    kind: Literal["cursor", "page", "offset", "link", "none"]
    parameter: str | None = None
    first: int = 1
    next: str | None = None
    next_omitted: bool = False
    size_parameter: str | None = None
    size: int = Field(default=500, gt=0)
    ahead: int | None = Field(default=None, ge=1, le=32)
    stands_still: bool = False

    @model_validator(mode="after")
    def _knows_its_next(self) -> Paging:
        if self.kind == "cursor" and not self.next:
            raise ValueError("cursor paging needs next: where a page names the cursor of the next one")
        return self


class HttpList(_Strict):
    """A list of JSON objects at ``path`` (below the connection's address).

    ``items``: where a page holds them (dotted path; empty: the page is the list).
    """

    path: str = Field(pattern="^/")
    items: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)


class HttpKeys(HttpList):
    """A list of all objects with their keys alone, paged like the table. ``fields``: key column -> dotted path, where they
    differ; a table's ``select`` does not apply."""

    fields: dict[str, str] = Field(default_factory=dict)


class HttpTotals(HttpList):
    """The source's own count and sums by day: one answer, narrowed like the list by ``since`` and ``until``.

    ``day``, ``rows`` and ``sums`` (summed column -> dotted path): where an object holds them; default: of the same name.
    """

    day: str = "day"
    rows: str = "rows"
    sums: dict[str, str] = Field(default_factory=dict)


class HttpTable(SourceTable, HttpList):
    """How a table is read from lists of JSON objects.

    ``since``, ``until``: parameters that narrow the list to cursors from (including) one value to another; without ``since``
    it is read whole. ``time_format``: of their time stamps: strftime in the system's zone, `seconds` or `milliseconds`
    since 1970; default: ISO 8601 with offset.
    ``fields``: column -> dotted path in an object, where they differ. ``optional``: columns whose field objects without a value
    leave out; of the others at least one object has each, else the contract is broken.
    ``select``: a SELECT over `landed` (``fields``, and whatever else of the objects it names, as text) that yields the
    contract's columns; default: columns of the same names. ``keys``: what deletes are found with; default: the whole list.
    """

    paging: Paging
    since: str | None = None
    until: str | None = None
    time_format: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    optional: tuple[str, ...] = ()
    select: str | None = None
    keys: HttpKeys | None = None
    totals: HttpTotals | None = None


class HttpSystem(SourceSystem):
    """A system reached by an HTTP JSON API; the connection holds its address and its secret."""

    kind: Literal["http"]
    auth: Auth = Auth()
    tables: dict[str, HttpTable]


class FilesTable(SourceTable):
    """Files of one shape in the system's folder. ``files``: pattern of their names; `{date}` is the day a file belongs to
    (`{date:%Y%m%d}` where it is not written 2026-01-30), `*` and `?` stand for anything.

    ``each_night``: a night without the file of its day has not landed. ``delivery: full``: the newest file is the whole table.
    ``select``: a SELECT over `landed` (the file's columns as text) that yields the contract's columns.
    """

    files: str
    format: Literal["csv", "xlsx"]
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    each_night: bool = False
    delivery: Literal["full", "delta"] = "delta"
    select: str | None = None

    @property
    def pattern(self) -> FilePattern:
        """``files``, parsed."""
        return FilePattern.parse(self.files)

    @field_validator("encoding")
    @classmethod
    def _holds_ascii(cls, value: str) -> str:
        try:
            if '\n,"'.encode(value) == b'\n,"':
                return value
        except LookupError:
            pass
        raise ValueError(
            f"{value!r} is no encoding in which a line's end is one byte: utf-8, gb18030, big5, latin-1, …"
        )

    @model_validator(mode="after")
    def _readable(self) -> FilesTable:
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise ValueError(f"delimiter {self.delimiter!r} is no single character that separates fields")
        notation = self.pattern.notation
        if self.each_night and notation is None:
            raise ValueError(
                f"each_night needs files whose names tell their day, as in {{date}}; {self.files!r} do not"
            )
        return self


class FilesSystem(SourceSystem):
    """A drop folder; the connection names it."""

    kind: Literal["files"]
    tables: dict[str, FilesTable]


System = SqlSystem | HttpSystem | FilesSystem


class _Installed(RootModel[System]):
    """One file of the folder; ``kind`` says which of the systems it describes."""

    root: System = Field(discriminator="kind")


def effective(system: System, table: str) -> Contract:
    """The contract of a table with what this installation overrides, without the columns that it does not have.

    Raises ConfigurationError where it does without a column that it can't do without.
    """
    contract, entry = contracts(system.system)[table], system.tables[table]
    names = ("cursor", "lookback", "reconcile", "freshness", "schema_contract")
    given = {name: value for name in names if (value := getattr(entry, name)) is not None}
    if "freshness" not in given and system.freshness is not None:
        given["freshness"] = system.freshness
    if given.get("freshness") == "never":
        given["freshness"] = None
    if entry.absent:
        given |= _without(contract.model_copy(update=given), entry.absent)
    return contract.model_copy(update=given)


def _without(contract: Contract, absent: tuple[str, ...]) -> dict[str, Any]:
    needed = {*contract.required, *contract.control_totals.sums, contract.control_totals.day}
    for name in absent:
        if name in needed or name not in {column.name for column in contract.columns}:
            why = "needed" if name in needed else "not part of the contract"
            raise ConfigurationError(
                f"A column that is called absent is {why}",
                system=contract.system,
                table=contract.name,
                column=name,
                remedy="Take it off the list `absent` of the table in the installation's YAML",
            )
    return {
        "columns": tuple(column for column in contract.columns if column.name not in absent),
        "absent": tuple(column for column in contract.columns if column.name in absent),
        "cursor": tuple(name for name in contract.cursor if name not in absent),
    }


def systems(folder: Path | None = None) -> dict[str, System]:
    """The installation's source systems by name. Raises ConfigurationError with the file to correct."""
    folder = folder or settings.sources()
    found: dict[str, System] = {}
    for path in sorted(folder.glob("*.yml")):
        try:
            system = _Installed.model_validate(yaml.load(path.read_text(), YamlLoader)).root
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
            _refuse_unsafe_evolution(system, table, path)
        found[system.system] = system
    if not found:
        raise ConfigurationError(f"No source YAML in {folder}", remedy="Set FUPAN_SOURCES to an installation's folder")
    return found


def _refuse_unsafe_evolution(system: System, table: str, path: Path) -> None:
    contract = effective(system, table)
    if contract.schema_contract.columns != "evolve":
        return
    why = None
    if contract.personal:
        why = f"the contract marks personal data ({', '.join(contract.personal)}), and nobody would hash a new column"
    elif not isinstance(system, SqlSystem):
        why = f"{system.kind} tells no types, and a column that one night lacks is not known to be gone"
    elif absent := system.tables[table].absent:
        why = f"this installation leaves columns of the contract out ({', '.join(absent)}), and they would come back"
    if why is not None:
        raise ConfigurationError(
            f"schema_contract: columns can't evolve here: {why}",
            system=system.system,
            table=table,
            remedy=f"Say discard_value or freeze in {path}, and name new columns in the contract",
        )
