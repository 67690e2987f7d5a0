"""What alerts are sent to, on this machine: an SMTP server, and the robots to which Apprise's plugins post."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.slack import NotifySlack
from apprise.plugins.wecombot import NotifyWeComBot

from tests.webhook import Webhook


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """An SMTP server on a free port that keeps what it is given."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.server = Controller(self, hostname="127.0.0.1", port=free_port())
        self.server.start()
        self.url = f"mailto://127.0.0.1:{self.server.port}?from=fupan@example.com&to=owners@example.com"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.received.append(parsed)
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    def bodies(self) -> list[str]:
        return [message.get_content() for message in self.received]

    def close(self) -> None:
        self.server.stop()


class Receivers:
    """One of each channel; ``urls``: its Apprise URL, by kind. The plugins' own code sends, to another host."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.mail = Mailbox()
        self.hooks = {kind: Webhook() for kind in ("dingtalk", "wecom", "feishu", "slack", "webhook")}
        self.urls = {
            "mail": self.mail.url,
            "dingtalk": "dingtalk://SECabc123@token123",
            "wecom": "wecombot://key-123",
            "feishu": "feishu://token-123",
            "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/#data",
            "webhook": self.hooks["webhook"].url,
        }
        # What the services answer to a message that they take.
        self.hooks["dingtalk"].answer = b'{"errcode": 0, "errmsg": "ok"}'
        self.hooks["wecom"].answer = b'{"errcode": 0, "errmsg": "ok"}'
        self.hooks["feishu"].answer = b'{"code": 0, "data": {}, "msg": "success"}'
        self.hooks["slack"].answer = b"ok"
        for kind, plugin, name in (
            ("dingtalk", NotifyDingTalk, "notify_url"),
            ("wecom", NotifyWeComBot, "notify_url"),
            ("feishu", NotifyFeishu, "notify_url"),
            ("slack", NotifySlack, "webhook_url"),
        ):
            host = f"http://127.0.0.1:{self.hooks[kind].server.server_port}"
            path = getattr(plugin, name).partition("://")[2].partition("/")[2]
            patch.setattr(plugin, name, f"{host}/{path}")

    def texts(self, kind: str) -> list[str]:
        """The words of every message that arrived, as their reader sees them (title first)."""
        if kind == "mail":
            words = [f"{one['Subject']}\n{one.get_content()}" for one in self.mail.received]
        else:
            words = [_words(kind, one) for one in self.hooks[kind].received]
        return [one.replace("\r\n", "\n").rstrip("\n") for one in words]

    def payloads(self, kind: str) -> list[str]:
        """Every message that arrived, as it arrived."""
        if kind == "mail":
            return [
                "\n".join([*(f"{name}: {value}" for name, value in one.items()), "", one.get_content()])
                for one in self.mail.received
            ]
        return [json.dumps(one, ensure_ascii=False, indent=2) for one in self.hooks[kind].received]

    def close(self) -> None:
        self.mail.close()
        for hook in self.hooks.values():
            hook.close()


@contextlib.contextmanager
def receivers() -> Iterator[Receivers]:
    """Receivers that are up, and nothing of an installation's own alerts in the environment."""
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(Receivers(patch)) as all_up:
        yield all_up


def _words(kind: str, posted: dict[str, Any]) -> str:
    match kind:
        case "feishu":
            words: str = posted["content"]["text"]
        case "slack":
            [attachment] = posted["attachments"]
            words = f"{attachment['title']}\n{attachment['text']}"
        case "webhook":
            words = f"{posted['title']}\n{posted['message']}"
        case _:
            words = posted["text"]["content"]
    return words
