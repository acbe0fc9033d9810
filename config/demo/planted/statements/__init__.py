"""What the system states at the end of the planted story, beside what was planted, and whether the two agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from config.demo.planted.stage import Calendar
from config.demo.planted.statements.edges import edges, no_edge
from config.demo.planted.statements.ends import ends
from config.demo.planted.statements.kept import kept
from config.demo.planted.statements.statement import Statement
from config.demo.planted.statements.whole import whole

STATEMENTS: tuple[Callable[[Calendar], Iterator[Statement]], ...] = (
    edges,
    no_edge,
    ends,
    whole,
    kept,
)


def statements(calendar: Calendar) -> list[Statement]:
    """Return every statement, in the order of the story."""
    return [statement for state in STATEMENTS for statement in state(calendar)]
