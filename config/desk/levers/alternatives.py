"""What trades, and windows of its gate, tell of each alternative of a tuning lever, where learning is installed."""

from __future__ import annotations

from config.desk.levers.section import Asked, Section
from config.learner import LEARNS, NO_WALK_FORWARD
from overrides.core.engine.definitions.vocabulary import Channel

HEADING = "What its alternatives would have earned"


def section(asked: Asked) -> Section | None:
    """Show the newest evidence of a tuning lever; None for others, whose effect is not told by alternatives."""
    if asked.lever.channel is not Channel.PM_TUNING:
        return None
    if not LEARNS:
        return Section("gains", HEADING, "desk/levers/alternatives.html", {"unavailable": NO_WALK_FORWARD})
    shown = {"sources": asked.evidence.get(asked.lever.name, ())}
    return Section("gains", HEADING, "desk/levers/alternatives.html", shown)
