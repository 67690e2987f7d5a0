"""Moments of rows: days and minutes since 1970 as the company's local times."""

from __future__ import annotations

import polars as pl


def minute(minutes: str | pl.Expr) -> pl.Expr:
    """A number of minutes as a local time."""
    number = pl.col(minutes) if isinstance(minutes, str) else minutes
    return pl.from_epoch(number.cast(pl.Int64) * 60, time_unit="s").cast(pl.Datetime("us"))


def at(day: str | pl.Expr, hour: int = 9) -> pl.Expr:
    """That hour of a day that is a number."""
    number = pl.col(day) if isinstance(day, str) else day
    return minute(number * 1440 + hour * 60)
