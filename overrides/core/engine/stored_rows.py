"""Read stored overrides into columns without an object per field, and prove each against the hash that is its id.

What is proven is what `OverrideSpec` and `compile_module` would refuse: an override that is not surely fine is built
and compiled by them, alone, and fails or passes as it would there. The rules about names (channel, category, levers,
dimensions) are checked once per combination, those about numbers for each override.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bucket_columns import OverrideColumns
from .compile_module import compile_module
from .compiled import NO_PATH, Key
from .definitions.content_hash import content_json
from .definitions.field_error import FieldError
from .definitions.json_fields import LARGEST, SMALLEST
from .definitions.levers import LEVERS
from .definitions.module_parameters import ModuleParameters
from .definitions.override_spec import GROUPS, OverrideSpec, scope_of
from .definitions.override_stats import Path, Stats
from .definitions.validation import PATTERN_KEY
from .definitions.vocabulary import Channel, LearningMethod
from .weights import EPOCH, Basis, Column, microseconds

SCOPES_KEPT = 50_000  # scopes that many patterns share are parsed once
PATHS_KEPT = 1_000  # starts of ramps, which what is published together shares
WORDS = {word.value: content_json(word) for words in (Channel, LearningMethod) for word in words}
CAPITAL = {name for name, lever in LEVERS.items() if lever.group == GROUPS[0]}
FIRST, LAST = (microseconds(EPOCH.replace(year=year)) for year in (2001, 2100))  # times that have a plain text
NUMBERS = (float, int)


class Place(NamedTuple):
    """What the overrides of a block have in common."""

    key: Key
    channel: str
    policy: str


class Statistics(NamedTuple):
    """The statistics of the overrides of a block."""

    edge_raw: Column
    n: Column
    variance: Column
    half_life_days: Column


@dataclass(frozen=True)
class StoredBlock:
    """Overrides of one place as they are stored, in id order: a list or an array per field, one entry per override.

    `scopes`, `levers`, `promises` and `starts` are JSON text, the latter two "null" where there is none. `updated` and
    `since` are in microseconds since 1970; `since` is `NO_PATH` for an override without a ramp.
    """

    place: Place
    ids: Sequence[str]
    lines: Sequence[str]
    scopes: Sequence[str]
    statistics: Statistics
    updated: NDArray[np.int64]
    levers: Sequence[str]
    promises: Sequence[str]
    starts: Sequence[str]
    since: NDArray[np.int64]


class AlteredError(ValueError):
    """A stored override has another hash than its id; `found` is the hash."""

    def __init__(self, override: str, found: str) -> None:
        super().__init__(override, found)
        self.id, self.found = override, found


class _Kind(NamedTuple):
    """What overrides have in common that name the same things: their levers, and their canonical text with gaps."""

    levers: tuple[str, ...]
    promised: tuple[str, ...]
    bounds: tuple[tuple[str, float, float], ...]
    text: str


class RowReader:
    """Reads the stored overrides of a module under its parameters."""

    def __init__(self, parameters: ModuleParameters) -> None:
        self._parameters = parameters
        self._kinds: dict[tuple[object, ...], _Kind] = {}

    def columns(self, block: StoredBlock) -> OverrideColumns:
        """Return the stored overrides of a block as columns.

        Raises AlteredError where the content of one has another hash than its id, and FieldError where one is not valid
        or occurs twice.
        """
        self._refuse_twice(block)
        return _Reading(self, block).columns()

    def kind(self, names: tuple[object, ...]) -> _Kind | None:
        """Return what is known of overrides that name these things; None before one of them was proven."""
        return self._kinds.get(names)

    def prove(self, place: Place, spec: OverrideSpec, line: str, names: tuple[object, ...] | None) -> None:
        """Compile one override alone; overrides that name the same things as a valid one need only valid numbers."""
        if spec.content_id != spec.id or spec.line != line:
            raise AlteredError(spec.id, spec.content_id)
        compile_module(self._parameters, [spec])
        if names is not None:
            levers = tuple(spec.levers)
            promised = () if spec.promise is None else tuple(sorted(spec.promise))
            bounds = tuple((name, LEVERS[name].low, LEVERS[name].high) for name in levers)
            self._kinds[names] = _Kind(levers, promised, bounds, _text(place, levers, promised))

    def _refuse_twice(self, block: StoredBlock) -> None:
        """Raise FieldError where an override or a line occurs twice in one block."""
        if any(len(set(names)) < len(names) for names in (block.ids, block.lines)):
            compile_module(self._parameters, [_spec(block, row) for row in range(len(block.ids))])


class _Reading:
    """Reads one block: whatever is surely fine by its canonical text, everything else as a value of its own."""

    def __init__(self, reader: RowReader, block: StoredBlock) -> None:
        self._reader, self._block = reader, block
        module, pattern_key, category = block.place.key
        self._is_plain = PATTERN_KEY.fullmatch(pattern_key) is not None
        self._pattern = content_json(pattern_key)
        words = (WORDS.get(word, content_json(word)) for word in (block.place.channel, block.place.policy))
        self._line_start = f'["{module}",{",".join(words)},{self._pattern},"{category}",'

    def columns(self) -> OverrideColumns:
        block = self._block
        statistics = Statistics(*(column + 0.0 for column in block.statistics))  # never a negative zero
        scopes, levers = self._proven_rows(statistics)
        basis = Basis(*statistics, dims=np.array([len(scope) for scope in scopes], float))
        return OverrideColumns(block.ids, block.lines, scopes, basis, block.updated, levers, _paths(block))

    def _proven_rows(self, statistics: Statistics) -> tuple[list[Mapping[str, str]], list[Mapping[str, float]]]:
        """Return the scope and the targets of each override, all of them proven."""
        block = self._block
        fine = _are_fine(block).tolist()
        stamps = _stamps(np.where(_are_dated(block.updated), block.updated, 0))
        edge_raw, n, variance, half_life_days = (column.tolist() for column in statistics)
        scopes: list[Mapping[str, str]] = []
        levers: list[Mapping[str, float]] = []
        rows = zip(_parsed(block.levers), _parsed(block.promises), block.scopes, block.ids, block.lines, strict=True)
        for row, (moves, promise, scope_text, override, line) in enumerate(rows):
            scope = _scope(scope_text)
            names = _names(block.place, scope, moves, promise)
            form = None if names is None or not (self._is_plain and fine[row]) else self._reader.kind(names)
            values = None if form is None else _values(form, moves, promise)
            if form is not None and values is not None:
                targets, promised = values
                text = form.text % (
                    *targets, self._pattern, *promised, scope.text, edge_raw[row], half_life_days[row], n[row],
                    stamps[row], variance[row],
                )  # fmt: skip
                if _sha256(text) == override and _sha256(f"{self._line_start}{scope.text}]") == line:
                    scopes.append(scope.values)
                    levers.append(dict(zip(form.levers, targets, strict=True)))
                    continue
            spec = _spec(block, row)
            self._reader.prove(block.place, spec, line, names if self._is_plain else None)
            scopes.append(spec.scope)
            levers.append(spec.levers)
        return scopes, levers


class _Scope(NamedTuple):
    values: Mapping[str, str]
    text: str
    dimensions: tuple[str, ...]


@lru_cache(SCOPES_KEPT)
def _scope(text: str) -> _Scope:
    """Return a scope, its canonical text and its dimensions. Raises FieldError."""
    values = scope_of(json.loads(text))
    return _Scope(values, content_json(values), tuple(values))


def _paths(block: StoredBlock) -> list[Path | None] | None:
    if (block.since == NO_PATH).all():
        return None
    starts = zip(block.starts, block.since.tolist(), strict=True)
    return [None if since == NO_PATH else _path(start, since) for start, since in starts]


@lru_cache(PATHS_KEPT)
def _path(start: str, since: int) -> Path:
    return Path(json.loads(start), _moment(since))


def _parsed(texts: Sequence[str]) -> list[Any]:
    """Return the JSON values of several texts, parsed at once."""
    parsed: list[Any] = json.loads(f"[{','.join(texts)}]")
    return parsed


def _names(place: Place, scope: _Scope, levers: object, promise: object) -> tuple[object, ...] | None:
    """Return everything that an override names; None if it is not built as one is."""
    if type(levers) is not dict or not (promise is None or type(promise) is dict):
        return None
    _, _, category = place.key
    promised = None if promise is None else tuple(promise)
    return category, place.channel, place.policy, scope.dimensions, tuple(levers), promised


def _values(
    kind: _Kind, levers: Mapping[str, Any], promise: Mapping[str, Any] | None
) -> tuple[list[float], list[float]] | None:
    """Return the targets and what is promised, in the order of the canonical text; None if one is not surely valid."""
    targets, promised = [], []
    for name, low, high in kind.bounds:
        value = levers[name]
        if type(value) not in NUMBERS or not low <= value <= high:
            return None
        targets.append(float(value) + 0.0)  # never a negative zero
    for name in kind.promised:
        value = (promise or {})[name]
        if type(value) not in NUMBERS or not -LARGEST <= value <= LARGEST:
            return None
        promised.append(float(value) + 0.0)
    return targets, promised


def _are_fine(block: StoredBlock) -> NDArray[np.bool_]:
    """Return which overrides have statistics that are surely valid."""
    edge_raw, n, variance, half_life_days = block.statistics
    fine: NDArray[np.bool_] = _are_dated(block.updated)
    for column, low in ((edge_raw, -LARGEST), (n, 0.0), (variance, 0.0), (half_life_days, SMALLEST)):
        fine = fine & (column >= low) & (column <= LARGEST)
    return fine


def _are_dated(updated: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (updated >= FIRST) & (updated < LAST)


def _stamps(updated: NDArray[np.int64]) -> list[str]:
    """Return times as `instant_text` writes them: with microseconds only if there are any.

    >>> _stamps(np.array([0, 1_000_005]))
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:01.000005Z']
    """
    times = updated.astype("M8[us]")
    stamps: list[str] = np.datetime_as_string(times, unit="s", timezone="UTC").tolist()
    for row in (updated % 1_000_000).nonzero()[0].tolist():
        stamps[row] = str(np.datetime_as_string(times[row], unit="us", timezone="UTC"))
    return stamps


def _text(place: Place, levers: tuple[str, ...], promised: tuple[str, ...]) -> str:
    """Return the canonical text of overrides that name these things, with a place for each number and text.

    The levers of a channel are all of one group, so their order is that of their names.
    """
    module, _, category = place.key
    capital, rest = (tuple(n for n in levers if (n in CAPITAL) is is_capital) for is_capital in (True, False))
    promise = f'"promise":{_numbers(promised)},' if promised else ""
    return (
        f'{{"action_category":"{category}",'
        f'"levers":{{"capital_levers":{_numbers(capital)},"execution_levers":{_numbers(rest)}}},'
        f'"module":"{module}","pattern_key":%s,"policy":{WORDS[place.policy]},{promise}"scope":%s,'
        '"stats":{"edge_raw":%r,"half_life_days":%r,"n":%r,"updated_at":"%s","variance":%r},'
        f'"type":{WORDS[place.channel]}}}'
    )


def _numbers(names: tuple[str, ...]) -> str:
    """Return the canonical text of an object of numbers, with a place for each."""
    return "{" + ",".join(f'"{name}":%r' for name in names) + "}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _spec(block: StoredBlock, row: int) -> OverrideSpec:
    """Return one override as a value. Raises FieldError."""
    module, pattern_key, category = block.place.key
    edge_raw, n, variance, half_life_days = (float(column[row]) for column in block.statistics)
    since = int(block.since[row])
    return OverrideSpec(
        id=block.ids[row],
        module=module,
        channel=Channel(block.place.channel),
        policy=LearningMethod(block.place.policy),
        pattern_key=pattern_key,
        action_category=category,
        scope=json.loads(block.scopes[row]),
        stats=Stats(edge_raw, n, variance, half_life_days, _moment(int(block.updated[row]))),
        levers=json.loads(block.levers[row]),
        promise=json.loads(block.promises[row]),
        path=None if since == NO_PATH else _path(block.starts[row], since),
    )


def _moment(instant: int) -> datetime:
    """Return a time from microseconds since 1970. Raises FieldError for one that no calendar has."""
    try:
        return EPOCH + timedelta(microseconds=instant)
    except OverflowError as error:
        raise FieldError("updated_at", "lies beyond the calendar") from error
