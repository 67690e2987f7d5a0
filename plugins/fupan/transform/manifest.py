"""What dbt's manifest tells the rest of Fupan: dimensions, their marts, and which raw tables each depends on."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True)
class Dimension:
    """One review dimension: a dbt group with its marts. Labels come from the group's meta, models by public table name."""

    name: str
    label_en: str
    label_zh: str
    owner: str
    models: dict[str, str] = field(default_factory=dict)  # public table name -> dbt unique_id


class Manifest:
    """A parsed manifest.json."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.nodes: dict[str, dict[str, Any]] = {**content["nodes"], **content["sources"]}

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest.json at ``path``."""
        return cls(orjson.loads(path.read_bytes()))

    def dimensions(self) -> dict[str, Dimension]:
        """Review dimensions by name; a mart belongs to the dimension of its folder below models/marts."""
        groups = {g["name"]: g for g in self.content["groups"].values()}
        found: dict[str, Dimension] = {}
        for unique_id, node in self.content["nodes"].items():
            if node["resource_type"] != "model" or node["fqn"][1] != "marts":
                continue
            name = node["fqn"][2]
            if name not in found:
                meta = (groups[name].get("config") or {}).get("meta") or groups[name].get("meta") or {}
                found[name] = Dimension(name, meta["label_en"], meta["label_zh"], groups[name]["owner"]["name"])
            found[name].models[node["name"].partition("__")[2]] = unique_id
        return found

    def ancestors(self, unique_id: str) -> set[str]:
        """Every node that this one is computed from, itself included (tests and unit tests have none of it)."""
        seen, ahead = set[str](), [unique_id]
        while ahead:
            current = ahead.pop()
            if current not in seen:
                seen.add(current)
                ahead += self.nodes.get(current, {}).get("depends_on", {}).get("nodes", [])
        return seen

    def dimensions_by_raw_table(self) -> dict[str, set[str]]:
        """Raw table name -> dimensions with a mart computed from it."""
        found: dict[str, set[str]] = defaultdict(set)
        for marts in self.marts_by_raw_table().items():
            found[marts[0]] = {mart.partition(".")[0] for mart in marts[1]}
        return found

    def marts_by_raw_table(self) -> dict[str, set[str]]:
        """Raw table name -> marts (`dimension.table`) computed from it."""
        found: dict[str, set[str]] = defaultdict(set)
        for dimension in self.dimensions().values():
            for table, unique_id in dimension.models.items():
                for ancestor in self.ancestors(unique_id):
                    node = self.nodes.get(ancestor, {})
                    if node.get("resource_type") == "source" and node["schema"] == "raw":
                        found[node["name"]].add(f"{dimension.name}.{table}")
        return found
