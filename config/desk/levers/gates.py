"""What recorded windows of a gate tell of its threshold, trades that were not taken included."""

from __future__ import annotations

from django.db.models import Count, Q

from config.desk.levers.section import Asked, Section
from telemetry.core.gates import is_gate
from telemetry.models import Episode, EpisodeWindow


def section(asked: Asked) -> Section | None:
    """Show how many windows considered the threshold and what became of them; None for a lever without a gate."""
    if not is_gate(asked.lever.name):
        return None
    of_lever = EpisodeWindow.objects.filter(thresholds__has_key=asked.lever.name)
    considered = of_lever.filter(episode__in=Episode.objects.current())
    shut = Count("pk", filter=Q(blocked_by__contains=[asked.lever.name]))
    rows = considered.order_by("outcome").values_list("outcome").annotate(windows=Count("pk"), shut=shut)
    shown = [(str(outcome).replace("_", " "), count, shut) for outcome, count, shut in rows]
    return Section("gates", "What past windows of its gate tell", "desk/levers/gates.html", {"rows": shown})
