"""How long to wait before a request is made again."""

from __future__ import annotations

import contextlib
import random

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

#: Answers that say "not now": trying again later may help.
NOT_NOW = frozenset({408, 425, 429, *range(500, 600)})

#: Waits in seconds: the first, and the longest that was not asked for; each is about twice the one before.
FIRST_S, LONGEST_S = 1.0, 60.0
#: How long one request is waited for in all: a server that fails (its task is tried again anyhow), and one that says when to
#: come back.
FAILING_S, ASKED_S = 60.0, 900.0


class Patience:
    """What one request has been waited for so far."""

    def __init__(self) -> None:
        self._failures, self._waited = 0, 0.0

    def next_wait(self, retry_after: str | None = None) -> float | None:
        """Seconds until the next attempt; None where patience is at its end.

        ``retry_after``: header of the answer, in seconds or as an HTTP date; one that is neither is ignored.
        """
        asked = _seconds(retry_after)
        # Spread out, so that those who were turned away together do not come back together; never earlier than asked, and
        # slower and slower whatever is asked.
        backoff = min(FIRST_S * 2.0**self._failures, LONGEST_S) * random.uniform(0.5, 1)
        wait = max(asked + FIRST_S * random.uniform(0, 0.5), backoff)
        if self._waited + wait > (ASKED_S if asked else FAILING_S):
            return None
        self._failures += 1
        self._waited += wait
        return wait


def _seconds(retry_after: str | None) -> float:
    with contextlib.suppress(InvalidHeader, ValueError, OverflowError):
        return Retry().parse_retry_after(retry_after or "0")
    return 0
