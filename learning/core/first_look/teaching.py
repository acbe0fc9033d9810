"""Which closed trades can teach a module anything, and why the others cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from overrides.core.engine.definitions.universe import UNIVERSE
from telemetry.core.book_ranks import RANKS, exchange_of, supersedes
from telemetry.core.outcomes import judge
from telemetry.core.trades import Trade
from telemetry.core.vocabulary import family_of

TIMEFRAME = "timeframe"


class Obstacle(StrEnum):
    """Why a trade that was recorded whole teaches nothing, or less than others; exclusions have their own reason."""

    NO_OUTCOME = "no action of it has an outcome: a sale is judged by what followed it, which is not known"
    NO_SCOPE = "it has no scope: it counts in the mean of its pattern and teaches nothing about the market"
    ONLY_TIMEFRAME = "its scope is the timeframe alone: it counts in the means of its pattern and timeframe"
    OTHER_UNIVERSE = "its scope was computed over other pairs than most, and scopes of two universes are never mixed"
    FOREIGN_UNIVERSE = (
        "its scope was computed over other pairs than those of the module's universe, and scopes of two universes are "
        "never mixed"
    )
    NO_UNIVERSE = (
        "its scope was computed over a universe of pairs, and the module learns from none yet: it can teach once a "
        "request gives the module that universe"
    )


@dataclass(frozen=True)
class Distinct:
    """Trades told apart: each once, and each position in its best book alone.

    - `trades`: in the order given; `repeated`: the same trade again.
    - `superseded`: the same position is told by a better book (live before dry before backtest).
    """

    trades: tuple[Trade, ...]
    repeated: int
    superseded: int


def distinct(trades: Iterable[Trade]) -> Distinct:
    """Return every trade once, the newest revision of each, and each position from its best book alone."""
    newest: dict[str, Trade] = {}
    read = 0
    for trade in trades:
        read += 1
        before = newest.get(trade.external_id)
        if before is None or trade.revision > before.revision:
            newest[trade.external_id] = trade
    tellings: dict[tuple[str, str], list[Trade]] = {}
    for trade in newest.values():
        if trade.entry_id is not None and trade.book in RANKS and trade.excluded_reason is None:
            tellings.setdefault(_position(trade), []).append(trade)
    kept = tuple(trade for trade in newest.values() if not _is_superseded(trade, tellings))
    return Distinct(kept, read - len(newest), len(newest) - len(kept))


def _position(trade: Trade) -> tuple[str, str]:
    """Return what names a position in every book: its entry, and the strategy or family of its pattern."""
    return trade.entry_id or "", family_of(trade.actions[0].pattern_key)


def _is_superseded(trade: Trade, tellings: Mapping[tuple[str, str], Sequence[Trade]]) -> bool:
    if trade.entry_id is None or trade.book not in RANKS:
        return False
    exchange = exchange_of(trade.cluster_id or "", trade.entry_id)
    return any(
        supersedes(other.book, trade.book, exchange_of(other.cluster_id or "", other.entry_id or ""), exchange)
        for other in tellings.get(_position(trade), ())
    )


@dataclass(frozen=True)
class Teaching:
    """What the trades of one module can teach.

    - `trades`: those with an action of the module; `entries`: the distinct ones, a cluster counting once.
    - `full`: trades with an outcome and a learned dimension besides the timeframe: they can teach.
    - `obstacles`, `excluded`: numbers of the others by reason; each trade is in one of them.
    - `actions`: judged actions of the module; `present`: those that carry a dimension, by dimension.
    - `universe`: the label of most scopes, by which the others are left out; empty without one.
    """

    module: str
    trades: int
    entries: int
    full: int
    obstacles: Mapping[Obstacle, int]
    excluded: Mapping[str, int]
    actions: int
    present: Mapping[str, int]
    universe: str


def teaching_of(trades: Sequence[Trade], module: str, dimensions: Sequence[str]) -> Teaching:
    """Return what distinct trades can teach a module that learns from these dimensions."""
    own = [each for each in trades if any(action.module == module for action in each.actions)]
    label = universe_of(own, module)
    obstacles: Counter[Obstacle] = Counter()
    excluded: Counter[str] = Counter()
    present: Counter[str] = Counter()
    actions = full = 0
    for trade in own:
        if trade.excluded_reason is not None:
            excluded[trade.excluded_reason] += 1
            continue
        scopes = [each.scope for each in judge(trade) if each.module == module]
        actions += len(scopes)
        present.update(name for scope in scopes for name in scope)
        obstacle = _obstacle(scopes, label, dimensions)
        if obstacle is None:
            full += 1
        else:
            obstacles[obstacle] += 1
    entries = len({each.cluster_id or f"trade {number}" for number, each in enumerate(own)})
    return Teaching(module, len(own), entries, full, obstacles, excluded, actions, present, label)


def universe_of(trades: Iterable[Trade], module: str) -> str:
    """Return the universe that most outcomes of a module name, the first in the alphabet of equals; empty for none."""
    named = Counter(
        each.scope[UNIVERSE]
        for trade in trades
        for each in judge(trade)
        if each.module == module and UNIVERSE in each.scope
    )
    return min(named, key=lambda label: (-named[label], label), default="")


def of_universe(trades: Iterable[Trade], module: str, label: str) -> list[Trade]:
    """Return the trades none of whose outcomes of a module names another universe."""
    return [
        trade
        for trade in trades
        if all(each.scope.get(UNIVERSE, label) == label for each in judge(trade) if each.module == module)
    ]


def _obstacle(scopes: Sequence[Mapping[str, str]], label: str, dimensions: Sequence[str]) -> Obstacle | None:
    if not scopes:
        return Obstacle.NO_OUTCOME
    if any(scope.get(UNIVERSE, label) != label for scope in scopes):
        return Obstacle.OTHER_UNIVERSE
    known = {name for scope in scopes for name in dimensions if name in scope}
    if not known:
        return Obstacle.NO_SCOPE
    return Obstacle.ONLY_TIMEFRAME if known == {TIMEFRAME} else None
