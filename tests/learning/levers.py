"""Measurements of levers as `validation.lever_runs` stores them, without measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learning.core.tuning.evidence_source import Source
from learning.core.tuning.lever_lines import LeverLine
from learning.core.walk_forward.lever_gain import LeverGain
from learning.models import LeverAlternative, LeverRun
from learning.readers.group_columns import since_epoch
from tests.builders import DAY, KEY, NOW

GAIN = LeverGain(trades=900, moved=300, days=60, gain=42.0, low=12.5, high=71.0, promised=55.0)
UNSURE = LeverGain(trades=900, moved=300, days=60, gain=-3.0, low=-9.0, high=2.0, promised=55.0)
ROW: dict[str, Any] = {
    "n": 900, "mean": 0.15, "gain": 0.08, "sd": 0.03, "lfsr": 0.004, "days": 61.5, "chosen": 300, "walk_gain": 42.0,
    "walk_low": 12.5, "walk_high": 71.0,
}  # fmt: skip
OF_WINDOWS = {"gained": 61.5, "lost": 20.5}


def make_line(lever: str = "entry_delay_bars", **over: Any) -> LeverLine:
    """Return a line of trades that is heavy enough, of two bars half believed."""
    fields: dict[str, Any] = {
        "lever": lever, "pattern_key": KEY, "scope": {"macro_phase": "Good", "bucket": "micro"}, "alternative": "2",
        "target": 1.0, "gain": 0.4, "sd": 0.1, "lfsr": 0.00003, "n": 120, "mean": 0.8, "variance": 0.5,
        "closed_at": since_epoch(NOW - DAY), "weight": 0.03, "heavy": True,
    }  # fmt: skip
    return LeverLine(**fields | over)


def document_of(gain: LeverGain | None, is_supported: bool, lines: int) -> dict[str, Any]:
    """Return what is stored of one lever by one source."""
    return {
        "told": 900,
        "verdict": "supported" if is_supported else "too few trades" if gain is None else "evidence only",
        "walk": None if gain is None else gain.to_document(),
        "lines": lines,
    }


def make_lever_run(
    lines: Sequence[LeverLine] = (),
    walks: Mapping[str, LeverGain | None] | None = None,
    *,
    supported: Sequence[str] = (),
    alternatives: Mapping[str, Sequence[str]] | None = None,
    by_windows: Mapping[str, LeverGain | None] | None = None,
    **over: Any,
) -> LeverRun:
    """Store a finished measurement; what is not supported is evidence only, by windows what has not the gain GAIN."""
    walked = {line.lever: GAIN if line.lever in supported else UNSURE for line in lines} if walks is None else walks
    levers: dict[str, dict[str, Any]] = {}
    for source, gains in ((Source.TRADES, walked), (Source.WINDOWS, by_windows or {})):
        for lever, gain in gains.items():
            of_source = [line for line in lines if (line.lever, line.source) == (lever, source)]
            levers.setdefault(lever, {})[source.value] = document_of(
                gain, gain is GAIN if source is Source.WINDOWS else lever in supported, len(of_source)
            )
    fields: dict[str, Any] = {
        "module": "pm", "as_of": NOW, "asked_at": NOW, "seen_at": NOW, "finished_at": NOW, "status": "done",
        "progress": 1.0, "folds": 8, "parameters": {}, "code_version": "test", "levers": levers,
        "lines": [line.to_document() for line in lines],
    }  # fmt: skip
    fields |= over
    run = LeverRun.objects.create(key=f"{fields['module']} {fields['as_of']} {fields['status']}", **fields)
    LeverAlternative.objects.bulk_create(
        LeverAlternative(run=run, lever=lever, alternative=name, **ROW)
        for lever, names in (alternatives or {}).items()
        for name in names
    )
    LeverAlternative.objects.bulk_create(
        LeverAlternative(run=run, lever=lever, source="windows", alternative=name, refusal=refusal, **ROW | OF_WINDOWS)
        for lever in by_windows or {}
        for name, refusal in (("0.55", ""), ("0.65", "it changes 3 episodes, and 20 are needed"))
    )
    return run
