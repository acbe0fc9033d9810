"""What a change would have done to the last logged decisions of its module, computed in the background and stored.

The document counts the requests (`asked`), those the change can affect (`touched`), those whose levers differ
(`changed`), `newly_moved` and `no_longer_moved`. It holds, per lever and over the touched requests, the distribution
before, after and of the change, and how often step limit and bounds acted; the mean change of exposure; the patterns
and lines that move most; and caveats. For dm the coefficient product is listed among the levers, with how often the cap
cut it, and the `weights` that move most.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from overrides.core.engine.compiled import Key
from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.impact.version_pair import VersionSide
from overrides.core.impact.what_if import Comparison
from overrides.models import ChangeRequest, Line, WhatIf
from overrides.requests.impact.before_after import proposed_by, refuse_kind, version_pair
from overrides.requests.kinds.kind import Proposed
from overrides.versions.load_version import active_version
from telemetry.foundation.background_results import BackgroundComputation, Progress
from telemetry.foundation.core.identifiers import uuid7_floor
from telemetry.foundation.core.refusal import Refused
from telemetry.models import Decision

MOST = 1_000_000
EFFECT_DECISIONS = 10_000  # of the effect that is computed for every request
CHUNK = 5000
TAKEN_OVER_AFTER = timedelta(minutes=2)  # without a sign of life; every chunk gives one
TASK = "overrides.what_if"
CODE = "what if 3"  # increase it whenever the computation changes, so that stored results are not reused
DEPENDS_ON = ("version", "last_decision", "as_of")  # besides the request's content and the number
NOTHING_LOGGED = UUID(int=0)  # below every decision's id
# A change that cannot be served is reported to the requester; it is no fault.
WHAT_IFS = BackgroundComputation(WhatIf, TASK, TAKEN_OVER_AFTER, expected_errors=Refused)


def compare(
    proposed: Proposed,
    *,
    n: int,
    as_of: datetime | None = None,
    last: UUID | None = None,
    keys: Collection[Key] | None = None,
) -> dict[str, Any]:
    """Answer the last `n` decisions (none newer than `last`) again, with the version in force and with the change.

    Each is answered as of its own time, or all as of `as_of`. `keys` are the patterns and actions that the change
    touches, if they are known. Raises Refused if the change cannot be served.
    """
    _refuse_number(n)
    if as_of is not None and as_of.utcoffset() is None:
        raise Refused.because(f"'{as_of}' names no time zone; end it with Z or an offset").under("as_of")
    both = version_pair(proposed, _number_in_force(proposed.module), keys)
    return _compared(proposed.module, both, n=n, as_of=as_of, last=last)


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
    both = version_pair(proposed_by(row.request, row.version), row.version)
    last = row.last_decision or NOTHING_LOGGED
    module = row.request.module
    return {"document": _compared(module, both, n=row.n, as_of=row.as_of, last=last, on_progress=progress)}


def _compared(
    module: str,
    both: tuple[VersionSide, VersionSide],
    *,
    n: int,
    as_of: datetime | None,
    last: UUID | None,
    on_progress: Progress = lambda _: None,
) -> dict[str, Any]:
    comparison = Comparison(module, *both)
    rows = logged_requests(module, n, last).iterator(chunk_size=CHUNK)
    for done, (pattern_key, category, scope, at, current) in enumerate(rows, start=1):
        comparison.add_request(pattern_key, category, scope, as_of or at, json.loads(current) if current else {})
        if done % CHUNK == 0:
            on_progress(done / n)
    found = comparison.document()
    return {"module": module, **found, "lines": _described(found["lines"])}


def _number_in_force(module: str) -> int | None:
    version = active_version(module)
    return None if version is None else version.number


def _depends_on(request: ChangeRequest, now: datetime, as_of_now: bool) -> dict[str, Any]:
    """Return the values of DEPENDS_ON: those of now, or for a closed request those when it was closed."""
    newest = Decision.objects.filter(module=request.module).order_by("-decision_id")
    if request.closed_at is not None:
        newest = newest.filter(decision_id__lt=uuid7_floor(request.closed_at))
    return {
        "version": request.base_version if request.closed_at is not None else _number_in_force(request.module),
        "last_decision": newest.values_list("decision_id", flat=True).first(),
        "as_of": now.replace(minute=0, second=0, microsecond=0) if as_of_now else None,
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
    scope, current = Cast("scope", TextField()), KeyTextTransform("current", "request")
    return rows.values_list("pattern_key", "action_category", scope, "at", current)[:n]


def _described(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add pattern, category and scope to the lines; a line that is not stored yet has only its id."""
    known: Mapping[str, Line] = Line.objects.in_bulk([each["line"] for each in lines])
    about = {
        name: {"pattern_key": row.pattern_key, "action_category": row.action_category, "scope": row.scope}
        for name, row in known.items()
    }
    return [each | about.get(each["line"], {}) for each in lines]
