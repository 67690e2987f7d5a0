"""What a night report holds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from fupan.report.visible import Visible

COUNTS = ("read", "inserted", "updated", "unchanged", "duplicate", "rejected", "deleted")


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)


class Step(_Line):
    """A step of the night; ``seconds`` None: it has not ended."""

    name: str
    started_at: datetime
    seconds: float | None
    error: str | None


class Counts(_Line):
    """Rows of loads: read = inserted + updated + unchanged + duplicate + rejected; deleted stands beside."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0
    deleted: int = 0


class TableLoad(_Line):
    """What a build took up of one source table; ``error``: its last load failed."""

    system: str
    table: str
    loads: int
    counts: Counts
    seconds: float
    error: str | None


class Drift(_Line):
    """A difference between a source table and its contract, seen by the loads of this build."""

    system: str
    table: str
    column: str
    kind: str
    detail: str
    is_new: bool


class Quarantine(_Line):
    """Rows that one rule keeps out of staging: new in this build, released by it, and all that are out."""

    table: str
    rule: str
    new: int
    released: int
    open: int


class FailedRule(_Line):
    """An expectation that failed."""

    gate: str
    table: str
    rule: str
    severity: str
    on_fail: str
    owner: str
    unexpected: int | None
    evaluated: int | None
    message: str | None


class Gate(_Line):
    """How many rules of a gate passed and failed."""

    gate: str
    passed: int
    failed: int


class DifferingTotal(_Line):
    """A count or sum that source and raw do not agree on; ``day`` None: over the whole table."""

    system: str
    table: str
    day: date | None
    measure: str
    source_value: Decimal | None
    raw_value: Decimal | None


class ControlTotals(_Line):
    """Comparisons of source and raw; ``differing`` holds the first of those that do not agree."""

    compared: int
    agreed: int
    differing: tuple[DifferingTotal, ...]


class DbtNodes(_Line):
    """Nodes of one kind in one dbt stage, by outcome."""

    stage: str
    resource_type: str
    passed: int
    warned: int
    failed: int
    skipped: int
    seconds: float


class FailedNode(_Line):
    """A dbt node that did not succeed (skipped ones left out)."""

    node: str
    status: str
    failures: int | None
    message: str | None


class PublishedTable(_Line):
    """A public table and its rows in the visible release; None: the release is gone."""

    name: str
    row_count: int | None


class DimensionOutcome(_Line):
    """The verdict on one dimension and what BI users see; ``published_now``: this build's release is the visible one."""

    verdict: str
    reasons: tuple[str, ...]
    published_now: bool
    visible: Visible
    tables: tuple[PublishedTable, ...]


class SentAlert(_Line):
    """A message to an owner; ``error`` names channels that did not take it."""

    owner: str
    kind: str
    severity: str
    subject: str
    sent: bool
    error: str | None


class OpenIncident(_Line):
    """A fault that is open after this build."""

    summary: str
    what: str
    owner: str
    severity: str
    since: date


class NightReport(_Line):
    """One build. Seconds are wall time; counts are rows."""

    build_id: int
    business_day: date
    kind: str
    state: str
    error: str | None
    installations: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None
    reported_at: datetime
    seconds: float
    dimensions: tuple[DimensionOutcome, ...]
    loads: tuple[TableLoad, ...]
    totals: Counts
    undelivered: tuple[str, ...]
    drift: tuple[Drift, ...]
    quarantine: tuple[Quarantine, ...]
    gates: tuple[Gate, ...]
    failed_rules: tuple[FailedRule, ...]
    control_totals: ControlTotals
    dbt: tuple[DbtNodes, ...]
    failed_nodes: tuple[FailedNode, ...]
    alerts: tuple[SentAlert, ...]
    incidents: tuple[OpenIncident, ...]
    steps: tuple[Step, ...]

    @property
    def verdict(self) -> str:
        """The worst verdict of the night: held, published_with_warnings, published, or failed where none was reached."""
        reached = {outcome.verdict for outcome in self.dimensions}
        return next((v for v in ("held", "published_with_warnings", "published") if v in reached), "failed")
