"""How the files of a table are named: `complaints_{date}.xlsx`, `export_{date:%Y%m%d}_*.csv`, `history.csv`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

_PART = re.compile(r"(\{date(?::[^{}]*)?\}|\*|\?)")
_ISO = "%Y-%m-%d"
_DIGITS = {"%Y": r"\d{4}", **dict.fromkeys(("%y", "%m", "%d", "%H", "%M", "%S"), r"\d{2}")}


@dataclass(frozen=True)
class FilePattern:
    """A parsed pattern. ``notation``: of the day in a name, as strptime writes it; None where names tell no day."""

    text: str
    notation: str | None
    _expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> FilePattern:
        """Raises ValueError where the pattern is malformed."""
        if not text or "/" in text or "\\" in text or text.startswith("."):
            raise ValueError(f"{text!r} names no file directly in the folder")
        notation, expression = None, ""
        for part in _PART.split(text):
            if part.startswith("{date"):
                if notation is not None:
                    raise ValueError(f"{text!r} names a day twice")
                notation = part[len("{date:") : -1] or _ISO
                expression += f"(?P<day>{_day_expression(notation)})"
            elif "{" in part or "}" in part:
                raise ValueError(f"{text!r} has braces that are no {{date}} or {{date:%Y%m%d}}")
            else:
                expression += {"*": ".*", "?": "."}.get(part, re.escape(part))
        return cls(text, notation, re.compile(expression, re.DOTALL))

    def matches(self, name: str) -> bool:
        """Whether a file of that name belongs to the table; a day that the calendar lacks is none."""
        found = self._expression.fullmatch(name)
        return found is not None and (self.notation is None or self._moment(found) is not None)

    def moment_of(self, name: str) -> datetime | None:
        """The day, and the time of day if any, that a matching name tells; None where the pattern has none."""
        found = self._expression.fullmatch(name)
        return self._moment(found) if found and self.notation else None

    def name_of(self, day: date) -> str:
        """What a file of that day is called; wildcards stay."""
        return _PART.sub(lambda part: f"{day:{self.notation}}" if part[0].startswith("{") else part[0], self.text)

    def _moment(self, found: re.Match[str]) -> datetime | None:
        try:
            return datetime.strptime(found["day"], self.notation or _ISO)
        except ValueError:
            return None


def _day_expression(notation: str) -> str:
    fields = re.findall("%.", notation)
    if unknown := [field for field in fields if field not in _DIGITS]:
        raise ValueError(f"{unknown[0]} in {{date:{notation}}} is none of {' '.join(_DIGITS)}")
    if len(set(fields)) != len(fields) or not {"%m", "%d"} <= {*fields} or not {"%Y", "%y"} & {*fields}:
        raise ValueError(f"{{date:{notation}}} does not tell year, month and day, each once")
    return "".join(_DIGITS.get(part, re.escape(part)) for part in re.split("(%.)", notation))
