"""Where everything is and how fresh: what `fupan status` shows and an outside monitor asks."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import psycopg2.errors
from pydantic import BaseModel, ConfigDict

from fupan import settings
from fupan.errors import ConfigurationError
from fupan.report.visible import Visible, humanise, visible
from fupan.server.airflow import EmbeddedAirflow
from fupan.warehouse.connection import connect, rows

ROLES: tuple[settings.Role, ...] = ("owner", "loader", "builder", "reader")


class LastNight(BaseModel):
    """The newest build that finished. ``age_hours`` since its end."""

    model_config = ConfigDict(frozen=True)

    build_id: int
    business_day: date
    kind: str
    finished_at: datetime
    age_hours: float
    verdicts: dict[str, str]


class Status(BaseModel):
    """``warehouse``: libpq URL by role; ``airflow``: address of the UI, None while the embedded one does not run."""

    model_config = ConfigDict(frozen=True)

    warehouse: dict[str, str]
    airflow: str | None
    last_night: LastNight | None
    dimensions: tuple[Visible, ...]


def status(*, now: datetime | None = None, show_passwords: bool = False) -> Status:
    """The state at this moment. Raises SourceUnavailable where the warehouse does not answer, ConfigurationError where it is
    not one of ours yet."""
    now = now or datetime.now().astimezone()
    with connect("builder", "status") as connection:
        try:
            found = rows(
                connection,
                """
                select b.build_id, b.business_day, b.kind, b.finished_at,
                    coalesce(jsonb_object_agg(v.dimension, v.verdict) filter (where v.dimension is not null), '{}') as verdicts
                from ops.build as b left join ops.verdict as v using (build_id)
                where b.state = 'finished'
                group by b.build_id order by b.finished_at desc limit 1
                """,
            )
            seen = visible(connection, now)
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.InsufficientPrivilege) as missing:
            raise ConfigurationError(
                f"The database answers but is no warehouse of Fupan yet: {str(missing).splitlines()[0]}",
                remedy="Run `make nightly`, which prepares it",
            ) from missing
    urls: dict[str, str] = {role: settings.warehouse_url(role) for role in ROLES}
    return Status(
        warehouse=urls if show_passwords else {role: masked(url) for role, url in urls.items()},
        airflow=_airflow(),
        last_night=LastNight(**found[0], age_hours=_hours(now - found[0]["finished_at"])) if found else None,
        dimensions=tuple(seen.values()),
    )


def overdue(state: Status, max_age: timedelta) -> list[str]:
    """What is older than ``max_age``: the last finished night, and each dimension that was ever published."""
    late = []
    if state.last_night is None:
        late.append("No night has finished yet")
    elif state.last_night.age_hours > _hours(max_age):
        ended = humanise(timedelta(hours=state.last_night.age_hours))
        late.append(f"The last night that finished ({state.last_night.business_day}) ended {ended} ago")
    late += [
        f"{seen.dimension} shows {seen.business_day}, {seen.age} old"
        for seen in state.dimensions
        if seen.age_hours is not None and seen.age_hours > _hours(max_age)
    ]
    return late


def masked(url: str) -> str:
    """A libpq URL without its password."""
    parts = urlsplit(url)
    login, at, address = parts.netloc.rpartition("@")
    netloc = re.sub(r":.*", ":***", login) + at + address
    return urlunsplit(parts._replace(netloc=netloc, query=re.sub(r"(?<=password=)[^&]*", "***", parts.query)))


def _airflow() -> str | None:
    airflow = EmbeddedAirflow()
    return airflow.url if airflow.running() else None


def _hours(age: timedelta) -> float:
    return round(age.total_seconds() / 3600, 2)
