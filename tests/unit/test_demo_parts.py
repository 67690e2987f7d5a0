"""The reference company is told from causes to rows: no part of `fupan.demo` knows of those below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fupan import demo

FOLDER = Path(demo.__file__).parent
PARTS = ("tools", "company", "life", "processes", "systems")


def parts_known(module: Path) -> set[str]:
    """Parts that a module imports from."""
    imports = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{alias.name}" for node in imports for alias in node.names]
    return {name.split(".")[2] for name in names if name.startswith("fupan.demo.")} & set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_no_part_knows_of_those_below_it(part: str) -> None:
    below = set(PARTS[PARTS.index(part) + 1 :])
    modules = list((FOLDER / part).rglob("*.py"))
    assert len(modules) > 5
    assert {path.name: known for path in modules if (known := parts_known(path) & below)} == {}
    assert any(parts_known(path) for path in modules)
