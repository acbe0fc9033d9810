"""Contributions of overrides to the levers of many decisions, with the outcomes of those decisions, for auditors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Sum

from overrides.core.engine.serve import SIZE
from overrides.core.engine.weights import SYMBOLS
from overrides.core.monitoring.replaying.lever_path import movements
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import AttributionShare, Decision, DecisionOutcome
from telemetry.models.traced import TRACE, load_constants

WEIGHTS = (*SYMBOLS, "w_total")
REQUEST_COLUMNS = ("module", "pattern_key", "action_category", "scope", "version", "mode", "reason")
CONTRIBUTION_COLUMNS = (
    "decision_id", "at", *REQUEST_COLUMNS, "override", "line", *WEIGHTS, "lever", "part", "step_cut",
    "bounds_cut", "cap_cut", "served", "rr", "share",
)  # fmt: skip
CHUNK = 1_000  # decisions in memory at a time

Row = dict[str, Any]
Shares = Mapping[tuple[UUID, str, str], float]


def contribution_rows(decisions: QuerySet[Decision], *, most: int | None = None) -> Iterator[Row]:
    """Yield one row per contribution and lever of the newest `most` decisions (None: of all), newest first.

    `part`, `step_cut` and `bounds_cut` are in lever units; the cuts are those of the whole lever, repeated in each row
    of that lever. `rr` is that of the trade that names the decision, of several trades the one that closed first.
    """
    for chunk in _chunks(decisions, most):
        keys = [decision.pk for decision in chunk]
        named = DecisionOutcome.objects.filter(decision_id__in=keys, misfit="").order_by("-trade__closed_at", "-id")
        outcomes = dict(named.values_list("decision_id", "rr"))
        shares = _shares(keys)
        for decision in chunk:
            yield from _rows(decision, outcomes.get(decision.pk), shares)


def _chunks(decisions: QuerySet[Decision], most: int | None) -> Iterator[Sequence[Decision]]:
    """Yield chunks of decisions by descending id, one query each, so that nothing stays open for a slow reader."""
    rows = decisions.order_by("-decision_id").only(
        "decision_id", "at", *REQUEST_COLUMNS, "levers", "contributions", "multipliers", *TRACE
    )
    left, after = most, rows
    while chunk := list(after[: CHUNK if left is None else min(CHUNK, left)]):
        load_constants(chunk)
        yield chunk
        after = rows.filter(decision_id__lt=chunk[-1].pk)
        left = None if left is None else left - len(chunk)


def _shares(keys: Sequence[UUID]) -> Shares:
    rows = AttributionShare.objects.filter(decision_id__in=keys).values_list("decision_id", "lever", "override_id")
    return {(decision, lever, override): share for decision, lever, override, share in rows.annotate(Sum("share"))}


def _rows(decision: Decision, rr: float | None, shares: Shares) -> Iterator[Row]:
    common = {name: getattr(decision, name) for name in REQUEST_COLUMNS}
    common |= {"decision_id": str(decision.pk), "at": utc_text(decision.at), "rr": rr}
    moved = movements(decision.levers, decision.contributions)
    for each in decision.contributions:
        who = {"override": each["id"], "line": each["line"]} | {name: each.get(name) for name in WEIGHTS}
        for lever, part in each["parts"].items():
            movement = moved[lever]
            yield (
                common
                | who
                | {
                    "lever": lever,
                    "part": part,
                    "step_cut": movement.step_cut,
                    "bounds_cut": movement.bounds_cut,
                    "cap_cut": decision.multipliers["cap_cut"] if decision.multipliers and lever == SIZE else 0.0,
                    "served": decision.levers[lever]["served"],
                    "share": shares.get((decision.pk, lever, each["id"])),
                }
            )
