"""How one reads an HTTP API in twenty lines, to show what comes of it."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from tests.http_api import TOKEN, Api

Rows = list[dict[str, Any]]


def fetched(api: Api, path: str, timeout: float | None = None, **parameters: Any) -> Any:
    """The document; None for whatever is none."""
    url = f"{api.url}{path}?{urlencode(parameters)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException):
        return None


def by_cursor(api: Api, path: str = "/v1/orders", size: int = 3, at_most: int = 1000) -> Rows:
    """Page after page until one names no next one, ``at_most`` of them; what is no page is the end."""
    rows, cursor = Rows(), dict[str, str]()
    for _ in range(at_most):
        document = fetched(api, path, limit=size, **cursor)
        rows += (document or {}).get("data", [])
        following = (document or {}).get("paging", {}).get("next_cursor")
        if following is None:
            break
        cursor = {"cursor": following}
    return rows


def over_a_socket(api: Api, path: str = "/v1/orders", size: int = 3) -> Rows:
    """The first page, its body as it comes."""
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"GET {path}?limit={size} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        with connection.makefile("rb") as answer:
            body = answer.read().partition(b"\r\n\r\n")[2]
    try:
        return list(json.loads(body)["data"])
    except ValueError:
        return []


def by_page(api: Api, path: str = "/v1/orders", size: int = 3, at_once: int = 1) -> Rows:
    """Page after page by number, or several at once, until an empty one."""
    rows = Rows()
    with ThreadPoolExecutor(at_once) as pool:
        for first in itertools.count(1, at_once):
            for document in pool.map(
                lambda page: fetched(api, path, limit=size, page=page), range(first, first + at_once)
            ):
                if not document or not document["data"]:
                    return rows
                rows += document["data"]
    raise AssertionError
