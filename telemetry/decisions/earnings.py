"""What levers earned in all, with overrides, coefficients and the rest apart: one sum each, in R per unit of size."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Aggregate, Count, JSONField, Q, QuerySet, Sum
from django.db.models.expressions import RawSQL

from telemetry.models import Attribution, AttributionShare

COEFFICIENTS, CAP = "coefficients", "cap"  # names of parts that no override earned
BY_OVERRIDES = ~Q(line_id="")
LATELY = """
(SELECT jsonb_build_object(
    'overrides', sum(share) FILTER (WHERE line_id <> ''),
    'coefficients', sum(share) FILTER (WHERE line_id = '' AND override_id = %s),
    'cap', sum(share) FILTER (WHERE line_id = '' AND override_id = %s),
    'rest', sum(share) FILTER (WHERE line_id = '' AND override_id NOT IN (%s, %s)),
    'answers', count(DISTINCT decision_id) FILTER (WHERE line_id <> '')
) FROM telemetry_attributionshare WHERE attribution_id IN (
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


def earned_in(attribution: Attribution) -> Earned:
    """Return the sums of one trade; what the levers carried in, and the residual, are part of the rest."""
    found = earned_by(AttributionShare.objects.filter(attribution=attribution))
    own = found.overrides or 0.0, found.coefficients or 0.0, found.cap or 0.0
    return Earned(found.overrides, found.coefficients, found.cap, attribution.total - sum(own), found.answers)


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
    return RawSQL(LATELY, (COEFFICIENTS, CAP, COEFFICIENTS, CAP, trades), JSONField())
