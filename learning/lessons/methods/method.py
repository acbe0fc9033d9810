"""The interface of a learning method: how it searches, what its noise twin counts, how its lessons are listed.

Code that builds, validates or shows lessons calls `METHODS[method]` and does not compare methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import FloatField, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Abs, Cast

from learning.lessons.candidates import SearchResult
from learning.models import Lesson
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Combiner, LearningMethod

Progress = Callable[[int, int], None]  # (completed steps, all steps)


@dataclass(frozen=True)
class Order:
    """A sort order of lessons: its name in addresses, its label, and the expressions to sort by."""

    name: str
    label: str
    by: tuple[Any, ...]


def stat(name: str) -> Cast:
    """Return one number of a lesson's `stats` as an expression to sort by."""
    return Cast(KeyTextTransform(name, "stats"), FloatField())


BY_TRADES = Order("n", "trades", (stat("n").desc(),))
BY_EDGE = Order("edge", "edge", (Abs("edge_raw").desc(),))


@dataclass(frozen=True)
class Method:
    """One learning method: functions with the same signature for every method, and the facts that differ.

    - `search(module, parameters, now)` finds the lessons of a module. It raises ValueError, with what to do about it,
      if the facts cannot be fitted.
    - `count_in_noise(module, parameters, now, seed, progress)` counts the lessons that the same search finds in
      outcomes permuted within pattern and week.
    - `comparable(acting, module)` filters the acting lessons to those that such a count is compared with.
    - `walk_combiner(parameters)` returns the combiner of the walk-forward run that pages show, None for any.

    `builder` names the code: lessons of another one are built anew. `orders` are the sort orders of its lessons, the
    default first. `default`: its jobs are named after the module alone. `ages`: its lessons change with the date, so
    that a run stands for one day at most. `verifies`: its lessons are verified or not, their weight is 1 - lfsr, and
    pages show them beside their parents. `refits`: it fits all lessons together, so that each new trade moves every one
    of them a little. `braked`: its claims are braked by its strength, and a channel changes to it only where enough of
    what it believed came true.
    """

    name: LearningMethod
    search: Callable[[str, ModuleParameters, datetime], SearchResult]
    count_in_noise: Callable[[str, ModuleParameters, datetime, int, Progress], int]
    comparable: Callable[[QuerySet[Lesson], str], QuerySet[Lesson]]
    walk_combiner: Callable[[ModuleParameters], Combiner | None]
    builder: str
    orders: tuple[Order, ...]
    default: bool = False
    ages: bool = False
    verifies: bool = False
    refits: bool = False
    braked: bool = False
