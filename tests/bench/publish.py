"""The cost of publishing one changed line in a large version: a request drafted, approved and applied."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from statistics import median

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import Line, Membership, Override
from tests.bench.report import figure, scratch_database, timed
from tests.builders import NOW, make_spec, publish, without_triggers

OVERRIDES = 100_000
ROUNDS = 3
PATTERNS = 200
CATEGORIES = ("entry", "add")


def placed(number: int, target: float) -> OverrideSpec:
    """Return the override of the line with this number, spread evenly over PATTERNS x CATEGORIES keys."""
    key, place = number % (PATTERNS * len(CATEGORIES)), number // (PATTERNS * len(CATEGORIES))
    return make_spec(
        {"size_mult": target},
        pattern_key=f"bench.long.p{key // len(CATEGORIES)}",
        action_category=CATEGORIES[key % len(CATEGORIES)],
        scope={"bucket": f"b{place}", "macro_phase": "Good"},
    )


def fill(specs: Sequence[OverrideSpec]) -> None:
    """Publish the first override as version 1 and insert the others as its members; the verbs would take minutes."""
    publish(specs[0])
    line, override = Line.objects.get(), Override.objects.get()
    lines, overrides, members = [], [], []
    for spec in specs[1:]:
        place = {"pattern_key": spec.pattern_key, "action_category": spec.action_category, "scope": dict(spec.scope)}
        lines.append(Line(id=spec.line, module="pm", channel=line.channel, policy="plan", created_at=NOW, **place))
        stats = {
            name: getattr(override, name) for name in ("edge_raw", "n", "variance", "half_life_days", "updated_at")
        }
        levers = dict(spec.levers)
        overrides.append(
            Override(id=spec.content_id, line_id=spec.line, levers=levers, source="person", created_at=NOW, **stats)
        )
        members.append(Membership(module="pm", line_id=spec.line, override_id=spec.content_id, from_version=1))
    with without_triggers():
        Line.objects.bulk_create(lines, batch_size=5000)
        Override.objects.bulk_create(overrides, batch_size=5000)
        Membership.objects.bulk_create(members, batch_size=5000)


def run(overrides: int = OVERRIDES, rounds: int = ROUNDS) -> None:
    fill([placed(number, 1.1) for number in range(overrides)])
    changed = [placed(number, 1.2) for number in range(rounds)]
    taken = [timed(partial(publish, spec)) for spec in changed]

    of = {"overrides": overrides, "rounds": rounds}
    figure("publish", "one_line_wall", median(each.wall for each in taken), "s", **of)
    figure("publish", "one_line_cpu", median(each.cpu for each in taken), "s", **of)


if __name__ == "__main__":
    with scratch_database():
        run(*map(int, sys.argv[1:]))
