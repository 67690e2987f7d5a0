"""What an owner reads of a dbt node that failed."""

from __future__ import annotations

import pytest

from fupan.transform.dbt import _without_trace


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (None, None),
        (
            "Database Error in model region\n  column a does not exist",
            "Database Error in model region\n  column a does not exist",
        ),
        (
            "Compilation Error\n  'columns' is missing\n  \n  > in macro assert_columns\n  > called by macro y",
            "Compilation Error\n  'columns' is missing",
        ),
    ],
)
def test_the_macros_that_dbt_was_in_are_left_out(message: str | None, told: str | None) -> None:
    assert _without_trace(message) == told
