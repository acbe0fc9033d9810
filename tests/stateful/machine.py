"""The machine: people, votes, edits, roles, schedules, mandates, holds, modes and time, in any order, and forgeries."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from datetime import timedelta

import hypothesis.strategies as st
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction
from hypothesis.stateful import initialize, invariant, precondition, rule

from overrides.versions.verify_hashes import Recheck
from telemetry.audit.verify_trail import verify_trail
from tests.stateful import product
from tests.stateful.effect_rules import EffectRules
from tests.stateful.emergency_rules import EmergencyRules
from tests.stateful.forgeries import FORGERIES, IN_THE_PAST, Forgery, attempt, cover
from tests.stateful.model import Content, Move, Rules
from tests.stateful.product import LINE_OF
from tests.stateful.request_rules import DraftRules, policy_document
from tests.stateful.steps import TALLY, has_open
from tests.stateful.strategies import approved, contents, people, policies, recent


class GovernanceMachine(DraftRules, EffectRules, EmergencyRules):
    """One module under every kind of step."""

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

    # --- orders that are rare among steps drawn one by one -------------------------------------------------

    @precondition(has_open)
    @rule(which=recent, name=people, content=contents)
    def approve_then_edit(self, which: int, name: str, content: Content) -> None:
        """Another edition after a vote."""
        if picked := self.pick(which):
            self.approve_as(*picked, name)
            self.edit(which, str(picked[1].author or name), content)

    @precondition(has_open)
    @rule(which=recent, name=people)
    def approve_then_think_better_of_it(self, which: int, name: str) -> None:
        """A later No of the same person, after which the author submits the request once more."""
        if picked := self.pick(which):
            self.approve_as(*picked, name)
            self.decide_against(which, name, "request_changes")
            self.submit(which)

    @precondition(has_open)
    @rule(which=recent)
    def approve_then_leave_the_desk(self, which: int) -> None:
        """The only member of the group that policies name approves, and belongs to it no more."""
        if picked := self.pick(which):
            self.approve_as(*picked, "bob")
            if "desk" in self.model.people["bob"].groups:
                self.join_or_leave("bob", "desk")

    @precondition(lambda self: self.model.mandates)
    @rule(which=recent)
    def pin_what_the_builder_may_publish(self, which: int) -> None:
        line = sorted(self.model.mandates)[which % len(self.model.mandates)]
        self.hold("ann", line, "pin", None)

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

    # --- the end of an example ----

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
