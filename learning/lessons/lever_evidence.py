"""What is stored of a lever's alternatives: the newest evidence of a module, as plain values for pages and builds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject

from learning.core.tuning.evidence_source import Source
from learning.core.walk_forward.day_stretches import FEWEST_STRETCHES
from learning.core.walk_forward.lever_gain import LeverGain, LeverVerdict, deciding_source, leaves_out_zero
from learning.models import LeverAlternative, LeverRun
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters

SURE = EvidenceParameters().verified_lfsr


@dataclass(frozen=True)
class AlternativeEvidence:
    """What one alternative would have gained over all rows that tell of it, in R per row (`LeverAlternative`).

    walk_gain, walk_low, walk_high   its part of the lever's walk-forward in R per 1,000 rows; None without one
    gained, lost                     sums of gains and losses in R over windows; None for trades
    refusal                          why it was not judged, in words; empty if it was
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
    gained: float | None
    lost: float | None
    refusal: str

    @property
    def is_sure(self) -> bool:
        """Whether the sign of the believed gain is sure, by the limit that parameters have by default."""
        return self.lfsr <= SURE

    @property
    def is_clear(self) -> bool:
        """Whether the interval of its part of the walk-forward leaves out 0."""
        return leaves_out_zero(self.walk_low, self.walk_high)


@dataclass(frozen=True)
class LeverEvidence:
    """What one source tells of a lever of a module, as of a moment.

    told           trades, or windows, that tell of any alternative
    decides        whether this source is the one by which the lever is proposed or not
    walk           the gain of choosing by what was known, beside doing nothing (0); None without enough rows
    lines          lines that would be proposed, or are if the verdict is `supported`
    alternatives   by their value; `never` and other words last
    """

    module: str
    lever: str
    source: Source
    as_of: datetime
    told: int
    decides: bool
    verdict: LeverVerdict
    walk: LeverGain | None
    lines: int
    alternatives: tuple[AlternativeEvidence, ...]

    @property
    def is_supported(self) -> bool:
        """Whether the walk-forward supports targets of the lever; otherwise its evidence is shown and not proposed."""
        return self.verdict is LeverVerdict.SUPPORTED

    @property
    def standing(self) -> str:
        """The verdict in words."""
        return self.verdict.of(self.source)

    @property
    def fewest_stretches(self) -> int:
        """How many independent days the walk's interval takes."""
        return FEWEST_STRETCHES


class MeasuredSources(NamedTuple):
    """What a run stored of one lever by each source, and the source by which it is proposed or not."""

    sources: Mapping[Source, Mapping[str, Any]]
    decides: Source

    @property
    def is_supported(self) -> bool:
        """Whether the source that decides supports targets of the lever."""
        return bool(self.sources[self.decides]["verdict"] == LeverVerdict.SUPPORTED)


def measured_levers(run: LeverRun) -> dict[str, MeasuredSources]:
    """Return what a run measured of each lever."""
    found = {}
    for lever, stored in (run.levers or {}).items():
        if "verdict" in stored:  # of a run before there were sources: trades, and nothing else
            stored = {Source.TRADES: {"told": stored["trades"]} | stored}
        sources = {Source(name): document for name, document in stored.items()}
        verdicts = {source: LeverVerdict(document["verdict"]) for source, document in sources.items()}
        found[lever] = MeasuredSources(sources, deciding_source(verdicts))
    return found


def newest_levers(module: str) -> dict[str, tuple[LeverEvidence, ...]]:
    """Return the newest evidence of each lever by each source, in one query; the source that decides comes first.

    Empty without a measurement.
    """
    rows = LeverAlternative.objects.filter(run=OuterRef("pk"))
    names = {field.name: field.name for field in fields(AlternativeEvidence)}
    documents = ArraySubquery(rows.values(document=JSONObject(lever="lever", source="source", **names)))
    run = _finished(module).annotate(documents=documents).first()
    return {} if run is None else _evidence_of(run, run.documents)


def newest_lever_run(module: str, at: datetime) -> LeverRun | None:
    """Return the newest finished run of a module that was known at a moment."""
    return _finished(module).filter(as_of__lte=at, asked_at__lte=at).first()


def _finished(module: str) -> QuerySet[LeverRun]:
    return LeverRun.objects.filter(module=module, status=LeverRun.Status.DONE).defer("parameters")


def _evidence_of(run: LeverRun, documents: Iterable[dict[str, Any]]) -> dict[str, tuple[LeverEvidence, ...]]:
    rows: dict[tuple[str, str], list[AlternativeEvidence]] = {}
    for document in documents:
        key = document.pop("lever"), document.pop("source")
        rows.setdefault(key, []).append(AlternativeEvidence(**document))
    found = {}
    for lever, measured in measured_levers(run).items():
        of_sources = (
            LeverEvidence(
                module=run.module,
                lever=lever,
                source=source,
                as_of=run.as_of,
                told=stored["told"],
                decides=source is measured.decides,
                verdict=LeverVerdict(stored["verdict"]),
                walk=None if stored["walk"] is None else LeverGain.from_document(stored["walk"]),
                lines=stored["lines"],
                alternatives=tuple(sorted(rows.get((lever, source), ()), key=_by_value)),
            )
            for source, stored in measured.sources.items()
        )
        found[lever] = tuple(sorted(of_sources, key=lambda each: not each.decides))
    return found


def _by_value(alternative: AlternativeEvidence) -> tuple[float, str]:
    try:
        return float(alternative.alternative), alternative.alternative
    except ValueError:
        return float("inf"), alternative.alternative
