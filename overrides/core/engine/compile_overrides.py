"""Compile the overrides of a version: check, group and index them, and compute everything that does not depend on time.

A version compiles to a dict (module, pattern_key, action_category) -> bucket. A bucket holds its overrides in id order
and their packed scopes; only the weight factors that depend on the time of the request remain to be computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

from .bucket_columns import OverrideColumns, bucket_of
from .compiled import AS_SENT, Bucket, Compiled, Key, Limits, ScopeReading, Section
from .definitions.field_error import FieldError
from .definitions.levers import LEVERS
from .definitions.override_spec import OverrideSpec
from .definitions.parameters import WeightParameters
from .definitions.validation import check, check_combiner
from .definitions.vocabulary import Channel, Combiner, LearningMethod
from .scope_packing import PackedScopes
from .weights import formula_of


def compile_overrides(
    specs: Iterable[OverrideSpec],
    parameters: WeightParameters,
    combiner: Combiner,
    *,
    channel: Channel | None = None,
    known_dimensions: Collection[str] | None = None,
    reading: ScopeReading = AS_SENT,
) -> Compiled:
    """Compile the overrides of one channel; `join` makes one `Compiled` of several channels.

    With a channel, every override must belong to it and pass `check`; without one, they are combined as given. With
    `known_dimensions`, a request that has other dimensions is flagged. `reading` says how the scopes of requests are
    compared. Raises FieldError that names the override.
    """
    ordered = sorted(specs, key=lambda spec: spec.id)
    for before, after in pairwise(ordered):
        if before.id == after.id:
            raise FieldError.because(f"override {after.id}: given twice; keep one")
    if channel is not None:
        _refuse_ungoverned(ordered, channel, combiner, known_dimensions)
    section = Section(
        channel=channel,
        combiner=combiner,
        parameters=parameters,
        known_dimensions=None if known_dimensions is None else frozenset(known_dimensions),
        limits={
            name: Limits(lever, *parameters.bounds_of(name), parameters.step_of(name)) for name, lever in LEVERS.items()
        },
        buckets=_buckets(ordered, parameters, reading),
    )
    return Compiled((section,), reading)


def join(*compiled: Compiled) -> Compiled:
    """Join the engines of several channels.

    Raises FieldError if a channel occurs twice, which would move a lever twice.
    """
    sections = tuple(section for each in compiled for section in each.sections)
    channels = [section.channel for section in sections]
    if len(sections) > 1 and (None in channels or len(set(channels)) < len(channels)):
        raise FieldError("channels", "name each of the joined channels, once")
    readings = [each.reading for each in compiled]
    if any(reading != readings[0] for reading in readings):
        raise FieldError("channels", "read scopes differently; compile them under the same parameters")
    return Compiled(sections, readings[0] if readings else AS_SENT)


def _refuse_ungoverned(
    specs: list[OverrideSpec], channel: Channel, combiner: Combiner, known_dimensions: Collection[str] | None
) -> None:
    lines: set[str] = set()
    for spec in specs:
        problems = check(spec, known_dimensions) + check_combiner(channel, spec.policy or LearningMethod.PLAN, combiner)
        if spec.channel is not channel:
            problems.append(FieldError("type", f"must be {channel}"))
        if spec.line in lines:
            problems.append(FieldError("line", "has two revisions in one version; keep one"))
        lines.add(spec.line)
        if problems:
            raise FieldError.because(f"override {spec.id}: {FieldError.joined(problems)}")


def _buckets(ordered: list[OverrideSpec], parameters: WeightParameters, reading: ScopeReading) -> dict[Key, Bucket]:
    groups: dict[Key, list[OverrideSpec]] = {}
    for spec in ordered:
        if spec.levers:  # an override that moves no lever is never listed
            groups.setdefault((spec.module, spec.pattern_key, spec.action_category), []).append(spec)
    formula = formula_of(parameters)
    return {
        key: bucket_of(OverrideColumns.of(group), PackedScopes([spec.scope for spec in group], reading.cuts), formula)
        for key, group in groups.items()
    }


def bucket_of_nothing() -> Bucket:
    """Return a bucket without overrides."""
    return bucket_of(OverrideColumns.of([]), PackedScopes([]), formula_of(WeightParameters()))
