"""Take in decisions that local clients made: each is computed again from the version it names, and stored as ours.

What a client says is believed only where this server would have answered the same. A decision that differs, names a
state that was not in force at its time, or bears the id of another one is refused with the reason; sending one again
changes nothing. Its time is the client's word, within 24 hours. So the time at which the report arrived is stored with
it, and an action counts only decisions that were reported by then or within a minute (`telemetry.core.decision_fit`):
who waits for the outcome before reporting gains nothing.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from overrides.core.engine.definitions.formats import FORMATS
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.definitions.vocabulary import Reason
from overrides.core.governance.errors import EngineMissing
from overrides.models import Version, VersionKind
from overrides.serving.decisions.decision_record import decision_record
from overrides.serving.engine import ENGINE_ROOM, Engine, build_engine, unpublished_engine
from overrides.serving.mode import mode_at, mode_period
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import Question, read_question
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.fields import finite, identifier, integer, parse_moment, text
from telemetry.foundation.core.identifiers import uuid7_time
from telemetry.foundation.core.objects import Fields, entries
from telemetry.foundation.core.refusal import Refusal, Refused
from telemetry.models import Decision

KEYS = dict.fromkeys(
    (
        "decision_id", "question", "version", "mode_revision", "evaluated_at", "levers", "reason", "stale_seconds",
        "latency_us",
    )
)  # fmt: skip
OLDEST = timedelta(hours=24)
AHEAD = timedelta(seconds=60)  # by which a client's clock may be ahead
SAME_MOMENT = timedelta(milliseconds=2)  # a decision's id holds its time to the millisecond
EVALUATED_BY = "evaluated_by"  # key in a decision's request: the client that computed it
REPORTED_AT = "reported_at"  # key in a decision's request: when the report arrived
LARGEST_NUMBER = 2**31 - 1
ONE_UNIT = 1.5e-9  # served numbers have nine decimals, and another processor may round the last one the other way
ATTEMPTS = 3
MOST_PAST = 4
PATIENCE_SECONDS = 0.2  # that a report waits while another one compiles: reports must not take the threads of answers
MOST_STATES = 16  # versions that are not served any more, in one request: each of them may have to be compiled


Period = tuple[datetime | None, datetime | None]  # since and until when a state was in force; None: open


class Status(StrEnum):
    """What became of a reported decision."""

    NEW = "new"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reported:
    """A decision as a client reports it. `stale_seconds` says how long its state had not been confirmed."""

    decision_id: UUID
    question: Question
    version: int | None
    mode_revision: int
    evaluated_at: datetime
    levers: Mapping[str, float]
    reason: str
    stale_seconds: float
    latency_us: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status of one reported decision; `refusals` say why it was refused."""

    decision_id: str | None
    status: Status
    refusals: tuple[Refusal, ...] = ()


def read_reported(value: object, *, now: datetime) -> Reported:
    """Parse a reported decision from JSON. Raises Refused with every refusal."""
    fields = Fields(value, KEYS)
    decision_id = UUID(fields.need("decision_id", identifier, str(UUID(int=0))))
    evaluated_at = fields.need("evaluated_at", parse_moment, now)
    question = fields.need("question", lambda each: read_question(each, now=evaluated_at), None)
    version = fields.take("version", integer(1, LARGEST_NUMBER), None)
    revision = fields.need("mode_revision", integer(0, LARGEST_NUMBER), 0)
    levers = fields.need("levers", entries(text(40), finite, most=len(LEVERS)), dict[str, float]())
    reason = fields.need("reason", text(20), "")
    stale_seconds = fields.take("stale_seconds", finite, 0.0)
    latency_us = fields.take("latency_us", finite, None)
    if latency_us is not None and latency_us < 0:
        fields.refuse("latency_us", "is negative; send microseconds, 0 or more")
    if fields.sound("decision_id", "evaluated_at"):
        _refuse_times(fields, decision_id, evaluated_at, now)
    fields.close()
    assert question is not None  # refused otherwise
    return Reported(
        decision_id, question, version, revision, evaluated_at, levers, reason, max(0.0, stale_seconds), latency_us
    )


