"""The parameters of one module: per channel its policy, combiner and weights; for all of them what is learned how.

A version carries one of these; it is reviewed like an override (design sections 3 and 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any, Self

from overrides.core.compile import Compiled, compile_overrides, join
from overrides.core.compiled import Key
from overrides.core.evidence_parameters import EvidenceParameters
from overrides.core.parameters import LEARNED_DIMENSIONS, LessonParameters, WeightParameters, known_dimensions
from overrides.core.reading import closed_mapping, finite, one_of, required, text
from overrides.core.serve import PROTECTED_MOTIFS
from overrides.core.specs import OverrideSpec
from overrides.core.vocabulary import CHANNEL_MODULE, PAIRS, Channel, Combiner, Policy

MAX_EVIDENCE_AGE_DAYS = 30.0


@dataclass(frozen=True)
class ChannelParameters:
    """How one channel's overrides are built and combined."""

    policy: Policy
    combiner: Combiner
    weights: WeightParameters

    @classmethod
    def from_document(cls, channel: Channel, document: object) -> Self:
        """Read one channel; ValueError names the field, and the combiners its policy goes with."""
        place = f"channels.{channel}"
        given = closed_mapping(document, place, ("policy", "combiner", "weights"))
        policies = [policy for each, policy in PAIRS if each is channel]
        policy = Policy(one_of(required(given, "policy", f"{place}."), f"{place}.policy", policies))
        combiners = PAIRS[channel, policy]
        combiner = Combiner(one_of(required(given, "combiner", f"{place}."), f"{place}.combiner", combiners))
        return cls(policy, combiner, WeightParameters.from_document(given.get("weights", {}), f"{place}.weights"))

    def to_document(self) -> dict[str, Any]:
        return {"policy": self.policy.value, "combiner": self.combiner.value, "weights": self.weights.to_document()}


@dataclass(frozen=True)
class ModuleParameters:
    """All constants of a module. `dimensions` are the scope dimensions a request may carry without a flag.

    `lessons` are those of policy plan, and the books and dimensions that either policy learns from; `evidence` those of
    policy evidence. `product_cap` bounds coefficients x alloc_mult x size_mult from above (1 to 10; None, the default:
    nothing does).
    """

    module: str
    channels: Mapping[Channel, ChannelParameters]
    lessons: LessonParameters
    dimensions: tuple[str, ...]
    protected_motifs: tuple[str, ...] = PROTECTED_MOTIFS
    evidence: EvidenceParameters = field(default_factory=EvidenceParameters)
    product_cap: float | None = None

    @classmethod
    def default(cls, module: str) -> Self:
        """The plan's numbers, plan policy and combiner on every channel of the module."""
        weights = WeightParameters(
            max_scope_dims=len(LEARNED_DIMENSIONS[module]), max_evidence_age_days=MAX_EVIDENCE_AGE_DAYS
        )
        channels = {channel: ChannelParameters(Policy.PLAN, Combiner.PLAN, weights) for channel in channels_of(module)}
        return cls(module, channels, LessonParameters(), known_dimensions(module))

    @classmethod
    def from_document(cls, module: str, document: object) -> Self:
        """Read a module's parameters; every channel of the module must be there, absent parts take their default."""
        names = ("channels", "lessons", "evidence", "dimensions", "protected_motifs", "product_cap")
        given = closed_mapping(document, "parameters", names)
        channels = closed_mapping(required(given, "channels"), "channels", channels_of(module))
        return cls(
            module,
            {c: ChannelParameters.from_document(c, required(channels, c, "channels.")) for c in channels_of(module)},
            LessonParameters.from_document(given.get("lessons", {}), "lessons"),
            _names(given.get("dimensions", known_dimensions(module)), "dimensions"),
            _names(given.get("protected_motifs", PROTECTED_MOTIFS), "protected_motifs"),
            EvidenceParameters.from_document(given.get("evidence", {}), "evidence"),
            _cap(given.get("product_cap")),
        )

    def to_document(self) -> dict[str, Any]:
        return {
            "channels": {channel.value: each.to_document() for channel, each in self.channels.items()},
            "lessons": self.lessons.to_document(),
            "evidence": self.evidence.to_document(),
            "dimensions": list(self.dimensions),
            "protected_motifs": list(self.protected_motifs),
            "product_cap": self.product_cap,
        }


def compile_module(parameters: ModuleParameters, specs: Iterable[OverrideSpec]) -> Compiled:
    """Everything a module serves as one engine. Raises ValueError naming the override and field that do not fit."""
    by_channel: dict[Channel | None, list[OverrideSpec]] = {}
    for spec in specs:
        by_channel.setdefault(spec.channel, []).append(spec)
    strangers = sorted(str(channel) for channel in by_channel if channel not in parameters.channels)
    if strangers:
        raise ValueError(f"type: {', '.join(strangers)} is no channel of module {parameters.module}")
    return join(
        *(
            compile_overrides(
                by_channel.get(channel, ()),
                each.weights,
                each.combiner,
                channel=channel,
                known_dimensions=parameters.dimensions,
            )
            for channel, each in parameters.channels.items()
        )
    )


def recompile_module(
    known: Compiled, parameters: ModuleParameters, changed: Set[Key], specs: Iterable[OverrideSpec]
) -> Compiled:
    """The engine that `compile_module` would make, out of one `known` under the same parameters.

    Only the buckets at the `changed` keys are compiled, from `specs`, which are all overrides there; the others are
    shared with `known`. A line is of one bucket for ever, so what is checked within a bucket is checked for all.
    """
    partly = compile_module(parameters, specs)
    sections = (
        replace(fresh, buckets={key: old.buckets[key] for key in old.buckets.keys() - changed} | dict(fresh.buckets))
        for old, fresh in zip(known.sections, partly.sections, strict=True)
    )
    return Compiled(tuple(sections))


def channels_of(module: str) -> tuple[Channel, ...]:
    """
    >>> [str(channel) for channel in channels_of("pm")]
    ['pm_strength', 'pm_tuning']
    """
    return tuple(channel for channel, owner in CHANNEL_MODULE.items() if owner == module)


def _cap(value: object) -> float | None:
    """At least 1: a cap below would cut neutral."""
    return None if value is None else finite(value, "product_cap", 1, 10)


def _names(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{field}: must be a list of names")
    names = tuple(text(each, field, 40) for each in value)
    if len(set(names)) < len(names):
        raise ValueError(f"{field}: names an entry twice")
    return names
