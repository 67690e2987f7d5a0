"""Which day a night is for: the partition key of an Airflow run, or the day that the newest night would be for.

| variable | meaning | default |
|---|---|---|
| FUPAN_TIME_ZONE | zone of business days and of the night's clock | Asia/Shanghai |
| FUPAN_NIGHT_STARTS | when the night starts, HH:MM | 02:00 |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fupan.errors import ConfigurationError

#: strftime of a partition key.
KEY_FORMAT = "%Y-%m-%d"


def business_day(context: Mapping[str, Any]) -> date:
    """The business day of a task's Airflow context: its partition key, else `business_day` of its conf.

    The conf is what one DAG passes to another: TriggerDagRunOperator of Airflow 3.3 knows no partition key.
    Raises ConfigurationError for a run with neither.
    """
    run = context.get("dag_run")
    key = context.get("partition_key") or ((run and run.conf) or {}).get("business_day")
    try:
        return datetime.strptime(key or "", KEY_FORMAT).date()
    except ValueError as wrong:
        raise ConfigurationError(
            f"This run has the partition key {key!r}, which is no business day",
            remedy="Trigger it with a partition key like 2026-01-31 (UI: Trigger), or run `fupan nightly --date`",
        ) from wrong


def time_zone() -> ZoneInfo:
    """Zone of business days and of the night's clock."""
    name = os.environ.get("FUPAN_TIME_ZONE") or "Asia/Shanghai"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as unknown:
        raise ConfigurationError(
            f"FUPAN_TIME_ZONE is {name!r}, which is no time zone", remedy="Set it to a name of the tz database"
        ) from unknown


def night_starts() -> time:
    """When the night starts, in `time_zone`."""
    text = os.environ.get("FUPAN_NIGHT_STARTS") or "02:00"
    try:
        return datetime.strptime(text, "%H:%M").time()
    except ValueError as wrong:
        raise ConfigurationError(f"FUPAN_NIGHT_STARTS is {text!r}", remedy="Set it to a time like 02:00") from wrong


def latest_business_day(now: datetime) -> date:
    """The day of the newest night that has started by ``now`` (with a zone): before 02:00 that is the day before yesterday."""
    local = now.astimezone(time_zone())
    tonight = local.date() - timedelta(days=1)
    return tonight if local.time() >= night_starts() else tonight - timedelta(days=1)
