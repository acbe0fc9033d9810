"""What a change would have done to the last logged decisions of its module, computed in the background and stored.

The document counts the requests (`asked`), those the change can affect (`touched`), those whose levers differ
(`changed`), `newly_moved` and `no_longer_moved`. It holds, per lever and over the touched requests, the distribution
before, after and of the change, and how often step limit and bounds acted; the mean change of exposure; the patterns
and lines that move most; and caveats. For dm the coefficient product is listed among the levers, with how often the cap
cut it, and the `weights` that move most. `sample` names up to 200 of the decisions read: once the request is voted on,
they outlive the retirement of their month.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.impact.acting import acting_in
from overrides.core.impact.daily_effect import LEAST_DAYS, MOST_DAYS, whole_days
from overrides.core.impact.decision_sample import DecisionSample
from overrides.core.impact.served_share import ServedShare
from overrides.core.impact.version_pair import VersionSide
from overrides.core.impact.what_if import Comparison
from overrides.models import ChangeRequest, Line, WhatIf
from overrides.requests.impact.before_after import proposed_by, refuse_kind, version_pair
from overrides.requests.kinds.kind import Proposed
from overrides.serving.mode import mode_of
from overrides.versions.acts_today import acts_today, full_hour
from overrides.versions.load_version import InForce, active_version
from telemetry.foundation.background_results import BackgroundComputation, Progress
from telemetry.foundation.core.refusal import Refused
from telemetry.models import Decision

MOST = 1_000_000
EFFECT_DECISIONS = 10_000  # of the effect that is computed for every request
CHUNK = 5000
TAKEN_OVER_AFTER = timedelta(minutes=2)  # without a sign of life; every chunk gives one
TASK = "overrides.what_if"
CODE = "what if 5"  # increase it whenever the computation changes, so that stored results are not reused
DEPENDS_ON = ("version", "last_decision", "as_of")  # besides the request's content and the number
NOTHING_LOGGED = UUID(int=0)  # below every decision's id
# A change that cannot be served is reported to the requester; it is no fault.
WHAT_IFS = BackgroundComputation(WhatIf, TASK, TAKEN_OVER_AFTER, expected_errors=Refused)


def compare(proposed: Proposed, *, n: int, as_of: datetime | None = None, last: UUID | None = None) -> dict[str, Any]:
    """Answer the last `n` decisions (none newer than `last`) again, with the version in force and with the change.

    Each is answered as of its own time, or all as of `as_of`. Raises Refused if the change cannot be served.
    """
    _refuse_number(n)
    if as_of is not None and as_of.utcoffset() is None:
        raise Refused.because(f"'{as_of}' names no time zone; end it with Z or an offset").under("as_of")
    both = version_pair(proposed, _number_in_force(proposed.module))
    return with_lines_described(_compared(proposed, both, n=n, as_of=as_of, last=last))


def compare_effect(
    proposed: Proposed, held: InForce, mode: ServingMode, *, at: datetime, keys: Collection[Key] | None = None
) -> dict[str, Any]:
    """Return the effect of a change of what is in force (`held`), in this mode, as it is computed for requests.

    Its lines are named by their ids only; `with_lines_described` adds what a page shows of them.
    `keys` are the patterns and actions that the change touches, if they are known: only their overrides are loaded.
    Raises Refused if the change cannot be served.
    """
    both = version_pair(proposed, held.number, keys, held)
    found = _compared(proposed, both, n=EFFECT_DECISIONS, as_of=full_hour(at), last=None, mode=mode)
    if keys is None:
        return found
    whole, counted = acts_today(proposed.module, at, held), found["overrides"]
    for name, before in (("in_force", whole.in_force), ("acting", whole.acting)):
        counted[name] = [before, before + counted[name][1] - counted[name][0]]
    return found


def compare_period(proposed: Proposed, number: int | None, *, since: datetime, until: datetime) -> dict[str, Any]:
    """Return what a change of version `number` did, or would have done, to the decisions of a period.

    Each is answered as of its own time. Raises Refused if the change cannot be served.
    """
    rows = _columns(Decision.objects.filter(module=proposed.module, at__gte=since, at__lt=until).order_by("at"))
    comparison = Comparison(proposed.module, *version_pair(proposed, number))
    for pattern_key, category, scope, at, current, _ in rows.iterator(chunk_size=CHUNK):
        comparison.add_request(pattern_key, category, scope, at, json.loads(current) if current else {})
    return comparison.document()


def request_effect(request_id: int, now: datetime) -> WhatIf:
    """Return the row of the request's effect at once, and enqueue its computation if it is due. Raises Refused."""
    return request_what_if(request_id, EFFECT_DECISIONS, now, as_of_now=True)


def is_effect(row: WhatIf) -> bool:
    """Return whether a what-if is the effect of its request: the last decisions as of one hour, in whole days."""
    return row.n == EFFECT_DECISIONS and row.as_of is not None


def request_what_if(request_id: int, n: int, now: datetime, *, as_of_now: bool = False) -> WhatIf:
    """Return the row of the what-if at once, and enqueue its computation if it is due. Raises Refused.

    `as_of_now` means as of the full hour, so that a repeated request soon afterwards finds the same row.
    """
    request = ChangeRequest.objects.filter(pk=request_id).first()
    if request is None:
        raise Refused.because(f"no request {request_id}; the list of requests has their numbers").under("request")
    refuse_kind(request)
    _refuse_number(n)
    fields = _depends_on(request, now, as_of_now)
    key = _key(request, n, *(fields[name] for name in DEPENDS_ON))
    return WHAT_IFS.request(key, fields | {"request": request, "n": n}, now=now)


