"""How a step is taken: in the product, which accepts what the model allows and refuses by name what it does not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from hypothesis.stateful import RuleBasedStateMachine

from overrides.models import ChangeRequest
from tests.stateful import product
from tests.stateful.model import OPEN, Content, Governance, Request
from tests.stateful.product import Refusal

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
    "went_at_once": "went at once",
    "wrong_state": r"is \w+; only .* allow",
}

TALLY: Counter[str] = Counter()  # what a run did, and where its requests ended


def has_open(machine: Steps) -> bool:
    return any(request.state in OPEN for request in machine.model.requests)


def has_versions(machine: Steps) -> bool:
    return bool(machine.model.versions)


class Steps(RuleBasedStateMachine):
    """The state of an example: the model, and the database behind the product."""

    def __init__(self) -> None:
        super().__init__()
        product.begin()
        self.model = Governance(product.people(), product.clock(), product.TRADES)

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
    def now(self) -> datetime:
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

    def active(self, name: str | None) -> str | None:
        """The person, or the machine in the place of somebody who cannot log in."""
        return name if name is not None and self.model.people[name].is_active else None

    def right(self, name: str, right: str) -> set[str]:
        return set() if self.model.people[name].may(right) else {"another's"}
