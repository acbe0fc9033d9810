"""A first look at files in memory: what they hold, what can teach, and what learning makes of it, module by module."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.imports.bars import FromBars
from config.imports.reading import Read
from learning.core.first_look.columns import judged_of
from learning.core.first_look.look import FirstLook, first_look
from learning.core.first_look.teaching import Distinct, Teaching, distinct, of_universe, teaching_of
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.core.trades import Trade
from telemetry.core.vocabulary import Module

Say = Callable[[str], None]


@dataclass(frozen=True)
class ModuleLook:
    """What the trades can teach one module, under which dimensions, and what learning finds in them."""

    teaching: Teaching
    dimensions: tuple[str, ...]
    found: FirstLook


@dataclass(frozen=True)
class Looked:
    """The whole first look.

    - `from_bars`: what price bars gave to opening actions, by dimension; empty without bars.
    - `remarks`: what was mended in the files of bars, and which are not used.
    - `seconds`: how long learning took.
    """

    read: Read
    distinct: Distinct
    modules: tuple[ModuleLook, ...]
    from_bars: Mapping[str, FromBars] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    seconds: float = 0.0


def look_at(
    read: Read,
    *,
    learned: Sequence[str] = (),
    seed: int = 0,
    from_bars: Mapping[str, FromBars] | None = None,
    remarks: Sequence[str] = (),
    say: Say = lambda line: None,
) -> Looked:
    """Return a first look at the trades that were read, under default parameters and all of their books.

    `learned` names dimensions to learn from besides the default ones.
    """
    started = time.monotonic()
    trades = distinct(read.trades)
    modules = tuple(
        _look(module.value, trades.trades, learned, seed, say)
        for module in Module
        if any(action.module == module for trade in trades.trades for action in trade.actions)
    )
    return Looked(read, trades, modules, from_bars or {}, remarks, time.monotonic() - started)


def _look(module: str, trades: Sequence[Trade], learned: Sequence[str], seed: int, say: Say) -> ModuleLook:
    parameters = ModuleParameters.default(module)
    dimensions = tuple(dict.fromkeys((*parameters.learned_dimensions, *learned)))
    parameters = replace(parameters, lessons=replace(parameters.lessons, dimensions=dimensions))
    teaching = teaching_of(trades, module, dimensions)
    judged = judged_of(of_universe(trades, module, teaching.universe), module)
    say(f"learning from {len(judged):,} outcomes of {module}, ten noise twins of each method")
    return ModuleLook(teaching, dimensions, first_look(judged, parameters, seed=seed))
