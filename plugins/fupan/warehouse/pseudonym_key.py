"""The key of the hashes that replace personal data must not change: raw holds hashes made with it."""

from __future__ import annotations

import hashlib

from fupan import settings
from fupan.errors import ConfigurationError
from fupan.warehouse.connection import connect, rows


def fingerprint() -> str:
    """What tells the key from another without telling the key."""
    return hashlib.sha256(b"fupan pseudonym key" + settings.pseudonym_key()).hexdigest()[:16]


def require_unchanged() -> str:
    """The fingerprint, recorded in `ops` on first use; raises ConfigurationError where the warehouse knows another."""
    with connect("loader", "pseudonym key", autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into ops.pseudonym_key (fingerprint) values (%s) on conflict (only_row) do nothing",
                [fingerprint()],
            )
        known = str(rows(connection, "select fingerprint from ops.pseudonym_key")[0]["fingerprint"])
    if known != fingerprint():
        raise ConfigurationError(
            f"The pseudonym key has changed: its fingerprint is {fingerprint()}, the hashes in raw were made with {known}",
            remedy="Put the old key back (FUPAN_PSEUDONYM_KEY, or secrets.json in FUPAN_HOME): a person would have two hashes",
        )
    return known
