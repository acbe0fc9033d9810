"""What is stored of a lever's alternatives: the newest evidence of a module, as plain values for pages and builds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject

from learning.core.walk_forward.lever_gain import LeverGain, LeverVerdict
from learning.models import LeverAlternative, LeverRun


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
    return newest_levers(module).get(lever)


def newest_levers(module: str) -> dict[str, LeverEvidence]:
    """Return the newest evidence of each lever that trades told of, in one query; empty without a measurement."""
    rows = LeverAlternative.objects.filter(run=OuterRef("pk"))
    names = {field.name: field.name for field in fields(AlternativeEvidence)}
    documents = ArraySubquery(rows.values(document=JSONObject(lever="lever", **names)))
    run = _finished(module).annotate(documents=documents).first()
    return {} if run is None else _evidence_of(run, run.documents)


def newest_lever_run(module: str, at: datetime) -> LeverRun | None:
    """Return the newest finished run of a module that was known at a moment."""
    return _finished(module).filter(as_of__lte=at, asked_at__lte=at).first()


def _finished(module: str) -> QuerySet[LeverRun]:
    return LeverRun.objects.filter(module=module, status=LeverRun.Status.DONE).defer("parameters")


def _evidence_of(run: LeverRun, documents: Iterable[dict[str, Any]]) -> dict[str, LeverEvidence]:
    rows: dict[str, list[AlternativeEvidence]] = {}
    for document in documents:
        lever = document.pop("lever")
        rows.setdefault(lever, []).append(AlternativeEvidence(**document))
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
