"""The triggers that guard each table of `telemetry`; the functions they call are in `functions/`, beside this file.

A test compares both with a migrated database. `overrides/models/sql/triggers.py` says how to change one of them.
Privileges of the application role and the partitioning of the decisions stay in migrations, which run once.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from telemetry.foundation.migration_sql import Trigger

TRIGGERS: Mapping[str, tuple[Trigger, ...]] = MappingProxyType(
    {
        # The audit log is append-only, and the database links its entries.
        "telemetry_auditentry": (
            Trigger("link_audit_entry", "INSERT", "link_audit_entry()"),
            Trigger("audit_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("audit_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        # Notices belong to entries of their own transaction; each reader acknowledges for themselves.
        "telemetry_notice": (
            Trigger("guard_notice", "INSERT", "guard_notice()"),
            Trigger("notice_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("telemetry_notice_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        "telemetry_acknowledgement": (
            Trigger("telemetry_acknowledgement_keeps_time", "INSERT", "keep_time('acknowledged_at')"),
            Trigger("acknowledgement_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("telemetry_acknowledgement_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("acknowledgement_is_audited", "INSERT", "acknowledgement_is_audited()", deferred=True),
        ),
        # Stored decisions name these rows by key.
        "telemetry_decisionconstants": (
            Trigger("decision_constants_are_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("decision_constants_are_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        # A month of decisions goes with an audit entry.
        "telemetry_decisionretirement": (
            Trigger("retirement_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("telemetry_decisionretirement_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("retirement_is_audited", "INSERT", "retirement_is_audited()", deferred=True),
        ),
        # Episodes are corrected by further revisions, whose windows come with them.
        "telemetry_episode": (
            Trigger("episode_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("telemetry_episode_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        "telemetry_episodewindow": (
            Trigger("episode_window_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("telemetry_episodewindow_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        # A strategy's outcomes are measured in one unit for good.
        "telemetry_unitofrisk": (
            Trigger("unit_of_risk_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("telemetry_unitofrisk_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
    }
)
