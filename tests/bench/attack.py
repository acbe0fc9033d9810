"""A held-out attack on the governance: statements on which the defence was not tuned, judged without its triggers.

Every attempt runs in a transaction of its own as the application role, with forged audit entries, until its deferred
checks have spoken, and is rolled back. Exits with 1 if anything governs or leaves an outage.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.bench.attacks import by_hand, flows, queue, systematic
from tests.bench.attacks.judge import snapshot
from tests.bench.attacks.probe import brakes
from tests.bench.attacks.world import Outcome, World, attempt, forged_names, furnish
from tests.bench.report import figure, scratch_database

PARTS = ("by_hand", "queue", "flows", "systematic")


def run(parts: str = ",".join(PARTS), thin: str = "1") -> int:
    """Attack the furnished world with these parts and return how many attempts govern or leave an outage."""
    logging.disable(logging.CRITICAL)
    world = furnish()
    before, forge = snapshot(), forged_names(world)
    bad = 0
    for part in parts.split(","):
        verdicts: Counter[str] = Counter()
        for name, outcome in _outcomes(part, world, before, forge, int(thin)):
            verdicts[outcome.verdict] += 1
            if outcome.verdict in ("governs", "outage"):
                print(f"{outcome.verdict.upper()} {part}: {name}: {outcome.details}", file=sys.stderr, flush=True)
            elif part == "by_hand":
                print(f"{outcome.verdict}: {name}: {outcome.details}", file=sys.stderr, flush=True)
        for verdict in ("refused", "refused in Python", "without effect", "by design", "governs", "outage"):
            figure("attack", f"{part}: {verdict}", verdicts[verdict], "attempts", of=verdicts.total())
        bad += verdicts["governs"] + verdicts["outage"]
    return bad


def _outcomes(part: str, world: World, before: Any, forge: list[str], thin: int) -> Iterator[tuple[str, Outcome]]:
    if part == "systematic":
        for name, work in systematic.statements(thin):
            yield name, attempt(work, forge=forge, before=before, probe=brakes)
    elif part == "queue":
        for name, work in queue.statements():
            yield name, attempt(work, forge=[], before=before)
    elif part == "flows":
        yield from flows.mutated(world, before, forge, thin)
    else:
        for name, work in by_hand.statements(world):
            yield name, attempt(work, forge=forge, before=before, probe=brakes)


if __name__ == "__main__":
    with scratch_database():
        found = run(*sys.argv[1:])
    sys.exit(1 if found else 0)
