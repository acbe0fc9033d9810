"""Whether an override of the evidence method is sure enough of its sign (docs/method.md 5.9).

Its promise holds the edge it adds and the posterior standard deviation of that edge. A manual judgement has no promise:
its standard deviation is that of a mean of the n trades it claims to be worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import LearningMethod

ROUNDING = 1e-9  # tolerance for a rate that was computed in another order


def false_sign_rate(spec: OverrideSpec) -> float:
    """Return the lfsr, the probability that the edge has the wrong sign: Phi(-|edge| / sd), 0 to 0.5.

    An edge of 0.2 R with a standard deviation of 0.1 R: Phi(-2) = 0.02275. Without an edge or any evidence it is 0.5.
    """
    promise, stats = spec.promise or {}, spec.stats
    edge = abs(promise.get("predicted", stats.edge_raw))
    if "sd" not in promise and stats.n == 0:
        return 0.5
    sd = promise["sd"] if "sd" in promise else math.sqrt(stats.variance / stats.n)
    if sd <= 0:
        return 0.0 if sd == 0 and edge > 0 else 0.5
    return 0.5 * math.erfc(edge / sd / math.sqrt(2))


def clears_evidence_bar(spec: OverrideSpec, parameters: EvidenceParameters) -> bool:
    """Return whether the override is verified: a low enough false sign rate, on enough trades of its own."""
    return false_sign_rate(spec) <= parameters.verified_lfsr + ROUNDING and spec.stats.n >= parameters.n_min


def is_held_close(spec: OverrideSpec, parameters: EvidenceParameters) -> bool:
    """Return whether every lever is as close to neutral as an unverified override must stay."""
    cap = math.log1p(parameters.unverified_cap) + ROUNDING
    return all(abs(LEVERS[name].unit(value)) <= cap for name, value in spec.levers.items())


def exceeds_held_target(spec: OverrideSpec, parameters: EvidenceParameters) -> bool:
    """Return whether an override of the evidence method moves farther than an unverified one may."""
    if spec.policy is not LearningMethod.EVIDENCE or not parameters.cap_unverified:
        return False
    return not clears_evidence_bar(spec, parameters) and not is_held_close(spec, parameters)


def exceeding_held_target(specs: Sequence[OverrideSpec], parameters: EvidenceParameters) -> frozenset[str]:
    """Return the ids of the overrides that move farther than an unverified one may."""
    return frozenset(spec.id for spec in specs if exceeds_held_target(spec, parameters))
