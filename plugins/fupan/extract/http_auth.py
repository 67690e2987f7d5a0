"""What a request carries to say who asks; a signature is made afresh for every attempt, for it holds the time."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime

from fupan.contracts.installation import Auth
from fupan.errors import ConfigurationError
from fupan.extract.connections import Site

_NEEDS = {"none": (), "bearer": ("password",), "basic": ("login", "password"), "signed": ("login", "password")}


def require_secrets(auth: Auth, site: Site, connection: str, system: str) -> None:
    """Raise ConfigurationError where the connection lacks what the scheme needs, or has what no header can carry."""
    if missing := [part for part in _NEEDS[auth.scheme] if not getattr(site, part)]:
        raise ConfigurationError(
            f"Connection {connection} has no {' and no '.join(missing)}, which {auth.scheme} requests need",
            system=system,
            remedy="Complete the connection, or correct `auth` in the installation's YAML",
        )
    told = headers(auth, site)
    if not all(text.isascii() and text.isprintable() for text in [*told, *told.values()]):
        raise ConfigurationError(
            f"Connection {connection} has a password or an extra with a line break or a letter beyond ASCII",
            system=system,
            remedy="Enter it again; a line break often comes along when a token is pasted",
        )


def headers(auth: Auth, site: Site) -> dict[str, str]:
    """Headers of every request, the connection's own among them."""
    given = dict(site.headers)
    if auth.scheme == "bearer":
        given["Authorization"] = f"Bearer {site.password}"
    if auth.scheme == "basic":
        given["Authorization"] = f"Basic {b64encode(f'{site.login}:{site.password}'.encode()).decode()}"
    return given


def signed(auth: Auth, site: Site, path: str, parameters: Mapping[str, str], now: datetime) -> dict[str, str]:
    """The parameters, and where the scheme says so with key, time and signature over ``path`` and all of them.

    ``path``: below the connection's address. ``now``: in the source's zone.
    """
    if auth.scheme != "signed":
        return dict(parameters)
    told = {name: value for name, value in parameters.items() if name != auth.signature_parameter}
    told |= {auth.key_parameter: site.login or "", auth.time_parameter: _clock(auth, now)}
    text = (path if auth.sign_path else "") + "".join(name + told[name] for name in sorted(told))
    signature = hmac.digest((site.password or "").encode(), text.encode(), auth.digest).hex().upper()
    return told | {auth.signature_parameter: signature}


def _clock(auth: Auth, now: datetime) -> str:
    if auth.clock == "local":
        return f"{now:%Y-%m-%d %H:%M:%S}"
    return str(int(now.timestamp() * (1000 if auth.clock == "milliseconds" else 1)))
