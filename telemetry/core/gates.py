"""Gates: a score is compared with a threshold before the bot acts, and the threshold is a lever.

The name of a lever says all that is needed: `min_ts_for_add` opens where the score `ts` is at least the threshold,
`max_edx_for_add` where `edx` is at most the threshold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_NAME = re.compile(r"(min|max)_([a-z]+)_for_[a-z]+", re.ASCII)
# The distance from the threshold, in units of the score, from which on a gate counts as shut altogether.
CAPS: Mapping[str, float] = MappingProxyType({"ts": 0.10, "dx": 0.10, "ox": 0.10, "edx": 0.20})
USUAL_CAP = 0.10


def is_gate(lever: str) -> bool:
    """Return whether a lever is the threshold of a gate.

    >>> is_gate("min_ts_for_add"), is_gate("size_mult")
    (True, False)
    """
    return _NAME.fullmatch(lever) is not None


def is_floor(lever: str) -> bool:
    """Return whether scores from the threshold upwards pass the gate of a lever; otherwise those down from it do.

    >>> is_floor("min_ts_for_add"), is_floor("max_edx_for_add")
    (True, False)
    """
    return lever.startswith("min_")


def score_of(lever: str) -> str:
    """Return the name of the score that the gate of a lever compares.

    >>> score_of("max_edx_for_add")
    'edx'
    """
    return lever.split("_")[1]


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one lever: the action categories that it guards, and the range of its scores and thresholds.

    Raises ValueError for a lever that is no threshold.
    """

    lever: str
    categories: tuple[str, ...]
    low: float
    high: float

    def __post_init__(self) -> None:
        if not is_gate(self.lever):
            raise ValueError(f"{self.lever} is no threshold of a gate; one is named min_SCORE_for_ACTION or max_...")

    @property
    def score(self) -> str:
        """The name of the score that the gate compares."""
        return score_of(self.lever)

    def shortfall(self, score: float, threshold: float) -> float:
        """Return how far the score is from passing, in units of the score; 0 or less where it passes.

        >>> gate = Gate("min_ts_for_add", ("add",), 0.0, 1.0)
        >>> gate.shortfall(0.5, 0.75), gate.shortfall(0.75, 0.75), gate.shortfall(1.0, 0.75)
        (0.25, 0.0, -0.25)
        """
        return threshold - score if is_floor(self.lever) else score - threshold

    def severity(self, score: float, threshold: float) -> float:
        """Return the distance from the threshold as a share of the gate's cap, at most 1, on either side of it.

        >>> round(Gate("min_ts_for_add", ("add",), 0.0, 1.0).severity(0.58, 0.60), 6)
        0.2
        """
        return min(1.0, abs(self.shortfall(score, threshold)) / CAPS.get(self.score, USUAL_CAP))


Gates = Mapping[str, Gate]  # by the name of the lever
