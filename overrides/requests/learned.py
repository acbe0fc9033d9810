"""What a learner provides to governance: the next draft after a returned request, and what it measured of a line.

Governance never imports a learner. A learner registers itself when it is loaded; without one, machines' requests are
approved or rejected as they are, and nothing is known to be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import ChangeRequest


@dataclass(frozen=True)
class Drafter:
    """How a machine drafts the successor of a request that was returned to it.

    `lock` takes the machine's locks for a module; it is called before the first audit entry. `draft` gets the returned
    request, the reason of the successor and the time; it returns None if nothing is left to propose.
    """

    lock: Callable[[str], None]
    draft: Callable[[ChangeRequest, str, datetime], ChangeRequest | None]


@dataclass(frozen=True)
class Measured:
    """The measured edge of a line in R, with its 95 % interval and its number of trades."""

    edge: float
    low: float
    high: float
    n: float

    def __str__(self) -> str:
        return f"{_signed(self.edge, 2)} R ({_signed(self.low, 2)} to {_signed(self.high, 2)}) on {self.n:g} trades"

    def contradicts(self, edge: float) -> bool:
        """Return whether an edge of the other sign is claimed than the whole interval has.

        >>> Measured(0.52, 0.16, 0.88, 84).contradicts(-0.6), Measured(0.52, -0.1, 1.1, 9).contradicts(-0.6)
        (True, False)
        """
        return (edge < 0 < self.low) or (edge > 0 > self.high)


CONTRADICTS = "contradicts the measurement: "  # begins the mark among the differences of a line
DRAFTERS: dict[str, Drafter] = {}  # by the author's name on its requests
MEASURES: dict[str, Callable[[Collection[str]], Mapping[str, Measured]]] = {}  # by the learner's name


def drafter_of(request: ChangeRequest) -> Drafter | None:
    """Return how the machine that drafted a request drafts its successor; None for people and other machines."""
    return DRAFTERS.get(request.author_name) if request.author_id is None else None


def measured(lines: Collection[str]) -> dict[str, Measured]:
    """Return what was measured of these lines, where anything was."""
    found: dict[str, Measured] = {}
    for measure in MEASURES.values():
        found |= measure(lines)
    return found


def contradicted(specs: Iterable[OverrideSpec]) -> dict[str, Measured]:
    """Return line -> what was measured, for the overrides whose edge has the other sign than the whole interval."""
    by_line = {spec.line: spec for spec in specs}
    return {line: each for line, each in measured(by_line).items() if each.contradicts(by_line[line].stats.edge_raw)}


def marks(spec: OverrideSpec, contradictions: Mapping[str, Measured]) -> list[str]:
    """Return what a line of a request says of its contradiction to the measurement; empty without one."""
    found = contradictions.get(spec.line)
    return [] if found is None else [f"{CONTRADICTS}{found}"]


def _signed(value: float, digits: int) -> str:
    """Return a number with its sign, with the minus sign of the pages.

    >>> _signed(-0.125, 2), _signed(0.16, 2)
    ('\N{MINUS SIGN}0.12', '+0.16')
    """
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
