"""Questions with their exact answers, by which another machine proves that it computes what this one does.

The cases of a version cover each of its channels, ramps that are under way and overrides that have grown too old to
weigh; the worked cases are of fixed overrides under every combiner, so that an empty version is proved too. What is
served (levers, reasons, flags, which overrides act) has to be equal; unrounded numbers may differ in their last bits,
as they do between processors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from .combination import Request
from .compile_overrides import compile_overrides
from .compiled import Bucket, Compiled, Key
from .definitions.override_spec import OverrideSpec
from .definitions.parameters import WeightParameters
from .definitions.serving_mode import Mode, ServingMode
from .definitions.vocabulary import Combiner
from .position_scaling import Scaling
from .serve import UNSCALED, answer
from .weights import EPOCH, MICROSECOND

MOST_BUCKETS = 5  # of each channel
CLOSE = 1e-12  # relative: what the last bits of a double may differ by
EVERYBODY = ServingMode(Mode.ON)
UPSTREAM = 1.25  # dm's answer, where a case asks for pm
LATER = (timedelta(hours=7), timedelta(days=20), timedelta(days=400))  # long after, most weigh too little

Cases = list[dict[str, Any]]


def version_cases(compiled: Compiled, scaling: Scaling = UNSCALED) -> Cases:
    """Return some questions about the overrides of a version with their answers, always the same for one version."""
    return [_answered(compiled, scaling, question) for question in _questions(compiled)]


def worked_cases() -> Cases:
    """Return questions about the fixed overrides with their answers, under every combiner."""
    return [
        {"combiner": combiner.value, **_answered(_worked(combiner), UNSCALED, question)}
        for combiner in Combiner
        for question in WORKED_QUESTIONS
    ]


def differences(compiled: Compiled, scaling: Scaling, cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what this machine computes otherwise in the cases of a version; empty if nothing."""
    return [
        found
        for number, case in enumerate(cases)
        for found in _differing(f"question {number}", case["answer"], _answer(compiled, scaling, case["question"]))
    ]


