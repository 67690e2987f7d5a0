"""One HTTP API: requests with its credentials over connections that are kept, patiently, until a whole JSON document came.

Nothing that a request carries (parameters, headers) gets into a message or log: it may be a secret. Of answers only what
a server says about a refused request is shown, with the secrets crossed out.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit
from zoneinfo import ZoneInfo

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    SSLError,
    TimeoutError,
)

from fupan.contracts.installation import HttpSystem
from fupan.errors import ConfigurationError, ContractError, SourceUnavailable
from fupan.extract import http_auth
from fupan.extract.connections import Site
from fupan.extract.http_document import Documents
from fupan.extract.http_patience import NOT_NOW, TOO_OFTEN, Patience
from fupan.extract.http_turn import Turn
from fupan.extract.source import CONNECT_TIMEOUT_S

log = logging.getLogger("fupan.extract")

#: Longest silence within an answer, and longest time until all of it is there.
SILENCE_S, ANSWER_S = 120.0, 600.0
#: A larger answer is no page: a list without paging, or a small body that unpacks to a flood.
LARGEST_BYTES = 256 << 20

_REDIRECTS = 5
_CHUNK = 1 << 18
#: Connections that are kept; more are made where more requests are under way.
_KEPT = 32
_NEXT_LINK = re.compile(r"<([^>]*)>[^<]*?;\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next\b)", re.IGNORECASE)

#: What urllib3 calls it (the first that fits) -> what happened, without the address, which it would tell.
_FAILURES: dict[type[HTTPError], str] = {
    NameResolutionError: "the server's name is unknown",
    NewConnectionError: "the server does not accept a connection",
    TimeoutError: "no answer in time",
    SSLError: "no secure connection (certificate or protocol)",
    DecodeError: "the answer can't be unpacked",
    ProtocolError: "the answer breaks off",
}


class _NotNow(Exception):
    """An attempt failed, and another one may not; ``retry_after`` is the server's word on when, ``too_often`` on why."""

    def __init__(self, problem: str, retry_after: str | None = None, *, too_often: bool = False) -> None:
        super().__init__(problem)
        self.retry_after, self.too_often = retry_after, too_often


@dataclass(frozen=True)
class Answer:
    """A JSON document (as of Documents.read) and the address that it came from.

    ``next_link``: the one of relation `next` in the header Link, as the server wrote it.
    """

    url: str
    document: Any
    next_link: str | None


