"""The edges that were planted, and the pattern that has none."""

from __future__ import annotations

from collections.abc import Iterator

from config.demo.planted.stage import Calendar
from config.demo.planted.statements.statement import MODULE, Statement, first_published, in_force, line_of, signed
from config.demo.planted.truth import DELISTED_AT, EFFECTS, FADE, FLIPS_AT, PATTERNS, Effect, edge
from learning.models import BuilderRun, Lesson
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.evidence_bar import clears_evidence_bar
from overrides.versions.load_version import current_parameters


def edges(calendar: Calendar) -> Iterator[Statement]:
    """Yield each planted edge on the last day of its first phase, with what the override in force then promised."""
    for effect in EFFECTS:
        yield _edge(effect, calendar, eve_of(effect))


def eve_of(effect: Effect) -> int:
    """Return the last day on which an effect is as it began, and is met."""
    if len(effect.phases) > 1:
        return effect.phases[1].since - 1
    return DELISTED_AT - 1 if effect.dimension == "market_family" else FLIPS_AT - 1


def no_edge(calendar: Calendar) -> Iterator[Statement]:
    """Yield how many lessons of the pattern without an edge the system is sure of, on the last day."""
    acting = Lesson.objects.filter(policy=LearningMethod.EVIDENCE, pattern_key=FADE, status=Lesson.Status.ACTIVE)
    verified = acting.filter(stats__verified=True).count()
    yield Statement(
        f"{FADE} has no edge",
        "no value of any dimension has an effect",
        f"{verified} verified lessons; {acting.count() - verified} unverified ones are held within 2 % of neutral",
        verified == 0 and BuilderRun.objects.filter(policy=LearningMethod.EVIDENCE, as_of__gte=calendar.end).exists(),
    )


def _edge(effect: Effect, calendar: Calendar, eve: int) -> Statement:
    pattern = next(each for each in PATTERNS if each.key == effect.pattern)
    true = edge(pattern, effect.dimension, effect.value, eve)
    name = f"{effect.pattern} [{effect.dimension}={effect.value}]"
    planted = f"{signed(true)} R a trade against the mean of all trades until day {eve}"
    line, member = line_of(effect), in_force(line_of(effect), calendar.day(eve))
    if line is None or member is None:
        return Statement(name, planted, "no override of it is in force", False)
    spec = member.override.spec
    promise, since = spec.promise or {}, first_published(line)
    predicted, sd = promise.get("predicted", spec.stats.edge_raw), promise.get("sd", 0.0)
    is_sure = clears_evidence_bar(spec, current_parameters(MODULE).evidence)
    sure = "verified" if is_sure else "not verified"
    stated = (
        f"in force since {since:%Y-%m-%d}; promised {signed(predicted)} ± {sd:.2f} R ({sure}), "
        f"size_mult {spec.levers.get('size_mult', 1.0):.2f}"
    )
    return Statement(name, planted, stated, is_sure and predicted * true > 0)
