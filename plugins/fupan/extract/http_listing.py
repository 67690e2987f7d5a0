"""One read of a list: its requests, the objects on its pages, and what can be no page of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from fupan.contracts.contract import Contract
from fupan.contracts.installation import HttpList, Paging
from fupan.errors import ContractError
from fupan.extract.http_client import Answer, Client
from fupan.extract.http_records import ABSENT, at

#: So many pages one after the other with nothing on them, each naming a next one, are an endless list.
_EMPTY_PAGES = 1000
#: What stands where the next cursor would, after the last page.
_NO_MORE = (None, "", False, 0, "0")

Item = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """Objects that no page before has brought; ``name`` is unique in the list, ``first`` the place of the first of them."""

    name: str
    items: list[Item]
    first: int = 1


class Listing:
    """A list as one reader goes through it; what looks into an answer raises ContractError where it does not fit."""

    def __init__(
        self, client: Client, contract: Contract, wanted: HttpList, paging: Paging, parameters: Mapping[str, str]
    ) -> None:
        self.paging = paging
        self._client, self._contract, self._wanted = client, contract, wanted
        self._parameters, self._name = dict(parameters), paging.parameter or paging.kind
        self._empty = 0
        self._seen_pages, self._seen_cursors = set[int](), set[int]()

    def first(self) -> Answer:
        """The answer without a cursor."""
        return self._get({}, self.paging.size)

    def at(self, place: int, size: int) -> Answer:
        """The answer at an offset, or of the page of that number."""
        return self._get({self._name: str(place)}, size)

    def following(self, answer: Answer, name: str) -> Callable[[], Answer] | None:
        """The request for what comes after the answer by cursor or link; None after the last."""
        kind = self.paging.kind
        if kind == "none":
            return None
        following = answer.next_link if self.paging.next is None else self._next(answer, name)
        if following is None:
            return None
        if _is_known(self._seen_cursors, following):
            self.broken(f"{name} names a next one that was read before")
        if kind == "link":
            return lambda: self._client.follow(answer, following, self._contract.name)
        return lambda: self._get({self._name: following}, self.paging.size)

    def says_last(self, answer: Answer, name: str) -> bool:
        """Whether the answer says that nothing comes after it; false where it says nothing of it."""
        return self.paging.next is not None and self._next(answer, name) is None

    def items(self, answer: Answer, name: str) -> list[Item]:
        """The answer's objects."""
        found = at(answer.document, self._wanted.items)
        where = f"at {self._wanted.items}" if self._wanted.items else "(it should be one)"
        if not isinstance(found, list):
            self.broken(f"{name} has no list {where}; it holds {_shape(answer.document)}")
        if not all(isinstance(item, dict) for item in found):
            self.broken(f"{name} has a list {where} of other things than objects")
        return found

    def new_page(self, items: list[Item], name: str) -> None:
        """Take note of a page; the same one again, or nothing for ever, is no progress."""
        self._empty = 0 if items else self._empty + 1
        if self._empty > _EMPTY_PAGES:
            self.broken(f"{_EMPTY_PAGES} empty pages follow each other")
        if items and _is_known(self._seen_pages, (len(items), repr(items[0]), repr(items[-1]))):
            self.broken(f"{name} is the same as one before")

    def broken(self, problem: str, remedy: str | None = None) -> NoReturn:
        """Raise ContractError: the list can't be read like this."""
        raise ContractError(
            f"GET {self._wanted.path}: {problem[0].upper()}{problem[1:]}",
            system=self._contract.system,
            table=self._contract.name,
            remedy=remedy or "Compare `items` and `paging` in the installation's YAML with what the source answers",
        )

    def _get(self, place: dict[str, str], size: int) -> Answer:
        sized = {self.paging.size_parameter: str(size)} if self.paging.size_parameter else {}
        return self._client.get(self._wanted.path, self._parameters | sized | place, self._contract.name)

    def _next(self, answer: Answer, name: str) -> str | None:
        found = at(answer.document, self.paging.next or "")
        if found is ABSENT and not self.paging.next_omitted:
            self.broken(f"{name} does not say whether there is a next one: it has no {self.paging.next}")
        if found is ABSENT or found in _NO_MORE:
            return None
        if isinstance(found, (dict, list)):
            self.broken(f"{name} names no next one at {self.paging.next}, but {_shape(found)}")
        return str(found)


def _is_known(seen: set[int], one: Hashable) -> bool:
    """Whether it was seen before; from now on it was. A hash a page is all that is kept."""
    known = hash(one) in seen
    seen.add(hash(one))
    return known


def _shape(document: Any) -> str:
    """What a document looks like, by names and kinds alone."""
    if isinstance(document, dict):
        return f"an object with {', '.join(list(document)[:10]) or 'nothing in it'}"[:200]
    return {list: "a list", str: "a text", type(None): "null"}.get(type(document), "a single value")
