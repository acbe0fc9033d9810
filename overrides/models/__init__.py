"""What is in force and how it came to be: lines, overrides, versions, requests, votes, modes.

An override is one immutable revision of a line. A version is a set of memberships: a row holds a line's override
from `from_version` until `to_version`, so a version costs only what changed. Decisions name overrides; vetoes,
pins, mandates and scorecards name lines.
"""

from overrides.models.background import Challenge, WhatIf
from overrides.models.choices import CHANNELS, DAYS_MAX, POLICIES
from overrides.models.governance import HoldKind, LineHold, Mandate, ModulePolicy, Quarantine
from overrides.models.overrides import Line, Override
from overrides.models.requests import ChangeLine, ChangeRequest, Comment, RequestKind, Vote
from overrides.models.serving import ModuleMode
from overrides.models.versions import Membership, ParameterSet, Version, VersionKind

__all__ = [
    "CHANNELS",
    "DAYS_MAX",
    "POLICIES",
    "Challenge",
    "ChangeLine",
    "ChangeRequest",
    "Comment",
    "HoldKind",
    "Line",
    "LineHold",
    "Mandate",
    "Membership",
    "ModuleMode",
    "ModulePolicy",
    "Override",
    "ParameterSet",
    "Quarantine",
    "RequestKind",
    "Version",
    "VersionKind",
    "Vote",
    "WhatIf",
]
