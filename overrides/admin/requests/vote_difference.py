"""What an edit changed since a person's own last vote, line by line and field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from overrides.admin.document_diff import Difference, document_differences
from overrides.models import RequestEvidence

MOST = 200


@dataclass(frozen=True)
class LineDifference:
    """One line that differs: its pattern, category and scope, and its fields before and after."""

    pattern_key: str
    category: str
    scope: Mapping[str, str]
    channel: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class VoteDifference:
    """The differences between two editions: of title, reason and content, and of lines."""

    fields: tuple[Difference, ...]
    lines: tuple[LineDifference, ...]
    n_lines: int


def difference_between(voted: RequestEvidence, current: RequestEvidence) -> VoteDifference:
    """Return what the current edition changes of the one voted on."""
    before, after = voted.parsed, current.parsed
    fields = document_differences(_fields(before), _fields(after))
    lines = list(_lines(before["lines"], after["lines"]))
    return VoteDifference(tuple(fields), tuple(lines[:MOST]), len(lines))


def _fields(document: Mapping[str, Any]) -> dict[str, Any]:
    content = {name: each for name, each in document["content"].items() if name != "evidence"}
    return {"title": document["title"], "reason": document["reason"], **content}


def _lines(before: dict[str, Any], after: dict[str, Any]) -> Iterator[LineDifference]:
    for line in sorted(before.keys() | after.keys()):
        one, other = before.get(line), after.get(line)
        label = (before | after)[line]["label"]
        differences = [Difference("line", "among the lines", "left out")] if other is None else []
        differences += [Difference("line", "not among the lines", "added")] if one is None else []
        if one is not None and other is not None:
            differences += document_differences(_values(one), _values(other))
        if differences:
            yield LineDifference(label[1], label[2], label[3], label[0], tuple(differences))


def _values(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line would set, and the evidence it states."""
    targets = dict(line["after"]) if line["action"] != "withdraw" else {"line": "withdrawn"}
    return {**targets, "edge, R": line["edge"], "trades": line["n"]}
