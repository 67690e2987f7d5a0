"""Texts put together from columns."""

from __future__ import annotations

import polars as pl


def text(template: str, *parts: str | pl.Expr | pl.Series) -> pl.Expr:
    """The template with a part (column, expression or series) in each `{}`; null where a part is null.

    What `pl.format` does, which panics on some filtered frames (polars 1.44 and 2.1, tried)."""
    pieces = template.split("{}")
    found: list[pl.Expr] = []
    for piece, part in zip(pieces, [*parts, None], strict=True):
        if piece:
            found.append(pl.lit(piece))
        if part is not None:
            found.append(
                pl.col(part) if isinstance(part, str) else pl.lit(part) if isinstance(part, pl.Series) else part
            )
    return pl.concat_str(found)
