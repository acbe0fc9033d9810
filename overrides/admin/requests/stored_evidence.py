"""The stored evidence of a request, as its page shows it: what was known when its edition was drafted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import JSONObject

from overrides.models import RequestEvidence, Vote
from overrides.requests.learned import Measured

COLUMNS = ("id", "edition", "document", "document_hash", "stored_at")


@dataclass(frozen=True)
class LineKnown:
    """What was known of one line: `reason` says why it is withdrawn, `share` and `answers` what it had earned."""

    reason: str = ""
    share: float | None = None
    answers: int = 0
    by_hand: bool = False
    edge: float = 0.0
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def contradicts(self) -> bool:
        """Whether a person states an edge of one sign where the 95 % interval of the trades lies on the other side."""
        if not self.by_hand or "low" not in self.measured:
            return False
        found = Measured(*(self.measured[name] for name in ("raw", "low", "high", "n")))
        return found.contradicts(self.edge)


@dataclass(frozen=True)
class Known:
    """A stored document, read."""

    row: RequestEvidence

    @property
    def run(self) -> Mapping[str, Any]:
        """The verdict on the run that the draft rests on; empty if nothing was measured."""
        run: Mapping[str, Any] = self.row.parsed["run"]
        return run

    @property
    def stored_at(self) -> datetime:
        """When it was stored."""
        return self.row.stored_at

    @property
    def run_as_of(self) -> datetime | None:
        """The time that the run is as of."""
        return None if not self.run.get("as_of") else datetime.fromisoformat(self.run["as_of"])

    @property
    def coefficients(self) -> Mapping[str, Mapping[str, Any]]:
        """The evidence of the weights by name; that of all of them together under the empty name."""
        found: Mapping[str, Mapping[str, Any]] = self.row.parsed["coefficients"]
        return found

    @property
    def weights_run(self) -> Mapping[str, Any]:
        """The verdict on all weights together; empty if the request moves none."""
        return self.coefficients.get("", {})

    @property
    def intervals_cover_both_means(self) -> bool:
        """Whether the interval of a weight covers its long mean too; what was measured first covers the short alone."""
        return bool(self.weights_run.get("intervals_cover_both_means"))

    @property
    def weights_walked_at(self) -> datetime | None:
        """The time that the walk-forward of the weights is as of; None if the document has none."""
        walked = self.weights_run.get("walk_as_of")
        return None if not walked else datetime.fromisoformat(walked)

    @cached_property
    def lines(self) -> Mapping[str, LineKnown]:
        """What was known of each line, by its id."""
        return {line: _line(document) for line, document in self.row.parsed["lines"].items()}

    @property
    def n_verified(self) -> int:
        """The number of lines whose lessons were verified."""
        return sum(bool(each.measured.get("verified")) for each in self.lines.values())

    @property
    def n_proven(self) -> int:
        """The number of lines whose lessons were proven for the life of the learner."""
        return sum(bool(each.measured.get("proven")) for each in self.lines.values())

    @property
    def spent(self) -> float:
        """The share of the module's budget of error for life that was given out, in percent."""
        return 100 * float((self.run.get("lifetime") or {}).get("spent", 0.0))


def _line(document: Mapping[str, Any]) -> LineKnown:
    earned = document["earned"] or {}
    return LineKnown(
        reason=document["reason"],
        share=earned.get("share"),
        answers=earned.get("answers", 0),
        by_hand=document["by_hand"],
        edge=document["edge"],
        measured=document["measured"],
    )


def evidence_rows(person: AbstractBaseUser | AnonymousUser) -> ArraySubquery:
    """Return a subquery for the evidence of a request's present edition, and of the editions that a person voted on."""
    own = Vote.objects.filter(evidence=OuterRef("pk"), voter=person.pk)
    rows = RequestEvidence.objects.filter(request=OuterRef("pk")).annotate(is_voted_on=Exists(own))
    wanted = rows.filter(Q(edition=OuterRef("edition")) | Q(is_voted_on=True)).order_by("edition")
    return ArraySubquery(wanted.values(row=JSONObject(**{name: name for name in (*COLUMNS, "is_voted_on")})))


def stored_evidence(request: Any) -> tuple[RequestEvidence | None, RequestEvidence | None]:
    """Return the document of the present edition, and that of the edition on which the person last voted.

    `request` has `evidence_rows`. The second is None if the person has voted on the present edition, or on none that
    has a document.
    """
    current, voted = None, None
    for found in request.evidence_rows:
        row = RequestEvidence(request=request, **{name: found[name] for name in COLUMNS})
        row.stored_at = datetime.fromisoformat(found["stored_at"])
        if row.edition == request.edition:
            current, voted = row, None if found["is_voted_on"] else voted
        else:
            voted = row
    return current, voted
