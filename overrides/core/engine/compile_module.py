"""Compile a module: all its channels into one engine; recompile only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from .bucket_columns import OverrideColumns, bucket_of, reweighed
from .compile_overrides import compile_overrides, join
from .compiled import Bucket, Compiled, Key, ScopeReading
from .definitions.field_error import FieldError
from .definitions.formats import Format
from .definitions.module_parameters import ModuleParameters
from .definitions.override_spec import OverrideSpec
from .definitions.universe import UNIVERSE
from .definitions.vocabulary import Channel
from .scope_packing import PackedScopes
from .weights import formula_of

Group = tuple[Channel, Key, OverrideColumns]  # all overrides of a channel, pattern and action, in id order


def compile_module(parameters: ModuleParameters, specs: Iterable[OverrideSpec]) -> Compiled:
    """Compile all overrides of a module into one engine. Raises FieldError if an override does not fit."""
    by_channel: dict[Channel | None, list[OverrideSpec]] = {}
    for spec in specs:
        by_channel.setdefault(spec.channel, []).append(spec)
    strangers = sorted(str(channel) for channel in by_channel if channel not in parameters.channels)
    if strangers:
        raise FieldError("type", f"{', '.join(strangers)} is no channel of module {parameters.module}")
    reading = ScopeReading(parameters.cuts, parameters.universe_label)
    known = frozenset((*parameters.known_dimensions, *_own_label(parameters)))
    return join(
        *(
            compile_overrides(
                by_channel.get(channel, ()),
                each.weights,
                each.combiner,
                channel=channel,
                known_dimensions=known,
                reading=reading,
            )
            for channel, each in parameters.channels.items()
        )
    )


def knowing(compiled: Compiled, parameters: ModuleParameters, known: Format) -> Compiled:
    """Return the same engine as a format of the engine answered with it.

    It flags a request with dimensions that the format did not know, and heeds universes if the format did.
    """
    heeds = known.compares(UNIVERSE)
    names = frozenset((*parameters.dimensions_known_to(known), *(_own_label(parameters) if heeds else ())))
    sections = tuple(replace(section, known_dimensions=names) for section in compiled.sections)
    return Compiled(sections, replace(compiled.reading, knows_universes=heeds))


def _own_label(parameters: ModuleParameters) -> tuple[str, ...]:
    """Return the name of the label that scopes of the module's universe carry; nothing if it has no universe."""
    return () if parameters.universe is None else (UNIVERSE,)


def compile_rows(parameters: ModuleParameters, groups: Iterable[Group]) -> Compiled:
    """Return the engine that `compile_module` would return for the overrides of these rows, which are proven.

    Raises FieldError if a channel does not fit its combiner.
    """
    return _filled(compile_module(parameters, ()), {}, groups)


def recompile_rows(
    known: Compiled, parameters: ModuleParameters, changed: Set[Key], groups: Iterable[Group]
) -> Compiled:
    """Return the engine that `compile_rows` would return, reusing a `known` one (see `reads_scopes_alike`).

    Only the buckets of the `changed` keys are built, from `groups`, which are all overrides there. The others are
    shared with `known`, weighed anew where the parameters of their weights differ. A line never changes its bucket, so
    checks within a bucket cover all lines.
    """
    kept: dict[Channel | None, dict[Key, Bucket]] = {}
    for section in known.sections:
        weights = parameters.channels[Channel(section.channel or "")].weights
        formula = formula_of(weights)
        is_weighed_alike = formula == formula_of(section.parameters)
        kept[section.channel] = {
            key: bucket if is_weighed_alike else reweighed(bucket, formula)
            for key, bucket in section.buckets.items()
            if key not in changed
        }
    return _filled(compile_module(parameters, ()), kept, groups)


def reads_scopes_alike(one: ModuleParameters, other: ModuleParameters) -> bool:
    """Return whether the buckets of one serve under the other: only weights, combiners and later steps differ."""
    if {name: each.policy for name, each in one.channels.items()} != {
        name: each.policy for name, each in other.channels.items()
    }:
        return False
    aside = {
        name: getattr(other, name) for name in ("channels", "lessons", "evidence", "protected_motifs", "product_cap")
    }
    return replace(one, **aside) == other


def _filled(empty: Compiled, kept: Mapping[Channel | None, Mapping[Key, Bucket]], groups: Iterable[Group]) -> Compiled:
    buckets = {section.channel: dict(kept.get(section.channel, {})) for section in empty.sections}
    formulas = {section.channel: formula_of(section.parameters) for section in empty.sections}
    for channel, key, rows in groups:
        scopes = PackedScopes(rows.scopes, empty.reading.cuts)
        buckets[channel][key] = bucket_of(rows, scopes, formulas[channel])
    return replace(
        empty, sections=tuple(replace(section, buckets=buckets[section.channel]) for section in empty.sections)
    )
