"""A message that is longer than its channel takes: what matters least goes first, and where the rest stands is said."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

#: Characters of a line in a message that is too long: an error of a database may go on for pages.
LINE = 300

_NUMBERED = re.compile(r"\d+\. ")


def shorten(body: str, pointer: str, fits: Callable[[str], bool]) -> str:
    """The body, or as much of it as ``fits``, with ``pointer`` to the whole at its end.

    A message on faults keeps its head, what BI users see, and every fault that fits: the first ones whole, the others by name,
    the last ones by their number. Any other keeps its beginning.
    """
    if fits(body):
        return body
    paragraphs = ["\n".join(map(_clip, one.split("\n"))) for one in body.split("\n\n")]
    places = [place for place, one in enumerate(paragraphs) if _NUMBERED.match(one)]
    if places:
        first, after = places[0], places[-1] + 1
        head, faults, tail = paragraphs[:first], paragraphs[first:after], paragraphs[after:]
        names = [one.partition("\n")[0] for one in faults]
        for shown in (
            *([*faults[:whole], "\n".join(names[whole:])] for whole in range(len(faults), -1, -1)),
            *(
                ["\n".join([*names[:named], f"… and {len(names) - named} more 另有 {len(names) - named} 项"])]
                for named in range(len(names) - 1, -1, -1)
            ),
        ):
            found = "\n\n".join(filter(None, [*head, *shown, *tail, pointer]))
            if fits(found):
                return found
    return _beginning("\n\n".join(paragraphs), pointer, fits)


def _clip(line: str) -> str:
    return line if len(line) <= LINE else f"{line[: LINE - 1]}…"


def _beginning(body: str, pointer: str, fits: Callable[[str], bool]) -> str:
    def of_length(length: int) -> str:
        return f"{body[:length].rstrip()} …\n\n{pointer}"

    too_long = bisect_left(range(len(body) + 1), True, key=lambda length: not fits(of_length(length)))
    return of_length(max(too_long - 1, 0))
