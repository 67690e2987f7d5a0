"""A message in the length that a channel takes."""

from __future__ import annotations

import pytest

from fupan.alerts.shorten import LINE, shorten

POINTER = "The rest is in the report"
FAULTS = [
    f"{number}. rule_{number} [critical]\n   What failed: {'坏' * 40}\n   Rows: {number}" for number in range(1, 21)
]
SEEN = "What BI users see\n  - sales: yesterday"
BODY = "\n\n".join(["20 new faults", *FAULTS, SEEN, "Known before: 2 faults"])


def shortened(body: str, limit: int) -> str:
    found = shorten(body, POINTER, lambda text: len(text) <= limit)
    assert len(found) <= limit
    return found


def test_what_fits_is_left_alone() -> None:
    assert shortened(BODY, len(BODY)) == BODY


@pytest.mark.parametrize(
    ("limit", "whole", "named"), [(len(BODY) - 1, 19, 20), (900, 5, 20), (600, 0, 20), (300, 0, 8)]
)
def test_the_worst_faults_stay_whole_the_others_by_name(limit: int, whole: int, named: int) -> None:
    found = shortened(BODY, limit)
    assert found.startswith("20 new faults\n\n1. rule_1 [critical]")
    assert found.endswith(f"{SEEN}\n\nKnown before: 2 faults\n\n{POINTER}")
    assert found.count("What failed") == whole
    assert found.count("[critical]") == named
    assert len(found) > limit - max(map(len, FAULTS)), "no more would have fitted"
    assert (f"… and {20 - named} more 另有 {20 - named} 项" in found) == (named < 20)


def test_an_endless_error_does_not_push_the_rest_out() -> None:
    endless = FAULTS[0].replace("坏", "坏" * 200)
    found = shortened("\n\n".join(["1 new fault", endless, SEEN]), 700)
    assert "Rows: 1" in found
    assert max(map(len, found.split("\n"))) == LINE
    assert found.endswith(f"{SEEN}\n\n{POINTER}")


@pytest.mark.parametrize("limit", [len(POINTER) + 4, 100, 300, 650])
def test_any_other_message_keeps_its_beginning(limit: int) -> None:
    found = shortened("\n".join(f"  - rule_{number}, open since yesterday" for number in range(30)), limit)
    assert found.endswith(f" …\n\n{POINTER}")
    assert len(found) >= limit - 2


def test_where_not_even_the_pointer_fits_it_is_all_that_is_left() -> None:
    assert shorten("x" * 100, POINTER, lambda text: len(text) < 5) == f" …\n\n{POINTER}"
