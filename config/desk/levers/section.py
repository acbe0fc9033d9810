"""A section of a lever's page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Exists, Q

from config.learner import LEARNS
from overrides.core.engine.definitions.levers import Lever
from overrides.core.engine.definitions.vocabulary import CHANNEL_MODULE, Channel
from overrides.models import ArmPosition, ModuleMode
from overrides.monitoring.exploring.arms import ArmEffect, arm_effects


@dataclass(frozen=True)
class Asked:
    """The lever that a page is about, the time, and the page of a list that the address asks for ("" is the first)."""

    lever: Lever
    now: datetime
    page: str = ""

    @cached_property
    def arms(self) -> Sequence[ArmEffect]:
        """What each alternative that is or was drawn for the lever has shown."""
        if self.lever.scales_on or not _is_explored(self.lever.name):
            return ()
        return [each for each in arm_effects(CHANNEL_MODULE[self.lever.channel]) if each.lever == self.lever.name]

    @cached_property
    def evidence(self) -> Mapping[str, Any]:
        """The newest evidence of each tuning lever that trades or windows tell of, by each of these sources."""
        return newest_evidence()


def _is_explored(lever: str) -> bool:
    """Return in one query whether an alternative of a lever is, or was, drawn: seldom, and the rest takes several."""
    drawn = Exists(ArmPosition.objects.filter(lever=lever))
    return ModuleMode.objects.filter(Q(drawn) | Q(arms__has_key=lever)).exists()


def newest_evidence() -> Mapping[str, Any]:
    """Return the newest evidence by tuning lever; empty where learning is switched off."""
    if not LEARNS:
        return {}
    from learning.lessons.lever_evidence import newest_levers

    return newest_levers(CHANNEL_MODULE[Channel.PM_TUNING])


@dataclass(frozen=True)
class Section:
    """A heading, the template of what stands below it, and what that template shows as `shown`.

    `key` names it in the page's addresses.
    """

    key: str
    title: str
    template: str
    shown: Any


Provider = Callable[[Asked], Section | None]  # None: nothing is to be said of this lever
