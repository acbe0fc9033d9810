"""Keep the books: what the whole earned, which lines were met, and the report of the week that has ended."""

from __future__ import annotations

from config.demo import upkeep
from config.demo.planted.stage import Stage


def keep_books(stage: Stage) -> None:
    """Do so at the end of the week."""
    upkeep.keep_books(stage.until)
