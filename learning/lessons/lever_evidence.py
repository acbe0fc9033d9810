"""What is stored of a lever's alternatives: the newest evidence of a module, as plain values for pages and builds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from learning.core.walk_forward.lever_gain import LeverGain, LeverVerdict
from learning.models import LeverRun


@dataclass(frozen=True)
class AlternativeEvidence:
    """What one alternative would have gained over all trades that tell of it, in R per trade (`LeverAlternative`).

    walk_gain, walk_low, walk_high   its part of the lever's walk-forward in R per 1,000 trades; None without one
    """

    alternative: str
    n: int
    mean: float
    gain: float
    sd: float
    lfsr: float
    days: float
    chosen: int
    walk_gain: float | None
    walk_low: float | None
    walk_high: float | None


@dataclass(frozen=True)
class LeverEvidence:
    """What a module's trades tell of a lever, as of a moment.

    trades         trades that tell of any alternative
    walk           the gain of choosing by what was known, beside doing nothing (0); None without enough trades
    lines          lines that would be proposed, or are if the verdict is `supported`
    alternatives   by their value; `never` and other words last
    """

    module: str
    lever: str
    as_of: datetime
    trades: int
    verdict: LeverVerdict
    walk: LeverGain | None
    lines: int
    alternatives: tuple[AlternativeEvidence, ...]

    @property
    def is_supported(self) -> bool:
        """Whether the walk-forward supports targets of the lever; otherwise its evidence is shown and not proposed."""
        return self.verdict is LeverVerdict.SUPPORTED


def newest_lever_evidence(module: str, lever: str) -> LeverEvidence | None:
    """Return the newest evidence of a lever; None if it was never measured, or no trade told of it then."""
    run = newest_lever_run(module)
    return None if run is None else evidence_of_run(run).get(lever)


def newest_lever_run(module: str, at: datetime | None = None) -> LeverRun | None:
    """Return the newest finished run of a module, or the newest one known at a moment."""
    runs = LeverRun.objects.filter(module=module, status=LeverRun.Status.DONE)
    runs = runs if at is None else runs.filter(as_of__lte=at, asked_at__lte=at)
    return runs.defer("parameters").first()


def evidence_of_run(run: LeverRun) -> dict[str, LeverEvidence]:
    """Return the evidence of each lever of a finished run, in two queries at most."""
    names = [field.name for field in fields(AlternativeEvidence)]
    rows: dict[str, list[AlternativeEvidence]] = {}
    for each in run.alternatives.values("lever", *names):
        rows.setdefault(each.pop("lever"), []).append(AlternativeEvidence(**each))
    return {
        lever: LeverEvidence(
            module=run.module,
            lever=lever,
            as_of=run.as_of,
            trades=stored["trades"],
            verdict=LeverVerdict(stored["verdict"]),
            walk=None if stored["walk"] is None else LeverGain.from_document(stored["walk"]),
            lines=stored["lines"],
            alternatives=tuple(sorted(rows.get(lever, ()), key=_by_value)),
        )
        for lever, stored in (run.levers or {}).items()
    }


def _by_value(alternative: AlternativeEvidence) -> tuple[float, str]:
    try:
        return float(alternative.alternative), alternative.alternative
    except ValueError:
        return float("inf"), alternative.alternative
