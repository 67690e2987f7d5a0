"""The words of an alert, from incidents to messages, without personal data.

| variable | meaning | default |
|---|---|---|
| FUPAN_RUNBOOK_URL | page that holds the runbooks' anchors (`#runbook-…`) | `README.md` |
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fupan.alerts.channels import Kind, Message
from fupan.alerts.incidents import SEVERITIES, Incident
from fupan.report.redact import redact
from fupan.report.visible import Visible


@dataclass(frozen=True)
class Night:
    """What a message speaks of beside its incidents; ``seen``: what BI users see, by dimension."""

    business_day: date
    seen: Mapping[str, Visible]


def failure(owner: str, night: Night, news: Sequence[Incident], known: int) -> Message:
    """One message on all that is new to an owner; ``known``: faults of theirs that go on unchanged."""
    held = [name for name in _dimensions(news) if name in night.seen and night.seen[name].held_since]
    lines = [f"{_count(len(news), 'new fault')} for {owner}, business day 营业日 {night.business_day}"]
    for number, incident in enumerate(news, start=1):
        lines += ["", *_fault(number, incident, night)]
    lines += _meanwhile(news, night)
    if known:
        lines += ["", f"Known before and unchanged 已知未变: {_count(known, 'fault')}"]
    outcome = f"held 暂缓: {', '.join(held)}" if held else "nothing held"
    return Message(
        kind="failure",
        severity=_severity(news),
        title=f"Fupan 复盘 {night.business_day}: {_count(len(news), 'fault')}, {outcome}",
        body="\n".join(lines),
        fields=_fields("failure", owner, night, news),
    )


def recovery(owner: str, night: Night, closed: Sequence[Incident]) -> Message:
    """One message on all that is gone for an owner."""
    lines = [f"{_count(len(closed), 'fault')} of {owner} gone 已恢复, business day 营业日 {night.business_day}", ""]
    lines += [f"  - {_what(incident)}, open since 开始于 {incident.opened_day}" for incident in closed]
    lines += _meanwhile(closed, night)
    return Message(
        kind="recovery",
        severity=_severity(closed),
        title=f"Fupan 复盘 {night.business_day}: recovered 已恢复, {_count(len(closed), 'fault')} gone",
        body="\n".join(lines),
        fields=_fields("recovery", owner, night, closed),
    )


def trial(channel: str) -> Message:
    """A message that says nothing but that its channel works."""
    return Message(
        kind="test",
        severity="info",
        title="Fupan 复盘: test message 测试消息",
        body=f"The channel {channel} takes alerts. Nothing is wrong, nothing is to be done. 通道正常，无需处理。",
        fields={"event": "test", "channel": channel},
    )


def _fault(number: int, incident: Incident, night: Night) -> list[str]:
    fault = incident.fault
    nights = (night.business_day - incident.opened_day).days + 1
    since = "tonight 今晚" if nights <= 1 else f"{incident.opened_day} (day {nights} 第{nights}天)"
    worse = f", was {incident.announced}" if incident.announced else ""
    lines = [f"{number}. {_what(incident)} [{fault.severity}{worse}]", f"   What failed 问题: {_told(fault.message)}"]
    if fault.evaluated and fault.unexpected is not None:
        lines.append(
            f"   Rows 行数: {fault.unexpected:,} of {fault.evaluated:,} ({fault.unexpected / fault.evaluated:.2%})"
        )
    elif fault.unexpected:
        lines.append(f"   Count 数量: {fault.unexpected:,}")
    if fault.keys:
        lines.append(f"   Sample keys 样例主键: {'; '.join(fault.keys)}")
    lines.append(f"   Since 开始于: {since}")
    if fault.dimensions:
        lines.append(f"   Touches 影响: {', '.join(sorted(fault.dimensions))}")
    if fault.runbook:
        lines.append(f"   Runbook 处理手册: {_runbook(fault.runbook)}")
    return lines


def _told(message: str) -> str:
    """A fault's own words; further lines (an error of dbt has some) indented, none blank: a blank one parts faults."""
    return "\n   ".join(line.rstrip() for line in redact(message).splitlines() if line.strip())


def _what(incident: Incident) -> str:
    fault = incident.fault
    # Rules that are made from their kind and table say nothing more.
    rule = None if fault.rule == f"{fault.kind}_{fault.table}" else fault.rule
    where = [part for part in (None if fault.table else fault.system, fault.table, rule) if part]
    return f"{fault.kind}: {' / '.join(where)}" if where else fault.kind


def _runbook(named: str) -> str:
    """A runbook's address: an anchor alone is one of the README, or of the page that FUPAN_RUNBOOK_URL names."""
    base = os.environ.get("FUPAN_RUNBOOK_URL", "README.md")
    return f"{base}{named}" if named.startswith("#") else named


def _meanwhile(incidents: Sequence[Incident], night: Night) -> list[str]:
    lines = [f"  - {_visible(name, night.seen.get(name))}" for name in _dimensions(incidents)]
    return ["", "What BI users see 目前可见数据", *lines] if lines else []


def _visible(name: str, state: Visible | None) -> str:
    if state is None:
        return f"{name}: nothing yet"
    label = f"{state.label_en} {state.label_zh} ({name})"
    held = f", held since 暂缓自 {state.held_since}" if state.held_since else ""
    if state.business_day is None:
        return f"{label}: nothing yet{held}"
    return f"{label}: business day 营业日 {state.business_day}, release {state.release_id}, {state.age} old{held}"


def _dimensions(incidents: Sequence[Incident]) -> list[str]:
    return sorted({name for incident in incidents for name in incident.fault.dimensions})


def _severity(incidents: Sequence[Incident]) -> str:
    return max((incident.fault.severity for incident in incidents), key=SEVERITIES.index)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _fields(event: Kind, owner: str, night: Night, incidents: Sequence[Incident]) -> dict[str, Any]:
    return {
        "event": event,
        "severity": _severity(incidents),
        "owner": owner,
        "business_day": night.business_day.isoformat(),
        "incidents": [_structured(incident) for incident in incidents],
        "visible": [night.seen[name].model_dump(mode="json") for name in _dimensions(incidents) if name in night.seen],
    }


def _structured(incident: Incident) -> dict[str, Any]:
    fault = incident.fault
    return {
        "incident_id": incident.incident_id,
        "kind": fault.kind,
        "system": fault.system,
        "table": fault.table,
        "rule": fault.rule,
        "severity": fault.severity,
        "message": redact(fault.message),
        "dimensions": sorted(fault.dimensions),
        "since": incident.opened_day.isoformat(),
        "runbook": fault.runbook and _runbook(fault.runbook),
        "unexpected": fault.unexpected,
        "evaluated": fault.evaluated,
        "sample_keys": list(fault.keys),
    }
