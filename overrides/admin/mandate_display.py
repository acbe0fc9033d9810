"""Mandates in words: how long each still lasts, how far the builder may still go, and who signs it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.vocabulary import Blend
from overrides.core.governance.mandates import DUE_BEFORE, remaining
from overrides.models import Mandate, Override
from overrides.requests.votes import signatures_of, why_suspended
from telemetry.foundation.admin.formatting import MISSING, badge, number
from telemetry.foundation.core.words import moment_of

NOTHING_LEFT = 1e-9  # units


@dataclass(frozen=True)
class Signers:
    """The names of the people who sign a mandate now; `lapsed` names those who did and may not vote any more.

    `suspended` says why the mandate does not count, empty if enough of them may.
    """

    names: tuple[str, ...]
    lapsed: tuple[str, ...]
    suspended: str


@dataclass(frozen=True)
class Headroom:
    """One lever of a mandate: its neutral value, the one in force, and the farthest that the builder may set.

    `left` is the distance from the value in force to the farthest, in units; None without an override in force.
    """

    lever: str
    neutral: float
    in_force: float | None
    farthest: float
    left: float | None

    @property
    def unit(self) -> str:
        """What `left` counts: relative for levers that multiply, otherwise in the unit of the lever."""
        return "as a logarithm" if LEVERS[self.lever].blend is Blend.LOG else "in its own unit"

    @property
    def is_used_up(self) -> bool:
        """Whether the builder can only move it back."""
        return self.left is not None and self.left <= NOTHING_LEFT


def signers_of(mandates: Collection[Mandate], rows: Mapping[int, list[Any]] | None = None) -> dict[int, Signers]:
    """Return who signs each of these mandates, by id; `rows` are those of `votes.rows_behind`, if read already."""
    found = signatures_of(mandates, rows)
    return {
        mandate.pk: Signers(
            found[mandate.pk].names, found[mandate.pk].lapsed, why_suspended(mandate, found[mandate.pk])
        )
        for mandate in mandates
    }


def headroom(mandate: Mandate, in_force: Override | None, at: datetime) -> Iterator[Headroom]:
    """Yield what a mandate still allows, per lever."""
    left: Mapping[str, float] = {} if in_force is None else remaining(mandate.terms, in_force.spec, at)
    for name, (low, high) in mandate.terms.reach.items():
        neutral = LEVERS[name].neutral
        standing = None if in_force is None else in_force.levers.get(name, neutral)
        yield Headroom(name, neutral, standing, low if low != neutral else high, left.get(name))


def headroom_shown(mandate: Mandate, in_force: Override | None, at: datetime) -> SafeString:
    """Format the headroom in a cell, one lever a line."""
    if in_force is None:
        return MISSING
    rows = [(each.lever, _limits(each)) for each in headroom(mandate, in_force, at)]
    return format_html_join("", '<div class="cw-lever">{} {}</div>', rows)


def term_shown(review_by: datetime, at: datetime) -> SafeString:
    """Format how long a mandate lasts: "overdue by 62 days", "12 days left"."""
    words = term(review_by - at)
    return format_html('<span title="{}">{}</span>', f"review by {moment_of(review_by)}", words)


def term(left: timedelta) -> str:
    """Return the time until a review in words.

    >>> term(timedelta(days=12, hours=5)), term(timedelta(days=-62, hours=-7)), term(timedelta(minutes=-61))
    ('12 days left', 'overdue by 62 days', 'overdue by 1 hour')
    """
    span = abs(left)
    number, unit = (span.days, "day") if span.days else (span.seconds // 3600, "hour")
    if number == 0:
        return "due now" if left < timedelta(0) else "less than an hour left"
    words = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"overdue by {words}" if left < timedelta(0) else f"{words} left"


def state_badge(mandate: Mandate, *, in_force: bool, suspended: str, at: datetime) -> SafeString:
    """Format the state of a mandate as a badge."""
    if mandate.revoked_at is not None:
        return badge("withdrawn", "ended")
    if mandate.review_by <= at:
        return badge("expired", "overdue") if in_force else badge("withdrawn", "lapsed")
    if suspended:
        return badge("suspended")
    return badge("stale", "due soon") if mandate.review_by <= at + DUE_BEFORE else badge("live")


def signers_shown(signers: Signers | None) -> SafeString:
    """Format the names of who signs a mandate, and of who did and may not vote any more."""
    if signers is None or not (signers.names or signers.lapsed):
        return MISSING
    lapsed: list[Any] = [(each,) for each in signers.lapsed]
    return format_html(
        "{}{}", ", ".join(signers.names), format_html_join("", '<div class="cw-quiet cw-small">{}</div>', lapsed)
    )


def _limits(each: Headroom) -> SafeString:
    if each.is_used_up:
        return format_html('{} <span class="cw-quiet">at its limit</span>', number(each.in_force, 4))
    return format_html(
        '{} <span class="cw-quiet">of at most</span> {}', number(each.in_force, 4), number(each.farthest, 4)
    )