def worked_differences(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what this machine computes otherwise in the worked cases."""
    return [found for case in cases for found in differences(_worked(Combiner(case["combiner"])), UNSCALED, [case])]


def _questions(compiled: Compiled) -> Iterator[dict[str, Any]]:
    for section in compiled.sections:
        for key, bucket in _telling(section.buckets):
            for number, later in enumerate(LATER):
                yield _question(key, _scope(bucket, number), _newest(bucket) + later)
            if bucket.ramps is not None:
                row = int(bucket.ramps.since.argmax())
                under_way = EPOCH + int(bucket.ramps.since[row]) * MICROSECOND + timedelta(hours=12)
                yield _question(key, bucket.scopes.scope(row), under_way)


def _telling(buckets: Mapping[Key, Bucket]) -> list[tuple[Key, Bucket]]:
    """Return the buckets with most overrides, and first those whose overrides ramp."""
    order = sorted(buckets.items(), key=lambda each: (each[1].ramps is None, -len(each[1]), each[0]))
    return order[:MOST_BUCKETS]


def _scope(bucket: Bucket, number: int) -> dict[str, str]:
    """Return a scope that contains those of several overrides, as far as they agree."""
    scope: dict[str, str] = {}
    for row in bucket.basis.n.argsort(kind="stable")[::-1][number : number + 4].tolist():
        scope = bucket.scopes.scope(row) | scope
    return scope


def _newest(bucket: Bucket) -> datetime:
    return EPOCH + int(bucket.updated.max()) * MICROSECOND


def _question(key: Key, scope: Mapping[str, str], at: datetime) -> dict[str, Any]:
    module, pattern_key, category = key
    return {
        "module": module,
        "pattern_key": pattern_key,
        "action_category": category,
        "scope": dict(scope),
        "at": at.isoformat(),
    }


def _answered(compiled: Compiled, scaling: Scaling, question: Mapping[str, Any]) -> dict[str, Any]:
    return {"question": dict(question), "answer": _answer(compiled, scaling, question)}


def _answer(compiled: Compiled, scaling: Scaling, question: Mapping[str, Any]) -> dict[str, Any]:
    fields = {**question, "at": datetime.fromisoformat(question["at"])}
    found = answer(
        compiled,
        EVERYBODY,
        Request(**fields),
        protected_motifs=(),
        scaling=scaling,
        upstream_multiplier=UPSTREAM if question["module"] == WORKED_KEY[0] else 1.0,
    )
    combination = found.combination
    contributions = () if combination is None else combination.contributions
    excluded = () if combination is None else combination.excluded
    return {
        "served": {
            "levers": dict(found.levers),
            "coefficient_product": found.coefficient_product,
            "reason": found.reason.value,
            "flags": [flag.value for flag in found.flags],
            "acting": [each.id for each in contributions],
            "excluded": [[each.id, each.reason.value] for each in excluded],
        },
        "unrounded": [
            *(value for each in contributions for value in (each.w_total or 0.0, *dict(each.parts).values())),
            *(each.w_total or 0.0 for each in excluded),
        ],
    }


def _differing(place: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for name, value in wanted["served"].items():
        if found["served"][name] != value:
            yield f"{place}: {name} is {found['served'][name]!r:.100}, not {value!r:.100}"
    ours, theirs = found["unrounded"], wanted["unrounded"]
    if len(ours) != len(theirs) or any(
        abs(a - b) > CLOSE * max(1.0, abs(b)) for a, b in zip(ours, theirs, strict=True)
    ):
        yield f"{place}: unrounded weights and parts differ"


# --- the worked cases -------------------------------------------------------------------------------

WORKED_KEY = ("pm", "worked.long.example", "entry")
WORKED_AT = datetime(2026, 1, 20, 9, 30, 15, 250_000, tzinfo=UTC)
WORKED_QUESTIONS = (
    _question(WORKED_KEY, {"bucket": "mid", "timeframe": "4h", "macro_phase": "Good"}, WORKED_AT),
    _question(WORKED_KEY, {"bucket": "mid"}, WORKED_AT + timedelta(days=200))
    | {"current": {"size_mult": 1.0404, "entry_delay_bars": 0.7}},
)


def _worked(combiner: Combiner) -> Compiled:
    parameters = replace(WeightParameters(max_scope_dims=8), max_evidence_age_days=120)
    return compile_overrides(map(OverrideSpec.from_document, WORKED_OVERRIDES), parameters, combiner)


def _override(
    name: str, scope: Mapping[str, str], stats: Sequence[float], targets: Mapping[str, float]
) -> dict[str, Any]:
    edge_raw, n, variance, half_life_days = stats
    capital = {each: value for each, value in targets.items() if each != "entry_delay_bars"}
    module, pattern_key, category = WORKED_KEY
    return {
        "id": name,
        "module": module,
        "pattern_key": pattern_key,
        "action_category": category,
        "scope": dict(scope),
        "stats": {
            "edge_raw": edge_raw,
            "n": n,
            "variance": variance,
            "half_life_days": half_life_days,
            "updated_at": "2026-01-11T00:00:00+00:00",
        },
        "levers": {
            "capital_levers": capital,
            "execution_levers": {each: value for each, value in targets.items() if each not in capital},
        },
        "path": {"from": {}, "since": "2026-01-18T21:00:00+00:00"},
    }


WORKED_OVERRIDES = (
    _override("a", {"bucket": "mid"}, (0.82, 37, 0.45, 18), {"size_mult": 1.11, "entry_delay_bars": 1.3}),
    _override("b", {"bucket": "mid", "timeframe": "4h"}, (-1.7, 61, 0.13, 90), {"size_mult": 0.93}),
    _override(
        "c", {"bucket": "mid", "macro_phase": "Good", "timeframe": "4h"}, (2.9, 12, 1.9, 45), {"size_mult": 1.27}
    ),
    _override("d", {}, (3.0, 400, 0.2, 60), {"entry_aggression_mult": 1.07}),
    _override("e", {"timeframe": "4h"}, (0.01, 5, 8.0, 3), {"size_mult": 1.3}),
)
