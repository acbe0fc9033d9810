"""The machine: people, votes, edits, roles, schedules, mandates, holds, modes and time, in any order, and forgeries.

Each rule takes one step in the product and in the model. The product accepts what the model allows and refuses by name
what it does not; afterwards both have the same in force.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from itertools import product as product_of
from typing import Any

import hypothesis.strategies as st
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import ChangeRequest, LineHold, RequestKind
from overrides.requests import apply, authoring, auto_publish, emergency, propose, review, staleness
from overrides.requests.proposal_schema import Proposal
from overrides.versions.verify_hashes import Recheck
from telemetry.audit.verify_trail import verify_trail
from telemetry.core.vocabulary import Module
from tests.stateful import product
from tests.stateful.forgeries import FORGERIES, IN_THE_PAST, Forgery, attempt, cover
from tests.stateful.model import OPEN, ORDER, Content, Governance, Move, Request, Rules
from tests.stateful.product import LINE_OF, ROLES, Refusal

NAMED = {  # what refuses without gates -> how its message names it
    "another's": "only its author may|you may not do this",
    "closed": r"is closed|no step leads|is \w+; only .* allow",
    "due": "must lie between now and the expiry",
    "expired": "expired on",
    "first_version": "is the first and needs votes",
    "held": "stands on it already|is in quarantine already",
    "idle": "leave it out",
    "kind": "you may not draft requests of kind",
    "mandate_exceeded": "no mandate covers line",
    "missing_approvals": "approvals of its content",
    "not_held": "is in no quarantine",
    "not_in_force": "not in force in pm",
    "pinned": "is pinned",
    "quarantined": "is in quarantine",
    "raises": "needs a reviewed request",
    "stale_line": "drafted against other levers|differs from (request|version)",
    "vetoed": "a veto stands on line",
    "wrong_state": r"is \w+; only .* allow",
}
people = st.sampled_from(list(ROLES))
lines = st.sampled_from(list(LINE_OF))
recent = st.integers(0, 2)
moves = st.builds(
    lambda size, n, edge, is_flipped: Move(size, n, edge if (size >= 1) is not is_flipped else -edge),
    st.sampled_from([1.2, 1.1, 0.9, 1.0]),
    st.sampled_from([40, 40, 40, 40, 25, 25, 15, 5, 400]),
    st.sampled_from([0.8, 0.8, 0.5, 0.3]),
    st.sampled_from([False] * 9 + [True]),
)
approved = st.sampled_from([Move(1.2, 40, 0.8), Move(0.9, 40, -0.8)])
contents = st.dictionaries(lines, st.none() | moves, min_size=1, max_size=3)
policies = st.sampled_from(
    [
        Rules(),
        Rules(approvals=2),
        Rules(groups=("desk",)),
        Rules(large_movement=8.0, large_groups=("desk",)),
        Rules(lowering_applies=True),
        Rules(expires_days=5, mandate_days=3),
    ]
)


TALLY: Counter[str] = (
    Counter()
)  # what happened in a run: accepted and refused steps, and requests by kind, route and end


TRIED = 5  # requests that are tried again at the end
TARGETS = (None, Move(1.1, 40, 0.8), Move(0.9, 40, -0.8), Move(1.1, 40, -0.8), Move(1.1, 400, 0.8))


def policy_document(rules: Rules) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(rules).items()}


def has_open(machine: GovernanceMachine) -> bool:
    return any(request.state in OPEN for request in machine.model.requests)


def has_versions(machine: GovernanceMachine) -> bool:
    return bool(machine.model.versions)


class GovernanceMachine(RuleBasedStateMachine):
    """One module under every kind of step."""

    def __init__(self) -> None:
        super().__init__()
        product.begin()
        self.model = Governance(product.people(), product.clock(), product.TRADES)

    # --- how a step is taken --------------------------------------------------------------------------

    def step(self, act: Callable[[], object], expected: set[str], *, is_undone: bool = False) -> bool:
        """Take a step in the product; whether it was accepted, which it is if and only if nothing is expected."""
        refused = self.refusal(act, is_undone=is_undone)
        if refused is None:
            TALLY["accepted"] += 1
            assert not expected, f"accepted what the model refuses as {expected}"
            return True
        assert expected, f"refused what the model allows: {refused}"
        named = {name for name in expected if name in NAMED and re.search(NAMED[name], str(refused))}
        TALLY.update(f"refused: {name}" for name in refused.gates or named)
        assert refused.gates == expected if refused.gates else named, (
            f"refused by another name than {expected}: {refused}"
        )
        return False

    def refusal(self, act: Callable[[], object], *, is_undone: bool) -> Refusal | None:
        try:
            with product.as_process(is_undone=is_undone):
                act()
        except Refusal as refused:
            return refused
        return None

    @property
    def now(self) -> Any:
        return self.model.now

    def pick(self, which: int, *, is_open: bool = True) -> tuple[int, Request] | None:
        """One of the latest requests, with its primary key."""
        keys = ChangeRequest.objects.order_by("pk").values_list("pk", flat=True)
        pairs = list(zip(keys, self.model.requests, strict=True))
        found = [pair for pair in reversed(pairs) if pair[1].state in OPEN or not is_open]
        return found[which % len(found)] if found else None

    def busy(self, content: Content) -> Content:
        """Of the content, what is not in force already."""
        in_force = self.model.in_force
        return {line: move for line, move in content.items() if move != in_force.get(line)}

    @initialize(a=approved, b=approved, policy=policies)
    def begin_with_a_version_and_a_policy(self, a: Move, b: Move, policy: Rules) -> None:
        """Every example begins with two lines in force under mandates, and with rules of its own."""
        self.draft(None, "lines", {"a": a, "b": b}, None, None)
        self.approve_and_apply(0, "bob")
        self.draft("pam", "policy", {}, policy_document(policy), policy)
        self.approve_and_apply(0, "bob")

    # --- time and people --------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 13, 30, 100]))
    def time_passes(self, hours: int) -> None:
        self.model.now += timedelta(hours=hours)

    @rule(name=people)
    def deactivate_or_reactivate(self, name: str) -> None:
        person = self.model.people[name]
        is_active = not person.is_active
        self.step(
            lambda: product.change_person(name, lambda row: setattr(row, "is_active", is_active), self.now), set()
        )
        person.is_active = is_active

    @rule(name=people, group=st.sampled_from(["reviewer", "desk", "operator"]))
    def join_or_leave(self, name: str, group: str) -> None:
        groups = self.model.people[name].groups
        row = Group.objects.get(name=group)
        joins = group not in groups
        change = (lambda user: user.groups.add(row)) if joins else (lambda user: user.groups.remove(row))
        self.step(lambda: product.change_person(name, change, self.now), set())
        (groups.add if joins else groups.remove)(group)

    # --- drafts -----------------------------------------------------------------------------------------

    def draft(self, author: str | None, kind: str, content: Content, document: object, modelled: object) -> None:
        """Draft a request of a person or (None) of the materializer."""
        may = author is None or kind not in ("policy", "trial") or self.model.people[author].may("rules")

        def act() -> None:
            authoring.draft_request(
                module="pm", kind=kind, title="t", reason="r", at=self.now,
                author=None if author is None else product.user(author), author_name=author or "machine",
                lines=product.draft_lines(content, self.now), content=document,
            )  # fmt: skip

        if self.step(act, set() if may else {"kind"}):
            self.model.drafted(author, kind, content, modelled)

    def active(self, name: str | None) -> str | None:
        """The person, or the machine in the place of somebody who cannot log in."""
        return name if name is not None and self.model.people[name].is_active else None

    @rule(author=st.none() | people, content=contents)
    def draft_lines(self, author: str | None, content: Content) -> None:
        if content := self.busy(content):
            self.draft(self.active(author), "lines", content, None, None)

    @rule(owner=people, content=contents)
    def draft_by_a_key(self, owner: str, content: Content) -> None:
        content = self.busy(content)
        if not content or not self.model.people[owner].is_active:
            return

        def act() -> None:
            product.draft_lines(content, self.now)  # stores the overrides; the proposal names them again
            asked = [LINE_OF[line] if move is None else product.spec(line, move) for line, move in content.items()]
            proposal = Proposal(Module.PM, RequestKind.LINES, "t", "r", lines=asked)
            propose.propose(proposal, owner=product.user(owner), by="key bot", at=self.now)

        if self.step(act, set()):
            self.model.drafted(owner, "lines", content)

    @rule(author=st.sampled_from(["cid", "pam", "pam", "ann"]), policy=policies)
    def draft_policy(self, author: str, policy: Rules) -> None:
        self.draft(self.active(author), "policy", {}, policy_document(policy), policy)

    @rule(author=people, mode=st.sampled_from(ORDER), rollout=st.sampled_from([100.0, 20.0]))
    def draft_mode(self, author: str, mode: str, rollout: float) -> None:
        document = {"mode": mode, "rollout_percent": rollout}
        self.draft(self.active(author), "mode", {}, document, (mode, rollout))

    @precondition(has_versions)
    @rule(author=people, back=st.integers(0, 4))
    def draft_rollback(self, author: str, back: int) -> None:
        to = max(1, len(self.model.versions) - back)
        then, now = self.model.versions[to - 1], self.model.in_force
        content = {line: then.get(line) for line in {*then, *now} if then.get(line) != now.get(line)}
        drafter = self.active(author)

        def act() -> None:
            authoring.draft_request(
                module="pm", kind="rollback", title="t", reason="r", at=self.now, content={"to": to},
                author=None if drafter is None else product.user(drafter), author_name=drafter or "machine",
            )  # fmt: skip

        if self.step(act, set()):
            self.model.drafted(drafter, "rollback", content, to)

    @precondition(has_versions)
    @rule(author=st.sampled_from(["cid", "pam", "pam", "ann"]), content=contents)
    def draft_trial(self, author: str, content: Content) -> None:
        document = ModuleParameters.default("pm").to_document()
        self.draft(self.active(author), "trial", self.busy(content), document, None)

    @precondition(has_open)
    @rule(which=recent, name=people, content=contents)
    def edit(self, which: int, name: str, content: Content) -> None:
        picked, content = self.pick(which), self.busy(content)
        if picked is None or picked[1].kind != "lines" or not content or not self.model.people[name].is_active:
            return
        key, request = picked

        def act() -> None:
            changed = product.draft_lines(content, self.now)
            authoring.edit_request(request_id=key, by=product.user(name), at=self.now, lines=changed)

        if self.step(act, set() if request.author == name else {"another's"}):
            self.model.edited(request, content)

    @precondition(has_open)
    @rule(which=recent)
    def submit(self, which: int) -> None:
        picked = self.pick(which)
        if picked is None or self.active(picked[1].author) is None:
            return
        key, request = picked
        author = str(request.author)
        expected = set() if request.state in ("draft", "changes_requested") else {"wrong_state"}
        if self.step(lambda: authoring.submit(request_id=key, by=product.user(author), at=self.now), expected):
            request.state = "in_review"

    # --- decisions --------------------------------------------------------------------------------------

    def approve_as(self, key: int, request: Request, name: str) -> None:
        expected = self.model.obstacles("approve", request, name)
        if self.step(lambda: review.approve(request_id=key, by=product.user(name), at=self.now), expected):
            self.model.approved(request, name)

    @precondition(has_open)
    @rule(which=recent, name=people)
    def approve(self, which: int, name: str) -> None:
        if picked := self.pick(which):
            self.approve_as(*picked, name)

    @precondition(has_open)
    @rule(which=recent)
    def approve_as_many_as_it_takes(self, which: int) -> None:
        if picked := self.pick(which):
            for name in ROLES:
                if not self.model.is_agreed(picked[1]) and self.model.people[name].may("review"):
                    self.approve_as(*picked, name)

    @precondition(has_open)
    @rule(which=recent, name=people, line=lines)
    def approve_one_line(self, which: int, name: str, line: str) -> None:
        picked = self.pick(which)
        if picked is None or picked[1].kind != "lines" or len(picked[1].lines) < 2 or line not in picked[1].lines:
            return
        key, request = picked
        expected = self.model.obstacles("approve", request, name)
        if not expected and self.busy(request.lines) != request.lines:
            expected = {"idle"}

        def act() -> None:
            review.approve(request_id=key, by=product.user(name), at=self.now, only=[LINE_OF[line]])

        if self.step(act, expected):
            rest = {each: move for each, move in request.lines.items() if each != line}
            state = request.state
            self.model.edited(request, {line: request.lines[line]})
            self.model.drafted(request.author, "lines", rest)
            request.state = state
            self.model.approved(request, name)

    @precondition(has_open)
    @rule(which=recent, name=people, step=st.sampled_from(["reject", "request_changes"]))
    def decide_against(self, which: int, name: str, step: str) -> None:
        if picked := self.pick(which):
            key, request = picked
            verb = getattr(review, step)
            expected = self.model.obstacles(step, request, name)
            if self.step(lambda: verb(request_id=key, by=product.user(name), reason="no", at=self.now), expected):
                request.votes.append((name, request.edition, False))
                request.state = "rejected" if step == "reject" else "changes_requested"

    @precondition(has_open)
    @rule(which=recent, name=people)
    def cancel(self, which: int, name: str) -> None:
        if picked := self.pick(which):
            key, request = picked
            person = self.model.people[name]
            may = request.author == name or (request.author is None and person.may("review"))
            act = lambda: review.cancel(request_id=key, by=product.user(name), reason="x", at=self.now)  # noqa: E731
            if self.step(act, set() if may else {"another's"}):
                request.state = "cancelled"

    @precondition(has_open)
    @rule(which=recent, name=people, hours=st.sampled_from([1, 12, 24 * 20]))
    def schedule(self, which: int, name: str, hours: int) -> None:
        if picked := self.pick(which):
            key, request = picked
            due = self.now + timedelta(hours=hours)
            expected = self.model.obstacles("schedule", request, name) or ({"due"} if due >= request.expires else set())
            act = lambda: review.schedule(request_id=key, by=product.user(name), due=due, at=self.now)  # noqa: E731
            if self.step(act, expected):
                request.state, request.due = "scheduled", due

    @precondition(has_open)
    @rule(which=recent, name=people)
    def unschedule(self, which: int, name: str) -> None:
        if picked := self.pick(which):
            key, request = picked
            expected = self.model.obstacles("unschedule", request, name)
            if self.step(lambda: review.unschedule(request_id=key, by=product.user(name), at=self.now), expected):
                request.state, request.due = "approved", None

    # --- into force ---------------------------------------------------------------------------------------

    @precondition(has_open)
    @rule(which=recent, name=people)
    def apply(self, which: int, name: str) -> None:
        if picked := self.pick(which):
            key, request = picked
            expected = self.model.obstacles("apply", request, name)
            if self.step(lambda: apply.apply_request(request_id=key, by=product.user(name), at=self.now), expected):
                self.model.applied(request)

    @precondition(has_open)
    @rule(which=recent, name=people)
    def approve_and_apply(self, which: int, name: str) -> None:
        self.approve_as_many_as_it_takes(which)
        self.apply(which, name)

    @precondition(has_open)
    @rule(which=recent, hours=st.sampled_from([1, 12]))
    def approve_and_schedule(self, which: int, hours: int) -> None:
        self.approve_as_many_as_it_takes(which)
        self.schedule(which, "bob", hours)

    @rule()
    def publish_what_is_due(self) -> None:
        def act() -> None:
            apply.apply_due(now=self.now)
            apply.expire_requests(now=self.now)
            staleness.refresh_health(now=self.now)

        self.step(act, set())
        self.model.due()

    @rule(which=recent)
    def apply_past_the_gates(self, which: int) -> None:
        if picked := self.pick(which, is_open=False):
            key, request = picked
            if request.route != "review":
                return
            if self.step(lambda: product.by_hand(key, self.now), self.model.undecided(request)):
                self.model.applied(request)

    def build(self, content: Content) -> None:
        proposed = {LINE_OF[line]: move and product.spec(line, move) for line, move in content.items()}
        auto_publish.publish_within_mandates(module="pm", proposed=proposed, source="x", at=self.now)

    @rule(content=contents)
    def builder_publishes(self, content: Content) -> None:
        content = {line: move for line, move in content.items() if move is None or move.n <= product.TRADES}
        brought = self.model.builder_brings(content)
        contradicts = any(move and (move.size - 1) * move.edge < 0 for move in brought.values())
        expected = {"sign_contradiction"} if contradicts else set()
        if brought and not self.model.versions:
            expected = expected or {"first_version"}
        if self.step(lambda: self.build(content), expected) and brought:
            self.model.applied_without_votes("mandate", "lines", brought)

    @rule(content=contents)
    def builder_publishes_past_the_gates(self, content: Content) -> None:
        if (content := self.busy(content)) and self.step(partial(self.force, content), self.model.uncovered(content)):
            self.model.applied_without_votes("mandate", "lines", content)

    def force(self, content: Content) -> None:
        with product.past_the_gates():
            self.build(content)

    @rule()
    def try_everything(self) -> None:
        """What the database would let happen now, were the gates passed by; nothing of it is kept."""
        self.try_requests()
        self.try_builder()

    def try_requests(self) -> None:
        keys = ChangeRequest.objects.order_by("pk").values_list("pk", flat=True)
        for key, request in list(zip(keys, self.model.requests, strict=True))[-TRIED:]:
            if request.route == "review":
                expected = self.model.undecided(request)
                self.step(partial(product.by_hand, key, self.now), expected, is_undone=True)

    def try_builder(self) -> None:
        for line, after in product_of(LINE_OF, TARGETS):
            if content := self.busy({line: after}):
                self.step(partial(self.force, content), self.model.uncovered(content), is_undone=True)

    def end_one_way_or_another(self) -> None:
        """Take away what everything rests on: the time of mandates, the people who voted, or the lines."""
        way = len(self.model.requests) % 3
        if way == 0:
            self.model.now += timedelta(days=91)
        for name, person in self.model.people.items():
            if way == 1 and person.is_active:
                self.deactivate_or_reactivate(name)
        lowering = [name for name, person in self.model.people.items() if person.may("lower")]
        for line in LINE_OF:
            if way == 2 and lowering and not self.model.is_held("veto", line):
                self.builder_publishes({line: None})  # a veto on a line in force would end its mandate as well
                self.hold(lowering[0], line, "veto", None)

    # --- at once --------------------------------------------------------------------------------------------

    def right(self, name: str, right: str) -> set[str]:
        return set() if self.model.people[name].may(right) else {"another's"}

    @rule(name=people, line=lines)
    def retire(self, name: str, line: str) -> None:
        expected = self.right(name, "lower") or ({"not_in_force"} if line not in self.model.in_force else set())

        def act() -> None:
            emergency.retire_lines(module="pm", lines=[LINE_OF[line]], by=product.user(name), reason="x", at=self.now)

        if self.step(act, expected):
            self.model.applied_without_votes("at_once", "lines", {line: None})

    @rule(name=people, line=lines, kind=st.sampled_from(["veto", "pin"]), hours=st.none() | st.sampled_from([2, 48]))
    def hold(self, name: str, line: str, kind: str, hours: int | None) -> None:
        verb, right = {"veto": (emergency.veto_line, "lower"), "pin": (emergency.pin_line, "review")}[kind]
        until = None if hours is None else self.now + timedelta(hours=hours)
        expected = self.right(name, right) or ({"held"} if self.model.is_held(kind, line) else set())

        def act() -> None:
            verb(line_id=LINE_OF[line], by=product.user(name), reason="x", at=self.now, expires_at=until)

        if self.step(act, expected):
            self.model.holds[kind, line] = until
            if kind == "veto" and line in self.model.in_force:
                self.model.applied_without_votes("at_once", "lines", {line: None})

    @precondition(lambda self: self.model.holds)
    @rule(name=people, which=recent)
    def lift(self, name: str, which: int) -> None:
        kind, line = sorted(self.model.holds)[which % len(self.model.holds)]
        hold = LineHold.objects.get(kind=kind, line=LINE_OF[line], lifted_at=None)

        def act() -> None:
            emergency.lift_hold(hold_id=hold.pk, by=product.user(name), reason="x", at=self.now)

        if self.step(act, self.right(name, "review")):
            del self.model.holds[kind, line]

    @rule(name=people)
    def quarantine_or_lift_it(self, name: str) -> None:
        is_in = self.model.is_quarantined
        verb = emergency.lift_quarantine if is_in else emergency.quarantine_builder
        expected = self.right(name, "review" if is_in else "lower")
        if self.step(lambda: verb(module="pm", by=product.user(name), reason="x", at=self.now), expected):
            self.model.is_quarantined = not is_in

    @rule(name=people, to=st.sampled_from(ORDER))
    def lower_mode(self, name: str, to: str) -> None:
        is_raise = ORDER.index(to) > ORDER.index(self.model.mode)
        expected = self.right(name, "lower") or ({"raises"} if is_raise else set())

        def act() -> None:
            emergency.lower_mode_with_request(module="pm", by=product.user(name), reason="x", at=self.now, to=to)

        if self.step(act, expected) and to != self.model.mode:
            self.model.applied_without_votes("at_once", "mode", {}, (to, self.model.rollout))

    # --- forgeries ------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from([*FORGERIES, *IN_THE_PAST]))
    def forge(self, name: str) -> None:
        self.refuse_all({name})

    def refuse_all(self, names: Collection[str]) -> None:
        """Try forgeries, each of which the database refuses by name unless there is nothing to forge."""
        for table, is_covered in ((FORGERIES, True), (IN_THE_PAST, False)):
            tried = [name for name in table if name in names]
            with product.as_process(is_time_simulated=is_covered, is_undone=True):
                if is_covered and tried:
                    cover(self.now)
                for name in tried:
                    self.refuse(name, table[name])

    def refuse(self, name: str, forgery: Forgery) -> None:
        is_forged, message = False, ""
        try:
            with transaction.atomic():
                is_forged = attempt(forgery, self.now)
                transaction.set_rollback(True)
        except DatabaseError as refused:
            message = str(refused)
            TALLY[f"forged: {name}"] += 1
        assert not is_forged, f"{name} went through"
        assert not message or re.search(forgery.refused, message), f"{name} was refused by another name: {message}"

    # --- what has to hold -------------------------------------------------------------------------------------

    @invariant()
    def what_is_served_is_what_the_model_allows(self) -> None:
        model = self.model
        agree = {
            "version": len(model.versions),
            "served": model.in_force,
            "states": [each.state for each in model.requests],
            "mandates": set(model.mandates),
            "holds": set(model.holds),
            "quarantines": int(model.is_quarantined),
            "mode": [model.mode, model.rollout],
        }
        stands = product.stands()
        differ = {name: (stands[name], agree[name]) for name in agree if stands[name] != agree[name]}
        assert not differ, f"the product and the model differ: {differ}"

    def teardown(self) -> None:
        if sys.exc_info()[0] is not None:  # a step has failed already
            return
        TALLY["examples"] += 1
        self.refuse_all({*FORGERIES, *IN_THE_PAST})
        self.try_everything()
        self.end_one_way_or_another()
        self.try_everything()
        TALLY.update(f"{each.state}: {each.kind} by {each.route}" for each in self.model.requests)
        found = [*verify_trail(full=True).findings, *Recheck().everything()]
        assert not found, found