def _refuse_times(fields: Fields, decision_id: UUID, evaluated_at: datetime, now: datetime) -> None:
    if evaluated_at > now + AHEAD:
        fields.refuse("evaluated_at", "is in the future; set the client's clock, then send decisions as they are made")
    if evaluated_at < now - OLDEST:
        fields.refuse("evaluated_at", "is more than 24 hours ago; send decisions within 24 hours")
    if decision_id.version != 7 or abs(uuid7_time(decision_id) - evaluated_at) > SAME_MOMENT:
        fields.refuse("decision_id", "is no UUID of version 7 made at evaluated_at; send the one made for the answer")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who reports decisions, by the name of the client and the prefix of its API key, and when the report arrived."""

    client: str
    key: str | None
    at: datetime


def take(reported: Sequence[Reported], sender: Sender) -> list[Outcome]:
    """Store the decisions that a client made and return what became of each, in order. Raises django.db errors.

    The sender's key then reads them as its own. Raises StatesBusy while another report has a version compiled.
    """
    states = PastStates()
    judged = [_judged(each, states, sender) for each in reported]
    for _ in range(ATTEMPTS - 1):
        try:
            return _stored(judged)
        except IntegrityError:  # another request stored one of them in the meantime: now it is there to be compared
            continue
    return _stored(judged)


def _stored(judged: Sequence[DecisionRecord | Outcome]) -> list[Outcome]:
    """Store the records whose ids are new, in one transaction."""
    records = [each for each in judged if isinstance(each, DecisionRecord)]
    rows = Decision.objects.in_bulk([each.decision_id for each in records])
    known = {name: _asked(row) for name, row in rows.items()}
    fresh, outcomes = [], []
    for each in judged:
        if isinstance(each, Outcome):
            outcomes.append(each)
        elif each.decision_id not in known:
            known[each.decision_id] = _asked(each)
            fresh.append(each)
            outcomes.append(Outcome(str(each.decision_id), Status.NEW))
        elif known[each.decision_id] == _asked(each):
            outcomes.append(Outcome(str(each.decision_id), Status.UNCHANGED))
        else:
            refusal = Refusal("decision_id", "names the decision of another question; make a new id for each answer")
            outcomes.append(Outcome(str(each.decision_id), Status.REFUSED, (refusal,)))
    record_decisions(fresh)
    return outcomes


def _asked(decision: DecisionRecord | Decision) -> tuple[object, ...]:
    """Return what a decision was made of; two decisions of one id have to agree in it."""
    return (
        decision.module,
        decision.pattern_key,
        decision.action_category,
        dict(decision.scope),
        decision.at,
        decision.version,
        {name: value for name, value in decision.request.items() if name != REPORTED_AT},
    )


def _judged(each: Reported, states: PastStates, sender: Sender) -> DecisionRecord | Outcome:
    try:
        return _recomputed(each, states.engine(each), sender)
    except Refused as refused:
        return Outcome(str(each.decision_id), Status.REFUSED, refused.refusals)
    except EngineMissing as missing:
        return Outcome(str(each.decision_id), Status.REFUSED, (Refusal("version", missing.message),))


def _recomputed(each: Reported, engine: Engine, sender: Sender) -> DecisionRecord:
    """Return the record of a decision as this server makes it. Raises Refused if the client served something else."""
    is_stale = each.reason == Reason.STALE
    stale_seconds = math.inf if is_stale else min(each.stale_seconds, ENGINE_ROOM.max_stale_seconds)
    resolved = resolve_one(each.question, engine, now=each.evaluated_at, stale_seconds=stale_seconds)
    if resolved.answer.reason != each.reason:
        raise Refused(Refusal("reason", f"is {each.reason}, but this version answers {resolved.answer.reason}"))
    levers = resolved.answer.levers
    if not _are_told(levers, each.levers):
        raise Refused(Refusal("levers", f"are not those of the action; send {', '.join(levers)}"))
    if others := [name for name, value in each.levers.items() if abs(value - levers[name]) > ONE_UNIT]:
        raise Refused(*(Refusal(f"levers.{name}", f"this version answers {levers[name]!r}") for name in others))
    record = decision_record(resolved.decided._replace(decision_id=each.decision_id, key=sender.key))
    request = {**record.request, EVALUATED_BY: sender.client, REPORTED_AT: utc_text(sender.at)}
    return replace(record, request=request, latency_us=each.latency_us)


def _are_told(levers: Mapping[str, float], told: Mapping[str, float]) -> bool:
    """Return whether a client told all levers of an answer that some format knew, and the others are neutral.

    A client of the release before reports what it decided while this one was being installed.
    """
    later = levers.keys() - told.keys()
    if any(levers[name] != LEVERS[name].neutral for name in later):
        return False
    return any(told.keys() == levers.keys() & {*known.levers} for known in FORMATS)


class PastStates:
    """The engines of the versions and modes that one batch of decisions names, each read once."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, int], tuple[Version, datetime | None]] = {}
        self._modes: dict[tuple[str, int], tuple[Mapping[str, Any], Period]] = {}
        self._past: set[tuple[str, int]] = set()

    def engine(self, each: Reported) -> Engine:
        """Return the engine that answered. Raises Refused if it was not in force at the time, EngineMissing."""
        module = each.question.request.module
        mode, stood = self._mode(module, each.mode_revision)
        _refuse_other_times("mode_revision", f"{module} mode revision {each.mode_revision}", stood, each)
        if each.version is None:
            _refuse_other_times("version", f"{module} without a version", (None, _first_published(module)), each)
            engine = unpublished_engine(module, ServingMode())
        else:
            version, ended = self._version(module, each.version)
            if version.kind == VersionKind.TRIAL:
                raise Refused(Refusal("version", f"{module} version {each.version} is a trial, which is never served"))
            _refuse_other_times("version", f"{module} version {each.version}", (version.published_at, ended), each)
            engine = self._compiled(version)
        number = mode.get("challenger")
        challenger = None if number is None else (number, self._compiled(self._version(module, number)[0]).compiled)
        return replace(engine, mode=ServingMode.parse(mode), challenger=challenger)

    def _mode(self, module: str, revision: int) -> tuple[Mapping[str, Any], Period]:
        if (module, revision) not in self._modes:
            found = mode_at(module, revision)
            if found is None:
                raise Refused(Refusal("mode_revision", f"{module} never had a mode of revision {revision}"))
            self._modes[module, revision] = found, mode_period(module, revision)
        return self._modes[module, revision]

    def _compiled(self, version: Version) -> Engine:
        served = ENGINE_ROOM.known(version.module)
        if served is not None and served.version == version.number:
            _PAST.keep(version, served)  # reports that name it go on arriving when the next one is served
            return served
        self._past.add((version.module, version.number))
        if len(self._past) > MOST_STATES:
            message = f"is one of more than {MOST_STATES} past versions in one request; send it in another one"
            raise Refused(Refusal("version", message))
        return _PAST.engine(version)

    def _version(self, module: str, number: int) -> tuple[Version, datetime | None]:
        """Return a version, and when the next one took its place."""
        if (module, number) not in self._versions:
            rows = Version.objects.filter(module=module)
            found = rows.select_related("parameters").defer("config_data").filter(number=number).first()
            if found is None:
                raise Refused(Refusal("version", f"{module} never had a version {number}"))
            later = rows.filter(number__gt=number).exclude(kind=VersionKind.TRIAL).order_by("number")
            self._versions[module, number] = found, later.values_list("published_at", flat=True).first()
        return self._versions[module, number]


