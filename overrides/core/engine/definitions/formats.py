"""The formats of the engine: which levers, scope dimensions and weight factors each release knew.

A stored decision names the format of the engine that answered it; without a name it is the first. Replay compares what
that format knew, so that a lever, dimension or factor added later breaks no older decision. A format is added whenever
one of these registries grows (a test checks this), and is never edited once decisions name it. A lever names its format
in its row (`Lever.since`); dimensions and factors are stated here:

    FORMATS = _with_levers_of_rows((..., _FOURTH.extended(learned={"pm": ["session"]}, factors=["w_last"])))

Own dimensions of a module need no format: a version's parameters declare them, and every decision names its version.

In a parameter document, a missing or null list of dimensions means those of the first format, for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from .field_error import FieldError
from .levers import LEVERS
from .universe import UNIVERSE


@dataclass(frozen=True)
class Format:
    """The names that one format of the engine knew; `learned` and `recorded` hold dimensions by module."""

    levers: tuple[str, ...]
    learned: Mapping[str, tuple[str, ...]]
    recorded: Mapping[str, tuple[str, ...]]
    factors: tuple[str, ...]

    def dimensions(self, module: str) -> tuple[str, ...]:
        """Return the dimensions that a request of the module could carry without a flag."""
        return self.learned[module] + self.recorded[module]

    def extended(
        self,
        learned: Mapping[str, Iterable[str]] = MappingProxyType({}),
        recorded: Mapping[str, Iterable[str]] = MappingProxyType({}),
        factors: Iterable[str] = (),
    ) -> Self:
        """Return the next format, which has these names in addition.

        >>> FIRST.extended(learned={"pm": ["session"]}).dimensions("pm")[-4:]
        ('timeframe', 'session', 'A_mode', 'E_mode')
        """
        return replace(
            self,
            learned={module: (*names, *learned.get(module, ())) for module, names in self.learned.items()},
            recorded={module: (*names, *recorded.get(module, ())) for module, names in self.recorded.items()},
            factors=(*self.factors, *factors),
        )

    def compares(self, label: str) -> bool:
        """Return whether the format compared a label of a scope with the parameters; those before the third did not."""
        return False


@dataclass(frozen=True)
class LabelFormat(Format):
    """A format that also compares `labels`: entries of a scope that are no dimensions."""

    labels: tuple[str, ...]

    def compares(self, label: str) -> bool:
        return label in self.labels


def _levers_since(number: int) -> tuple[str, ...]:
    return tuple(lever.name for lever in LEVERS.values() if lever.since == number)


def _with_levers_of_rows(stated: Sequence[Format]) -> tuple[Format, ...]:
    """Return the stated formats with the levers whose rows name them, and one more for each later number in a row."""
    newest = max(lever.since for lever in LEVERS.values())
    known: tuple[str, ...] = ()
    formats: list[Format] = []
    for number in range(1, max(newest, len(stated)) + 1):
        known = (*known, *_levers_since(number))
        formats.append(replace(stated[min(number, len(stated)) - 1], levers=known))
    return tuple(formats)


_FIRST = Format(
    levers=(),
    learned={
        "pm": (
            "macro_phase", "meso_phase", "micro_phase", "bucket_leader", "bucket_rank_position", "market_family",
            "bucket", "timeframe",
        ),
        "dm": (
            "curator", "chain", "mcap_bucket", "vol_bucket", "age_bucket", "intent", "mapping_confidence",
            "mcap_vol_ratio_bucket", "macro_phase", "meso_phase", "micro_phase", "bucket_leader",
            "bucket_rank_position", "bucket",
        ),
    },
    recorded={"pm": ("A_mode", "E_mode"), "dm": ()},
    factors=("w_edge", "w_n", "w_var", "w_decay", "w_spec"),
)  # fmt: skip
# Since the second format, a dimension that a coefficient is learned from is known whatever the parameters name.
_SECOND = _FIRST.extended(recorded={"dm": ("timeframe",)})
# Since the third format, a scope that was computed over another universe than the module's is not answered.
_THIRD = LabelFormat(_SECOND.levers, _SECOND.learned, _SECOND.recorded, _SECOND.factors, (UNIVERSE,))
_FOURTH = _THIRD  # with the levers of the plan's map that had no input
FORMATS = _with_levers_of_rows((_FIRST, _SECOND, _THIRD, _FOURTH))  # format 1 first; append, never edit
FIRST, SECOND = FORMATS[:2]
CURRENT_FORMAT = len(FORMATS)


def format_of(number: int | None) -> Format:
    """Return the format of a decision; None stands for the first. Raises FieldError for unknown formats.

    >>> format_of(None) is format_of(1) is FIRST
    True
    """
    if number is None:
        return FIRST
    if not 1 <= number <= len(FORMATS):
        raise FieldError("format", f"{number} is unknown; known are 1 to {len(FORMATS)}")
    return FORMATS[number - 1]
