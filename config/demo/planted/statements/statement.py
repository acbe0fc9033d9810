"""The shape of a statement, and how lines of the story are found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.demo.planted.truth import Effect
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.models import Line, Membership, Version
from telemetry.foundation.core.number_text import typeset

MODULE = "pm"


@dataclass(frozen=True)
class Statement:
    """One truth, what the system states of it, and whether that is so."""

    name: str
    planted: str
    stated: str
    holds: bool


def signed(value: float, digits: int = 2) -> str:
    """Return a number with its sign.

    >>> signed(0.5), signed(-0.25) == "\N{MINUS SIGN}0.25"
    ('+0.50', True)
    """
    return typeset(f"{value:+.{digits}f}")


def line_of(effect: Effect) -> Line | None:
    """Return the line whose scope is the one that has a planted effect."""
    return Line.objects.filter(
        module=MODULE,
        channel=Channel.PM_STRENGTH,
        policy=LearningMethod.EVIDENCE,
        pattern_key=effect.pattern,
        action_category="entry",
        scope={effect.dimension: effect.value},
    ).first()


def in_force(line: Line | None, at: datetime) -> Membership | None:
    """Return the membership of a line in the version that was in force at a time."""
    version = Version.objects.filter(module=MODULE, published_at__lte=at).order_by("-published_at", "-number").first()
    if line is None or version is None:
        return None
    held = Membership.objects.filter(line=line, from_version__lte=version.number)
    return held.exclude(to_version__lte=version.number).select_related("override").first()


def first_published(line: Line) -> datetime:
    """Return when a line came into force for the first time."""
    numbers = Membership.objects.filter(line=line).order_by("from_version").values_list("from_version", flat=True)
    return Version.objects.get(module=MODULE, number=numbers[0]).published_at
