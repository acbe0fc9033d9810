"""Replay the draws by which levers were explored: the secret draws again, and the position's row is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from overrides.core.engine.definitions.arms import ArmDraw, arm_draws
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.serve import rounded_for_output
from overrides.core.monitoring.replaying.json_diff import Difference, differences
from overrides.models import ArmPosition
from overrides.serving.decisions.decision_record import ARMS
from overrides.serving.holdback import holdback_secret
from telemetry.models import Decision


def arms_drawn(row: Decision) -> dict[str, ArmDraw]:
    """Return the draws that a decision stores, by lever. Raises KeyError or TypeError for what are none."""
    return {lever: ArmDraw.from_document(each) for lever, each in row.request.get(ARMS, {}).items()}


def drawn_otherwise(row: Decision, name: str) -> Iterator[Difference]:
    """Yield what differs between the stored draws of a decision and those that the secret and the budget gave.

    A decision whose position was not admitted may have been made while the budget could not be asked; only one that was
    says what the position's row says.
    """
    stored = arms_drawn(row)
    if not stored:
        return
    key = str(row.request["position_key"])
    positions = ArmPosition.objects.filter(module=row.module, position_key=key, lever__in=list(stored))
    kept = {each.lever: each for each in positions}
    for lever, each in stored.items():
        share_draw, draw = arm_draws(holdback_secret(), lever, key)
        drawn: dict[str, Any] = {"share_draw": share_draw, "draw": draw, "served": _without(row.levers[lever], lever)}
        said: dict[str, Any] = {"share_draw": each.share_draw, "draw": each.draw, "served": each.served}
        if each.is_admitted:
            said |= _consent(each)
            drawn |= _consent_of(kept.get(lever))
        yield from differences(name, f"arms.{lever}", said, drawn, same_build=True)


def _without(stored: Mapping[str, Any], lever: str) -> float:
    """Return a lever's value as it is served without an alternative, from what a decision stores of the lever."""
    return rounded_for_output(stored.get("value", LEVERS[lever].neutral))


def _consent(draw: ArmDraw) -> dict[str, Any]:
    return {
        "admitted": draw.is_admitted,
        "spent": draw.spent,
        "alternative": draw.arm.alternative,
        "probability": draw.arm.probability,
    }


def _consent_of(position: ArmPosition | None) -> dict[str, Any]:
    """Return the same of a position's row; without one it was never admitted."""
    if position is None:
        return {"admitted": False, "spent": None, "alternative": None, "probability": None}
    return {
        "admitted": position.is_admitted,
        "spent": position.spent,
        "alternative": position.alternative,
        "probability": position.probability,
    }
