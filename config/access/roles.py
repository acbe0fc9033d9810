"""The roles of people and their permissions (docs/design.md 18); `groups` stores them as Django groups.

A role is a group membership. A person may have several, and needs `is_staff` to enter the admin. Restrictions to one
module or to small changes are not roles; they belong to the module's governance policy
(`overrides.core.governance.governance_policy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from overrides.core.governance.permissions import APPLY, DRAFT, LOWER, PROPOSE_PARAMETERS, REVIEW

SEEN = ("telemetry", "overrides", "learning")  # every role may view everything in these apps

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "viewer": frozenset(),
        "operator": frozenset({LOWER}),  # may only move towards neutral, and may not review
        "reviewer": frozenset({LOWER, DRAFT, REVIEW, APPLY}),
        "parameter admin": frozenset({DRAFT, PROPOSE_PARAMETERS}),
    }
)

# Only superusers manage API keys; no role grants it.
SUPERUSER_ONLY = frozenset({"access.view_apikey", "access.add_apikey", "access.change_apikey"})


def grants(role: str, permission: str) -> bool:
    """Return whether a role has a permission (`app.codename`).

    >>> grants("viewer", "telemetry.view_trade"), grants("viewer", "access.view_apikey")
    (True, False)
    >>> grants("reviewer", "overrides.apply_changerequest"), grants("operator", "overrides.apply_changerequest")
    (True, False)
    """
    app, _, codename = permission.partition(".")
    return permission in ROLES[role] or (app in SEEN and codename.startswith("view_"))
