"""Formatting of values on all admin pages: chips, badges, numbers and times look the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from telemetry.foundation.core.number_text import typeset

MISSING = format_html('<span class="cw-quiet">{}</span>', "\N{EN DASH}")

# Tone of each word of a closed vocabulary: good, warn, bad or quiet. Words that are not listed are quiet.
TONES: Mapping[str, str] = {
    "on": "good", "active": "good", "applied": "good", "approved": "good", "approve": "good", "done": "good",
    "valid": "good", "in force": "good", "COMBINED": "good", "SINGLE": "good", "add": "good", "live": "good",
    "shadow": "warn", "in_review": "warn", "scheduled": "warn", "changes_requested": "warn", "request_changes": "warn",
    "stale": "warn", "evidence_lapsed": "warn", "change": "warn", "SHADOW": "warn", "STALE": "warn",
    "too_light": "warn", "expired": "warn", "below the floor": "warn", "PROTECTED": "warn",
    "off": "bad", "rejected": "bad", "reject": "bad", "failed": "bad", "conflict": "bad", "withdraw": "bad",
    "blocks": "bad", "warns": "warn", "veto": "bad", "pin": "warn", "retired": "quiet",
    "ERROR": "bad", "withdrawn": "quiet", "revoked": "bad",
    "no owner": "warn", "deactivated": "warn", "demoted": "warn", "of no group whose votes count": "warn",
    "edited since": "warn", "suspended": "warn",
}  # fmt: skip


def badge(word: str, text: str | None = None) -> SafeString:
    """Format a word of a closed vocabulary as a badge in its tone."""
    shown = word.replace("_", " ") if text is None else text
    return format_html('<span class="cw-badge cw-{}">{}</span>', TONES.get(word, "quiet"), shown)


def chips(scope: Mapping[str, str]) -> SafeString:
    """Format a scope as chips; the empty scope, which matches everything, as one chip "everything"."""
    if not scope:
        return format_html('<span class="cw-chip cw-everything">{}</span>', "everything")
    each = format_html_join(" ", '<span class="cw-chip">{} <b>{}</b></span>', sorted(scope.items()))
    return format_html('<span class="cw-chips">{}</span>', each)


def number(value: float | None, decimals: int = 3, *, signed: bool = False, unit: str = "") -> SafeString:
    """Format a number in digits of equal width, so that columns can be compared at a glance; None as a dash."""
    if value is None:
        return MISSING
    rounded = round(value, decimals) + 0.0
    has_sign = signed and rounded != 0
    text = f"{rounded:+,.{decimals}f}" if has_sign else f"{rounded:,.{decimals}f}"
    tone = "" if not has_sign else " cw-up" if rounded > 0 else " cw-down"
    return format_html(
        '<span class="cw-num{}">{}{}</span>',
        tone,
        typeset(text),
        f"\N{NO-BREAK SPACE}{unit}" if unit else "",
    )


def format_moment(at: datetime | None) -> SafeString:
    """Format a time in UTC to the minute; its title attribute holds the exact time. None becomes a dash."""
    if at is None:
        return MISSING
    utc = at.astimezone(UTC)
    return format_html(
        '<time class="cw-num" datetime="{0}" title="{0}">{1}</time>', utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M")
    )


def short(identity: str, length: int = 12) -> SafeString:
    """Format a hash by its first `length` characters; its title attribute holds the whole hash."""
    return format_html('<code title="{}">{}</code>', identity, identity[:length]) if identity else MISSING


def pretty(document: object) -> SafeString:
    """Format a JSON document, indented, in a scrollable box."""
    return preformatted(json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True, default=str))


def preformatted(text: str) -> SafeString:
    """Format text with its line breaks in a scrollable box; the tabindex makes it scrollable by keyboard."""
    return format_html('<pre class="cw-json" tabindex="0">{}</pre>', text)


def pattern(pattern_key: str, category: str) -> SafeString:
    """Format a pattern key together with its action category."""
    return format_html('<span class="cw-pattern">{}</span> <span class="cw-quiet">{}</span>', pattern_key, category)
