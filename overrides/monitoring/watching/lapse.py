"""End mandates whose evidence lapsed, also where no new proposal brought it up: from then on a person decides.

The evidence of a line is what a learner measured last (`requests.learned`): fewer trades or less edge than the mandate
needs, or an edge of the other sign, ends it. Where nothing is measured, it is what the monitor saw: the mandate keeps a
share of the approved edge, and it ends once the whole always-valid interval of what came of the line is below that
share of the promise. The override in force stays, and what the builder would do with it takes a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from overrides.core.governance.mandates import lapsed
from overrides.core.monitoring.watching.watched_stream import Stream
from overrides.models import ChangeLine, Mandate, Membership, Monitor, Override
from overrides.requests.learned import Measured, measured
from overrides.requests.machine_acts import lapse_mandate

FIELDS = {"edge_raw": "its edge of ", "n": "its "}


def lapse_mandates(*, now: datetime) -> int:
    """End each standing mandate on a line in force whose evidence lapsed, and return how many ended."""
    in_force = Membership.objects.filter(to_version=None).values("line")
    mandates = list(Mandate.objects.filter(revoked_at=None, line__in=in_force).select_related("line").order_by("pk"))
    lines = [mandate.line_id for mandate in mandates]
    known = measured(lines)
    watched = {row.name: row for row in Monitor.objects.filter(kind=Monitor.Kind.LINE, name__in=lines)}
    approved = _approved(mandates)
    ended = 0
    for mandate in mandates:
        why = _why(mandate, approved.get(mandate.pk), known, watched.get(mandate.line_id))
        if why and lapse_mandate(mandate_id=mandate.pk, reason=f"its evidence lapsed: {why}", at=now):
            ended += 1
    return ended


def _approved(mandates: list[Mandate]) -> dict[int, Override]:
    """Return the override that each mandate was signed with."""
    rows = ChangeLine.objects.filter(
        request__in={mandate.request_id for mandate in mandates}, after__isnull=False
    ).select_related("after__line")
    signed = {(row.request_id, row.line_id): row.after for row in rows}
    found = {mandate.pk: signed.get((mandate.request_id, mandate.line_id)) for mandate in mandates}
    return {pk: override for pk, override in found.items() if override is not None}


def _why(mandate: Mandate, approved: Override | None, known: Mapping[str, Measured], watched: Monitor | None) -> str:
    """Return why the evidence of a mandate lapsed; empty if it did not."""
    found = known.get(mandate.line_id)
    if found is not None:
        return "; ".join(map(_in_words, lapsed(mandate.terms, edge=found.edge, n=found.n)))
    promised = None if approved is None else (approved.promise or {}).get("predicted")
    if watched is None or approved is None or not promised or not approved.edge_raw:
        return ""
    interval = Stream.read(watched.detector, watched.realised).realised.interval()
    kept = abs(promised) * min(1.0, mandate.terms.least_edge / abs(approved.edge_raw))
    if interval is None or interval.high >= kept:
        return ""
    return (
        f"over {interval.trades} trades {interval.mean:+.3f} R came of it where {abs(promised):.3f} R was promised; "
        f"the whole interval from {interval.low:+.3f} to {interval.high:+.3f} R is below the {kept:.3f} R it needs"
    )


def _in_words(reason: str) -> str:
    """Return a reason as people read it, without the name of a field.

    >>> _in_words("n: 9 trades are fewer than the 10 it needs")
    'its 9 trades are fewer than the 10 it needs'
    """
    field, _, rest = reason.partition(": ")
    return f"{FIELDS.get(field, field + ' ')}{rest}".replace("-", "\N{MINUS SIGN}")
