"""From JSON objects to rows of text: a field is found by its dotted path, and what no object has is not there."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any

#: Stands for a field that an object does not have; one that it has may be null.
ABSENT: Any = object()


def at(document: Any, path: str) -> Any:
    """What stands at a dotted path (a number counts in a list; the empty path is the whole), ABSENT where nothing does.

    What lies below a null is null.
    """
    for name in path.split(".") if path else ():
        if isinstance(document, dict):
            document = document.get(name, ABSENT)
        elif isinstance(document, list) and name.isdecimal():
            document = document[int(name)] if int(name) < len(document) else ABSENT
        elif document is not None:
            return ABSENT
    return document


def as_text(value: Any) -> str | None:
    """A JSON value as the warehouse reads it: numbers as they were written, objects and lists as JSON; ABSENT is null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, Decimal)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return None if value is ABSENT else _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(name)}: {_json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    # json would write a Decimal as text or not at all.
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


class Fields:
    """Which fields of the objects become which columns, and which were seen.

    ``paths``: column -> dotted path. ``select`` uses fields of the objects by their own names as well: such a name becomes a
    column with the first object that has it.
    """

    def __init__(self, paths: Mapping[str, str], select: str | None) -> None:
        self._paths, self._select = dict(paths), select or ""
        self._known = {path.partition(".")[0] for path in paths.values()}
        self._absent = set(paths)
        self._new = dict[str, None]()

    @property
    def columns(self) -> list[str]:
        """The columns so far."""
        return list(self._paths)

    @property
    def absent(self) -> set[str]:
        """Columns whose field no object had."""
        return set(self._absent)

    @property
    def new(self) -> list[str]:
        """Names in the objects that nobody uses, in the order in which they were met."""
        return list(self._new)

    def meet(self, items: Sequence[Mapping[str, Any]]) -> list[str]:
        """Look at a page's objects before their rows are taken; returns the columns that they add."""
        added: list[str] = []
        for item in itertools.filterfalse(self._known.issuperset, items):
            for name in [name for name in item if name not in self._known]:
                self._known.add(name)
                if name in self._select and name not in self._paths:
                    self._paths[name] = name
                    added.append(name)
                else:
                    self._new[name] = None
        self._absent = {name for name in self._absent if all(at(item, self._paths[name]) is ABSENT for item in items)}
        return added

    def values(self, items: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]]:
        """The values of one object or more, a sequence a column in the order of ``columns``; null where a field is missing."""
        whole: Iterator[Any] = iter(_columns(items, [path for path in self._paths.values() if "." not in path]))
        return [_below(items, path) if "." in path else next(whole) for path in self._paths.values()]

    def rows(self, items: Iterable[Mapping[str, Any]]) -> Iterator[list[str | None]]:
        """The objects' values in the order of ``columns``; null where an object lacks a field."""
        paths = [(path, "." in path) for path in self._paths.values()]
        for item in items:
            yield [as_text(at(item, path) if nested else item.get(path)) for path, nested in paths]


def _columns(items: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Sequence[Any]]:
    if len(names) > 1:
        with contextlib.suppress(KeyError):
            return list(zip(*map(itemgetter(*names), items), strict=True))
    return [[item.get(name) for item in items] for name in names]


def _below(items: Sequence[Mapping[str, Any]], path: str) -> list[Any]:
    found = (at(item, path) for item in items)
    return [None if value is ABSENT else value for value in found]
