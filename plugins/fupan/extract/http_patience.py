"""How long to wait before a request is made again."""

from __future__ import annotations

import contextlib
import random

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

#: Answers that say "not now": trying again later may help.
NOT_NOW = frozenset({408, 425, 429, *range(500, 600)})
#: Of these, the ones that say that we all ask too often or too much.
TOO_OFTEN = frozenset({429, 503})

#: Waits in seconds: the first, and the longest that was not asked for; each is about twice the one before.
FIRST_S, LONGEST_S = 1.0, 60.0
#: How long one request is waited for in all: where the server fails before it has answered at all (the task is tried again
#: anyhow), where it fails in the middle, and where it says when to come back.
DOWN_S, FAILING_S, ASKED_S = 10.0, 60.0, 900.0


class Patience:
    """What one request has been waited for so far; ``in_the_middle``: others have been answered before."""

    def __init__(self, *, in_the_middle: bool) -> None:
        self._failures, self._waited, self._limit = 0, 0.0, FAILING_S if in_the_middle else DOWN_S

    def next_wait(self, retry_after: str | None = None) -> float | None:
        """Seconds until the next attempt; None where patience is at its end.

        ``retry_after``: header of the answer, in seconds or as an HTTP date; one that is neither is ignored.
        """
        asked = _seconds(retry_after)
        # Spread out, so that those who were turned away together do not come back together; never earlier than asked, and
        # slower and slower whatever is asked.
        backoff = min(FIRST_S * 2.0**self._failures, LONGEST_S) * random.uniform(0.5, 1)
        wait = max(asked + FIRST_S * random.uniform(0, 0.5), backoff)
        if self._waited + wait > (ASKED_S if asked else self._limit):
            return None
        self._failures += 1
        self._waited += wait
        return wait


def _seconds(retry_after: str | None) -> float:
    with contextlib.suppress(InvalidHeader, ValueError, OverflowError):
        return Retry().parse_retry_after(retry_after or "0")
    return 0
