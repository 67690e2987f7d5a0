"""Who hears of what, and where: one reader of `expectations/routing.yml`.

All routes that fit a message add up. Where none fits, or no channel of those that do is set, the default route takes it. An
installation that sets none but the default's variables (FUPAN_ALERT_URLS, as the file comes) has one channel for everything.

| variable | meaning | default |
|---|---|---|
| FUPAN_ROUTING | routing file of the installation (a relative path counts from the project) | `expectations/routing.yml` |
| those that the file names | Apprise URLs of a channel, apart by commas or spaces | none: it is skipped |
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from apprise.utils.parse import parse_urls
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from fupan import settings
from fupan.alerts.incidents import DEFAULT_OWNER, SEVERITIES
from fupan.contracts.contract import contracts
from fupan.errors import ConfigurationError
from fupan.quality.suites import mart_suites, raw_suites

#: Where everything goes when the routing file itself can't be read.
LAST_RESORT = "FUPAN_ALERT_URLS"


@dataclass(frozen=True)
class Channel:
    """One address to send to. ``url`` None: there is none, and ``missing`` says why."""

    name: str
    url: str | None
    missing: str | None = None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]


def _variable(value: Any) -> Any:
    # What does not fit is not quoted: it may be an address with its password.
    if not (isinstance(value, str) and value.startswith("${") and value.endswith("}") and value[2:-1].isidentifier()):
        raise ValueError("an address is a secret: put it in an environment variable, and write ${ITS_NAME} here")
    return value[2:-1]


Variable = Annotated[str, BeforeValidator(_variable)]


class Route(_Strict):
    """Messages to one of the owners, at least this severe, on one of the dimensions go to all ``channels``.

    ``owner`` or ``dimension`` left out: whoever's, whatever it touches.
    """

    owner: Names = ()
    severity: Literal["warning", "critical"] = "warning"
    dimension: Names = ()
    channels: Names = Field(min_length=1)

    def takes(self, owner: str, severity: str, dimensions: Collection[str]) -> bool:
        """Whether a message goes this way."""
        return (
            (not self.owner or owner in self.owner)
            and SEVERITIES.index(severity) >= SEVERITIES.index(self.severity)
            and (not self.dimension or not set(dimensions).isdisjoint(self.dimension))
        )


class Routing(_Strict):
    """``channels``: name -> environment variable that holds its addresses."""

    channels: dict[str, Variable]
    routes: tuple[Route, ...] = ()
    default: Names = Field(min_length=1)

    @model_validator(mode="after")
    def _channels_known(self) -> Routing:
        for where, names in [
            *((f"routes.{number}", route.channels) for number, route in enumerate(self.routes)),
            ("default", self.default),
        ]:
            for name in names:
                if name not in self.channels:
                    raise ValueError(
                        f"{where} names the channel {name}, which is not among: {', '.join(self.channels) or 'none'}"
                    )
        return self

    def all(self) -> list[Channel]:
        """Every channel, set or not."""
        return self._addresses(self.channels)

    def of(self, owner: str, severity: str, dimensions: Collection[str]) -> list[Channel]:
        """Channels for a message, those that are not set among them; empty: nobody to send it to."""
        if not any(one.url for one in self._addresses(set(self.channels) - set(self.default))):
            return [one for one in self._addresses(self.default) if one.url]
        names = [name for route in self.routes if route.takes(owner, severity, dimensions) for name in route.channels]
        found = self._addresses(names)
        return found if any(one.url for one in found) else self._addresses([*names, *self.default])

    def of_owner(self, owner: str) -> list[Channel]:
        """Every channel by which an owner may hear of anything."""
        return self.of(owner, SEVERITIES[-1], {name for route in self.routes for name in route.dimension})

    def require_known(self) -> None:
        """Raises ConfigurationError where a route names an owner or a dimension that nothing else does."""
        for number, route in enumerate(self.routes):
            for what, named, known in (
                ("owner", route.owner, owners()),
                ("dimension", route.dimension, set(_groups())),
            ):
                if strange := sorted(set(named) - known):
                    raise ConfigurationError(
                        f"routes.{number} of {path()} names the unknown {what} {', '.join(strange)}",
                        remedy=f"Known: {', '.join(sorted(known))}",
                    )

    def _addresses(self, names: Iterable[str]) -> list[Channel]:
        return [one for name in dict.fromkeys(names) for one in _addresses(name, self.channels[name])]


def routing() -> Routing:
    """The routing in force. Raises ConfigurationError with the file to correct."""
    file = path()
    try:
        return Routing.model_validate(yaml.safe_load(file.read_text()))
    except OSError as wrong:
        raise ConfigurationError(
            f"The routing of alerts {file} can't be read: {wrong.strerror}",
            remedy="Set FUPAN_ROUTING to a file that can",
        ) from wrong
    except yaml.YAMLError as wrong:
        # Its own words quote the line, which may hold an address.
        mark = wrong.problem_mark if isinstance(wrong, yaml.MarkedYAMLError) else None
        where = f" (line {mark.line + 1})" if mark else ""
        raise ConfigurationError(f"{file.name} is not YAML{where}", remedy=f"Correct {file}") from None
    except ValidationError as wrong:
        problems = "; ".join(
            ": ".join([*([".".join(map(str, error["loc"]))] if error["loc"] else []), error["msg"]])
            for error in wrong.errors(include_input=False, include_url=False)
        )
        raise ConfigurationError(f"{file.name} is not valid: {problems}", remedy=f"Correct {file}") from wrong


def channels(owner: str, severity: str, dimensions: Collection[str]) -> list[Channel]:
    """Where a message to ``owner`` of this severity on these dimensions goes; empty: nowhere.

    Never raises: at night a routing file that can't be read leaves FUPAN_ALERT_URLS, and says so beside it.
    """
    try:
        return routing().of(owner, severity, dimensions)
    except ConfigurationError as wrong:
        left = [one for one in _addresses("everyone", LAST_RESORT) if one.url]
        return [Channel("routing", None, str(wrong)), *left]


def path() -> Path:
    """The routing file in force."""
    named = os.environ.get("FUPAN_ROUTING")
    return settings.PROJECT / named if named else settings.EXPECTATIONS / "routing.yml"


def owners() -> frozenset[str]:
    """Everybody whom an alert may be addressed to: owners of contracts, rules and dimensions, and the night's engineers."""
    rules = [rule for suite in (*raw_suites().values(), *mart_suites().values()) for rule in suite.rules]
    return frozenset(
        [
            DEFAULT_OWNER,
            *(contract.owner for contract in contracts().values()),
            *(rule.meta.owner for rule in rules),
            *_groups().values(),
        ]
    )


def _groups() -> dict[str, str]:
    """Owner by dimension, from dbt's groups of marts."""
    files = (settings.DBT_PROJECT / "models" / "marts").glob("*/_*__group.yml")
    return {
        group["name"]: group["owner"]["name"] for file in files for group in yaml.safe_load(file.read_text())["groups"]
    }


def _addresses(name: str, variable: str) -> list[Channel]:
    value = os.environ.get(variable, "").strip()
    if not value:
        return [Channel(name, None, f"{variable} is not set")]
    urls = parse_urls(value, store_unparseable=False)
    return [Channel(name, url) for url in urls] or [Channel(name, None, f"{variable} holds no address")]
