"""What is known when a request is drafted: one document for each edition, stored with it and named by its votes.

The drafter passes in what was measured. For drafts that are written here, by people or by the API, a source that was
registered with `measure_with` is asked; what it measures, and how, is unknown here. What takes effect at once waits for
no evidence and has none. Whether a learning method is ready to be served is asked of the source registered with
`judge_methods_with`, each time a step depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import Count, Sum

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.situation import Unready
from overrides.models import ChangeLine, ChangeRequest, Override, RequestEvidence
from telemetry.foundation.core.canonical_json import fact_json, utc_text
from telemetry.models import AttributionShare

FORMAT = 2  # since 2, a weight has its noise twins and its walk-forward, and its interval covers both means
MOST_MEASURED = 1_000  # lines whose measurements are kept where the document would be too large; those that move most
BY_HAND = "person"  # source of an override that somebody wrote; others come from lessons or machines


@dataclass(frozen=True)
class Measured:
    """What a drafter knows about a draft, as JSON values.

    `run` is the verdict on the run behind it, `lines` has what was measured of each line (by id) and, where a line is
    withdrawn, `reason`; `coefficients` has the evidence of each weight by its name.
    """

    run: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    coefficients: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class DraftedLine:
    """A line of a draft: the override before and after, each None where there is none."""

    line_id: str
    before: OverrideSpec | None
    after: OverrideSpec | None


# (module, lines, names of the weights that change, time) -> what is known
Source = Callable[[str, Sequence[DraftedLine], Collection[str], datetime], Measured]
_sources: list[Source] = []


def measure_with(source: Source) -> None:
    """Let a source measure what is drafted here; the latest one registered is asked."""
    _sources[:] = [source]


# (module, learning method, time) -> why the method is not ready to be served; None if it is
Judge = Callable[[str, LearningMethod, datetime], Unready | None]
_judges: list[Judge] = []


def judge_methods_with(judge: Judge) -> None:
    """Let a source judge the methods that channels would change to; the latest one registered is asked."""
    _judges[:] = [judge]


def unready_methods(module: str, methods: Collection[LearningMethod], at: datetime) -> tuple[Unready, ...]:
    """Return why each of these methods that is not ready is not; nothing if no source is registered."""
    found = [judge(module, method, at) for judge in _judges for method in sorted(methods)]
    return tuple(each for each in found if each is not None)


def measured_by_source(
    request: ChangeRequest, changes: Sequence[ChangeLine], weights: Collection[str], at: datetime
) -> Measured:
    """Return what the registered source knows about a draft; nothing if none is registered."""
    return _sources[0](request.module, drafted(changes), weights, at) if _sources else Measured()


def drafted(changes: Sequence[ChangeLine]) -> list[DraftedLine]:
    """Return the lines of a draft with their overrides."""
    return [DraftedLine(each.line_id, _spec_of(each.before), _spec_of(each.after)) for each in changes]


def _spec_of(override: Override | None) -> OverrideSpec | None:
    return None if override is None else override.spec


def write_evidence(
    request: ChangeRequest, changes: Sequence[ChangeLine], measured: Measured, at: datetime
) -> RequestEvidence:
    """Store the document of the request's present edition, in the transaction that writes the edition."""
    document = fact_json(_bounded(_document(request, changes, measured, at)))
    return RequestEvidence.objects.create(
        request=request,
        edition=request.edition,
        document=document,
        document_hash=sha256(document.encode()).hexdigest(),
        stored_at=at,
    )


def evidence_named(row: RequestEvidence | None) -> dict[str, Any]:
    """Return what an audit entry says of a stored document."""
    return {} if row is None else {"evidence": {"id": row.pk, "hash": row.document_hash}}


def current_evidence(request: ChangeRequest) -> RequestEvidence | None:
    """Return the document of the request's present edition; None if it has none."""
    return RequestEvidence.objects.filter(request=request, edition=request.edition).first()


def measured_of(row: RequestEvidence | None, lines: Collection[str]) -> Measured | None:
    """Return what a stored document says of some of its lines, for another edition about the same."""
    if row is None:
        return None
    document = row.parsed
    kept = {
        line: each["measured"] | {"reason": each["reason"]} for line, each in document["lines"].items() if line in lines
    }
    return Measured(document["run"], kept, document["coefficients"])


def _document(
    request: ChangeRequest, changes: Sequence[ChangeLine], measured: Measured, at: datetime
) -> dict[str, Any]:
    earned = earned_by([each.line_id for each in changes if each.before_id])
    return {
        "format": FORMAT,
        "at": utc_text(at),
        "title": request.title,
        "reason": request.reason,
        "content": request.content,
        "run": dict(measured.run),
        "coefficients": {name: dict(each) for name, each in measured.coefficients.items()},
        "n_lines": len(changes),
        "lines": {each.line_id: _line(each, measured, earned) for each in changes},
    }


def _line(change: ChangeLine, measured: Measured, earned: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    known = dict(measured.lines.get(change.line_id, {}))
    side = change.after or change.before
    assert side is not None  # a constraint of the table
    line = side.line
    return {
        "label": [line.channel, line.pattern_key, line.action_category, dict(line.scope)],
        "action": str(change.action),
        "before": dict(change.before.levers) if change.before else {},
        "after": dict(change.after.levers) if change.after else {},
        "n": side.n,
        "edge": side.edge_raw,
        "by_hand": bool(change.after and change.after.source == BY_HAND),
        "reason": known.pop("reason", ""),
        "earned": earned.get(change.line_id),
        "measured": known,
    }


def earned_by(lines: Collection[str]) -> dict[str, dict[str, float]]:
    """Return what lines have earned: line -> `share`, in R per unit of size, and `answers`, the decisions behind it."""
    if not lines:
        return {}
    rows = AttributionShare.objects.filter(line_id__in=list(lines)).values("line_id")
    totals = rows.annotate(total=Sum("share"), answers=Count("decision_id", distinct=True))
    return {each["line_id"]: {"share": each["total"], "answers": each["answers"]} for each in totals}


def _bounded(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what does not fit: first measurements of the lines that move least, then the lines themselves."""
    lines = document["lines"]
    if _size(document) > RequestEvidence.MOST_BYTES:
        for line in sorted(lines, key=lambda name: -_movement(lines[name]))[MOST_MEASURED:]:
            lines[line]["measured"] = {}
    if _size(document) > RequestEvidence.MOST_BYTES:
        kept = sorted(lines, key=lambda name: -_movement(lines[name]))[:MOST_MEASURED]
        document["lines"] = {line: lines[line] for line in kept}
    if _size(document) > RequestEvidence.MOST_BYTES:
        document |= {"content": {}, "coefficients": {}}
    return document


def _size(document: Mapping[str, Any]) -> int:
    return len(fact_json(document).encode())


def _movement(line: Mapping[str, Any]) -> float:
    before, after = line["before"], line["after"]
    return max((abs(_unit(name, after) - _unit(name, before)) for name in {*before, *after}), default=0.0)


def _unit(name: str, levers: Mapping[str, float]) -> float:
    return LEVERS[name].unit(levers[name]) if name in levers else 0.0
