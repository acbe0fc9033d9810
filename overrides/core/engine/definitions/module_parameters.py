"""The parameters of one module: learning method, combiner and weights per channel, and what it learns from.

Each version has one set of parameters, which is reviewed like an override (docs/method.md 4.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from .coefficients import dimensions_weighed
from .constants import described
from .dimensions import LEARNED_DIMENSIONS, known_dimensions
from .evidence_parameters import EvidenceParameters
from .field_error import FieldError
from .formats import FIRST, FORMATS, SECOND, Format
from .json_fields import closed_mapping, finite, one_of, required, text
from .learned_from import LearnedFrom
from .own_dimensions import OwnDimension, read_own_dimensions
from .parameters import LessonParameters, WeightParameters
from .serving_mode import PROTECTED_MOTIFS
from .universe import UNIVERSE, Universe
from .vocabulary import CHANNEL_MODULE, PAIRS, Channel, Combiner, LearningMethod

MAX_EVIDENCE_AGE_DAYS = 30.0
OPTIONAL = ("own_dimensions", UNIVERSE)  # not in a document where there are none


@dataclass(frozen=True)
class ChannelParameters:
    """How the overrides of one channel are learned (`policy`: the learning method), combined and weighed."""

    policy: LearningMethod
    combiner: Combiner
    weights: WeightParameters

    @classmethod
    def from_document(cls, channel: Channel, document: object) -> Self:
        """Parse one channel. Raises FieldError that names the combiners that its method allows."""
        place = f"channels.{channel}"
        values = closed_mapping(document, place, ("policy", "combiner", "weights"))
        policies = [policy for each, policy in PAIRS if each is channel]
        policy = LearningMethod(one_of(required(values, "policy", place), f"{place}.policy", policies))
        combiners = PAIRS[channel, policy]
        combiner = Combiner(one_of(required(values, "combiner", place), f"{place}.combiner", combiners))
        weights = closed_mapping(values.get("weights", {}), f"{place}.weights")
        unnamed = {"max_scope_dims": len(FIRST.learned[CHANNEL_MODULE[channel]])}
        return cls(policy, combiner, WeightParameters.from_document({**unnamed, **weights}, f"{place}.weights"))

    def to_document(self) -> dict[str, Any]:
        """Return the channel as JSON values."""
        return {"policy": self.policy.value, "combiner": self.combiner.value, "weights": self.weights.to_document()}


@dataclass(frozen=True)
class ModuleParameters:
    """All parameters of a module.

    - `lessons`: parameters of the plan method, and the books and dimensions that both methods learn from.
    - `evidence`: parameters of the evidence method.
    - `dimensions`: the scope dimensions that a request may carry without a flag, besides those of coefficients.
    - `product_cap`: upper bound of coefficients x alloc_mult x size_mult, 1 to 10; None (default): no bound.
    - `own_dimensions`: dimensions that the module declares besides those of the registry.
    - `universe`: the pairs that scopes are computed over; None (default): scopes that name a universe are refused.

    A document without own dimensions or a universe does not name them, so that older documents keep their hashes.
    """

    module: str
    channels: Mapping[Channel, ChannelParameters]
    lessons: LessonParameters
    dimensions: tuple[str, ...]
    protected_motifs: tuple[str, ...] = PROTECTED_MOTIFS
    evidence: EvidenceParameters = field(default_factory=EvidenceParameters)
    product_cap: float | None = described(
        "most that the coefficients, alloc_mult and size_mult of a position multiply to, 1 to 10; empty sets no limit "
        "(method 8.4)",
        default=None,
    )
    own_dimensions: tuple[OwnDimension, ...] = described(
        "scope dimensions that this module declares for itself, one a line: name | category, or ordered cuts and their "
        "numbers | learned or recorded | a sentence on what it means; each that is learned gives narrower cells too "
        "(method 1.5)",
        default=(),
    )
    universe: Universe | None = field(
        default=None,
        metadata={
            "words": "name and pairs that market phases, ranks and leaders are computed over, as in majors: BTC/USDT, "
            "ETH/USDT; outcomes and requests that name another universe are left out and refused, empty accepts none "
            "that names one (method 1.5)"
        },
    )

    def __post_init__(self) -> None:
        known = {*SECOND.dimensions(self.module), *self.dimensions, *(self.lessons.dimensions or ()), UNIVERSE}
        for number, each in enumerate(self.own_dimensions):
            if each.name in known:
                message = f"{each.name} is known to {self.module} already; choose another name, or leave it out"
                raise FieldError(f"own_dimensions[{number}].name", message)
        if UNIVERSE in {*self.dimensions, *(self.lessons.dimensions or ())}:
            raise FieldError("dimensions", "universe is a label of scopes and no dimension; set it as the universe")

    @classmethod
    def default(cls, module: str, known: Format | None = None) -> Self:
        """Return the plan's numbers, with the plan method and the plan combiner on every channel of the module.

        They name today's dimensions, or those that a format of the engine knew.
        """
        learned = LEARNED_DIMENSIONS[module] if known is None else known.learned[module]
        dimensions = known_dimensions(module) if known is None else known.dimensions(module)
        weights = WeightParameters(max_scope_dims=len(learned), max_evidence_age_days=MAX_EVIDENCE_AGE_DAYS)
        channels = {
            channel: ChannelParameters(LearningMethod.PLAN, Combiner.PLAN, weights) for channel in channels_of(module)
        }
        return cls(module, channels, LessonParameters(dimensions=learned), dimensions)

    @property
    def known_dimensions(self) -> tuple[str, ...]:
        """The scope dimensions that are known to the module: those named, and those a coefficient is learned from.

        Requests carry them without a flag; overrides and allow-lists may name them.
        """
        return self.dimensions_known_to(FORMATS[-1])

    def dimensions_known_to(self, known: Format) -> tuple[str, ...]:
        """Return the known dimensions as a format of the engine had them; the first knew those named, and no others.

        >>> dm = ModuleParameters.default("dm", FIRST)
        >>> "timeframe" in dm.dimensions_known_to(FIRST), "timeframe" in dm.known_dimensions
        (False, True)
        """
        weighed = () if known == FIRST else dimensions_weighed(self.module)
        own = (each.name for each in self.own_dimensions)
        return tuple(dict.fromkeys((*self.dimensions, *weighed, *own)))

    @property
    def learned_dimensions(self) -> tuple[str, ...]:
        """The dimensions that cells and lessons are built from: those of lessons, then the module's own."""
        own = (each.name for each in self.own_dimensions if each.learned)
        return tuple(dict.fromkeys((*self.lessons.dimensions_of(self.module), *own)))

    @property
    def cuts(self) -> Mapping[str, OwnDimension]:
        """The own dimensions with ordered cuts, by name: their values are compared as buckets."""
        return {each.name: each for each in self.own_dimensions if each.cuts}

    @property
    def universe_label(self) -> str | None:
        """The label that scopes of the module's universe carry; None if it has no universe."""
        return None if self.universe is None else self.universe.label

    @property
    def learned_from(self) -> LearnedFrom:
        """What is read of the outcomes that the module learns from."""
        return LearnedFrom(self.lessons.books, self.learned_dimensions, self.cuts, self.universe_label)

    @classmethod
    def from_document(cls, module: str, document: object) -> Self:
        """Parse a module's parameters; every channel must be present, other missing parts take their defaults.

        Dimensions that the document does not name are those of the first format, whatever is known today.
        Raises FieldError.
        """
        names = ("channels", "lessons", "evidence", "dimensions", "protected_motifs", "product_cap", *OPTIONAL)
        values = closed_mapping(document, "parameters", names)
        channels = closed_mapping(required(values, "channels"), "channels", channels_of(module))
        return cls(
            module,
            {c: ChannelParameters.from_document(c, required(channels, c, "channels")) for c in channels_of(module)},
            LessonParameters.from_document(values.get("lessons", {}), "lessons"),
            _names(values.get("dimensions", FIRST.dimensions(module)), "dimensions"),
            _names(values.get("protected_motifs", PROTECTED_MOTIFS), "protected_motifs"),
            EvidenceParameters.from_document(values.get("evidence", {}), "evidence"),
            _cap(values.get("product_cap")),
            read_own_dimensions(values.get("own_dimensions", ())),
            None if values.get(UNIVERSE) is None else Universe.from_document(values[UNIVERSE]),
        )

    def written_out(self) -> Self:
        """Return the same parameters with the dimensions of lessons named, so that their document says them."""
        return replace(self, lessons=replace(self.lessons, dimensions=self.lessons.dimensions_of(self.module)))

    def to_document(self) -> dict[str, Any]:
        """Return the parameters as JSON values, without own dimensions or a universe where there are none."""
        optional = {
            "own_dimensions": [each.to_document() for each in self.own_dimensions],
            UNIVERSE: None if self.universe is None else self.universe.to_document(),
        }
        return {
            "channels": {channel.value: each.to_document() for channel, each in self.channels.items()},
            "lessons": self.lessons.to_document(),
            "evidence": self.evidence.to_document(),
            "dimensions": list(self.dimensions),
            "protected_motifs": list(self.protected_motifs),
            "product_cap": self.product_cap,
            **{name: value for name, value in optional.items() if value},
        }


def channels_of(module: str) -> tuple[Channel, ...]:
    """Return the channels of a module; empty for an unknown module.

    >>> [str(channel) for channel in channels_of("pm")]
    ['pm_strength', 'pm_tuning']
    """
    return tuple(channel for channel, owner in CHANNEL_MODULE.items() if owner == module)


def _cap(value: object) -> float | None:
    """Return the cap or None; it must be at least 1, because a lower one would cut neutral levers."""
    return None if value is None else finite(value, "product_cap", 1, 10)


def _names(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise FieldError(field, "must be a list of names")
    names = tuple(text(each, field, 40) for each in value)
    if len(set(names)) < len(names):
        raise FieldError(field, "names an entry twice")
    return names
