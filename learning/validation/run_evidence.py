"""What is known of a method's newest run: its noise twins, its walk-forward result, and the verdict on both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, IntegerField, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, JSONObject, TruncDate

from learning.core.significance.twin_gate import TwinCounts
from learning.core.significance.verdict import LESSON, VERIFIED, Verdict, Voices, WalkVoice, sentence_of, verdict_of
from learning.lessons.methods import METHODS
from learning.models import BuilderRun, Lesson, NoiseTwin, WalkForward
from learning.validation.noise_twin_runs import comparable_lessons
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters

TWIN_FIELDS = {"found": "found", "count": "count", "as_of": "as_of"}
WALK_FIELDS = {"policy": "policy", "combiner": "combiner", "as_of": "as_of", "figures": "figures"}


@dataclass(frozen=True)
class RunEvidence:
    """A method's newest run with its voices; `walk` is the walk-forward run behind them."""

    run: BuilderRun | None
    voices: Voices
    walk: WalkForward | None = None
    twins_as_of: datetime | None = None

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict on the run."""
        return verdict_of(self.voices)

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return sentence_of(self.voices)

    @property
    def label(self) -> str:
        """The verdict in a few words."""
        return self.verdict.label

    @property
    def allows_green(self) -> bool:
        """Whether pages may show lessons of the run as good."""
        return self.verdict.allows_green

    @property
    def is_grey(self) -> bool:
        """Whether pages show lessons of the run in grey."""
        return not self.allows_green

    @property
    def tone(self) -> str:
        """The word whose badge has the colour of the verdict."""
        return self.verdict.tone


def run_evidence(module: str, policy: LearningMethod, parameters: ModuleParameters | None = None) -> RunEvidence:
    """Return what is known of the newest run of a method; without a run, nothing was found.

    `parameters` are those in force, if they have been read already.
    """
    run = runs_with_evidence(parameters or current_parameters(module), policy).first()
    return RunEvidence(None, _nothing(policy)) if run is None else evidence_of_run(run, policy)


def runs_with_evidence(parameters: ModuleParameters, policy: LearningMethod) -> QuerySet[Any]:
    """Return a method's runs, newest first, each with the newest twins and walk-forward run of the method."""
    module = parameters.module
    counted = newest_twins(module, policy).exclude(count=None)
    walks = finished_walks(parameters, policy)
    return (
        BuilderRun.objects.filter(module=module, policy=policy)
        .annotate(
            n_tested=Cast(KeyTextTransform("total", "tested"), IntegerField()),
            n_runs=_number(BuilderRun.objects.filter(module=module, policy=policy), Count("pk")),
            n_days=_number(
                BuilderRun.objects.filter(module=module, policy=policy), Count(TruncDate("as_of"), distinct=True)
            ),
            n_found=_count_of(comparable_lessons(module, policy)),
            twin_documents=ArraySubquery(counted.values(document=JSONObject(**TWIN_FIELDS))),
            walk_documents=ArraySubquery(walks.values(document=JSONObject(**WALK_FIELDS))[:1]),
        )
        .defer("parameters", "baseline", "tested")
    )


def evidence_of_run(run: Any, policy: LearningMethod) -> RunEvidence:
    """Return the evidence of one of the `runs_with_evidence`.

    Twins are compared with the lessons found in the same facts, which they store. Those of the run itself come before
    those that somebody asked for. Without twins, the lessons found are counted.
    """
    walk = next(map(_walk, run.walk_documents), None)
    found, twins, as_of = _twins(run)
    voices = Voices(found, twins, _voice(walk), run.n_tested, _counted(policy), runs=run.n_runs, days=run.n_days)
    return RunEvidence(run, voices, walk, as_of)


def _twins(run: Any) -> tuple[int, tuple[int, ...], datetime | None]:
    """Return what was found, the counts of the twins and their moment: of the run's own twins where it has any."""
    if run.twins is not None:
        own = TwinCounts.from_document(run.twins)
        return own.found, own.counts, run.as_of
    if not run.twin_documents:
        return run.n_found, (), None
    newest = run.twin_documents[0]
    counts = tuple(each["count"] for each in run.twin_documents)
    return newest["found"], counts, datetime.fromisoformat(newest["as_of"])


def _count_of(lessons: QuerySet[Lesson]) -> Coalesce:
    """Return the number of these lessons of one module as a subquery."""
    return _number(lessons, Count("pk"))


def _number(rows: QuerySet[Any], count: Count) -> Coalesce:
    """Return a count over rows of one module as a subquery."""
    counted = rows.order_by().values("module").annotate(number=count)
    return Coalesce(Subquery(counted.values("number")[:1]), 0)


def newest_twins(module: str, policy: LearningMethod) -> QuerySet[NoiseTwin]:
    """Return the noise twins of the most recently requested facts, by seed."""
    newest = NoiseTwin.objects.filter(module=module, policy=policy).order_by("-asked_at").values("content")[:1]
    return NoiseTwin.objects.filter(content__in=newest).order_by("seed")


def finished_walks(parameters: ModuleParameters, policy: LearningMethod) -> QuerySet[WalkForward]:
    """Return a method's finished walk-forward runs, newest first; for the plan method, of the module's combiner."""
    rows = WalkForward.objects.filter(module=parameters.module, policy=policy, status=WalkForward.Status.DONE)
    combiner = METHODS[policy].walk_combiner(parameters)
    return rows if combiner is None else rows.filter(combiner=combiner)


def _nothing(policy: LearningMethod) -> Voices:
    return Voices(0, what=_counted(policy))


def _counted(policy: LearningMethod) -> str:
    """Return the name of the lessons that twins of a method count."""
    return VERIFIED if METHODS[policy].verifies else LESSON


def _walk(document: dict[str, Any]) -> WalkForward:
    return WalkForward(**document | {"as_of": datetime.fromisoformat(document["as_of"])})


def _voice(walk: WalkForward | None) -> WalkVoice | None:
    uplift: dict[str, Any] | None = None if walk is None or walk.figures is None else walk.figures["uplift"]
    return None if uplift is None else WalkVoice(uplift["mean"], uplift["low"], uplift["high"])
