"""Replay logged decisions: compute each again from its stored request and the immutable version it names.

Compared are reason, flags, levers, contributions, exclusions, the challenger's answer and the effect, with numbers at
nine decimals; if the decision names another numeric build, the ninth may differ by one unit. Not compared are reasons
STALE and ERROR and the flag STALE_VERSION, which depend on the process and not on the request; of such decisions only
the neutral levers are checked (docs/design.md 16).

A lever, a dimension or a weight factor that was added after a decision is no difference while it is neutral: a decision
names the format of the engine that answered it, and the recomputed one is compared as that format would store it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Max

from overrides.core.engine.combination import Request
from overrides.core.engine.compile_module import knowing
from overrides.core.engine.definitions.formats import Format, format_of
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.definitions.vocabulary import Flag, Reason
from overrides.core.engine.serve import neutral_levers
from overrides.core.governance.errors import EngineMissing
from overrides.core.monitoring.replaying.format_view import stored_as
from overrides.core.monitoring.replaying.json_diff import Difference, differences
from overrides.monitoring.replaying.replay_arms import arms_drawn, drawn_otherwise
from overrides.serving.decisions.decision_record import HOLDBACK, NUMERIC_BUILD, SERVED_UNDER
from overrides.serving.engine import unpublished_engine
from overrides.serving.engine_cache import Engines, past_engines
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import Question
from overrides.versions.verify_hashes import Recheck
from telemetry.audit.alarms import REPLAY, CheckFailed, alarm_of
from telemetry.core.audit_facts import Finding
from telemetry.decisions.decision_stream import Span, fetch, sample, slices, stream
from telemetry.decisions.retirement import retired_by
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.models import JobRun
from telemetry.models import Decision

UNCLAIMED = (Reason.STALE, Reason.ERROR)
RECOMPUTED = (
    "combiner",
    "reason",
    "flags",
    "levers",
    "contributions",
    "excluded",
    "challenger",
    "effect",
    "multipliers",
)
NIGHTLY_RECENT = 2000  # decisions of the last day
NIGHTLY_MOMENTS, NIGHTLY_EACH = 40, 25  # times sampled before the last day, decisions at each
ALL_TIME = Span()

OnDifference = Callable[[Difference], None]
Progress = Callable[[int, int], None]


class ReplayDiffers(CheckFailed):
    """Stored values differ from recomputed ones; the message names the first differences."""


@dataclass
class Report:
    """The counts of a replay. `unclaimed` decisions were STALE or ERROR; their reason is not checked."""

    replayed: int = 0
    unclaimed: int = 0
    differences: int = 0


@dataclass(frozen=True)
class Choice:
    """Which decisions to replay: one, a sample, or all of a period."""

    span: Span = ALL_TIME
    decision: UUID | None = None
    sample: int | None = None
    seed: int = 0

    def refuse(self, now: datetime) -> None:
        """Raise Refused if nothing can be chosen by it."""
        self.span.refuse(now)
        if self.sample is not None and self.sample < 1:
            raise Refused.because(f"{self.sample} replays nothing; give 1 or more").under("sample")
        if self.decision is not None and not Decision.objects.filter(pk=self.decision).exists():
            missing = f"no decision {self.decision} is stored; decisions list their ids"
            raise Refused.because(retired_by(self.decision) or missing).under("decision")


def replay(
    choice: Choice, *, now: datetime, on_difference: OnDifference, on_progress: Progress = lambda *_: None
) -> Report:
    """Replay the chosen decisions, and check the versions that they name. Raises Refused for an invalid choice."""
    choice.refuse(now)
    if choice.decision is not None:
        total, rows = 1, fetch([choice.decision])
    elif choice.sample is not None:
        ids = sample(choice.span, choice.sample, choice.seed)
        total, rows = len(ids), fetch(ids)
    else:
        total, rows = choice.span.rows().count(), stream(choice.span.rows())
    return _replayed(rows, Recheck(), on_difference, lambda done: on_progress(done, total))


def replay_nightly(*, now: datetime) -> int:
    """Replay a sample of the last day and of all days before, and check stored hashes; return the number replayed.

    The sample of a day is always the same. Which hashes are checked, see `Recheck.tonight`. Raises ReplayDiffers on any
    difference.
    """
    seed, yesterday = now.toordinal(), now - timedelta(days=1)
    recent = sample(Span(since=yesterday, until=now), NIGHTLY_RECENT, seed)
    older = slices(Span(until=yesterday), NIGHTLY_MOMENTS, NIGHTLY_EACH, seed)
    recheck = Recheck()
    found = list(recheck.tonight(now, _last_without_finding()))
    report = _replayed(fetch([*older, *recent]), recheck, found.append)
    if found:
        findings = [Finding(each.object, each.in_words()) for each in found]
        counts = f"{report.replayed} replayed, {len(found)} differences: "
        raise ReplayDiffers(findings, checked=report.replayed, introduction=counts)
    return report.replayed


def _last_without_finding() -> datetime | None:
    """Return when the last run that found nothing began; None if there was none, or if an alarm stands."""
    if alarm_of(REPLAY) is not None:
        return None
    runs = JobRun.objects.filter(job=REPLAY, status=JobRun.Status.DONE)
    last: datetime | None = runs.aggregate(last=Max("started_at"))["last"]
    return last


def _replayed(
    rows: Iterable[Decision],
    recheck: Recheck,
    on_difference: OnDifference,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Report:
    report, engines = Report(), past_engines()
    for row in rows:
        versions = [number for number in (row.version, row.challenger_version) if number is not None]
        of_versions = (recheck.version(row.module, number) for number in versions)
        for difference in chain(chain.from_iterable(of_versions), replay_one(row, engines)):
            report.differences += 1
            on_difference(difference)
        report.replayed += 1
        report.unclaimed += row.reason in UNCLAIMED
        on_progress(report.replayed)
    return report


def replay_one(row: Decision, engines: Engines) -> Iterator[Difference]:
    """Yield every field of a decision that differs from the recomputed one, as the format it names would store it."""
    name = f"decision {row.decision_id}"
    try:
        known = format_of(row.format)
    except ValueError as error:
        yield Difference(name, "format", row.format, str(error))
        return
    try:
        expected = stored_as(known, _neutral(row) if row.reason in UNCLAIMED else _computed(row, engines, known))
    except EngineMissing as error:
        yield Difference(name, "version", row.version, str(error))
        return
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        yield Difference(name, "request", row.request, f"unreadable ({type(error).__name__}: {error})")
        return
    same_build = row.numeric_build == NUMERIC_BUILD
    for field, value in expected.items():
        stored = getattr(row, field)
        if field == "flags":
            stored = [flag for flag in stored if flag != Flag.STALE_VERSION]
        yield from differences(name, field, stored, value, same_build=same_build)
    yield from drawn_otherwise(row, name)


def _neutral(row: Decision) -> dict[str, Any]:
    neutral = neutral_levers(row.module, row.action_category)
    levers = {lever: {"served": value} for lever, value in neutral.items()}
    return {"levers": levers, "contributions": [], "excluded": [], "effect": {}, "multipliers": None}


def _computed(row: Decision, engines: Engines, known: Format) -> dict[str, Any]:
    """Return the recomputed decision, with the same version and in the same mode.

    The dimensions known to the module are those that the row's format would have known.
    """
    engine = (
        unpublished_engine(row.module, ServingMode(), known)
        if row.version is None
        else engines(row.module, row.version)
    )
    compiled = knowing(engine.compiled, engine.parameters, known)
    challenger = None
    if row.challenger_version is not None:
        beside = engines(row.module, row.challenger_version)
        challenger = (row.challenger_version, knowing(beside.compiled, beside.parameters, known))
    held = {"holdback_percent": row.request[HOLDBACK]["percent"]} if HOLDBACK in row.request else {}
    arms = {"arms": {lever: each.arm.to_document() for lever, each in arms_drawn(row).items()}}
    mode = ServingMode.checked({"mode": row.mode, **row.request.get(SERVED_UNDER, {}), **held, **arms})
    found = resolve_one(
        question_of(row), replace(engine, compiled=compiled, mode=mode, challenger=challenger), now=row.at
    )
    return {field: getattr(found.record, field) for field in RECOMPUTED}


def question_of(row: Decision) -> Question:
    """Return the stored request of a decision, with the draw of its position if a holdback ran."""
    stored: dict[str, Any] = row.request
    request = Request(row.module, row.pattern_key, row.action_category, row.scope, row.at, stored["current"])
    carried = stored.get("coefficient_product"), stored.get("alloc_mult"), stored.get("book")
    position = stored.get("position_key"), stored.get(HOLDBACK, {}).get("draw"), arms_drawn(row)
    return Question(request, stored["rollout_key"], stored["base_allocation"], *carried, *position)
