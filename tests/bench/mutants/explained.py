"""The survivors that are explained: a list in docs/mutants.md, which the tool compares with what it finds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

DOCUMENT = Path(__file__).parents[3] / "docs" / "mutants.md"
ENTRY = re.compile(r"^- `(.+)`: (\S.*)$", re.MULTILINE)


def read(document: str) -> dict[str, str]:
    """Return the explanation of each survivor, by its name. Raises ValueError where one is listed twice.

    >>> read("# Survivors\\n\\n- `guard_vote: [a = b] -> true`: an author is never null\\n")
    {'guard_vote: [a = b] -> true': 'an author is never null'}
    """
    found = ENTRY.findall(document)
    names = [name for name, _ in found]
    if len(set(names)) < len(names):
        raise ValueError(f"explained twice: {sorted(name for name in names if names.count(name) > 1)[0]}")
    return dict(found)


def complaints(explained: Mapping[str, str], tried: Collection[str], survivors: Collection[str]) -> list[str]:
    """Return what is wrong with the list, given all changes that were tried and those that no test noticed.

    >>> complaints({"a": "why", "b": "why"}, {"a", "c"}, {"c"})
    ['unexplained: c', 'explained, but noticed by a test: a', 'explained, but never tried: b']
    """
    return [
        *(f"unexplained: {name}" for name in sorted(set(survivors) - explained.keys())),
        *(
            f"explained, but noticed by a test: {name}"
            for name in sorted(explained.keys() & set(tried) - set(survivors))
        ),
        *(f"explained, but never tried: {name}" for name in sorted(explained.keys() - set(tried))),
    ]
