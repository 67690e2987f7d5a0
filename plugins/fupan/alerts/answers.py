"""What the robots of DingTalk, WeCom and Feishu answer to a message.

They refuse one (wrong key or signature, a keyword missing, too many a minute, too long) with HTTP 200 and a code in the answer,
which their Apprise plugins (2.2.0) take for delivered. The plugins post through the name `requests` of their module; it is
replaced by one that reads the answer too.
"""

from __future__ import annotations

from typing import Any

import requests
from apprise.logger import logger
from apprise.plugins import dingtalk, feishu, lark, wecombot


class _ReadingRequests:
    """`requests`, but a post that was refused by its answer has the status of one that was refused by HTTP."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def post(self, url: str, **given: Any) -> requests.Response:
        response = requests.post(url, **given)
        if refusal := _refusal(response):
            # What is logged while a message is sent is what its delivery tells.
            logger.warning("Refused: %s", refusal)
            response.status_code = requests.codes.bad_request
        return response


def _refusal(response: requests.Response) -> str | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    if not isinstance(answer, dict):
        return None
    code = answer.get("errcode") or answer.get("code")
    return f"{code} {answer.get('errmsg') or answer.get('msg')}" if code else None


def read_answers() -> None:
    """From now on those plugins tell a message that was refused from one that was delivered."""
    for module in (dingtalk, feishu, lark, wecombot):
        vars(module)["requests"] = _ReadingRequests()
