"""Replays of an action on the page of its trade: what each setting would have earned, beside the one taken."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from telemetry.foundation.admin.formatting import MISSING, number


def replays(arms_of: Mapping[str, Mapping[str, float]], taken: Mapping[str, str]) -> SafeString:
    """Format the arms of each lever in the order of their values, with the trade's outcome; none as a dash."""
    if not arms_of:
        return MISSING
    return format_html_join(
        "",
        "<div>{} {}</div>",
        ((_words(lever), _arms(arms, taken.get(lever))) for lever, arms in sorted(arms_of.items())),
    )


def _arms(arms: Mapping[str, float], taken: str | None) -> SafeString:
    rows = sorted(arms.items(), key=lambda arm: (_value(arm[0]), arm[0]))
    chip = '<span class="cw-chip">{}{} <b>{}</b></span>'
    shown = ((arm, " (taken)" if arm == taken else "", number(rr, 3, signed=True, unit="R")) for arm, rr in rows)
    return format_html('<span class="cw-chips">{}</span>', format_html_join(" ", chip, shown))


def _value(arm: str) -> float:
    """Return the number that an arm is, so that 10 follows 2; words come last."""
    try:
        return float(arm)
    except ValueError:
        return float("inf")


def _words(lever: str) -> str:
    """Return the stored name of a lever as words.

    >>> _words("entry_delay_bars")
    'entry delay bars'
    """
    return lever.replace("_", " ")
