"""What a CSV file and a worksheet have in common: a header, then records that each know their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from fupan.errors import ContractError
from fupan.extract.text_stage import Fault

#: (file and line, texts in the order of the header), or why there are no such texts.
Record = tuple[str, Sequence[str | None]] | Fault


class Sheet(Protocol):
    """A table in a file, its header read."""

    @property
    def header(self) -> list[str]:
        """Names of the columns."""
        ...

    def records(self) -> Iterator[Record]:
        """Rows after the header, as long as the file is open; blank ones are left out."""
        ...

    def explained(self, first: Fault, faults: int, rows: int) -> ContractError:
        """What to say of a file so many of whose rows can't be read."""
        ...


def header_names(cells: Sequence[str]) -> list[str]:
    """Names without the blanks around them; a column without one is called after its place: `column 7`."""
    return [cell.strip(" \t\r\n\u00a0\u3000\ufeff") or f"column {place}" for place, cell in enumerate(cells, 1)]
