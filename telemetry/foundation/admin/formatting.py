"""Formatting of values on all admin pages: chips, badges, numbers and times look the same everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from telemetry.foundation.core.number_text import typeset
from telemetry.foundation.core.words import moment_of

NOT_LEARNED = frozenset({"A_mode", "E_mode", "universe"})  # recorded with a scope, not learned from by themselves

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
    "edited since": "warn", "suspended": "warn", "misfit": "bad",
    "success": "good", "failure": "bad", "missed": "warn",
}  # fmt: skip

# Stored words of closed vocabularies that do not read as English by themselves.
WORDS: Mapping[str, str] = {
    "NO_MATCH": "no override matches", "ALL_EXCLUDED": "all overrides excluded", "SINGLE": "one override",
    "COMBINED": "several overrides", "MODULE_OFF": "module off", "SHADOW": "shadow mode",
    "NOT_IN_ROLLOUT": "outside the roll-out", "SCOPE_NOT_ALLOWED": "scope not allowed", "PROTECTED": "protected motif",
    "HOLDBACK": "held back for comparison", "STALE": "stale data", "ERROR": "error", "review": "reviewer vote",
    "mandate": "within mandates", "too_light": "too light to act", "at_once": "immediate, reviewed afterwards",
    "below the floor": "below the minimum weight", "STEP_LIMITED": "limited by the largest step",
    "BOUND_LOW": "at its lower bound", "BOUND_HIGH": "at its upper bound", "RAMPING": "on the way to its target",
    "UNKNOWN_DIMENSION": "unknown dimension", "STALE_VERSION": "version not confirmed",
    "stop": "first stop", "atr": "2 ATR", "correct_skip": "rightly skipped", "s1_entry": "S1 entry",
    "s3_retest": "S3 retest",
}  # fmt: skip


def in_words(word: str) -> str:
    """Return a stored word of a closed vocabulary as people say it.

    >>> in_words("changes_requested"), in_words("NO_MATCH")
    ('changes requested', 'no override matches')
    """
    return WORDS.get(word, word.replace("_", " "))


def badge(word: str, text: str | None = None) -> SafeString:
    """Format a word of a closed vocabulary as a badge in its tone."""
    shown = in_words(word) if text is None else text
    return format_html('<span class="cw-badge cw-{}">{}</span>', TONES.get(word, "quiet"), shown)


def chips(scope: Mapping[str, str]) -> SafeString:
    """Format a scope as chips, dimensions that nothing is learned from last; the empty scope as "everything"."""
    if not scope:
        return format_html('<span class="cw-chip cw-everything">{}</span>', "everything")
    ordered = sorted(scope.items(), key=lambda item: (item[0] in NOT_LEARNED, item))
    each = format_html_join(
        " ",
        '<span class="cw-chip{}">{} <b>{}</b></span>',
        ((" cw-recorded" if name in NOT_LEARNED else "", name, value) for name, value in ordered),
    )
    return format_html('<span class="cw-chips">{}</span>', each)


def number(
    value: float | None, decimals: int = 3, *, signed: bool = False, unit: str = "", sure: bool = True
) -> SafeString:
    """Format a number in digits of equal width, so that columns can be compared at a glance; None as a dash.

    With `signed`, colour says whether it is above or below 0, unless that is not `sure`.

    >>> number(0.25, 2, signed=True), number(0.25, 2, signed=True, sure=False)
    ('<span class="cw-num cw-up">+0.25</span>', '<span class="cw-num">+0.25</span>')
    """
    if value is None:
        return MISSING
    rounded = round(value, decimals) + 0.0
    has_sign = signed and rounded != 0
    text = f"{rounded:+,.{decimals}f}" if has_sign else f"{rounded:,.{decimals}f}"
    tone = "" if not (has_sign and sure) else " cw-up" if rounded > 0 else " cw-down"
    return format_html(
        '<span class="cw-num{}">{}{}</span>',
        tone,
        typeset(text),
        f"\N{NO-BREAK SPACE}{unit}" if unit else "",
    )


def exposure(percent: float | None, decimals: int = 2) -> SafeString:
    """Format a change of exposure: more exposure warns in colour, less calms. None becomes a dash."""
    if percent is None:
        return MISSING
    rounded = round(percent, decimals) + 0.0
    tone = "" if rounded == 0 else " cw-raises" if rounded > 0 else " cw-lowers"
    text = f"{rounded:+,.{decimals}f}" if rounded else f"{rounded:,.{decimals}f}"
    return format_html('<span class="cw-num{}">{}\N{NO-BREAK SPACE}%</span>', tone, typeset(text))


def format_moment(at: datetime | None) -> SafeString:
    """Format a time in UTC to the minute; its title attribute holds the exact time. None becomes a dash."""
    if at is None:
        return MISSING
    exact = at.astimezone(UTC).isoformat()
    return format_html('<time class="cw-num" datetime="{0}" title="{0}">{1}</time>', exact, moment_of(at))


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
