"""When a machine may propose a rejected line again before its 30 days are over: once what it rested on has changed.

What it rested on is stored with the rejection, so that the comparison needs nothing that has changed since.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.evidence_bar import clears_evidence_bar

REJECTED_FOR = timedelta(days=30)  # how long machines do not propose a rejected line again, if nothing changes
GROWN = 1.5  # the factor of its trades from which a line is proposed again: they grew by half


@dataclass(frozen=True)
class ProposedEvidence:
    """What a proposal of a line rested on.

    `edge` is the mean edge in R, `se` its standard error (the root of variance / n, infinite without trades), `n` in
    trades. `targets` maps lever -> proposed value. `is_verified` is always False for the plan method, which verifies
    nothing.
    """

    n: float
    edge: float
    se: float
    is_verified: bool
    targets: Mapping[str, float]

    @classmethod
    def of(cls, spec: OverrideSpec, bar: EvidenceParameters) -> Self:
        """Return what an override rests on; `bar` says when the evidence method calls it verified."""
        stats = spec.stats
        is_verified = spec.policy is LearningMethod.EVIDENCE and clears_evidence_bar(spec, bar)
        se = math.sqrt(stats.variance / stats.n) if stats.n > 0 else math.inf
        return cls(stats.n, stats.edge_raw, se, is_verified, dict(spec.levers))

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON; an infinite standard error is null."""
        return {
            "n": self.n,
            "edge": self.edge,
            "se": self.se if math.isfinite(self.se) else None,
            "verified": self.is_verified,
            "targets": dict(self.targets),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return what `to_document` wrote. Raises KeyError, TypeError or ValueError for another document."""
        se = math.inf if document["se"] is None else float(document["se"])
        targets = {str(name): float(value) for name, value in document["targets"].items()}
        return cls(float(document["n"]), float(document["edge"]), se, bool(document["verified"]), targets)


def evidence_moved(then: ProposedEvidence, now: ProposedEvidence) -> list[str]:
    """Return what changed enough since a rejection for the line to be proposed again; empty if nothing did.

    Enough is: the edge or a target has the other sign, the line became verified or is not any more, its trades grew by
    half, or its edge moved by at least one standard error of then.

    >>> then = ProposedEvidence(n=40, edge=0.5, se=0.2, is_verified=False, targets={"size_mult": 1.1})
    >>> evidence_moved(then, ProposedEvidence(60, 0.65, 0.16, False, {"size_mult": 1.1}))
    ['its trades grew from 40 to 60']
    >>> evidence_moved(then, ProposedEvidence(59, 0.69, 0.16, False, {"size_mult": 1.2}))
    []
    """
    found = []
    if then.edge * now.edge < 0:
        found.append(f"its edge changed sign, from {then.edge:+.3f} to {now.edge:+.3f} R")
    for name in sorted(then.targets.keys() & now.targets.keys()):
        if LEVERS[name].unit(then.targets[name]) * LEVERS[name].unit(now.targets[name]) < 0:
            found.append(f"its target of {name} changed sides, from {then.targets[name]:g} to {now.targets[name]:g}")
    if then.is_verified is not now.is_verified:
        found.append("it is verified now" if now.is_verified else "it is not verified any more")
    if now.n > then.n and now.n >= GROWN * then.n:
        found.append(f"its trades grew from {then.n:g} to {now.n:g}")
    if now.edge != then.edge and abs(now.edge - then.edge) >= then.se and then.edge * now.edge >= 0:
        found.append(
            f"its edge moved from {then.edge:+.3f} to {now.edge:+.3f} R, at least the standard error of {then.se:.3f} R"
        )
    return found
