"""A window of a gate: a stretch of time in which the bot might have acted, sampled up to twelve times.

What is sent must tell one story: at no sample before the entry, and at no sample of a window that was not entered, may
every gate be open. So a replay of the gates under the thresholds in force gives exactly what happened, and whatever
else it gives under another threshold is due to that threshold alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from telemetry.core.gates import Gates
from telemetry.core.vocabulary import ActionCategory

FOUND_SHUT = 1.0  # severity of a gate without a threshold


class WindowOutcome(StrEnum):
    """What became of a window, by whether it was entered and what acting in it earned."""

    SUCCESS = "success"
    FAILURE = "failure"
    MISSED = "missed"
    CORRECT_SKIP = "correct_skip"

    @classmethod
    def of(cls, *, entered: bool, rr: float) -> WindowOutcome:
        """Return the outcome: acting was right if it earned more than nothing.

        >>> str(WindowOutcome.of(entered=False, rr=0.4)), str(WindowOutcome.of(entered=True, rr=0.0))
        ('missed', 'failure')
        """
        if entered:
            return cls.SUCCESS if rr > 0 else cls.FAILURE
        return cls.MISSED if rr > 0 else cls.CORRECT_SKIP


@dataclass(frozen=True, slots=True)
class Sample:
    """What the bot saw at one moment of a window.

    - `scores`: name -> value; those of the considered levers lie between the lever's bounds.
    - `gates`: gates without a lever -> whether they were open, such as slope_ok.
    - `rr`: what acting at this moment earned or would have earned, in R per unit of size; of a trim: minus what the
      part sold would have earned had it stayed. None: not known.
    """

    at: datetime
    scores: Mapping[str, float]
    gates: Mapping[str, bool]
    rr: float | None


@dataclass(frozen=True, slots=True)
class Window:
    """One window; `thresholds` are those in force, by lever, and samples are in the order of time.

    - `entered_at`: the time of the sample at which the bot acted; None if it did not.
    - `decided_at`: the entry, or of a window that was not entered the sample at which least was missing.
    - `blocked_by`: the gates that were shut at that sample; empty for an entered window.
    - `known_at`: when the last rr of its samples was known; nothing is learned from the window before.
    - `rr`, `outcome`: of acting at `decided_at`; None if not known.
    """

    window_id: str
    pattern_key: str
    action_category: ActionCategory
    scope: Mapping[str, str]
    retest_index: int | None
    started_at: datetime
    ended_at: datetime
    thresholds: Mapping[str, float]
    samples: tuple[Sample, ...]
    entered_at: datetime | None
    trimmed_at: datetime | None
    known_at: datetime | None
    decided_at: datetime
    blocked_by: tuple[str, ...]
    rr: float | None

    @property
    def outcome(self) -> WindowOutcome | None:
        """What became of it; None while it is not known what acting earned."""
        return None if self.rr is None else WindowOutcome.of(entered=self.entered_at is not None, rr=self.rr)

    def document(self) -> dict[str, object]:
        """Return what was sent as a JSON value, for the digest of the episode; what follows from it is left out."""
        return {
            "window_id": self.window_id,
            "pattern_key": self.pattern_key,
            "action_category": self.action_category,
            "scope": self.scope,
            "retest_index": self.retest_index,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "thresholds": self.thresholds,
            "samples": sample_columns(self.samples),
            "entered_at": self.entered_at,
            "trimmed_at": self.trimmed_at,
            "known_at": self.known_at,
        }


def sample_columns(samples: tuple[Sample, ...]) -> dict[str, object]:
    """Return samples as columns, which is how they are stored and read: one list for each name, null where missing.

    >>> at = datetime(2024, 5, 1)
    >>> columns = sample_columns((Sample(at, {"ts": 0.5}, {}, None), Sample(at, {"ts": 0.6, "dx": 0.1}, {}, 1.5)))
    >>> columns["scores"], columns["rr"]
    ({'ts': [0.5, 0.6], 'dx': [None, 0.1]}, [None, 1.5])
    """
    scores = dict.fromkeys(name for each in samples for name in each.scores)
    gates = dict.fromkeys(name for each in samples for name in each.gates)
    return {
        "at": [each.at for each in samples],
        "scores": {name: [each.scores.get(name) for each in samples] for name in scores},
        "gates": {name: [each.gates.get(name) for each in samples] for name in gates},
        "rr": [each.rr for each in samples],
    }


def shut_gates(sample: Sample, thresholds: Mapping[str, float], gates: Gates) -> dict[str, float]:
    """Return the gates that are shut at a sample, each with its severity in (0, 1]; empty if the bot may act.

    >>> from telemetry.core.gates import Gate
    >>> gate = Gate("min_ts_for_add", ("add",), 0.0, 1.0)
    >>> sample = Sample(datetime(2024, 5, 1), {"ts": 0.55}, {"slope_ok": False, "zone_ok": True}, None)
    >>> {name: round(each, 6) for name, each in shut_gates(sample, {gate.lever: 0.6}, {gate.lever: gate}).items()}
    {'min_ts_for_add': 0.5, 'slope_ok': 1.0}
    """
    shut = {}
    for lever, threshold in thresholds.items():
        gate = gates[lever]
        score = sample.scores[gate.score]
        if gate.shortfall(score, threshold) > 0:
            shut[lever] = gate.severity(score, threshold)
    return shut | {name: FOUND_SHUT for name, is_open in sample.gates.items() if not is_open}
