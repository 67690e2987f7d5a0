"""One business process of the reference company: which source tables it fills, and how their rows are told.

A module of `fupan.demo.processes` defines `PROCESS`; that is all it takes to add a table (beside its contract and its staging
model). Rows are a pure function of the world, the day on which they begin, and the evening on which they are looked at. So a
company made until a day is the company of the day before played on by one day, and playing costs what has changed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache

import polars as pl

from fupan.demo.world import Span, World

Frames = Mapping[str, pl.DataFrame]

#: Beside a table's columns a frame has the day on which the row was last changed (or came) by the evening, and may have the
#: day on which it is deleted without a trace (null: never).
CHANGED_ON, GONE_ON = "_changed_on", "_gone_on"


@dataclass(frozen=True)
class Process:
    """``tables``: names of contracts. ``tell``: a frame a table, with the contract's columns (in any order) and `_changed_on`.

    ``echoes``: for how many days after the day on which it begins a row may still change. None: the rows do not lie in days,
    all of them are told at once (master data, small tables). Frames may hold rows that begin after the evening or are gone by
    then: whoever stores them leaves those out.
    ``history``: how many days before its last day a company that is made anew has of this (None: all).
    ``renamed``: table -> contract's column -> what the source calls it.
    """

    tables: tuple[str, ...]
    tell: Callable[[World, Span], Frames]
    echoes: int | None = None
    history: int | None = None
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@cache
def processes() -> dict[str, Process]:
    """All processes by the name of their module."""
    package = importlib.import_module("fupan.demo.processes")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: importlib.import_module(f"{package.__name__}.{name}").PROCESS for name in names}


def as_of(
    frame: pl.DataFrame, evening: date, stamps: Sequence[str], *, reveals: Mapping[str, Sequence[str]] | None = None
) -> pl.DataFrame:
    """The rows as they stand at the end of ``evening``, with `updated_at` and `_changed_on`.

    ``stamps``: columns (datetime, the company's local time) of what happens to a row, the first of them its beginning. Later
    ones are not known yet, and what they reveal (``reveals``: stamp -> columns) is null; rows that have not begun are left out.
    """
    end = datetime.combine(evening + timedelta(days=1), time())
    known = frame.filter(pl.col(stamps[0]) < end)
    hidden = {stamp: pl.col(stamp) >= end for stamp in stamps[1:]}
    masks = [
        pl.when(is_hidden).then(None).otherwise(pl.col(name)).alias(name)
        for stamp, is_hidden in hidden.items()
        for name in (stamp, *(reveals or {}).get(stamp, ()))
    ]
    return changed(known.with_columns(masks), *stamps)


def changed(frame: pl.DataFrame, *stamps: str) -> pl.DataFrame:
    """The frame with `updated_at`, the last of its ``stamps``, and `_changed_on`, the day of that."""
    return frame.with_columns(pl.max_horizontal(stamps).cast(pl.Datetime("us")).alias("updated_at")).with_columns(
        pl.col("updated_at").dt.date().alias(CHANGED_ON)
    )
