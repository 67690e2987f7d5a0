"""From a list's first page to its last, whichever way the source counts; a page that can't be the next one is an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


@dataclass(frozen=True)
class Page:
    """One page, counted from 1; ``items`` are JSON objects."""

    number: int
    items: list[dict[str, Any]]


def pages(
    client: Client, contract: Contract, wanted: HttpList, paging: Paging, parameters: Mapping[str, str]
) -> Iterator[Page]:
    """Every page of the list in turn, at least one; ``parameters`` go with each request.

    Raises ContractError where a page is none of this list, is the same as one before, or names a cursor that was followed
    before; and what Client raises.
    """
    listing = _Listing(client, contract, wanted, paging, parameters)
    answer: Answer | None = listing.first()
    while answer is not None:
        page = listing.page(answer)
        yield page
        answer = listing.after(answer, page)


class _Listing:
    """One read of a list: where it stands, and what it has seen."""

    def __init__(
        self, client: Client, contract: Contract, wanted: HttpList, paging: Paging, parameters: Mapping[str, str]
    ) -> None:
        self._client, self._contract, self._wanted, self._paging = client, contract, wanted, paging
        size = {paging.size_parameter: str(paging.size)} if paging.size_parameter else {}
        self._parameters = dict(parameters) | size
        self._name = paging.parameter or paging.kind
        self._number, self._offset, self._empty = 0, 0, 0
        self._seen_pages, self._seen_cursors = set[int](), set[int]()

    def first(self) -> Answer:
        """The list's beginning."""
        start = {"page": {self._name: str(self._paging.first)}, "offset": {self._name: "0"}}
        return self._get(start.get(self._paging.kind, {}))

    def page(self, answer: Answer) -> Page:
        """The answer's objects, counted."""
        self._number += 1
        items = self._items(answer)
        self._offset += len(items)
        self._empty = 0 if items else self._empty + 1
        if self._empty > _EMPTY_PAGES:
            self._broken(f"{_EMPTY_PAGES} empty pages follow each other")
        if items and _is_known(self._seen_pages, (len(items), repr(items[0]), repr(items[-1]))):
            self._broken(f"Page {self._number} is the same as one before")
        return Page(self._number, items)

    def after(self, answer: Answer, page: Page) -> Answer | None:
        """The next page's answer; None where ``page`` was the last."""
        kind = self._paging.kind
        if kind == "none":
            return None
        if kind in ("page", "offset"):
            goes_on = bool(page.items) if self._paging.next is None else self._next(answer) is not None
            place = self._offset if kind == "offset" else self._paging.first + self._number
            return self._get({self._name: str(place)}) if goes_on else None
        following = answer.next_link if self._paging.next is None else self._next(answer)
        if following is None:
            return None
        if _is_known(self._seen_cursors, following):
            self._broken(f"Page {self._number} names a next one that was read before")
        if kind == "link":
            return self._client.follow(answer, following, self._contract.name)
        return self._get({self._name: following})

    def _get(self, place: dict[str, str]) -> Answer:
        return self._client.get(self._wanted.path, self._parameters | place, self._contract.name)

    def _items(self, answer: Answer) -> list[dict[str, Any]]:
        found = at(answer.document, self._wanted.items)
        where = f"at {self._wanted.items}" if self._wanted.items else "(it should be one)"
        if not isinstance(found, list):
            self._broken(f"Page {self._number} has no list {where}; it holds {_shape(answer.document)}")
        if not all(isinstance(item, dict) for item in found):
            self._broken(f"Page {self._number} has a list {where} of other things than objects")
        return found

    def _next(self, answer: Answer) -> str | None:
        found = at(answer.document, self._paging.next or "")
        if found is ABSENT and not self._paging.next_omitted:
            self._broken(f"Page {self._number} does not say whether there is a next one: it has no {self._paging.next}")
        if found is ABSENT or found in _NO_MORE:
            return None
        if isinstance(found, (dict, list)):
            self._broken(f"Page {self._number} names no next one at {self._paging.next}, but {_shape(found)}")
        return str(found)

    def _broken(self, problem: str) -> NoReturn:
        raise ContractError(
            f"GET {self._wanted.path}: {problem}",
            system=self._contract.system,
            table=self._contract.name,
            remedy="Compare `items` and `paging` in the installation's YAML with what the source answers",
        )


def _is_known(seen: set[int], one: object) -> bool:
    """Whether it was seen before; from now on it was. A hash a page is all that is kept."""
    known = hash(one) in seen
    seen.add(hash(one))
    return known


def _shape(document: Any) -> str:
    """What a document looks like, by names and kinds alone."""
    if isinstance(document, dict):
        return f"an object with {', '.join(list(document)[:10]) or 'nothing in it'}"[:200]
    return {list: "a list", str: "a text", type(None): "null"}.get(type(document), "a single value")
