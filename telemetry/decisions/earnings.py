"""What levers earned in all, with overrides, coefficients and the rest apart: one sum each, in R per unit of size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Aggregate, Count, JSONField, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from telemetry.models import Attribution, AttributionShare

COEFFICIENTS, CAP = "coefficients", "cap"  # names of parts that no override earned
ROUNDING = 1e-9  # R: what is left of sums that cancel
BY_OVERRIDES = ~Q(line_id="")
AS_JSON = """jsonb_build_object(
    'overrides', sum(share) FILTER (WHERE line_id <> ''),
    'coefficients', sum(share) FILTER (WHERE line_id = '' AND override_id = 'coefficients'),
    'cap', sum(share) FILTER (WHERE line_id = '' AND override_id = 'cap'),
    'rest', sum(share) FILTER (WHERE line_id = '' AND override_id NOT IN ('coefficients', 'cap')),
    'answers', count(DISTINCT s.decision_id) FILTER (WHERE line_id <> '')
)"""  # the fields of `Earned`, over rows of telemetry_attributionshare AS s
LATELY = f"""
(SELECT {AS_JSON} FROM telemetry_attributionshare AS s WHERE attribution_id IN (
    SELECT trade_id FROM telemetry_attribution ORDER BY attributed_at DESC, trade_id DESC LIMIT %s
))
"""


@dataclass(frozen=True)
class Earned:
    """Sums of shares in R per unit of size; a part is None where nothing was attributed to it.

    `rest` is what prior, current values and rounding account for. `answers` are the decisions in which overrides earned
    something.
    """

    overrides: float | None
    coefficients: float | None
    cap: float | None
    rest: float | None
    answers: int

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was attributed to anything."""
        return all(each is None for each in (self.overrides, self.coefficients, self.cap, self.rest))


def earned_by(shares: QuerySet[AttributionShare]) -> Earned:
    """Return the sums of these shares, in one query."""
    found = shares.aggregate(**sums())
    return Earned(**found)


def earned_in(attribution: Attribution, shares: Iterable[AttributionShare]) -> Earned:
    """Return the sums of one trade from its shares; the rest makes them up to its total."""
    parts: dict[str, float] = {}
    answers = set()
    for share in shares:
        name = "overrides" if share.line_id else share.override_id
        parts[name] = parts.get(name, 0.0) + share.share
        if share.line_id:
            answers.add(share.decision_id)
    overrides, coefficients, cap = (parts.get(name) for name in ("overrides", COEFFICIENTS, CAP))
    rest = attribution.total - sum(each or 0.0 for each in (overrides, coefficients, cap))
    return Earned(overrides, coefficients, cap, rest if abs(rest) > ROUNDING else None, len(answers))


def sums() -> dict[str, Aggregate]:
    """Return the aggregates over shares that make an `Earned`."""
    return {
        "overrides": Sum("share", filter=BY_OVERRIDES),
        "coefficients": Sum("share", filter=Q(line_id="", override_id=COEFFICIENTS)),
        "cap": Sum("share", filter=Q(line_id="", override_id=CAP)),
        "rest": Sum("share", filter=Q(line_id="") & ~Q(override_id__in=(COEFFICIENTS, CAP))),
        "answers": Count("decision_id", filter=BY_OVERRIDES, distinct=True),
    }


def earned_lately(trades: int) -> RawSQL:
    """Return the expression for the sums of the trades that were attributed last; `Earned(**value)` reads its value."""
    return RawSQL(LATELY, (trades,), JSONField())
