"""Closed vocabularies: every word that an override, a request or an answer may use."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Channel(StrEnum):
    """The plan's `type` of an override: which levers it moves."""

    DM_ALLOC = "dm_alloc"
    PM_STRENGTH = "pm_strength"
    PM_TUNING = "pm_tuning"


class LearningMethod(StrEnum):
    """How lessons are learned."""

    PLAN = "plan"
    EVIDENCE = "evidence"


class Combiner(StrEnum):
    """How matching overrides become one value of a lever."""

    PLAN = "plan"
    MOST_SPECIFIC = "most_specific"
    EVIDENCE = "evidence"


class Blend(StrEnum):
    """The space in which a lever is blended."""

    LOG = "log"
    LINEAR = "linear"


class Reason(StrEnum):
    """Why an answer is what it is."""

    NO_MATCH = "NO_MATCH"
    ALL_EXCLUDED = "ALL_EXCLUDED"
    SINGLE = "SINGLE"
    COMBINED = "COMBINED"
    MODULE_OFF = "MODULE_OFF"
    SHADOW = "SHADOW"
    NOT_IN_ROLLOUT = "NOT_IN_ROLLOUT"
    SCOPE_NOT_ALLOWED = "SCOPE_NOT_ALLOWED"
    PROTECTED = "PROTECTED"
    HOLDBACK = "HOLDBACK"
    STALE = "STALE"
    ERROR = "ERROR"


BY_OVERRIDES = (Reason.SINGLE, Reason.COMBINED)  # overrides acted in the answer, and it was served
SERVED = (*BY_OVERRIDES, Reason.NO_MATCH, Reason.ALL_EXCLUDED)  # a module answered that was on, whatever matched


class ExclusionReason(StrEnum):
    """Why a matching override was excluded."""

    BELOW_FLOOR = "BELOW_FLOOR"
    STALE = "STALE"


class Flag(StrEnum):
    """What a reader of an answer should also know; flags are always listed in this order."""

    STEP_LIMITED = "STEP_LIMITED"
    BOUND_LOW = "BOUND_LOW"
    BOUND_HIGH = "BOUND_HIGH"
    RAMPING = "RAMPING"
    UNKNOWN_DIMENSION = "UNKNOWN_DIMENSION"
    STALE_VERSION = "STALE_VERSION"


CHANNEL_MODULE: Mapping[Channel, str] = MappingProxyType(
    {Channel.DM_ALLOC: "dm", Channel.PM_STRENGTH: "pm", Channel.PM_TUNING: "pm"}
)
MODULE_CATEGORIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"pm": ("entry", "add", "trim", "exit"), "dm": ("allocation",)}
)
# Tuning targets are absolute values, not contributions: they must never be summed, whichever method learns them.
PAIRS: Mapping[tuple[Channel, LearningMethod], tuple[Combiner, ...]] = MappingProxyType(
    {
        (Channel.DM_ALLOC, LearningMethod.PLAN): (Combiner.PLAN, Combiner.MOST_SPECIFIC),
        (Channel.DM_ALLOC, LearningMethod.EVIDENCE): (Combiner.EVIDENCE,),
        (Channel.PM_STRENGTH, LearningMethod.PLAN): (Combiner.PLAN, Combiner.MOST_SPECIFIC),
        (Channel.PM_STRENGTH, LearningMethod.EVIDENCE): (Combiner.EVIDENCE,),
        (Channel.PM_TUNING, LearningMethod.PLAN): (Combiner.PLAN,),
        (Channel.PM_TUNING, LearningMethod.EVIDENCE): (Combiner.PLAN,),
    }
)
