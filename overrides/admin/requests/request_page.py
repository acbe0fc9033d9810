"""Content of a request's page: what decides it, lines by how far they move, gates, votes, comments and history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User

from overrides.admin.charts.impact_histogram import histograms
from overrides.admin.requests.line_groups import LineRow, counted, grouped
from overrides.admin.requests.request_content import content_page
from overrides.admin.requests.returned import returned
from overrides.admin.requests.signing import signing_of
from overrides.admin.requests.steps import Offer, offers
from overrides.admin.requests.stored_evidence import Known, LineKnown, stored_evidence
from overrides.admin.requests.vote_difference import difference_between
from overrides.admin.requests.who_may_act import who_may_act
from overrides.admin.scorecard_display import cards_of_request
from overrides.admin.weight_display import Weights, levers
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.governance.exposure import steps_moved
from overrides.core.governance.gates import Gate
from overrides.core.governance.overlaps import Opposition
from overrides.core.governance.permissions import REVIEW
from overrides.core.governance.votes import LAPSED, Standing
from overrides.models import ChangeLine, ChangeRequest, Comment, Vote
from overrides.requests.gates import read_situation
from overrides.requests.impact.effects import known_effect
from overrides.requests.impact.what_if import EFFECT_DECISIONS
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.lines import COEFFICIENTS
from overrides.requests.opposing_lines import opposing_changes
from overrides.requests.staleness import health_of
from overrides.serving.engine import ENGINE_ROOM
from telemetry.models import AuditEntry

MOST_LINES = 60
MOST_ENTRIES = 100  # comments, and entries of the history


@dataclass(frozen=True)
class Obstacle:
    """A gate, and the steps of this person that it affects."""

    gate: Gate
    steps: tuple[str, ...]


@dataclass(frozen=True)
class VoteShown:
    """One vote, and why it counts at this moment or does not."""

    vote: Vote
    standing: Standing

    @property
    def counts(self) -> bool:
        return self.standing is Standing.COUNTS

    @property
    def has_lapsed(self) -> bool:
        """Return whether it counted once, and its giver may not give it any more."""
        return self.standing in LAPSED


@dataclass(frozen=True)
class HistoryEntry:
    """One audit entry about the request."""

    at: datetime
    actor: str
    action: str
    reason: str


def request_page(request: Any, person: User, at: datetime) -> dict[str, Any]:
    """Return the template context; `request` has `n_lines` and `evidence_rows`, as the admin annotates it."""
    read = read_situation(request, at, None if request.n_lines else ())
    changes, situation = read.changes, read.situation
    open_to = offers(request, situation, person, at)
    entries = history(request.pk)
    is_discussed = any(each.action == "comment" for each in entries)
    comments = list(request.comments.select_related("author")[:MOST_ENTRIES]) if is_discussed else []
    measured = _measured(changes, situation.parameters)
    is_open = request.state in ChangeRequest.OPEN
    current, voted = stored_evidence(request)
    known = None if current is None else Known(current)
    shown = measured[:MOST_LINES]
    rows = _rows(
        shown,
        comments,
        Weights(at, situation.parameters),
        {} if known is None else known.lines,
        opposing_changes([change for _, change in shown], changes, read.basis.in_force) if is_open else {},
    )
    return {
        "asked": request,
        "situation": situation,
        "stranded": situation.stranded,
        "offers": open_to,
        "obstacles": obstacles(open_to),
        "health": health_of(situation, at) if is_open else request.health,
        "rows": rows,
        "groups": grouped(rows),
        "counts": counted(changes),
        "known": known,
        "since_vote": None if voted is None or current is None else difference_between(voted, current),
        "who": who_may_act(request, situation, open_to),
        "may_review": person.has_perm(REVIEW),
        "may_split": _has_parts(request, changes)
        and request.state == ChangeRequest.State.IN_REVIEW
        and any(each.step.name == "approve" and not each.blocked for each in open_to),
        "n_lines": len(changes),
        "n_hidden": max(len(changes) - MOST_LINES, 0),
        "comments": comments,
        "history": entries,
        "returned": returned(request, person, read.votes),
        "next_draft": _next_draft(request),
        "rivals": sorted({number for each in situation.lines for number in each.rivals}),
        "votes": votes_shown(read.votes, read.signatures.standings),
        "signing": signing_of(request, changes, situation.policy, situation.parameters, at) if is_open else None,
        "strength": KINDS[request.kind].strength(request, situation.policy),
        "cards": cards_of_request(changes) if request.state == ChangeRequest.State.APPLIED else [],
        **content_page(request, changes, read.basis.in_force, at, known),
        **_what_if(request),
    }


def _next_draft(request: ChangeRequest) -> int | None:
    """Return the request that a machine drafted after this one was returned with wishes."""
    if request.state != ChangeRequest.State.CANCELLED:
        return None
    return ChangeRequest.objects.filter(succeeds=request).values_list("pk", flat=True).first()


def _has_parts(request: ChangeRequest, changes: Sequence[ChangeLine]) -> bool:
    """Return whether some of its lines can be decided without the rest, which may be only coefficients."""
    is_of_lines = KINDS[request.kind].is_of_lines
    return is_of_lines and (len(changes) > 1 or (len(changes) == 1 and COEFFICIENTS in request.content))


def obstacles(found: Iterable[Offer]) -> list[Obstacle]:
    """Return every gate once, blockers first, with the steps that it affects."""
    steps: dict[Gate, list[str]] = {}
    for offer in found:
        for gate in offer.gates:
            steps.setdefault(gate, []).append(offer.step.label)
    listed = [Obstacle(gate, tuple(labels)) for gate, labels in steps.items()]
    return sorted(listed, key=lambda each: each.gate.severity.value)  # blocks, then warns


def history(request_id: int) -> list[HistoryEntry]:
    """Return the newest audit entries of a request, oldest first."""
    rows = AuditEntry.objects.filter(object=f"request {request_id}").order_by("-seq").values_list("content", flat=True)
    entries = [json.loads(content) for content in rows[:MOST_ENTRIES]]
    return [
        HistoryEntry(datetime.fromisoformat(each["at"]), each["actor"], each["action"], each["reason"])
        for each in reversed(entries)
    ]


def _measured(changes: Sequence[ChangeLine], parameters: ModuleParameters) -> list[tuple[float, ChangeLine]]:
    """Return steps moved and line of each change, largest move first."""
    channels: Mapping[str, WeightParameters] = {
        channel.value: each.weights for channel, each in parameters.channels.items()
    }
    unknown = WeightParameters()
    measured = []
    for change in changes:
        before = change.before.levers if change.before else {}
        after = change.after.levers if change.after else {}
        steps = steps_moved(before, after, channels.get(change.line.channel, unknown))
        measured.append((steps, change))
    return sorted(measured, key=lambda each: (-each[0], each[1].line_id))


def _rows(
    measured: Sequence[tuple[float, ChangeLine]],
    comments: Sequence[Comment],
    weights: Weights,
    known: Mapping[str, LineKnown],
    opposing: Mapping[str, Sequence[Opposition]],
) -> list[LineRow]:
    by_line: dict[str, list[Comment]] = {}
    for comment in comments:
        if comment.line_id is not None:
            by_line.setdefault(comment.line_id, []).append(comment)
    return [
        LineRow(
            change=change,
            levers=levers(change.after.levers if change.after else {}, change.before.levers if change.before else {}),
            weight=weights.bar(change.after) if change.after else None,
            steps=steps,
            comments=by_line.get(change.line_id, ()),
            opposing=opposing.get(change.line_id, ()),
            known=known.get(change.line_id),
        )
        for steps, change in measured
    ]


def votes_shown(votes: Sequence[Vote], standings: Mapping[int, Standing]) -> list[VoteShown]:
    """Return the votes as the page shows them, in their order."""
    return [VoteShown(vote, standings[vote.pk]) for vote in votes]


def _what_if(request: ChangeRequest) -> dict[str, Any]:
    is_askable = KINDS[request.kind].proposed is not None
    known = known_effect(request, ENGINE_ROOM.mode(request.module), now=datetime.now(UTC))
    row = known.row
    return {
        "row": row,
        "estimate": known.effect,
        "effect_words": known.words,
        "is_running": row is not None and row.is_under_way,
        "pictures": histograms(row.document) if row is not None and row.document else (),
        "has_effect": True,
        "may_ask_what_if": is_askable and request.state in ChangeRequest.OPEN,
        "what_if_n": EFFECT_DECISIONS,
    }
