"""Admin pages of the governed state: what is in force, what is requested, and the actions that decide."""

from overrides.admin.decisions import decision_admin
from overrides.admin.governance import hold_admin, mandate_admin, parameter_admin, policy_admin
from overrides.admin.monitors import monitor_admin
from overrides.admin.overrides import override_admin
from overrides.admin.requests import request_admin
from overrides.admin.scorecards import scorecard_admin
from overrides.admin.serving import mode_admin
from overrides.admin.versions import version_admin

__all__ = [
    "decision_admin",
    "hold_admin",
    "mandate_admin",
    "mode_admin",
    "monitor_admin",
    "override_admin",
    "parameter_admin",
    "policy_admin",
    "request_admin",
    "scorecard_admin",
    "version_admin",
]
