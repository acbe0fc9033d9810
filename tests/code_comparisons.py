"""Which comparisons our code makes, read from its source: whoever asks a registry compares nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def comparisons(*folders: str, names: tuple[str, ...], attributes: tuple[str, ...] = ()) -> set[str]:
    """Return the comparisons below the folders that touch one of these names, or of these names or attributes a word.

    Each is `path: code`. A name counts wherever it stands in the comparison; an attribute where it is a side of one.
    """
    return {
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
        for node in _compared(ast.parse(path.read_text()))
        if _touches(node, names, attributes)
    }


def _compared(tree: ast.Module) -> Iterator[ast.Compare]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Compare))


def _touches(node: ast.Compare, names: tuple[str, ...], attributes: tuple[str, ...]) -> bool:
    if any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(node)):
        return True
    sides = (node.left, *node.comparators)
    return any(
        (isinstance(side, ast.Attribute) and side.attr in attributes)
        or (isinstance(side, ast.Name) and side.id in attributes)
        for side in sides
    )
