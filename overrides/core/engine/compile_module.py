"""Compile a module: all its channels into one engine; recompile only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from .compile_overrides import compile_overrides, join
from .compiled import Compiled, Key, ScopeReading
from .definitions.field_error import FieldError
from .definitions.formats import Format
from .definitions.module_parameters import ModuleParameters
from .definitions.override_spec import OverrideSpec
from .definitions.universe import UNIVERSE
from .definitions.vocabulary import Channel


def compile_module(parameters: ModuleParameters, specs: Iterable[OverrideSpec]) -> Compiled:
    """Compile all overrides of a module into one engine. Raises FieldError if an override does not fit."""
    by_channel: dict[Channel | None, list[OverrideSpec]] = {}
    for spec in specs:
        by_channel.setdefault(spec.channel, []).append(spec)
    strangers = sorted(str(channel) for channel in by_channel if channel not in parameters.channels)
    if strangers:
        raise FieldError("type", f"{', '.join(strangers)} is no channel of module {parameters.module}")
    reading = ScopeReading(parameters.cuts, parameters.universe_label)
    return join(
        *(
            compile_overrides(
                by_channel.get(channel, ()),
                each.weights,
                each.combiner,
                channel=channel,
                known_dimensions=(*parameters.known_dimensions, *_own_label(parameters)),
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


def recompile_module(
    known: Compiled, parameters: ModuleParameters, changed: Set[Key], specs: Iterable[OverrideSpec]
) -> Compiled:
    """Return the engine that `compile_module` would return, reusing a `known` one with the same parameters.

    Only the buckets of the `changed` keys are compiled, from `specs`, which are all overrides there; the others are
    shared with `known`. A line never changes its bucket, so checks within a bucket cover all lines.
    """
    partly = compile_module(parameters, specs)
    sections = (
        replace(fresh, buckets={key: old.buckets[key] for key in old.buckets.keys() - changed} | dict(fresh.buckets))
        for old, fresh in zip(known.sections, partly.sections, strict=True)
    )
    return Compiled(tuple(sections), known.reading)
