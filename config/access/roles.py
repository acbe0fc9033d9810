"""The roles of people and their permissions (docs/design.md 18); `groups` stores them as Django groups.

A role is given by membership; a person may have several, and needs `is_staff` to enter the admin. Who may agree to
what of one module, or of one size, is the module's policy (`core.governance.governance_policy`), not another role.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from overrides.core.governance.permissions import APPLY, DRAFT, LOWER, PROPOSE_PARAMETERS, REVIEW

SEEN = ("telemetry", "overrides", "learning")  # every role may look at everything in these

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "viewer": frozenset(),
        "operator": frozenset({LOWER}),  # towards neutral only, and no word on what others did
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
