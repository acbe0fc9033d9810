"""The dimensions that bots send and the parameters in force do not know."""

from __future__ import annotations

from datetime import datetime

from overrides.core.engine.definitions.universe import UNIVERSE
from overrides.versions.load_version import current_parameters
from telemetry.models import MODULES
from telemetry.recording.dimension_use import Sent, unknown_dimensions


def sent_and_unknown(now: datetime) -> list[Sent]:
    """Return the dimensions sent in the last 90 days that their module does not know; the label of a universe is known.

    Those sent most often come first.
    """
    known = {module: (*current_parameters(module).known_dimensions, UNIVERSE) for module, _ in MODULES}
    return unknown_dimensions(known, now)
