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
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.own_dimensions import DimensionKind, OwnDimension, labelled
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
    learned: Sequence[OwnDimension] = (),
    seed: int = 0,
    from_bars: Mapping[str, FromBars] | None = None,
    remarks: Sequence[str] = (),
    say: Say = lambda line: None,
) -> Looked:
    """Return a first look at the trades that were read, under default parameters and all of their books.

    `learned` are dimensions to learn from besides the default ones. Raises FieldError for cuts of a dimension that a
    module knows as a category.
    """
    started = time.monotonic()
    trades = distinct(read.trades)
    modules = tuple(
        _look(module.value, trades.trades, learned, seed, say)
        for module in Module
        if any(action.module == module for trade in trades.trades for action in trade.actions)
    )
    return Looked(read, trades, modules, from_bars or {}, remarks, time.monotonic() - started)


def _look(module: str, trades: Sequence[Trade], learned: Sequence[OwnDimension], seed: int, say: Say) -> ModuleLook:
    parameters = _learning_from(ModuleParameters.default(module), learned)
    dimensions = parameters.learned_dimensions
    trades = _as_compared(trades, parameters)
    teaching = teaching_of(trades, module, dimensions)
    judged = judged_of(of_universe(trades, module, teaching.universe), module)
    say(f"learning from {len(judged):,} outcomes of {module}, ten noise twins of each method")
    return ModuleLook(teaching, dimensions, first_look(judged, parameters, seed=seed))


def learned_dimension(words: str) -> OwnDimension:
    """Return the dimension that `NAME` or `NAME=cut,cut...` asks to learn from. Raises FieldError.

    >>> learned_dimension("regime").kind.value, learned_dimension("volume_z=-1,0.5").labels
    ('category', ('<-1', '-1 to 0.5', '0.5+'))
    """
    name, stated, cuts = words.partition("=")
    kind = DimensionKind.ORDERED_CUTS if stated else DimensionKind.CATEGORY
    try:
        numbers = tuple(float(each) for each in cuts.split(",")) if stated else ()
    except ValueError:
        raise FieldError("cuts", "must be numbers separated by commas, as in volume_z=-1,0.5") from None
    return OwnDimension(name, kind, numbers, "A dimension of this first look.")


def _learning_from(parameters: ModuleParameters, learned: Sequence[OwnDimension]) -> ModuleParameters:
    """Return the parameters with further dimensions: the module's own, or those it knows and does not learn from."""
    known = {*parameters.known_dimensions, *parameters.learned_dimensions}
    own = tuple(each for each in learned if each.name not in known)
    for each in learned:
        if each.name in known and each.cuts:
            raise FieldError("cuts", f"{each.name} is a category that {parameters.module} knows, and has none")
    others = (each.name for each in learned if each.name in known)
    dimensions = tuple(dict.fromkeys((*parameters.learned_dimensions, *others)))
    lessons = replace(parameters.lessons, dimensions=dimensions)
    return replace(parameters, lessons=lessons, own_dimensions=own)


def _as_compared(trades: Sequence[Trade], parameters: ModuleParameters) -> Sequence[Trade]:
    """Return the trades with scopes in which numbers are the buckets of their cuts, as learning compares them."""
    cuts = parameters.cuts
    if not cuts:
        return trades
    return [
        replace(trade, actions=tuple(replace(each, scope=labelled(each.scope, cuts)) for each in trade.actions))
        for trade in trades
    ]
