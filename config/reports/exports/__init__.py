"""Exports as JSON values, one by one: trades, decisions, contributions of overrides, lessons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from config.reports.exports.decisions import DECISION_COLUMNS, contributions, decisions
from config.reports.exports.lessons import LESSON_COLUMNS, lessons
from config.reports.exports.selection import Document, Selection
from config.reports.exports.trades import TRADE_COLUMNS, trades
from overrides.monitoring.contributions import CONTRIBUTION_COLUMNS

__all__ = ["EXPORTS", "Document", "Export", "Selection"]


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of row, and its CSV columns; dotted columns address values inside objects and lists."""

    documents: Callable[[Selection], Iterator[Document]]
    columns: tuple[str, ...]


EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "trades": Export(trades, TRADE_COLUMNS),
        "decisions": Export(decisions, DECISION_COLUMNS),
        "contributions": Export(contributions, CONTRIBUTION_COLUMNS),
        "lessons": Export(lessons, LESSON_COLUMNS),
    }
)
