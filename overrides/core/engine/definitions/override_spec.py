"""An override as a value: its scope, statistics and targets; from and to the plan's JSON (docs/plan.md 3.1).

Parsing is strict about structure and numbers. It accepts a document without type and policy (the golden cases have
neither); `check` verifies what a governed override must satisfy in addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from .content_hash import content_hash, line_id
from .json_fields import closed_mapping, finite, one_of, required, text
from .levers import LEVERS
from .override_stats import Path, Stats, lever_values
from .vocabulary import Channel, LearningMethod

GROUPS = ("capital_levers", "execution_levers")
PROMISE = ("predicted", "sd", "mu0", "s_p")
DOCUMENT = (
    "id", "module", "type", "policy", "pattern_key", "action_category", "scope", "stats", "levers", "promise", "path",
)  # fmt: skip


@dataclass(frozen=True)
class OverrideSpec:
    """One revision of a line. `levers` maps lever -> target; `promise` is what the override is scored against.

    `policy` is the learning method. Raises FieldError.
    """

    id: str
    module: str
    channel: Channel | None
    policy: LearningMethod | None
    pattern_key: str
    action_category: str
    scope: Mapping[str, str]
    stats: Stats
    levers: Mapping[str, float]
    promise: Mapping[str, float] | None = None
    path: Path | None = None

    def __post_init__(self) -> None:
        for name in ("id", "module", "pattern_key", "action_category"):
            text(getattr(self, name), name)
        object.__setattr__(self, "scope", scope_of(self.scope))
        object.__setattr__(self, "levers", lever_values(self.levers, "levers"))
        object.__setattr__(self, "promise", None if self.promise is None else _promise(self.promise))

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Parse one override. Raises FieldError at the first wrong field.

        A missing id becomes the content's hash.
        """
        values = closed_mapping(document, "override", DOCUMENT)
        channel, policy, path = (values.get(key) for key in ("type", "policy", "path"))
        spec = cls(
            id=values.get("id", "content"),
            module=required(values, "module"),
            channel=None if channel is None else Channel(one_of(channel, "type", tuple(Channel))),
            policy=None if policy is None else LearningMethod(one_of(policy, "policy", tuple(LearningMethod))),
            pattern_key=required(values, "pattern_key"),
            action_category=required(values, "action_category"),
            scope=required(values, "scope"),
            stats=Stats.from_document(required(values, "stats")),
            levers=_flat_levers(required(values, "levers")),
            promise=values.get("promise"),
            path=None if path is None else Path.from_document(path),
        )
        return spec if "id" in values else replace(spec, id=spec.content_id)

    def with_levers(self, levers: Mapping[str, float]) -> Self:
        """Return another revision of the line with these targets, and its own id."""
        changed = replace(self, levers=levers)
        return replace(changed, id=changed.content_id)

    def to_document(self) -> dict[str, Any]:
        """Return the override in the plan's format; parsing it gives an equal override."""
        path = {} if self.path is None else {"path": self.path.to_document()}
        return {"id": self.id, **self._content(), **path}

    @cached_property
    def line(self) -> str:
        """The id of the line, shared with the lesson and the other revisions."""
        channel, policy = self.channel or "", self.policy or ""
        return line_id(self.module, channel, policy, self.pattern_key, self.action_category, self.scope)

    @cached_property
    def content_id(self) -> str:
        """The id that a governed override must have: sha256 of its canonical JSON without id and path."""
        return content_hash(self._content())

    def _content(self) -> dict[str, Any]:
        names = ("module", "policy", "pattern_key", "action_category", "promise")
        content = {"type": self.channel} | {name: getattr(self, name) for name in names}
        content |= {"scope": dict(self.scope), "stats": self.stats.to_document(), "levers": grouped(self.levers)}
        return {key: value for key, value in content.items() if value is not None}


def grouped(levers: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return levers by the plan's groups, as documents have them.

    >>> grouped({"size_mult": 1.1, "trail_mult": 0.9})
    {'capital_levers': {'size_mult': 1.1}, 'execution_levers': {'trail_mult': 0.9}}
    """
    return {group: {n: value for n, value in levers.items() if LEVERS[n].group == group} for group in GROUPS}


def document_path(path: str) -> str:
    """Return the path in the document of a field of an override; a document holds levers by the plan's groups.

    >>> document_path("levers.size_mult"), document_path("stats.n"), document_path("levers.capital_levers")
    ('levers.capital_levers.size_mult', 'stats.n', 'levers.capital_levers')
    """
    first, _, name = path.partition(".")
    return f"levers.{LEVERS[name].group}.{name}" if first == "levers" and name in LEVERS else path


def override_id(document: object) -> str:
    """Return the content id of a document, whatever id and path it has and however its numbers are written.

    Raises FieldError.
    """
    return OverrideSpec.from_document(document).content_id


def scope_of(value: object) -> dict[str, str]:
    """Parse a scope: dimension -> value, sorted by dimension. Raises FieldError."""
    scope = closed_mapping(value, "scope")
    return {text(name, "scope", 40): text(scope[name], f"scope.{name}", 64) for name in sorted(scope)}


def _flat_levers(value: object) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for group, levers in closed_mapping(value, "levers", GROUPS).items():
        for name in closed_mapping(levers, f"levers.{group}", [n for n in LEVERS if LEVERS[n].group == group]):
            flat[name] = levers[name]
    return flat


def _promise(value: object) -> dict[str, float]:
    promise = closed_mapping(value, "promise", PROMISE)
    return {name: finite(promise[name], f"promise.{name}") for name in PROMISE if name in promise}
