"""Parse a window of a gate strictly: its times, its scores, and that all of it tells one story."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from telemetry.core.gate_windows import Sample, Window, WindowOutcome, shut_gates
from telemetry.core.gates import Gates
from telemetry.core.scopes import read_scope
from telemetry.core.vocabulary import ActionCategory, read_pattern_key
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.fields import EARLIEST, finite, integer, matching, member, parse_moment, text
from telemetry.foundation.core.objects import Fields, entries, items
from telemetry.foundation.core.refusal import Refused, shown

MOST_SAMPLES = 12
MOST_NAMES = 20
LAST_RETEST = 10_000
KEYS = dict.fromkeys((
    "window_id", "pattern_key", "action_category", "scope", "retest_index", "started_at", "ended_at", "thresholds",
    "samples", "entered_at", "trimmed_at", "known_at", "blocked_by", "outcome",
))  # fmt: skip
SAMPLE_KEYS = dict.fromkeys(("at", "scores", "gates", "rr"))


def read_window(value: object, gates: Gates, latest: datetime) -> Window:
    """Parse a window from JSON, given the gates of the registry and the latest time at which anything can be known.

    Raises Refused with paths relative to the window.
    """
    fields = Fields(value, KEYS)
    category = fields.need("action_category", _category, ActionCategory.ADD)
    guarding = {name: gate for name, gate in gates.items() if category in gate.categories}
    nothing: dict[str, Any] = {}
    sent = Window(
        window_id=fields.need("window_id", _name, ""),
        pattern_key=fields.need("pattern_key", read_pattern_key, ""),
        action_category=category,
        scope=fields.take("scope", read_scope, nothing),
        retest_index=fields.take("retest_index", _retest, None),
        started_at=fields.need("started_at", parse_moment, EARLIEST),
        ended_at=fields.need("ended_at", parse_moment, EARLIEST),
        thresholds=fields.need("thresholds", lambda each: _read_thresholds(each, guarding, category), nothing),
        samples=fields.need("samples", _read_samples, tuple[Sample, ...]()),
        entered_at=fields.take("entered_at", parse_moment, None),
        trimmed_at=fields.take("trimmed_at", parse_moment, None),
        known_at=fields.take("known_at", parse_moment, None),
        decided_at=EARLIEST,
        blocked_by=(),
        rr=None,
    )
    stated = fields.take("blocked_by", _read_blocked, None), fields.take("outcome", _outcome, None)
    fields.close()
    _refuse_times(fields, sent, latest)
    _refuse_scores(fields, sent, gates)
    fields.close()
    shut = [shut_gates(sample, sent.thresholds, gates) for sample in sent.samples]
    number = _decided(fields, sent, shut)
    fields.close()
    decided = sent.samples[number]
    window = replace(sent, decided_at=decided.at, blocked_by=tuple(shut[number]), rr=decided.rr)
    _refuse_other_story(fields, window, *stated)
    fields.close()
    return window


def _read_thresholds(value: object, guarding: Gates, category: str) -> dict[str, float]:
    thresholds = _numbers(value)
    known = ", ".join(guarding) or "none"
    if not thresholds:
        raise Refused.because(f"names no lever; send the threshold in force of one of {known}")
    for lever, threshold in thresholds.items():
        gate = guarding.get(lever)
        if gate is None:
            raise Refused.because(f"is no gate of {category} in the registry; send one of {known}").under(lever)
        if not gate.low <= threshold <= gate.high:
            message = f"{shown(threshold)} is out of range; send a score from {gate.low:g} to {gate.high:g}"
            raise Refused.because(message).under(lever)
    return thresholds


def _read_sample(value: object) -> Sample:
    fields = Fields(value, SAMPLE_KEYS)
    sample = Sample(
        at=fields.need("at", parse_moment, EARLIEST),
        scores=fields.need("scores", _numbers, {}),
        gates=fields.take("gates", _flags, {}),
        rr=fields.take("rr", finite, None),
    )
    fields.close()
    return sample


def _refuse_times(fields: Fields, sent: Window, latest: datetime) -> None:
    if sent.ended_at < sent.started_at:
        fields.refuse("ended_at", f"lies before started_at ({utc_text(sent.started_at)}); correct one of them")
    before, is_sound = EARLIEST, True
    for index, sample in enumerate(sent.samples):
        message = ""
        if not sent.started_at <= sample.at <= sent.ended_at:
            message = "lies outside its window; correct it, or started_at and ended_at"
        elif sample.at <= before:
            message = "does not follow the sample before; send samples in the order of time"
        if message:
            is_sound = False
            fields.refuse(f"samples[{index}].at", message)
        before = sample.at
    if sent.trimmed_at is not None and sent.trimmed_at < sent.started_at:
        fields.refuse("trimmed_at", "lies before the window; correct it, or leave it out")
    if sent.trimmed_at is not None and sent.trimmed_at > latest:
        fields.refuse("trimmed_at", f"lies in the future (latest {utc_text(latest)}); send it once it happened")
    if is_sound:
        _refuse_knowledge(fields, [each.at for each in sent.samples if each.rr is not None], sent.known_at, latest)


def _refuse_knowledge(fields: Fields, told: list[datetime], known_at: datetime | None, latest: datetime) -> None:
    """Refuse results of which it is not said when they were known, and knowledge before its time."""
    if known_at is None:
        if told:
            fields.refuse("known_at", "missing; say when the last rr of its samples was known")
    elif not told:
        fields.refuse("known_at", "given without an rr; send what acting would have earned, or leave it out")
    elif known_at < max(told):
        fields.refuse("known_at", f"lies before a sample with an rr ({utc_text(max(told))}); correct one of them")
    elif known_at > latest:
        message = f"lies in the future (latest {utc_text(latest)}); send the window without rr now, and then correct it"
        fields.refuse("known_at", message)


def _refuse_scores(fields: Fields, sent: Window, gates: Gates) -> None:
    """Refuse samples that lack the score of a considered lever, or have it in another unit."""
    for lever in sent.thresholds:
        gate = gates[lever]
        for index, sample in enumerate(sent.samples):
            score, field = sample.scores.get(gate.score), f"samples[{index}].scores.{gate.score}"
            if score is None:
                fields.refuse(field, f"missing; {lever} is judged by it at every sample, so send it")
            elif not gate.low <= score <= gate.high:
                message = f"{shown(score)} is out of range; send a score from {gate.low:g} to {gate.high:g}"
                fields.refuse(field, message)


def _decided(fields: Fields, sent: Window, shut: list[dict[str, float]]) -> int:
    """Return the number of the sample at which the window was decided; refuse a story that its gates contradict."""
    if sent.entered_at is None:
        decided = min(range(len(shut)), key=lambda index: sum(shut[index].values()))
        undecided = [index for index, closed in enumerate(shut) if not closed]
    else:
        times = [sample.at for sample in sent.samples]
        if sent.entered_at not in times:
            fields.refuse("entered_at", "is the time of no sample; send the sample at which the bot acted")
            return 0
        decided = times.index(sent.entered_at)
        undecided = [index for index in range(decided) if not shut[index]]
        if shut[decided]:
            names = ", ".join(shut[decided])
            fields.refuse("entered_at", f"{names} was shut then; correct the sample, or leave entered_at out")
    if undecided:
        message = (
            "every gate was open, and the bot did not act; send what kept it out among its gates, such as "
            '{"has_room": false}, or entered_at'
        )
        fields.refuse(f"samples[{undecided[0]}]", message)
    return decided


def _refuse_other_story(
    fields: Fields, window: Window, blocked_by: tuple[str, ...] | None, outcome: WindowOutcome | None
) -> None:
    """Refuse a stated consequence that does not follow from what was sent."""
    if blocked_by is not None and set(blocked_by) != set(window.blocked_by):
        found = ", ".join(window.blocked_by) or "nothing"
        fields.refuse("blocked_by", f"the samples say {found} (where least was missing); correct them, or leave it out")
    if outcome is not None and outcome is not window.outcome:
        found = "nothing is known yet" if window.outcome is None else f"it is {window.outcome}"
        fields.refuse("outcome", f"from entered_at and rr {found}; correct them, or leave it out")


_name = text(200)
_retest = integer(0, LAST_RETEST)
_category = member([ActionCategory.ENTRY, ActionCategory.ADD, ActionCategory.TRIM])
_outcome = member(WindowOutcome)
_score = matching("[a-z][a-z0-9_]{0,39}", "a name of 1 to 40 lower-case letters, digits or _, beginning with a letter")
_numbers = entries(_score, finite, most=MOST_NAMES)
_read_samples = items(_read_sample, least=1, most=MOST_SAMPLES)
_read_blocked = items(_score, most=2 * MOST_NAMES)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused.because(f"{shown(value)} is not true or false; send one of them")
    return value


_flags = entries(_score, _truth, most=MOST_NAMES)
