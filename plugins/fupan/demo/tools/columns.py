"""Columns out of numbers: names by their index, moments out of seconds."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

DAY_S = 86_400


def named(column: str, names: Sequence[str]) -> pl.Expr:
    """The name of each number; null where there is none."""
    return pl.col(column).replace_strict(dict(enumerate(names)), return_dtype=pl.String)


def moment(seconds: pl.Expr | pl.Series) -> pl.Expr:
    """Seconds since 1970, of the company's local time, as a datetime."""
    expression = pl.lit(seconds) if isinstance(seconds, pl.Series) else seconds
    return (expression * 1_000_000).cast(pl.Datetime("us"))
