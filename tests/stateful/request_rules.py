"""People, keys and the materializer draft requests; people edit, vote on, split, schedule and cancel them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import RequestKind
from overrides.requests import authoring, propose, review
from overrides.requests.proposal_schema import Proposal
from telemetry.core.vocabulary import Module
from tests.stateful import product
from tests.stateful.model import ORDER, Content, Request, Rules
from tests.stateful.product import LINE_OF, ROLES
from tests.stateful.steps import Steps, has_open, has_versions
from tests.stateful.strategies import contents, lines, people, policies, recent


def policy_document(rules: Rules) -> dict[str, object]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(rules).items()}


class DraftRules(Steps):
    """Drafts of every kind."""

    def draft(self, author: str | None, kind: str, content: Content, document: Any, modelled: object) -> None:
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


class VoteRules(Steps):
    """Votes, and what else is decided about a request before it comes into force."""

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
                if step == "reject" and request.author is None:
                    self.model.remembered(request)

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
