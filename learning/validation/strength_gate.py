"""Whether enough of what a learning method believed came true for a channel to change to it (docs/method.md 5.14)."""

from __future__ import annotations

from datetime import UTC, datetime

from learning.core.evidence_method.learn import FAMILIES, family_name
from learning.core.significance.strength import LEAST, Strength
from learning.core.walk_forward.outcome_columns import DECIDED
from learning.core.walk_forward.prequential import FEWEST_KNOWN
from learning.lessons.methods import METHODS
from learning.lessons.run_strength import newest_strength, strengths_of
from learning.models import MethodStrength
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.situation import Unready
from telemetry.foundation.core.number_text import typeset

WAY_PAST = "it is measured every night, and by the button of the walk-forward page"


def unready_method(module: str, method: LearningMethod, at: datetime) -> Unready | None:
    """Return why a channel of the module must not change to the method at a time; None if it may."""
    return unready_by(module, method, newest_strength(module, method, at)) if METHODS[method].braked else None


def unready_by(module: str, method: LearningMethod, row: MethodStrength | None) -> Unready | None:
    """Return the same, given the newest strength of the method.

    What counts is the whole strength of the decisions that size a trade. A method whose claims are not braked is always
    ready.
    """
    if not METHODS[method].braked:
        return None
    found = deciding_strength(module, row)
    if row is None or found is None:
        message = f"how much of what method {method} believed in {module} came true is not measured yet"
        return Unready(message, f"{WAY_PAST}, from {FEWEST_KNOWN} closed trades on")
    if found.came_true:
        return None
    day = f"{row.as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    message = (
        f"of what method {method} believed in {module}, {share_text(found)} came true by {day}, on "
        f"{found.decisions:,} decisions: less than {100 * LEAST:.0f} % at best"
    )
    return Unready(message, f"wait until more of it comes true; {WAY_PAST}")


def deciding_strength(module: str, row: MethodStrength | None) -> Strength | None:
    """Return the strength of the decisions that size a trade; None if it is not measured."""
    found, category = strengths_of(row), DECIDED[module]
    family = next(family for family in FAMILIES[module] if category in family)
    return found.get(family_name(family)) or found.get(category)


def share_text(strength: Strength) -> str:
    """Return the whole strength with its 95 % interval.

    >>> from learning.core.significance.strength import Estimate
    >>> each = Estimate(0.25, 0.05)
    >>> print(share_text(Strength(each, each, each, 0.0, 6, 3000)))
    25 % (95 % 15 % to 35 %)
    """
    whole = strength.whole
    return typeset(f"{100 * whole.value:.0f} % (95 % {100 * whole.low:.0f} % to {100 * whole.high:.0f} %)")
