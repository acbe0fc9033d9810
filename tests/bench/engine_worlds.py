"""Versions for the bench of the engine, made from columns, so that a million overrides take seconds; and the scan."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overrides.core.engine.bucket_columns import Moves, bucket_of_columns
from overrides.core.engine.combination import Request
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.compiled import Bucket, Compiled, Key, Ramps
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import grouped
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.core.engine.names import Names
from overrides.core.engine.scope_packing import PackedScopes
from overrides.core.engine.weights import Basis, formula_of, microseconds
from tests.builders import NOW

KEY = ("pm", "bench.long.hot", "entry")
PARAMETERS = ModuleParameters.default("pm")
WEIGHTS = PARAMETERS.channels[Channel.PM_STRENGTH].weights
DIMENSIONS = tuple(sorted(PARAMETERS.dimensions))
VALUES = ("asked", *(f"v{number:02}" for number in range(14)))
ASKED = dict.fromkeys(DIMENSIONS, "asked")
MOVED = ("entry_aggression_mult", "size_mult")
BITS = len(VALUES).bit_length()
DAY_SECONDS = 86_400
MICROSECONDS_A_DAY = DAY_SECONDS * 1_000_000
Found = tuple[dict[str, float], list[tuple[str, float, dict[str, float]]]]  # levers; id, weight and parts of each


@dataclass(frozen=True)
class Columns:
    """Overrides of one key in id order; `codes` are the places of scope values in VALUES, from 1; 0 is unspecified."""

    ids: NDArray[np.uint8]
    lines: NDArray[np.uint8]
    codes: NDArray[np.uint8]
    basis: Basis[NDArray[np.float64]]
    updated: NDArray[np.float64]
    targets: NDArray[np.float64]
    starts: NDArray[np.float64]

    def bucket(self, *, with_paths: bool = False) -> Bucket:
        """Return the compiled bucket; with paths, each override ramps from a start of its own."""
        shifts = np.arange(len(DIMENSIONS), dtype=np.uint64) * np.uint64(BITS)
        keys = (self.codes.astype(np.uint64) << shifts).sum(axis=1, dtype=np.uint64)[None, :]
        scopes = PackedScopes.of_keys(dict.fromkeys(DIMENSIONS, VALUES), keys)
        ramps = Ramps(self.updated.astype(np.int64), self.starts) if with_paths else None
        ids, lines = Names.of_hashes(self.ids), Names.of_hashes(self.lines)
        moves = Moves(MOVED, self.targets, ramps)
        return bucket_of_columns(ids, lines, scopes, self.updated, self.basis, moves, formula_of(WEIGHTS))

    def documents(self, key: Key) -> list[dict[str, Any]]:
        """Return the overrides as documents, each parsed from a text of its own, as an engine that scans loads them.

        A text of its own gives each its own keys and words in memory. The times are seconds since 1970 already.
        """
        return [json.loads(text) for text in self._texts(key)]

    def _texts(self, key: Key) -> Iterator[str]:
        module, pattern_key, category = key
        names = ("edge_raw", "n", "variance", "half_life_days")
        basis = zip(*(getattr(self.basis, name).tolist() for name in names), strict=True)
        return (
            json.dumps(
                {
                    "id": id.tobytes().hex(),
                    "type": Channel.PM_STRENGTH,
                    "module": module,
                    "policy": LearningMethod.PLAN,
                    "pattern_key": pattern_key,
                    "action_category": category,
                    "scope": {name: VALUES[code - 1] for name, code in zip(DIMENSIONS, codes, strict=True) if code},
                    "stats": {**dict(zip(names, stats, strict=True)), "updated_at": updated / 1e6},
                    "levers": grouped(
                        {name: each for name, each in zip(MOVED, targets, strict=True) if not math.isnan(each)}
                    ),
                }
            )
            for id, codes, stats, updated, targets in zip(
                self.ids, self.codes.tolist(), basis, self.updated.tolist(), self.targets.tolist(), strict=True
            )
        )


def columns(count: int, matches: int, chance: np.random.Generator) -> Columns:
    """Return overrides of distinct scopes of one to four dimensions; `matches` are in ASKED, and a third are heavy."""
    codes = _codes(count, matches, chance)
    is_heavy = chance.random(count) < 1 / 3
    ids = chance.integers(0, 256, (count, 32), np.uint8)
    targets = chance.uniform(0.9, 1.1, (count, len(MOVED)))
    starts = chance.uniform(0.9, 1.1, targets.shape)
    targets[chance.random(count) >= 0.3, 0] = np.nan
    age_days = chance.uniform(0, 3, count)
    return Columns(
        ids[np.argsort(ids[:, :8].copy().view(">u8").ravel())],
        chance.integers(0, 256, (count, 32), np.uint8),
        codes,
        Basis(
            np.where(is_heavy, chance.uniform(2, 4, count), chance.uniform(0.1, 0.3, count)),
            np.where(is_heavy, chance.integers(60, 200, count), chance.integers(5, 12, count)).astype(float),
            chance.uniform(0, 0.2, count),
            chance.uniform(60, 200, count),
            (codes > 0).sum(axis=1).astype(float),
        ),
        microseconds(NOW) - np.round(age_days * MICROSECONDS_A_DAY),
        targets,
        starts,
    )


def _codes(count: int, matches: int, chance: np.random.Generator) -> NDArray[np.uint8]:
    drawn = 3 * count + 2_000
    dims = chance.choice((1, 2, 2, 3, 3, 4), drawn)
    is_used = chance.random((drawn, len(DIMENSIONS))).argsort(axis=1).argsort(axis=1) < dims[:, None]
    values = np.where(chance.random(is_used.shape) < 0.3, 1, chance.integers(2, len(VALUES) + 1, is_used.shape))
    others = np.where(is_used, values, 0).astype(np.uint8)
    others = np.unique(others[(others > 1).any(axis=1)], axis=0)
    matching = np.unique(is_used.astype(np.uint8), axis=0)
    found = np.concatenate([chance.permutation(matching)[:matches], chance.permutation(others)[: count - matches]])
    assert len(found) == count, "too few distinct scopes were drawn"
    return chance.permutation(found)


def compiled(buckets: Mapping[Key, Bucket]) -> Compiled:
    """Return the engine of these buckets under the default parameters."""
    empty = compile_module(PARAMETERS, ())
    return replace(
        empty,
        sections=tuple(
            replace(section, buckets=dict(buckets) if section.channel is Channel.PM_STRENGTH else {})
            for section in empty.sections
        ),
    )


def request(key: Key = KEY, days: float = 0.0) -> Request:
    """Return a request of every dimension as asked."""
    return Request(*key, ASKED, NOW + timedelta(days=days))


def scan(rows: Sequence[dict[str, Any]], asked: Request) -> Found:
    """Return the levers of the plan combiner, and id, weight and parts of each, by a loop over all overrides."""
    now, taken = asked.at.timestamp(), []
    for row in rows:
        if row["module"] != asked.module or row["pattern_key"] != asked.pattern_key:
            continue
        if row["action_category"] != asked.action_category:
            continue
        if any(asked.scope.get(name) != value for name, value in row["scope"].items()):
            continue
        stats = row["stats"]
        age = max(0.0, (now - stats["updated_at"]) / DAY_SECONDS)
        weight = (
            math.tanh(abs(stats["edge_raw"]) / WEIGHTS.weight_edge_scale)
            * (1 - math.exp(-stats["n"] / WEIGHTS.n_target))
            / (1 + WEIGHTS.variance_penalty * stats["variance"])
            * min(1.0, len(row["scope"]) / WEIGHTS.max_scope_dims) ** WEIGHTS.specificity_alpha
            * math.exp(-age / stats["half_life_days"])
        )
        if round(weight, 12) >= WEIGHTS.min_total_weight:
            taken.append((row["id"], weight, row["levers"]["capital_levers"]))
    whole = {name: sum(weight for _, weight, levers in taken if name in levers) for name in MOVED}
    parts = [
        (id, weight, {name: weight / whole[name] * math.log(value) for name, value in levers.items()})
        for id, weight, levers in taken
    ]
    found = {}
    for name in MOVED:
        if whole[name]:
            lever = LEVERS[name]
            target = math.exp(sum(each[name] for _, _, each in parts if name in each))
            target = min(max(target, 1 / (1 + lever.max_step)), 1 + lever.max_step)
            found[name] = min(max(target, lever.low), lever.high)
    return found, sorted(parts, key=lambda each: -each[1])