class Client:
    """Requests to one system, from any number of threads; what it is asked too often, it is asked by one at a time."""

    def __init__(self, system: HttpSystem, site: Site) -> None:
        self._system, self._site, self._zone = system, site, ZoneInfo(system.time_zone)
        http_auth.require_secrets(system.auth, site, system.connection, system.system)
        self._identity = http_auth.headers(system.auth, site)
        self._has_answered = False
        self._secrets = _spellings([site.password, *self._identity.values()], site)
        self._documents, self._turn = Documents(), Turn()
        self._pool = PoolManager(
            maxsize=_KEPT, timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=SILENCE_S), retries=False
        )

    def reach(self) -> None:
        """Raise SourceUnavailable at once where nothing listens at the connection's address."""
        try:
            socket.create_connection(_origin(self._site.base)[1:], CONNECT_TIMEOUT_S).close()
        except OSError as refusal:
            raise SourceUnavailable(
                f"The source does not answer: {refusal.strerror or type(refusal).__name__}",
                system=self._system.system,
                remedy=f"Check that it runs and that connection {self._system.connection} is right",
            ) from None

    def get(self, path: str, parameters: Mapping[str, str], table: str | None = None) -> Answer:
        """The document at ``path`` below the connection's address.

        Raises SourceUnavailable once patience is at its end, ConfigurationError where the server does not let us in or does
        not know the address, ContractError where it refuses the request.
        """
        return self._ask(self._site.base + path, parameters, table)

    def follow(self, answer: Answer, link: str, table: str | None = None) -> Answer:
        """The document that ``answer`` links to; raises as `get`, and ContractError where that is on another server."""
        url = _joined(answer.url, link)
        if not self._is_ours(url):
            raise ContractError(
                "A page links to another server, which must not see the credentials",
                system=self._system.system,
                table=table,
                remedy=f"If the source has moved, correct the address of connection {self._system.connection}",
            )
        return self._ask(url, {}, table)

    def close(self) -> None:
        """Leave the server; requests that wait for another try end."""
        self._turn.end()
        self._pool.clear()

    def _ask(self, url: str, parameters: Mapping[str, str], table: str | None) -> Answer:
        patience, path = Patience(in_the_middle=self._has_answered), urlsplit(url).path
        try:
            while True:
                self._turn.await_mine()
                try:
                    return self._try(url, parameters, path, table)
                except _NotNow as failure:
                    if failure.too_often and not self._turn.take():
                        continue
                    wait = patience.next_wait(failure.retry_after)
                    if wait is None:
                        raise self._gave_up(path, table, failure) from None
                    log.info("%s: GET %s: %s; again in %.1f s", self._system.system, path, failure, wait)
                    if not self._turn.pause(wait):
                        raise self._gave_up(path, table, failure) from None
        finally:
            self._turn.leave()

    def _try(self, url: str, parameters: Mapping[str, str], path: str, table: str | None) -> Answer:
        response, body = self._fetch(self._addressed(url, parameters))
        if response.status == 200:
            answer = Answer(url, self._document(response, body), _next_link(response))
            self._has_answered = True
            return answer
        if response.status not in NOT_NOW:
            self._refused(response.status, body, path, table)
        wish = response.headers.get("Retry-After")
        raise _NotNow(f"HTTP {response.status}", wish, too_often=response.status in TOO_OFTEN)

    def _document(self, response: BaseHTTPResponse, body: bytes) -> Any:
        """The JSON in a body; a login page, a maintenance page, half a document are no empty page, they are none."""
        kind = response.headers.get("Content-Type", "")
        try:
            return self._documents.read(body, kind)
        except (ValueError, ArithmeticError, LookupError, RecursionError):
            shown = re.sub(r"[^\w/+.-].*", "", kind) or "of no type"
            raise _NotNow(f"the answer is no JSON document ({len(body)} bytes, {shown})") from None

    def _gave_up(self, path: str, table: str | None, failure: _NotNow) -> SourceUnavailable:
        error = SourceUnavailable(
            f"GET {path} fails: {failure}",
            system=self._system.system,
            table=table,
            remedy="Try again later; if it goes on, ask the source's owner",
        )
        self._turn.give_up(error)
        return error

    def _addressed(self, url: str, parameters: Mapping[str, str]) -> str:
        """The address with its parameters, signed where the scheme says so."""
        if self._system.auth.scheme == "signed":
            parts = urlsplit(url)
            path = parts.path.removeprefix(urlsplit(self._site.base).path)
            told = dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(parameters)
            url = parts._replace(query="").geturl()
            parameters = http_auth.signed(self._system.auth, self._site, path, told, datetime.now(self._zone))
        return f"{url}?{urlencode(parameters, quote_via=quote)}" if parameters else url

    def _fetch(self, url: str) -> tuple[BaseHTTPResponse, bytes]:
        """One attempt: the answer and its body; another server that it redirects to does not see the credentials."""
        for _ in range(1 + _REDIRECTS):
            headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "fupan"}
            if self._is_ours(url):
                headers |= self._identity
            try:
                response = self._pool.request("GET", url, headers=headers, redirect=False, preload_content=False)
                try:
                    body = _whole(response)
                finally:
                    # A body that was read to its end has given the connection back; any other is not used again.
                    response.close()
            except HTTPError as failure:
                raise _NotNow(_described(failure)) from None
            location = response.get_redirect_location()
            if not location:
                return response, body
            url = _joined(url, location)
        raise _NotNow(f"redirected more than {_REDIRECTS} times")

    def _is_ours(self, url: str) -> bool:
        return _origin(url) == _origin(self._site.base)

    def _refused(self, status: int, body: bytes, path: str, table: str | None) -> NoReturn:
        system, connection = self._system.system, self._system.connection
        if status in (401, 403, 407):
            raise ConfigurationError(
                f"GET {path}: HTTP {status}, the server does not let us in",
                system=system,
                table=table,
                remedy=f"Correct login and password (token) of connection {connection}, or ask the source's owner for access",
            )
        if status in (404, 405, 410):
            raise ConfigurationError(
                f"GET {path}: HTTP {status}, the server does not know this address",
                system=system,
                table=table,
                remedy=f"Correct the path in the installation's YAML, or the address of connection {connection}",
            )
        raise ContractError(
            f"GET {path}: HTTP {status}, the server refuses the request{self._said(body)}",
            system=system,
            table=table,
            remedy="Compare parameters and paging in the installation's YAML with the source's documentation",
        )

    def _said(self, body: bytes) -> str:
        try:
            text = json.dumps(json.loads(body), ensure_ascii=False)
        except (ValueError, RecursionError):
            return ""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return f": {text[:200]}"


def _whole(response: BaseHTTPResponse) -> bytes:
    """The unpacked body to its end; raises HTTPError or _NotNow where it does not come to one."""
    chunks, size, deadline = list[bytes](), 0, time.monotonic() + ANSWER_S
    while chunk := response.read1(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_BYTES:
            raise _NotNow(f"the answer is larger than {LARGEST_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise _NotNow(f"the answer takes longer than {ANSWER_S:.0f} s")
    return b"".join(chunks)


def _next_link(response: BaseHTTPResponse) -> str | None:
    found = _NEXT_LINK.search(response.headers.get("Link", ""))
    return found[1] if found else None


def _joined(base: str, link: str) -> str:
    """The address of a link; one that is none is on no server."""
    try:
        url = urljoin(base, link)
        _origin(url)
    except ValueError:
        return "no address"
    return url


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _described(failure: HTTPError) -> str:
    return next((told for kind, told in _FAILURES.items() if isinstance(failure, kind)), type(failure).__name__)


def _spellings(secrets: list[str | None], site: Site) -> list[str]:
    """The secrets, also as they stand in JSON, in an address and in a header; long ones first."""
    known = {secret for secret in secrets if secret and len(secret) > 3}
    known |= {b64encode(f"{site.login or ''}:{site.password or ''}".encode()).decode()}
    known |= {json.dumps(secret, ensure_ascii=False)[1:-1] for secret in known} | {
        quote(secret, "") for secret in known
    }
    return sorted(known, key=len, reverse=True)
