"""Foreign texts without personal data: a source's error may quote what it choked on."""

from __future__ import annotations

import re

# Names can't be told from other words; these can.
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_PHONE = re.compile(
    r"(?<![\w-])(\+\d{1,3}[ -]?)?(1[3-9]\d{9}|0\d{2,3}[ -]\d{7,8}|\(?\d{3}\)?[ -]\d{3}[ -]\d{4})(?![\w-])"
)


def redact(text: str) -> str:
    """A text with e-mail addresses and phone numbers replaced by what they are."""
    return _PHONE.sub("[phone]", _EMAIL.sub("[e-mail]", text))