def _first_published(module: str) -> datetime | None:
    rows = Version.objects.filter(module=module).exclude(kind=VersionKind.TRIAL).order_by("number")
    return rows.values_list("published_at", flat=True).first()


def _refuse_other_times(field: str, state: str, stood: Period, each: Reported) -> None:
    """Raise Refused if a state was not yet, or no longer, in force when a client says that it answered from it.

    A client answers from a state that it cannot confirm for as long as a process of the server does, and neutral
    afterwards; a clock may be off by `AHEAD`. Neutral answers of a day at most are taken, because each version that is
    named has to be compiled.
    """
    began, ended = stood
    if began is not None and each.evaluated_at + AHEAD < began:
        raise Refused(Refusal(field, f"{state} was not in force yet at evaluated_at"))
    longest = OLDEST if each.reason == Reason.STALE else timedelta(seconds=ENGINE_ROOM.max_stale_seconds)
    if ended is not None and each.evaluated_at > ended + AHEAD + longest:
        raise Refused(Refusal(field, f"{state} was no longer in force at evaluated_at"))


class StatesBusy(Exception):
    """Another report has a version compiled; the same report may be sent again."""


class _Past:
    """The engines of a few versions, of which one is compiled at a time; a content hash says which it is."""

    def __init__(self) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock, self._keeping = threading.Lock(), threading.Lock()

    def engine(self, version: Version) -> Engine:
        """Return the engine of a version, in mode off. Raises EngineMissing for rows not consistent, StatesBusy."""
        known = self._engines.get(_name(version))
        if known is not None:
            return known
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            raise StatesBusy
        try:
            found = self._engines.get(_name(version)) or build_engine(version.module, version, ServingMode())
        except ValueError as error:
            raise EngineMissing.because(f"{version} does not compile: {error}") from error
        finally:
            self._lock.release()
        self.keep(version, found)
        return found

    def keep(self, version: Version, engine: Engine) -> None:
        """Keep the engine of a version, in place of the one that was not asked for the longest."""
        with self._keeping:
            self._engines[_name(version)] = engine
            self._engines.move_to_end(_name(version))
            while len(self._engines) > MOST_PAST:
                self._engines.popitem(last=False)


def _name(version: Version) -> str:
    return f"{version.module} {version.number} {version.content_hash}"


_PAST = _Past()
