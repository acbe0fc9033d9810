"""What governance allows, in small: the rules of docs/design.md 9 to 14 for one module with one lever.

The machine takes every step in the product and here, and compares both. Nothing of the product is imported, so that a
fault of the product cannot be in the model as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

DAY = timedelta(days=1)
RIGHTS = {
    "reviewer": {"review", "apply", "lower"},
    "operator": {"lower"},
    "parameter admin": {"rules"},
    "desk": set[str](),  # a group that policies name; it has no right of its own
}
OPEN = ("draft", "in_review", "changes_requested", "approved", "scheduled")
DECIDABLE = OPEN[1:]
STATES = {  # step -> the states that allow it
    "edit": OPEN,
    "submit": ("draft", "changes_requested"),
    "approve": ("in_review", "approved", "scheduled"),  # the last two only where approvals count no more
    "request_changes": ("in_review", "approved", "scheduled"),
    "reject": DECIDABLE,
    "cancel": OPEN,
    "schedule": ("approved", "scheduled"),
    "unschedule": ("scheduled",),
    "apply": ("approved", "scheduled"),
}
VOTES = ("approve", "request_changes", "reject")
ORDER = ("off", "shadow", "on")
LEAST_TRADES, DAILY_CAP, KEPT = 10, 50.0, 0.5


@dataclass(frozen=True)
class Move:
    """One override: the target of size_mult (neutral is 1), and the evidence that carries it."""

    size: float
    n: int
    edge: float


Content = Mapping[str, Move | None]  # line -> what it gets, None: it is withdrawn


def size_of(move: Move | None) -> float:
    """The size that is served by a line; a line without an override is neutral."""
    return 1.0 if move is None else move.size


def steps_between(before: Move | None, after: Move | None) -> float:
    """The distance of two overrides in largest steps of 2 %."""
    return abs(math.log(size_of(after) / size_of(before))) / math.log(1.02)


@dataclass
class Person:
    """Somebody who may log in."""

    groups: set[str]
    is_active: bool = True

    def may(self, right: str) -> bool:
        """Whether the person has a right at this moment."""
        return self.is_active and any(right in RIGHTS[group] for group in self.groups)


@dataclass(frozen=True)
class Rules:
    """A governance policy."""

    approvals: int = 1
    large_movement: float | None = None
    large_approvals: int = 2
    groups: tuple[str, ...] = ()
    large_groups: tuple[str, ...] = ()
    expires_days: int = 14
    mandate_days: int = 90
    lowering_applies: bool = False


@dataclass
class Request:
    """A change request. `before` is what stood on its lines when this edition was written, `base` the version then."""

    author: str | None
    kind: str
    lines: Content
    content: object
    before: Content
    base: int
    expires: datetime
    state: str = "in_review"
    route: str = "review"
    edition: int = 1
    votes: list[tuple[str, int, bool]] = field(default_factory=list)
    due: datetime | None = None
    applied_at: datetime | None = None

    @property
    def movement(self) -> float:
        """The steps that it moves what is served."""
        if self.kind == "trial":
            return 0.0
        return sum(steps_between(self.before[line], after) for line, after in self.lines.items())


@dataclass(frozen=True)
class Mandate:
    """What an approved line lets the builder do. `needed` and `groups` are of the policy at its signing."""

    request: Request
    approved: Move
    needed: int
    groups: tuple[str, ...]
    review_by: datetime


class Governance:
    """The state of one module, and what may happen to it now."""

    def __init__(self, people: dict[str, Person], now: datetime, trades: int) -> None:
        self.people, self.now, self.trades = people, now, trades
        self.rules = Rules()
        self.requests: list[Request] = []
        self.versions: list[dict[str, Move]] = []
        self.mandates: dict[str, Mandate] = {}
        self.holds: dict[tuple[str, str], datetime | None] = {}  # (kind, line) -> its end
        self.gone_at_once: set[str] = set()  # lines that were last taken out of force at once
        self.is_quarantined = False
        self.mode, self.rollout = "off", 100.0

    @property
    def in_force(self) -> dict[str, Move]:
        """What is served: line -> override."""
        return self.versions[-1] if self.versions else {}

    # --- votes ----------------------------------------------------------------------------------------

    def approvers(self, request: Request, groups: tuple[str, ...]) -> set[str]:
        """Who approves this edition by his or her last word, is not its author, and may still do so now."""
        latest = {person: says_yes for person, edition, says_yes in request.votes if edition == request.edition}
        return {name for name, says_yes in latest.items() if says_yes and self.counts(name, request, groups)}

    def counts(self, name: str, request: Request, groups: tuple[str, ...]) -> bool:
        """Whether an approval of this person counts now."""
        person = self.people[name]
        return name != request.author and person.may("review") and (not groups or not person.groups.isdisjoint(groups))

    def agreement(self, request: Request) -> tuple[int, tuple[str, ...]]:
        """How many approvals a request needs, and of which groups (none: of everybody who may review)."""
        moved, rules = self.moved("review", timedelta(days=1)) + request.movement, self.rules
        is_large = rules.large_movement is not None and moved > rules.large_movement
        has_size = request.kind == "lines"
        groups = rules.large_groups if rules.large_groups and (is_large or not has_size) else rules.groups
        return (rules.large_approvals if is_large else rules.approvals), groups

    def is_agreed(self, request: Request) -> bool:
        """Whether enough people agree to a request at this moment."""
        needed, groups = self.agreement(request)
        return len(self.approvers(request, groups)) >= needed

    def is_agreed_already(self, request: Request) -> bool:
        """Whether enough people agreed to a request, and their approvals still count."""
        return request.state in ("approved", "scheduled") and self.is_agreed(request)

    def moved(self, route: str, window: timedelta) -> float:
        """The steps moved by what was applied by a route within the window."""
        since = self.now - window
        applied = [each for each in self.requests if each.route == route and each.applied_at is not None]
        return sum(each.movement for each in applied if each.applied_at is not None and each.applied_at > since)

    # --- what stands in the way -------------------------------------------------------------------------

    def obstacles(self, step: str, request: Request, name: str | None) -> set[str]:
        """The names of all gates that block a step of a person; None is the schedule."""
        agrees, applies = step == "approve", step == "apply"
        person = None if name is None else self.people[name]
        right = "review" if step in VOTES else "apply"
        found = {
            "wrong_state": request.state not in STATES[step],
            "already_agreed": agrees and self.is_agreed_already(request),
            "expired": self.now >= request.expires,
            "no_permission": person is not None and not person.may(right),
            "no_author": step == "request_changes" and request.author is None,
            "own_request": step in VOTES and name == request.author and name is not None,
            "other_group": agrees and person is not None and not self.is_of_groups(person, request),
            "missing_approvals": step in ("apply", "schedule") and not self.is_agreed(request),
            "not_due": applies and name is None and (request.due is None or self.now < request.due),
        }
        names = {each for each, blocks in found.items() if blocks}
        return names | self.misfits(request) if agrees or applies else names

    def is_of_groups(self, person: Person, request: Request) -> bool:
        """Whether the policy counts votes of the person's groups."""
        groups = self.agreement(request)[1]
        return not groups or not person.groups.isdisjoint(groups)

    def misfits(self, request: Request) -> set[str]:
        """Why the content of a request cannot come into force now, whoever wants it."""
        brought = {line: after for line, after in request.lines.items() if after is not None}
        found = {
            "stale_base": request.kind == "rollback" and request.base != len(self.versions),
            "stale_line": self.is_stale(request),
            "evidence_below_bar": any(after.n < LEAST_TRADES for after in brought.values()),
            "sign_contradiction": any((after.size - 1) * after.edge < 0 for after in brought.values()),
            "vetoed": any(self.is_held("veto", line) for line in brought),
            "pinned": request.author is None and any(self.is_held("pin", line) for line in request.lines),
        }
        return {name for name, blocks in found.items() if blocks}

    def is_stale(self, request: Request) -> bool:
        """Whether a line has other levers than when the request was drafted."""
        stood = {line: self.in_force.get(line) for line in request.lines}
        return any(
            (then is None, size_of(then)) != (stood[line] is None, size_of(stood[line]))
            for line, then in request.before.items()
        )

    def is_held(self, kind: str, line: str) -> bool:
        """Whether a veto or a pin is in effect on a line."""
        until = self.holds.get((kind, line), self.now)
        return until is None or until > self.now

    def remembered(self, request: Request) -> None:
        """A machine's request was rejected: what it would have brought is pinned for 30 days."""
        for line, after in request.lines.items():
            if after is not None and not self.is_held("pin", line):
                self.holds["pin", line] = self.now + 30 * DAY

    def undecided(self, request: Request) -> set[str]:
        """Why nothing may come of a reviewed request even if every gate were passed by: what the database refuses."""
        is_served = request.kind != "trial"
        found = {
            "closed": request.state not in OPEN,
            "expired": self.now >= request.expires,
            "missing_approvals": not self.is_agreed(request),
            "stale_line": self.is_stale(request) or self.misses_target(request),
            "vetoed": is_served and "vetoed" in self.misfits(request),
        }
        return {name for name, blocks in found.items() if blocks}

    def misses_target(self, request: Request) -> bool:
        """Whether a rollback would not bring back exactly the older version."""
        return request.kind == "rollback" and self.with_changes(request) != self.versions[int(str(request.content)) - 1]

    # --- mandates ---------------------------------------------------------------------------------------

    def covers(self, line: str, after: Move | None) -> bool:
        """Whether a mandate that stands at this moment covers what the builder wants to do with a line."""
        mandate = self.mandates.get(line)
        if mandate is None or self.now >= mandate.review_by:
            return False
        if len(self.approvers(mandate.request, mandate.groups)) < mandate.needed:
            return False
        if after is None:
            return True
        approved = mandate.approved
        low, high = sorted((1.0, approved.size))
        return (
            low <= after.size <= high
            and after.n >= KEPT * approved.n
            and abs(after.edge) >= KEPT * abs(approved.edge)
            and after.edge * approved.edge > 0
            and after.n <= self.trades
        )

    def is_free(self, line: str, after: Move | None) -> bool:
        """Whether the policy lets a change apply by itself because it lowers exposure."""
        return self.rules.lowering_applies and size_of(after) < size_of(self.in_force.get(line))

    def stays_out(self, line: str, after: Move | None) -> bool:
        """Whether only a reviewed request may bring a line back."""
        return after is not None and line not in self.in_force and line in self.gone_at_once

    def uncovered(self, proposed: Content) -> set[str]:
        """Why the builder may not do all of this, even if every gate were passed by."""
        found = {
            "mandate_exceeded": any(not self.covers(*each) and not self.is_free(*each) for each in proposed.items()),
            "went_at_once": any(self.stays_out(*each) for each in proposed.items()),
            "vetoed": any(self.is_held("veto", line) and after is not None for line, after in proposed.items()),
            "pinned": any(self.is_held("pin", line) for line in proposed),
            "quarantined": self.is_quarantined,
            "first_version": not self.versions,
        }
        return {name for name, blocks in found.items() if blocks}

    def builder_brings(self, proposed: Content) -> dict[str, Move | None]:
        """The part of what the builder proposes that comes into force without a person."""
        if self.is_quarantined:
            return {}
        requested = {line for each in self.requests if each.state in OPEN for line in each.lines}
        left, brought = DAILY_CAP - self.moved("mandate", DAY), dict[str, Move | None]()
        for line in sorted(proposed):
            before, after = self.in_force.get(line), proposed[line]
            moves = steps_between(before, after)
            is_allowed = self.covers(line, after) or self.is_free(line, after)
            is_barred = self.is_held("veto", line) or self.is_held("pin", line) or self.stays_out(line, after)
            if before == after or not is_allowed or is_barred:
                continue
            if (moves > 0 and line in requested) or moves > left or (after is not None and after.n < LEAST_TRADES):
                continue
            left, brought[line] = left - moves, after
        return brought

    # --- effects ----------------------------------------------------------------------------------------

    def with_changes(self, request: Request) -> dict[str, Move]:
        """What would be in force with a request's lines."""
        return {line: move for line, move in {**self.in_force, **request.lines}.items() if move is not None}

    def drafted(
        self, author: str | None, kind: str, lines: Content, content: object = None, state: str = "in_review"
    ) -> Request:
        """Add a request against what is in force now."""
        expires = self.now + timedelta(days=self.rules.expires_days)
        before = {line: self.in_force.get(line) for line in lines}
        self.requests.append(Request(author, kind, lines, content, before, len(self.versions), expires, state))
        return self.requests[-1]

    def edited(self, request: Request, lines: Content) -> None:
        """Write another edition, on which nobody has voted."""
        request.lines, request.before = lines, {line: self.in_force.get(line) for line in lines}
        request.base, request.edition = len(self.versions), request.edition + 1
        request.state = "draft" if request.state == "draft" else "in_review"

    def approved(self, request: Request, name: str) -> None:
        """Count one more approval."""
        request.votes.append((name, request.edition, True))
        if request.state == "in_review" and self.is_agreed(request):
            request.state = "approved"

    def applied(self, request: Request) -> None:
        """Put a request into force."""
        needed, groups = self.agreement(request)
        if request.kind in ("lines", "rollback"):
            left = self.in_force.keys() - self.with_changes(request).keys()
            self.gone_at_once = self.gone_at_once | left if request.route == "at_once" else self.gone_at_once - left
            self.versions.append(self.with_changes(request))
        elif request.kind == "trial":
            self.versions += [self.with_changes(request), self.in_force]
        elif isinstance(request.content, Rules):
            self.rules = request.content
        elif isinstance(request.content, tuple):
            self.mode, self.rollout = request.content
        request.state, request.applied_at = "applied", self.now
        if request.route == "mandate" or request.kind == "trial":
            return
        review_by = self.now + timedelta(days=self.rules.mandate_days)
        for line, after in request.lines.items():
            self.mandates.pop(line, None)
            if after is not None and request.route == "review":
                self.mandates[line] = Mandate(request, after, needed, groups, review_by)

    def applied_without_votes(self, route: str, kind: str, lines: Content, content: object = None) -> None:
        """Put into force what takes no vote: under mandates, or towards neutral at once."""
        request = self.drafted(None, kind, lines, content)
        request.route = route
        self.applied(request)

    def due(self) -> None:
        """Apply what is due, fail what may not come into force by then, and expire what nobody decided."""
        waiting = [each for each in self.requests if each.state == "scheduled" and each.due is not None]
        for request in sorted(
            (each for each in waiting if each.due and each.due <= self.now), key=lambda e: e.due or 0
        ):
            if self.obstacles("apply", request, None):
                request.state = "failed"
            else:
                self.applied(request)
        for request in self.requests:
            if request.state in OPEN and self.now >= request.expires:
                request.state = "expired"
