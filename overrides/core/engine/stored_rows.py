"""Read stored overrides into rows without an object per field, and prove each against the hash that is its id.

What is proven is what `OverrideSpec` and `compile_module` would refuse: an override that is not surely fine is built
and compiled by them, alone, and fails or passes as it would there. The rules about names (channel, category, levers,
dimensions) are checked once per combination, those about numbers for each override.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from .bucket_columns import OverrideRow
from .compile_module import compile_module
from .compiled import Key
from .definitions.content_hash import content_json
from .definitions.json_fields import LARGEST, SMALLEST, instant_text
from .definitions.levers import LEVERS
from .definitions.module_parameters import ModuleParameters
from .definitions.override_spec import GROUPS, OverrideSpec, scope_of
from .definitions.override_stats import Path, Stats
from .definitions.validation import PATTERN_KEY
from .definitions.vocabulary import Channel, LearningMethod
from .weights import microseconds

SCOPES_KEPT = 50_000  # scopes that many patterns share are parsed once
WORDS = {word.value: content_json(word) for words in (Channel, LearningMethod) for word in words}
CAPITAL = {name for name, lever in LEVERS.items() if lever.group == GROUPS[0]}


class Stored(NamedTuple):
    """One override of a version as it is stored; `scope`, `levers`, `promise` and `start` are JSON text."""

    id: str
    line: str
    channel: str
    policy: str
    scope: str
    edge_raw: float
    n: float
    variance: float
    half_life_days: float
    updated_at: datetime
    levers: str
    promise: str | None
    start: str | None
    since: datetime | None


class AlteredError(ValueError):
    """A stored override has another hash than its id; `found` is the hash."""

    def __init__(self, stored: Stored, found: str) -> None:
        super().__init__(stored.id, found)
        self.id, self.found = stored.id, found


class RowReader:
    """Reads the stored overrides of a module under its parameters."""

    def __init__(self, parameters: ModuleParameters) -> None:
        self._parameters = parameters
        self._fine: set[tuple[object, ...]] = set()

    def rows(self, key: Key, stored: Sequence[Stored]) -> list[OverrideRow]:
        """Return the stored overrides of one channel, pattern and action as rows.

        Raises AlteredError where the content of one has another hash than its id, and FieldError where one is not valid
        or occurs twice.
        """
        _, pattern_key, _ = key
        if PATTERN_KEY.fullmatch(pattern_key) is None:
            return [self._proven(key, each) for each in stored]
        self._refuse_twice(key, stored)
        quoted = content_json(pattern_key)
        return [self._row(key, quoted, each) for each in stored]

    def _row(self, key: Key, pattern: str, stored: Stored) -> OverrideRow:
        module, _, category = key
        scope, scope_json = _scope(stored.scope)
        levers = json.loads(stored.levers)
        promise = None if stored.promise is None else json.loads(stored.promise)
        if not _is_plain(levers) or not (promise is None or _is_plain(promise)):
            return self._proven(key, stored)
        names, promised = tuple(sorted(levers)), () if promise is None else tuple(sorted(promise))
        levers = {name: float(levers[name]) + 0.0 for name in names}
        kind = (module, category, stored.channel, stored.policy, tuple(scope), names, promised)
        if kind not in self._fine or not _is_fine(stored, levers):
            row = self._proven(key, stored)
            self._fine.add(kind)
            return row
        method, channel = WORDS[stored.policy], WORDS[stored.channel]
        edge_raw, n, variance = stored.edge_raw + 0.0, stored.n + 0.0, stored.variance + 0.0  # never a negative zero
        targets = _lever_text(names) % tuple(levers.values())  # a channel's levers are all of one group
        said = "" if promise is None else f'"promise":{_numbers(promised) % tuple(_floats(promise, promised))},'
        text = (
            f'{{"action_category":"{category}","levers":{targets},"module":"{module}","pattern_key":{pattern},'
            f'"policy":{method},{said}"scope":{scope_json},"stats":{{"edge_raw":{edge_raw!r},'
            f'"half_life_days":{stored.half_life_days!r},"n":{n!r},'
            f'"updated_at":"{instant_text(stored.updated_at)}","variance":{variance!r}}},"type":{channel}}}'
        )
        line = f'["{module}",{channel},{method},{pattern},"{category}",{scope_json}]'
        if _sha256(text) != stored.id or _sha256(line) != stored.line:
            return self._proven(key, stored)
        updated = microseconds(stored.updated_at)
        return OverrideRow(
            stored.id, stored.line, scope, edge_raw, n, variance, stored.half_life_days, updated, levers, _path(stored)
        )

    def _refuse_twice(self, key: Key, stored: Sequence[Stored]) -> None:
        """Raise FieldError where an override or a line occurs twice in one bucket."""
        if any(len({getattr(each, name) for each in stored}) < len(stored) for name in ("id", "line")):
            compile_module(self._parameters, [_spec(key, each) for each in stored])

    def _proven(self, key: Key, stored: Stored) -> OverrideRow:
        spec = _spec(key, stored)
        if spec.content_id != stored.id or spec.line != stored.line:
            raise AlteredError(stored, spec.content_id)
        compile_module(self._parameters, [spec])
        return OverrideRow.of(spec)


def _spec(key: Key, stored: Stored) -> OverrideSpec:
    module, pattern_key, category = key
    return OverrideSpec(
        id=stored.id,
        module=module,
        channel=Channel(stored.channel),
        policy=LearningMethod(stored.policy),
        pattern_key=pattern_key,
        action_category=category,
        scope=json.loads(stored.scope),
        stats=Stats(stored.edge_raw, stored.n, stored.variance, stored.half_life_days, stored.updated_at),
        levers=json.loads(stored.levers),
        promise=None if stored.promise is None else json.loads(stored.promise),
        path=_path(stored),
    )


def _path(stored: Stored) -> Path | None:
    return None if stored.start is None or stored.since is None else Path(json.loads(stored.start), stored.since)


@lru_cache(SCOPES_KEPT)
def _scope(text: str) -> tuple[Mapping[str, str], str]:
    """Return a scope and its canonical text. Raises FieldError."""
    scope = scope_of(json.loads(text))
    return scope, content_json(scope)


def _is_plain(values: object) -> bool:
    """Return whether values are numbers by name, none of them so large that a float could not hold it."""
    if type(values) is not dict:
        return False
    return all(type(value) in (int, float) and -LARGEST <= value <= LARGEST for value in values.values())


def _is_fine(stored: Stored, levers: Mapping[str, float]) -> bool:
    """Return whether the numbers of an override are surely valid."""
    for name, value in levers.items():
        if not LEVERS[name].low <= value <= LEVERS[name].high:
            return False
    return (
        -LARGEST <= stored.edge_raw <= LARGEST
        and 0 <= stored.n <= LARGEST
        and 0 <= stored.variance <= LARGEST
        and SMALLEST <= stored.half_life_days <= LARGEST
        and 2000 < stored.updated_at.year < 2100
    )


@lru_cache(1024)
def _lever_text(names: tuple[str, ...]) -> str:
    """Return the canonical text of targets by group, with a place for each number."""
    capital, rest = (tuple(n for n in names if (n in CAPITAL) is is_capital) for is_capital in (True, False))
    return f'{{"capital_levers":{_numbers(capital)},"execution_levers":{_numbers(rest)}}}'


@lru_cache(1024)
def _numbers(names: tuple[str, ...]) -> str:
    """Return the canonical text of an object of numbers, with a place for each."""
    return "{" + ",".join(f'"{name}":%r' for name in names) + "}"


def _floats(values: Mapping[str, float], names: tuple[str, ...]) -> list[float]:
    return [float(values[name]) + 0.0 for name in names]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
