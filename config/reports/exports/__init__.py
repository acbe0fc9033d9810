"""Exports as JSON values, one by one: trades, episodes, decisions, contributions; lessons where learning is on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from config.learner import LEARNS
from config.reports.exports.decisions import DECISION_COLUMNS, contributions, decisions
from config.reports.exports.episodes import EPISODE_COLUMNS, episodes
from config.reports.exports.selection import Document, Selection
from config.reports.exports.trades import TRADE_COLUMNS, trades
from overrides.monitoring.scoring.contributions import CONTRIBUTION_COLUMNS

__all__ = ["EXPORTS", "Document", "Export", "Selection"]


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of row, and its CSV columns; dotted columns address values inside objects and lists."""

    documents: Callable[[Selection], Iterator[Document]]
    columns: tuple[str, ...]


def _of_learning() -> dict[str, Export]:
    """Return the exports of what learning makes; there are none where it is switched off."""
    if not LEARNS:
        return {}
    from config.reports.exports.lessons import LESSON_COLUMNS, lessons

    return {"lessons": Export(lessons, LESSON_COLUMNS)}


EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "trades": Export(trades, TRADE_COLUMNS),
        "episodes": Export(episodes, EPISODE_COLUMNS),
        "decisions": Export(decisions, DECISION_COLUMNS),
        "contributions": Export(contributions, CONTRIBUTION_COLUMNS),
        **_of_learning(),
    }
)
