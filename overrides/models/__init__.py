"""Tables of the governed state: lines, overrides, versions, change requests, votes, modes and restrictions.

An override is one immutable revision of a line. A version is a set of memberships: a row states that a line carries an
override from `from_version` until before `to_version`, so a version stores only what changed. Decisions refer to
overrides; vetoes, pins, mandates and scorecards refer to lines.
"""

from overrides.models.arms import ArmOutcome, ArmPosition
from overrides.models.background import Challenge, WhatIf
from overrides.models.choices import CHANNELS, DAYS_MAX, POLICIES
from overrides.models.earned import EarnedDay, HoldbackDay
from overrides.models.governance import HoldKind, LineHold, Mandate, MandateRenewal, ModulePolicy, Quarantine
from overrides.models.line_use import KeyUse, LineUse, UseCounted, ValueUse
from overrides.models.monitoring import GuardDay, ModuleGuard, Monitor, MonitorDay, MonitorTrade
from overrides.models.overrides import IdleOverride, Line, Override
from overrides.models.reports import WeeklyReport
from overrides.models.requests import ChangeLine, ChangeRequest, Comment, RequestEvidence, RequestKind, Vote
from overrides.models.scorecards import Scorecard
from overrides.models.serving import HoldbackSecret, ModuleMode, ServingConfirmation
from overrides.models.versions import Membership, ParameterSet, Version, VersionKind

__all__ = [
    "CHANNELS",
    "DAYS_MAX",
    "POLICIES",
    "ArmOutcome",
    "ArmPosition",
    "Challenge",
    "ChangeLine",
    "ChangeRequest",
    "Comment",
    "EarnedDay",
    "GuardDay",
    "HoldKind",
    "HoldbackDay",
    "HoldbackSecret",
    "IdleOverride",
    "KeyUse",
    "Line",
    "LineHold",
    "LineUse",
    "Mandate",
    "MandateRenewal",
    "Membership",
    "ModuleGuard",
    "ModuleMode",
    "ModulePolicy",
    "Monitor",
    "MonitorDay",
    "MonitorTrade",
    "Override",
    "ParameterSet",
    "Quarantine",
    "RequestEvidence",
    "RequestKind",
    "Scorecard",
    "ServingConfirmation",
    "UseCounted",
    "ValueUse",
    "Version",
    "VersionKind",
    "Vote",
    "WeeklyReport",
    "WhatIf",
]
