"""From a list's first page to its last, whichever way the source counts, and whatever moves meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping

from fupan.contracts.contract import Contract
from fupan.contracts.installation import HttpList, Paging
from fupan.extract.http_ahead import begin
from fupan.extract.http_client import Client
from fupan.extract.http_listing import Item, Listing, Page
from fupan.extract.http_places import by_place


def pages(
    client: Client,
    contract: Contract,
    wanted: HttpList,
    paging: Paging,
    parameters: Mapping[str, str],
    *,
    same: Callable[[Item], Hashable] = repr,
) -> Iterator[Page]:
    """Every page of the list, at least one; ``parameters`` go with each request. The next ones are under way meanwhile.

    ``same``: equal of two objects that are the same row in the same state. Raises ContractError where a page is none of this
    list, is the same as one before, or names a cursor that was followed before; and what Client raises.
    """
    listing = Listing(client, contract, wanted, paging, parameters)
    return by_place(listing, same) if paging.kind in ("page", "offset") else _by_cursor(listing)


def _by_cursor(listing: Listing) -> Iterator[Page]:
    number, upcoming = 0, begin(listing.first)
    while True:
        answer, number = upcoming.result(), number + 1
        name = f"page {number}"
        items = listing.items(answer, name)
        listing.new_page(items, name)
        following = listing.following(answer, name)
        if following is not None:
            upcoming = begin(following)
        yield Page(name, items)
        if following is None:
            return
