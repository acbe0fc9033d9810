"""What the alternatives that were drawn for a lever have shown, and for how long they still have to be drawn."""

from __future__ import annotations

from typing import Any

from config.desk.levers.section import Asked, Section
from overrides.admin.serving.arm_words import interval_words, verdict_words
from overrides.core.engine.definitions.arms import EXACT
from overrides.core.engine.definitions.vocabulary import CHANNEL_MODULE


def section(asked: Asked) -> Section:
    """Show the effect of each alternative that is or was drawn for a lever, or why none may be."""
    module = CHANNEL_MODULE[asked.lever.channel]
    refused = EXACT if asked.lever.scales_on else ""
    words = [(each, verdict_words(each.effect), interval_words(each.effect.interval)) for each in asked.arms]
    shown: dict[str, Any] = {"refused": refused, "module": module, "arms": words}
    return Section("explored", "What reviewed draws have shown", "desk/levers/explored.html", shown)
