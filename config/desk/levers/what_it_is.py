"""What a lever is: its row of the registry in words."""

from __future__ import annotations

from dataclasses import dataclass

from config.desk.levers.section import Asked, Section
from overrides.core.engine.definitions.levers import Lever
from overrides.core.engine.definitions.vocabulary import CHANNEL_MODULE, Blend


@dataclass(frozen=True)
class Row:
    """A lever of the registry with its module and its direction in words.

    `step` is the farthest that one answer of the plan's combiner moves it: a factor if `is_log`, else a distance.
    """

    lever: Lever
    module: str
    step: float
    direction: str
    is_log: bool


def row_of(lever: Lever) -> Row:
    """Return the row of a lever.

    >>> from overrides.core.engine.definitions.levers import LEVERS
    >>> row_of(LEVERS["size_mult"]).step, row_of(LEVERS["entry_delay_bars"]).step
    (1.02, 0.2)
    """
    is_log = lever.blend is Blend.LOG
    step = 1 + lever.max_step if is_log else lever.max_step
    return Row(lever, CHANNEL_MODULE[lever.channel], step, direction_words(lever), is_log)


def direction_words(lever: Lever) -> str:
    """Return on which actions a larger value means more exposure, and on which less.

    >>> from overrides.core.engine.definitions.levers import LEVERS
    >>> direction_words(LEVERS["size_mult"])
    'more exposure on entry and add, less on trim'
    >>> direction_words(LEVERS["entry_delay_bars"])
    'less exposure on entry and add'
    """
    sides = {side: [each for each in lever.categories if lever.exposure(each) == side] for side in (1, -1)}
    more, less = (" and ".join(categories) for categories in sides.values())
    if more and less:
        return f"more exposure on {more}, less on {less}"
    return f"more exposure on {more}" if more else f"less exposure on {less}"


def section(asked: Asked) -> Section:
    """Show the row of the registry."""
    return Section("row", "What it is", "desk/levers/what_it_is.html", row_of(asked.lever))
