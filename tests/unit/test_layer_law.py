"""raw -> staging -> core -> statistics -> marts: who may read whom, and that what people read is described for them.

The law is a function over dbt's manifest; every clause of it is shown to fail on a manifest that breaks it.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from fupan.transform.dbt import manifest

Nodes = dict[str, Any]

#: Layer of a node -> layers it may read. A mart may also read the marts of its own dimension.
MAY_READ = {
    "staging": {"raw", "ops"},
    "snapshots": {"staging", "seeds", "core"},
    "core": {"staging", "seeds", "snapshots", "core"},
    "marts": {"core", "statistics", "seeds"},
}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2}")


@pytest.fixture(scope="module")
def project(state: Path) -> dict[str, Any]:
    return manifest().content


def _layer(node: dict[str, Any]) -> str:
    match node["resource_type"]:
        case "source":
            return str(node["schema"])
        case "seed":
            return "seeds"
        case "snapshot":
            return "snapshots"
        case _:
            return str(node["fqn"][1])


def _built(project: dict[str, Any]) -> Nodes:
    return {i: n for i, n in project["nodes"].items() if n["resource_type"] in ("model", "snapshot", "seed")}


def illegal_reads(project: dict[str, Any]) -> list[str]:
    """`reader (layer) reads read (layer)` for every dependency that the layer law forbids."""
    known, found = project["nodes"] | project["sources"], []
    for reader in _built(project).values():
        for read in (known[i] for i in reader.get("depends_on", {}).get("nodes", [])):
            allowed = _layer(read) in MAY_READ.get(_layer(reader), set())
            own_dimension = _layer(reader) == _layer(read) == "marts" and reader["fqn"][2] == read["fqn"][2]
            if not (allowed or own_dimension):
                found.append(f"{reader['name']} ({_layer(reader)}) reads {read['name']} ({_layer(read)})")
    return found


def undescribed(project: dict[str, Any]) -> list[str]:
    """Models without a bilingual description, and columns without one or without a type, from staging to marts."""
    found = []
    for node in [*_built(project).values(), *project["sources"].values()]:
        if not _bilingual(node["description"]):
            found.append(node["name"])
        # An ops table's columns are described where it is made, in ops.sql.
        if _layer(node) == "ops":
            continue
        found += [
            f"{node['name']}.{name}"
            for name, column in node["columns"].items()
            if not (column["data_type"] and _bilingual(column["description"]))
        ]
        if not node["columns"]:
            found.append(f"{node['name']}: no columns")
    return found


def misplaced(project: dict[str, Any]) -> list[str]:
    """Models in a schema, without a contract, outside a group or without a YAML that their layer asks for."""
    found = []
    for node in _built(project).values():
        if node["resource_type"] != "model":
            continue
        layer = _layer(node)
        schema = f"build_{node['fqn'][2]}" if layer == "marts" else layer
        if node["schema"] != schema:
            found.append(f"{node['name']} is built into {node['schema']}")
        if layer in ("core", "marts") and not node["config"]["contract"]["enforced"]:
            found.append(f"{node['name']} has no enforced contract")
        if layer == "marts" and node["config"].get("group") != node["fqn"][2]:
            found.append(f"{node['name']} is not in the group of its dimension")
        if not (node["patch_path"] or "").endswith(f"/{node['name']}.yml"):
            found.append(f"{node['name']} has no YAML of its name beside it")
    return found


def _bilingual(text: str) -> bool:
    return bool(CHINESE.search(text) and ENGLISH.search(text))


def test_layers_read_only_what_they_may(project: dict[str, Any]) -> None:
    assert illegal_reads(project) == []


def test_everything_is_described_in_both_languages(project: dict[str, Any]) -> None:
    assert undescribed(project) == []


def test_models_stand_where_their_layer_says(project: dict[str, Any]) -> None:
    assert misplaced(project) == []


@pytest.mark.parametrize(
    ("reader", "read"),
    [
        ("model.fupan.stg_erp__products", "model.fupan.stg_erp__customers"),
        ("model.fupan.dim_product", "source.fupan.erp.erp_products"),
        ("model.fupan.fct_sales_order_line", "model.fupan.sales_performance__trend"),
        ("model.fupan.sales_performance__trend", "model.fupan.stg_erp__products"),
        ("model.fupan.sales_performance__trend", "source.fupan.ops.clock"),
        ("model.fupan.sales_performance__trend", "model.fupan.after_sales__response_sla"),
    ],
)
def test_a_forbidden_read_is_found(project: dict[str, Any], reader: str, read: str) -> None:
    doctored = copy.deepcopy(project)
    if read not in doctored["nodes"] | doctored["sources"]:
        trend = copy.deepcopy(doctored["nodes"]["model.fupan.sales_performance__trend"])
        doctored["nodes"][read] = trend | {
            "name": read.rpartition(".")[2],
            "fqn": ["fupan", "marts", "after_sales", "x"],
        }
    doctored["nodes"][reader]["depends_on"]["nodes"].append(read)
    assert [breach for breach in illegal_reads(doctored) if read.rpartition(".")[2] in breach]


@pytest.mark.parametrize(
    "change", [{"description": "only English"}, {"description": "只有中文"}, {"description": ""}, {"data_type": None}]
)
def test_a_column_described_by_half_is_found(project: dict[str, Any], change: dict[str, Any]) -> None:
    doctored = copy.deepcopy(project)
    doctored["nodes"]["model.fupan.agg_sales_daily"]["columns"]["revenue"] |= change
    assert undescribed(doctored) == ["agg_sales_daily.revenue"]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "public"},
        {"patch_path": "fupan://models/core/core.yml"},
        {"config": {"contract": {"enforced": False}}},
    ],
)
def test_a_misplaced_model_is_found(project: dict[str, Any], change: dict[str, Any]) -> None:
    doctored = copy.deepcopy(project)
    doctored["nodes"]["model.fupan.dim_product"] |= change
    assert len(misplaced(doctored)) == 1
