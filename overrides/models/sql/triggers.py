"""The triggers that guard each table of `overrides`; the functions they call are in `functions/`, beside this file.

Both show the current state; a test compares them with a migrated database. To change a function:

1. Name the new migration, here `0011_x`, and copy `functions/<name>.sql` to `migrations/sql/0011_x/<name>.before.sql`.
2. Edit `functions/<name>.sql`, and copy the result to `migrations/sql/0011_x/<name>.sql`. Migrations carry such frozen
   copies and never read `functions/`, whose files will have changed when they run.
3. Write `migrations/0011_x.py` with `operations = [replace_function(__file__, "<name>")]`, or `create_function` for a
   new function, which has no copy of a text before it.
4. For a trigger, edit the table below, and spell the trigger out in a `create_trigger` or `replace_trigger`.

A rule that the database copies from a table in Python is compared with it in `tests/overrides/models/test_sql.py`.
Privileges of the application role stay in migrations, because the deployment names that role.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from telemetry.foundation.migration_sql import Trigger

TRIGGERS: Mapping[str, tuple[Trigger, ...]] = MappingProxyType(
    {
        # Lines, overrides and parameters never change, because versions refer to them for ever.
        "overrides_line": (
            Trigger("line_is_immutable", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_line_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        "overrides_override": (
            Trigger("guard_override", "INSERT", "guard_override()"),
            Trigger("new_override_is_idle", "INSERT", "mark_idle()"),
            Trigger("override_is_immutable", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_override_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        "overrides_parameterset": (
            Trigger("parameters_are_immutable", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_parameterset_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        # Requests follow the table of states, are voted on with their current content, and are never deleted.
        "overrides_changerequest": (
            Trigger(
                "overrides_changerequest_keeps_time",
                "INSERT OR UPDATE",
                "keep_time('created_at', 'submitted_at', 'closed_at', 'acknowledged_at')",
            ),
            Trigger("guard_request", "INSERT OR UPDATE", "guard_request()"),
            Trigger("request_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("overrides_changerequest_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_changerequest_is_audited",
                "INSERT OR UPDATE OR DELETE",
                "require_audit('request %s', 'id')",
                deferred=True,
            ),
            Trigger(
                "request_is_decided",
                "UPDATE",
                "request_is_decided()",
                deferred=True,
                when="NEW.state IN ('approved', 'scheduled', 'applied')",
            ),
        ),
        "overrides_changeline": (
            Trigger("guard_change_line", "INSERT OR UPDATE OR DELETE", "guard_change_line()"),
            Trigger("overrides_changeline_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_changeline_is_audited",
                "INSERT OR UPDATE OR DELETE",
                "require_audit('request %s', 'request_id')",
                deferred=True,
            ),
        ),
        "overrides_requestevidence": (
            Trigger("overrides_requestevidence_keeps_time", "INSERT OR UPDATE", "keep_time('stored_at')"),
            Trigger("guard_request_evidence", "INSERT", "guard_request_evidence()"),
            Trigger("request_evidence_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_requestevidence_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_requestevidence_is_audited",
                "INSERT",
                "require_audit('request %s', 'request_id')",
                deferred=True,
            ),
        ),
        "overrides_vote": (
            Trigger("overrides_vote_keeps_time", "INSERT OR UPDATE", "keep_time('voted_at')"),
            Trigger("guard_vote", "INSERT", "guard_vote()"),
            Trigger("vote_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_vote_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("overrides_vote_is_audited", "INSERT", "require_audit('request %s', 'request_id')", deferred=True),
        ),
        "overrides_comment": (
            Trigger("overrides_comment_keeps_time", "INSERT OR UPDATE", "keep_time('written_at')"),
            Trigger("comment_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_comment_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_comment_is_audited", "INSERT", "require_audit('request %s', 'request_id')", deferred=True
            ),
        ),
        # A version has exactly the content of its request; its memberships are opened and closed with it.
        "learning_configs": (
            Trigger("learning_configs_keeps_time", "INSERT OR UPDATE", "keep_time('published_at')"),
            Trigger("guard_version", "INSERT OR UPDATE", "guard_version()"),
            Trigger("version_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("learning_configs_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "learning_configs_is_audited",
                "INSERT",
                "require_audit('version %s/%s', 'module', 'number')",
                deferred=True,
            ),
            Trigger(
                "version_is_decided",
                "INSERT",
                "version_is_decided()",
                deferred=True,
                when="NEW.kind NOT IN ('trial', 'restored')",
            ),
            Trigger("version_is_replaced", "UPDATE", "version_is_decided()", deferred=True),
            Trigger("version_weighs_as_decided", "INSERT", "version_weighs_as_decided()", deferred=True),
            Trigger("trial_is_decided", "INSERT", "trial_is_decided()", deferred=True, when="NEW.kind = 'trial'"),
            Trigger(
                "restored_is_what_was",
                "INSERT",
                "restored_is_what_was()",
                deferred=True,
                when="NEW.kind = 'restored'",
            ),
        ),
        "overrides_membership": (
            Trigger("overrides_membership_only_closes", "INSERT OR UPDATE", "only_closes('to_version')"),
            Trigger("membership_marks_idle", "INSERT OR UPDATE", "mark_idle()"),
            Trigger("membership_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("overrides_membership_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "membership_is_of_its_version", "INSERT OR UPDATE", "membership_is_of_its_version()", deferred=True
            ),
        ),
        # Decisions of a person about a module or a line: each has an audit entry and is never deleted.
        "overrides_modulemode": (
            Trigger("guard_mode", "INSERT OR UPDATE", "guard_mode()"),
            Trigger("overrides_modulemode_keeps_time", "INSERT OR UPDATE", "keep_time('changed_at')"),
            Trigger("mode_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("overrides_modulemode_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_modulemode_is_audited",
                "INSERT OR UPDATE OR DELETE",
                "require_audit('mode %s', 'module')",
                deferred=True,
            ),
            Trigger("mode_is_decided", "INSERT OR UPDATE", "mode_is_decided()", deferred=True),
        ),
        # The secret that draws the positions held back is made once.
        "overrides_holdbacksecret": (
            Trigger("holdback_secret_is_immutable", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_holdbacksecret_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        # A position is drawn once for a lever; the database decides by the mode in force whether the budget admits it.
        "overrides_armposition": (
            Trigger("guard_arm_position", "INSERT", "guard_arm_position()"),
            Trigger("overrides_armposition_keeps_time", "INSERT", "keep_time('drawn_at')"),
            Trigger("arm_position_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_armposition_is_not_truncated", "TRUNCATE", "refuse_change()"),
        ),
        "overrides_modulepolicy": (
            Trigger("overrides_modulepolicy_keeps_time", "INSERT OR UPDATE", "keep_time('created_at')"),
            Trigger("policy_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("overrides_modulepolicy_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_modulepolicy_is_audited",
                "INSERT",
                "require_audit('policy %s/%s', 'module', 'number')",
                deferred=True,
            ),
            Trigger("policy_is_decided", "INSERT OR UPDATE", "policy_is_decided()", deferred=True),
        ),
        "overrides_mandate": (
            Trigger("guard_mandate", "INSERT", "guard_mandate()"),
            Trigger("overrides_mandate_keeps_time", "INSERT OR UPDATE", "keep_time('granted_at', 'revoked_at')"),
            Trigger("overrides_mandate_only_closes", "INSERT OR UPDATE", "only_closes('revoked_at')"),
            Trigger("mandate_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("overrides_mandate_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("mandate_is_audited", "INSERT OR UPDATE", "require_any_audit()", deferred=True),
            Trigger("mandate_is_signed", "INSERT", "mandate_is_signed()", deferred=True),
        ),
        "overrides_mandaterenewal": (
            Trigger("overrides_mandaterenewal_keeps_time", "INSERT", "keep_time('voted_at')"),
            Trigger("guard_renewal", "INSERT", "guard_renewal()"),
            Trigger("renewal_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_mandaterenewal_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger("overrides_mandaterenewal_is_audited", "INSERT", "require_any_audit()", deferred=True),
        ),
        "overrides_linehold": (
            Trigger("overrides_linehold_keeps_time", "INSERT OR UPDATE", "keep_time('placed_at', 'lifted_at')"),
            Trigger("overrides_linehold_only_closes", "INSERT OR UPDATE", "only_closes('lifted_at')"),
            Trigger("hold_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("overrides_linehold_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_linehold_is_audited",
                "INSERT OR UPDATE OR DELETE",
                "require_audit('line %s', 'line_id')",
                deferred=True,
            ),
            Trigger("veto_takes_out", "INSERT", "veto_takes_out()", deferred=True, when="NEW.kind = 'veto'"),
        ),
        "overrides_quarantine": (
            Trigger("overrides_quarantine_keeps_time", "INSERT OR UPDATE", "keep_time('placed_at', 'lifted_at')"),
            Trigger("overrides_quarantine_only_closes", "INSERT OR UPDATE", "only_closes('lifted_at')"),
            Trigger("quarantine_is_not_deleted", "DELETE", "refuse_change()"),
            Trigger("overrides_quarantine_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_quarantine_is_audited",
                "INSERT OR UPDATE OR DELETE",
                "require_audit('builder %s', 'module')",
                deferred=True,
            ),
        ),
        # What was reported of a week is never changed; another report of it is a further revision.
        "overrides_weeklyreport": (
            Trigger("overrides_weeklyreport_keeps_time", "INSERT OR UPDATE", "keep_time('made_at')"),
            Trigger("guard_weekly_report", "INSERT", "guard_weekly_report()"),
            Trigger("weekly_report_is_append_only", "UPDATE OR DELETE", "refuse_change()"),
            Trigger("overrides_weeklyreport_is_not_truncated", "TRUNCATE", "refuse_change()"),
            Trigger(
                "overrides_weeklyreport_is_audited",
                "INSERT",
                "require_audit('weekly report %s/%s', 'week', 'revision')",
                deferred=True,
            ),
        ),
    }
)
