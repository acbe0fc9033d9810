"""What is known of a draft when it is written: the verdict on its run, and what was measured of each line and weight.

Drafters of lessons pass it to the request. For what people and the API draft, `config` registers `measure` as the
source, so that `overrides` stores the same without knowing this app.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from learning.coefficients.coefficient_evidence import coefficient_evidence
from learning.core.significance.funnel import SIGNIFICANT
from learning.core.significance.verdict import voices_document
from learning.lessons.lifetime_ledger import ledger_document
from learning.lessons.methods import METHODS
from learning.models import Lesson
from learning.proposals.withdrawal_reasons import withdrawal_reasons
from learning.validation.run_evidence import RunEvidence, run_evidence
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.requests.evidence import DraftedLine, Measured
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.canonical_json import utc_text


def measure(module: str, lines: Sequence[DraftedLine], weights: Collection[str], at: datetime) -> Measured:
    """Return what is known of a draft of these lines and weights.

    A withdrawn line whose lesson does not act any more has that as its reason; why a person withdraws another line is
    the reason of the request.
    """
    gone = {each.line_id: each.before for each in lines if each.after is None and each.before is not None}
    idle = Lesson.objects.filter(line_id__in=list(gone)).exclude(status=Lesson.Status.ACTIVE)
    withdrawn = {line: gone[line] for line in idle.values_list("line_id", flat=True)} if gone else {}
    parameters = current_parameters(module)
    reasons = withdrawal_reasons(module, parameters, withdrawn)
    return measured_as(module, method_of(parameters, lines), lines, weights, at, reasons, parameters)


def measured_as(
    module: str,
    method: LearningMethod,
    lines: Sequence[DraftedLine],
    weights: Collection[str],
    at: datetime,
    reasons: Mapping[str, str] | None = None,
    parameters: ModuleParameters | None = None,
) -> Measured:
    """Return what is known of a draft that rests on a method; `reasons` says why lines are withdrawn.

    `parameters` are those in force, if they have been read already.
    """
    lessons = {each.line_id: each for each in Lesson.objects.filter(line_id__in=[each.line_id for each in lines])}
    known = {line: lesson_document(lesson) for line, lesson in lessons.items()}
    for line, reason in (reasons or {}).items():
        known[line] = known.get(line, {}) | {"reason": reason}
    evidence = run_evidence(module, method, parameters)
    return Measured(run_document(module, method, evidence), known, coefficient_evidence(weights, at=at))


def method_of(parameters: ModuleParameters, lines: Sequence[DraftedLine]) -> LearningMethod:
    """Return the method of most lines that a draft adds, else of those it withdraws; without lines, the one served.

    `parameters` are those in force.
    """
    for sides in ([each.after for each in lines], [each.before for each in lines]):
        counted = Counter(each.policy or LearningMethod.PLAN for each in sides if each is not None)
        if counted:
            return counted.most_common(1)[0][0]
    return next(iter(parameters.channels.values())).policy


def run_document(module: str, method: LearningMethod, evidence: RunEvidence) -> dict[str, Any]:
    """Return the verdict on a run, with the run, the walk-forward and the ledger behind it, as JSON values."""
    run, walk = evidence.run, evidence.walk
    return voices_document(evidence.voices) | {
        "method": str(method),
        "run": None if run is None else run.pk,
        "as_of": None if run is None else utc_text(run.as_of),
        "twins_as_of": None if evidence.twins_as_of is None else utc_text(evidence.twins_as_of),
        "walk_as_of": None if walk is None else utc_text(walk.as_of),
        "combiner": None if walk is None else walk.combiner,
        "lifetime": ledger_document(module) if METHODS[method].verifies else None,
    }


def lesson_document(lesson: Lesson) -> dict[str, Any]:
    """Return what a lesson has measured, as JSON values: its raw edge with 95 %, and what it believes.

    `lfsr`, `verified` and `proven` are those of methods that verify.
    """
    stats = lesson.stats
    raw, error = _raw(stats)
    found: dict[str, Any] = {
        "lesson": lesson.pk,
        "status": lesson.status,
        "n": stats["n"],
        "raw": raw,
        "low": raw - SIGNIFICANT * error,
        "high": raw + SIGNIFICANT * error,
    }
    if METHODS[LearningMethod(lesson.policy)].verifies:
        edge, sd = stats["edge_raw"], stats.get("sd", 0.0)
        found |= {"believed": edge, "believed_low": edge - SIGNIFICANT * sd, "believed_high": edge + SIGNIFICANT * sd}
        found |= {"lfsr": stats.get("lfsr"), "verified": stats.get("verified"), "proven": stats.get("proven")}
    return found


def _raw(stats: Mapping[str, Any]) -> tuple[float, float]:
    """Return the measured edge of a lesson and its standard error, in R."""
    if "raw" in stats:
        return stats["raw"], stats["raw_se"]
    return stats["edge_raw"], math.sqrt(stats["variance"] / stats["n"]) if stats["n"] else 0.0
