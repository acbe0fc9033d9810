"""Requests come into force: by people, by the schedule, by the builder under mandates, and past every gate."""

from __future__ import annotations

from functools import partial
from itertools import product as product_of

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from overrides.models import ChangeRequest
from overrides.requests import apply, auto_publish, staleness
from tests.stateful import product
from tests.stateful.model import Content
from tests.stateful.product import LINE_OF
from tests.stateful.request_rules import VoteRules
from tests.stateful.steps import has_open
from tests.stateful.strategies import TARGETS, contents, people, recent

TRIED = 5  # requests that are tried again at the end


class EffectRules(VoteRules):
    """What puts something into force, or tries to."""

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
        proposed = {LINE_OF[line]: None if move is None else product.spec(line, move) for line, move in content.items()}
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
