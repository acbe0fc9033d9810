"""Watch: the monitor looks at every line in force and disables what stopped working; mandates lapse with evidence."""

from __future__ import annotations

from config.demo import upkeep
from config.demo.planted.stage import Stage


def watch(stage: Stage) -> None:
    """Let both act at the end of the week, by themselves and without a person."""
    upkeep.watch(stage.until)
