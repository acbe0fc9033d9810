"""Judge a line whose evidence reached the limit: is the shortfall its own, or that of lines that acted beside it?

Only lines of the evidence method have neighbours: the promises of the plan are whole differences from the mean of all
trades, and nothing of the others is taken off. It is computed when a line reaches the limit, from what was attributed,
so a late or corrected trade counts here as it does in the monitor.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.monitoring.watching.neighbours import Acted, Judgement, evidence_paths, judge
from overrides.models import Line, Membership, Monitor
from overrides.monitoring.scoring.touched_trades import touched_trades


def judged(row: Monitor, now: datetime) -> Judgement:
    """Return the judgement of the line of a monitor, as of the days that are over at `now`."""
    line = Line.objects.get(pk=row.name)
    alone = Judgement(True, row.level, None)
    if line.policy != LearningMethod.EVIDENCE:
        return alone
    together = Line.objects.filter(
        module=line.module, policy=line.policy, pattern_key=line.pattern_key, action_category=line.action_category
    )
    found = list(_acted(list(together.values_list("pk", flat=True)), row.since, now))
    if not any(each.line == row.name for each in found):
        return alone
    standing = Membership.objects.filter(line__in=together, to_version=None).values_list("line", flat=True)
    return judge(evidence_paths(found), row.name, set(standing))


def _acted(lines: list[str], since: datetime, now: datetime) -> Iterator[Acted]:
    """Yield the trades closed since then, on days that are over, in which these lines acted and promised something."""
    today = now.astimezone(UTC).toordinal()
    for row in touched_trades(lines=lines):
        if row.closed_at < since or row.day >= today or row.residual is None or not row.sign or not row.s_p:
            continue
        predicted = row.predicted or 0.0
        # Promises of the first release named no standard deviation: half of what was predicted is that of a claim
        # which is just beyond doubt.
        sd = abs(predicted) / 2 if row.sd is None else row.sd
        yield Acted(row.line, row.trade, row.day, row.sign, row.residual, predicted, sd, row.s_p)
