"""Which files of a table a night reads, in the order of their days."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import date, datetime

from fupan.contracts.installation import FilesTable
from fupan.errors import ContractError, SourceUnavailable
from fupan.extract.file_folder import DroppedFile, Folder
from fupan.extract.source import Read

log = logging.getLogger("fupan.extract")


@dataclass(frozen=True)
class DatedFile:
    """A file and the moment that its name tells, if any."""

    file: DroppedFile
    moment: datetime | None

    @property
    def day(self) -> date | None:
        """The day that the file belongs to."""
        return self.moment.date() if self.moment else None


def eligible(folder: Folder, read: Read, business_day: date) -> list[DatedFile]:
    """The table's files up to the business day, oldest first, whether or not they have been read; with a window those of its
    days. Where a file is the whole table: the newest alone, whatever the window.

    Files that are still being delivered wait for another night. Raises SourceUnavailable where that is the file without
    which tonight has not landed, or where there is none; ContractError for a name that is no text.
    """
    entry, contract = read.entry, read.contract
    assert isinstance(entry, FilesTable)
    pattern = entry.pattern
    named = [DatedFile(file, pattern.moment_of(file.name)) for file in folder.files if pattern.matches(file.name)]
    if unreadable := next((dated.file.name for dated in named if not _is_text(dated.file.name)), None):
        raise ContractError(
            f"A file's name is no text: {os.fsencode(unreadable)!r}",
            system=contract.system,
            table=contract.name,
            remedy="Have it written under a name in UTF-8, or rename it",
        )
    whole = [dated for dated in named if dated.file.is_whole]
    if entry.each_night and not any(dated.day == business_day for dated in whole):
        half = next((dated.file.name for dated in named if dated.day == business_day), None)
        raise SourceUnavailable(
            f"{half or pattern.name_of(business_day)} has not been delivered {'whole ' if half else ''}yet to {folder.path}",
            system=contract.system,
            table=contract.name,
            remedy="It is looked for again; if it does not come, ask the source's owner",
        )
    for waiting in (dated.file.name for dated in named if dated not in whole):
        log.warning("%s.%s: %s is not whole yet, it waits", contract.system, contract.name, waiting)
    first, last = read.window or (date.min, date.max)
    if entry.delivery == "full":
        first, last = date.min, date.max
    elif not contract.cursor:
        # Nothing but the order of files tells what is newer, so those after the window speak last again.
        last = date.max
    due = [dated for dated in whole if dated.day is None or (dated.day <= business_day and first <= dated.day <= last)]
    # Only where names tell no day is the time of writing asked: a copy of the folder has another.
    due.sort(key=lambda d: (d.moment or datetime.min, 0 if d.moment else d.file.modified_ns, d.file.name))
    return due[-1:] if entry.delivery == "full" else due


def _is_text(name: str) -> bool:
    """Whether the bytes of a name are UTF-8; else Python has surrogates for them, which nobody can write down."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