def run_what_if(key: str, *, now: datetime) -> None:
    """Compute the what-if of the row; progress is visible at once, and only one worker computes."""
    WHAT_IFS.run(key, _answered, now=now)


def _answered(row: WhatIf, progress: Progress) -> dict[str, Any]:
    proposed = proposed_by(row.request, row.version)
    both = version_pair(proposed, row.version)
    last = row.last_decision or NOTHING_LOGGED
    sample = DecisionSample()
    found = _compared(proposed, both, n=row.n, as_of=row.as_of, last=last, on_progress=progress, sample=sample)
    return {"document": with_lines_described(found) | {"sample": [str(each) for each in sample.ids()]}}


def _compared(
    proposed: Proposed,
    both: tuple[VersionSide, VersionSide],
    *,
    n: int,
    as_of: datetime | None,
    last: UUID | None,
    mode: ServingMode | None = None,
    on_progress: Progress = lambda _: None,
    sample: DecisionSample | None = None,
) -> dict[str, Any]:
    module = proposed.module
    rows: Iterable[tuple[Any, ...]] = logged_requests(module, n, last).iterator(chunk_size=CHUNK)
    is_whole = False
    if as_of is not None and n == EFFECT_DECISIONS:
        rows, is_whole = _in_whole_days(list(rows))
    comparison = Comparison(module, *both, served=_share_served(proposed, mode), is_whole=is_whole)
    for done, (pattern_key, category, scope, at, current, decision_id) in enumerate(rows, start=1):
        comparison.add_request(pattern_key, category, scope, at, json.loads(current) if current else {}, as_of=as_of)
        if sample is not None:
            sample.add(decision_id)
        if done % CHUNK == 0:
            on_progress(done / n)
    found = comparison.document()
    counted = _counted(proposed, both, as_of)
    return {"module": module, **found, "overrides": counted, "is_of_mode": proposed.modes is not None}


def _in_whole_days(rows: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], bool]:
    """Return the decisions of the newest whole days, and whether there are enough of them for a band; otherwise all."""
    dates = [at.astimezone(UTC).date() for _, _, _, at, *_ in rows]
    kept = frozenset(whole_days(dates)[-MOST_DAYS:])
    if len(kept) < LEAST_DAYS:
        return rows, False
    return [row for row, date in zip(rows, dates, strict=True) if date in kept], True


def _share_served(proposed: Proposed, mode: ServingMode | None) -> ServedShare:
    """Return whom the change reaches: all that are served now, or those between the two modes of a change of mode."""
    if proposed.modes is not None:
        return ServedShare.between(*proposed.modes)[0]
    return ServedShare(mode or mode_of(proposed.module))


def _counted(
    proposed: Proposed, both: tuple[VersionSide, VersionSide], as_of: datetime | None
) -> dict[str, list[int]] | None:
    """Return before and after: overrides in force, and those of them that act; None where there is no one time."""
    if as_of is None or proposed.modes is not None:
        return None
    engines = [side.compiled for side in both]
    return {"in_force": [len(each) for each in engines], "acting": [acting_in(each, as_of) for each in engines]}


def _number_in_force(module: str) -> int | None:
    version = active_version(module)
    return None if version is None else version.number


def _depends_on(request: ChangeRequest, now: datetime, as_of_now: bool) -> dict[str, Any]:
    """Return the values of DEPENDS_ON: those of now, or for a closed request those when it was closed."""
    newest = Decision.objects.filter(module=request.module).order_by("-decision_id")
    if request.closed_at is not None:  # by the time they were asked for: ids are of the wall clock
        newest, now = newest.filter(at__lt=request.closed_at), request.closed_at
    return {
        "version": request.base_version if request.closed_at is not None else _number_in_force(request.module),
        "last_decision": newest.values_list("decision_id", flat=True).first(),
        "as_of": full_hour(now) if as_of_now else None,
    }


def is_about(row: WhatIf, request: ChangeRequest) -> bool:
    """Return whether the what-if is about the current content of the request, not that before an edit."""
    return row.key == _key(request, row.n, *(getattr(row, name) for name in DEPENDS_ON))


def _key(request: ChangeRequest, n: int, *depends_on: object) -> str:
    texts = (None if value is None else str(value) for value in depends_on)
    return content_hash([CODE, request.content_hash, n, *texts])


def _refuse_number(n: int) -> None:
    if not 1 <= n <= MOST:
        raise Refused.because(f"{n} does not fit; ask about 1 to {MOST:,} decisions").under("n")


def logged_requests(module: str, n: int, last: UUID | None) -> QuerySet[Decision, tuple[Any, ...]]:
    """Return the requests of the last decisions, in as few columns as answering them needs; JSON as text."""
    rows = Decision.objects.filter(module=module).order_by("-decision_id")
    if last is not None:
        rows = rows.filter(decision_id__lte=last)
    return _columns(rows)[:n]


def _columns(rows: QuerySet[Decision]) -> QuerySet[Decision, tuple[Any, ...]]:
    scope, current = Cast("scope", TextField()), KeyTextTransform("current", "request")
    return rows.values_list("pattern_key", "action_category", scope, "at", current, "decision_id")


def with_lines_described(found: dict[str, Any]) -> dict[str, Any]:
    """Add pattern, category and scope to the lines; a line that is not stored yet has only its id."""
    lines = found["lines"]
    known: Mapping[str, Line] = Line.objects.in_bulk([each["line"] for each in lines])
    about = {
        name: {"pattern_key": row.pattern_key, "action_category": row.action_category, "scope": row.scope}
        for name, row in known.items()
    }
    return found | {"lines": [each | about.get(each["line"], {}) for each in lines]}
