"""Content is bound by keys, and what a version rests on is read from rows and not from what the writer says of them.

An override in a membership or a change line is of that line and module; before is what stood; a path begins there;
numbers follow each other; a mandate counts while its signers may still sign it; a vote, while its giver may give it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from django.db import migrations, models

from telemetry.foundation.migration_sql import Trigger, create_function, create_trigger, replace_function

KEYS = (
    ("override_with_its_line", "overrides_override", "UNIQUE (id, line_id)"),
    ("line_with_its_module", "overrides_line", "UNIQUE (id, module)"),
    (
        "membership_holds_its_line",
        "overrides_membership",
        "FOREIGN KEY (override_id, line_id) REFERENCES overrides_override(id, line_id)",
    ),
    (
        "membership_is_of_its_module",
        "overrides_membership",
        "FOREIGN KEY (line_id, module) REFERENCES overrides_line(id, module)",
    ),
    (
        "change_replaces_its_line",
        "overrides_changeline",
        "FOREIGN KEY (before_id, line_id) REFERENCES overrides_override(id, line_id)",
    ),
    (
        "change_brings_its_line",
        "overrides_changeline",
        "FOREIGN KEY (after_id, line_id) REFERENCES overrides_override(id, line_id)",
    ),
)
CREATED = (  # in the order in which they call each other
    "lever_table", "lever_unit", "step_in_force", "ramped_value", "steps_of_line", "steps_of_weights",
    "steps_of_request", "may_review", "is_of_groups", "approvers_of", "trades_of", "mandate_stands", "is_covered",
    "guard_override", "guard_mandate", "guard_mode", "stood_on", "path_is_from_what_stood", "veto_takes_out",
    "request_is_decided",
)  # fmt: skip
REPLACED = (
    "lever_neutral", "lever_exposure", "approvals_of", "is_audited", "require_any_audit", "guard_request",
    "guard_change_line", "guard_vote", "guard_version", "refuse_undecided", "mandate_is_signed", "mode_is_decided",
    "policy_is_decided", "membership_is_of_its_version", "trial_is_decided", "restored_is_what_was",
    "version_is_decided",
)  # fmt: skip
TRIGGERS = (
    ("overrides_override", Trigger("guard_override", "INSERT", "guard_override()")),
    (
        "overrides_changerequest",
        Trigger(
            "request_is_decided",
            "UPDATE",
            "request_is_decided()",
            deferred=True,
            when="NEW.state IN ('approved', 'scheduled', 'applied')",
        ),
    ),
    ("overrides_mandate", Trigger("guard_mandate", "INSERT", "guard_mandate()")),
    ("overrides_modulemode", Trigger("guard_mode", "INSERT OR UPDATE", "guard_mode()")),
    (
        "overrides_linehold",
        Trigger("veto_takes_out", "INSERT", "veto_takes_out()", deferred=True, when="NEW.kind = 'veto'"),
    ),
)
TIMES = (  # table -> the columns whose times grant or prove something
    ("overrides_changerequest", "'created_at', 'submitted_at', 'closed_at', 'acknowledged_at'"),
    ("overrides_vote", "'voted_at'"),
    ("overrides_comment", "'written_at'"),
    ("learning_configs", "'published_at'"),
    ("overrides_mandate", "'granted_at', 'revoked_at'"),
    ("overrides_linehold", "'placed_at', 'lifted_at'"),
    ("overrides_quarantine", "'placed_at', 'lifted_at'"),
    ("overrides_modulemode", "'changed_at'"),
    ("overrides_modulepolicy", "'created_at'"),
)
# Words that no rule knows would pass rules that name the words they refuse; times that Python cannot read stop pages.
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
KNOWN: tuple[tuple[str, str, dict[str, list[str] | tuple[str, ...]]], ...] = (
    (
        "changerequest",
        "request_words_are_known",
        {
            "module__in": ("dm", "pm"),
            "kind__in": ("lines", "parameters", "mode", "policy", "rollback", "trial"),
            "route__in": ("review", "mandate", "at_once"),
            "health__in": ("valid", "stale", "evidence_lapsed", "conflict"),
        },
    ),
    (
        "line",
        "line_words_are_known",
        {
            "module__in": ("dm", "pm"),
            "channel__in": ["dm_alloc", "pm_strength", "pm_tuning"],
            "policy__in": ["plan", "evidence"],
            "action_category__in": ["entry", "add", "trim", "exit", "allocation"],
        },
    ),
    ("linehold", "hold_kind_is_known", {"kind__in": ("veto", "pin")}),
    ("parameterset", "parameters_module_is_known", {"module__in": ("dm", "pm")}),
    ("version", "version_kind_is_known", {"kind__in": ("lines", "parameters", "rollback", "trial", "restored")}),
    ("vote", "vote_decision_is_known", {"decision__in": ("approve", "reject", "request_changes")}),
)
READABLE = (
    ("changerequest", "request_times_are_readable", ("expires_at", "scheduled_for")),
    ("line", "line_time_is_readable", ("created_at",)),
    ("linehold", "hold_term_is_readable", ("expires_at",)),
    ("mandate", "mandate_term_is_readable", ("review_by",)),
    ("override", "override_times_are_readable", ("updated_at", "created_at")),
    ("parameterset", "parameters_time_is_readable", ("created_at",)),
)
# What mandates signed before this rested on is read from their requests, under the policy of today.
SIGNED_BEFORE = """
ALTER TABLE overrides_mandate DISABLE TRIGGER USER;
UPDATE overrides_mandate AS m SET
    approvals_needed = approvals_needed(r),
    voter_groups = groups_for(r),
    edge_sign = coalesce((
        SELECT sign(o.edge_raw)::integer
        FROM overrides_changeline AS c JOIN overrides_override AS o ON o.id = c.after_id
        WHERE c.request_id = m.request_id AND c.line_id = m.line_id
    ), 0)
FROM overrides_changerequest AS r WHERE r.id = m.request_id;
ALTER TABLE overrides_mandate ENABLE TRIGGER USER;
"""


FROZEN = Path(__file__).parent / "sql" / Path(__file__).stem
IS_MANDATED = (FROZEN / "is_mandated.before.sql").read_text(encoding="utf-8")  # gave way to is_covered


class Migration(migrations.Migration):
    dependencies = [("overrides", "0011_what_a_vote_signs"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        *(
            migrations.AddConstraint(model, models.CheckConstraint(condition=models.Q(**words), name=name))
            for model, name, words in KNOWN
        ),
        *(
            migrations.AddConstraint(
                model,
                models.CheckConstraint(
                    condition=models.Q(**{f"{each}__range": (EARLIEST, LATEST) for each in times}), name=name
                ),
            )
            for model, name, times in READABLE
        ),
        migrations.AddField(
            "mandate",
            "edge_sign",
            models.SmallIntegerField(default=0, help_text="set by the database: of the edge that was signed"),
        ),
        migrations.AddField(
            "mandate",
            "approvals_needed",
            models.SmallIntegerField(default=1, help_text="set by the database: by the policy at signing"),
        ),
        migrations.AddField(
            "mandate",
            "voter_groups",
            models.JSONField(default=list, help_text="set by the database: whose votes count, by that policy"),
        ),
        migrations.RunSQL(SIGNED_BEFORE, migrations.RunSQL.noop),
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for name, table, definition in KEYS
        ),
        *(create_function(__file__, name) for name in CREATED),
        *(replace_function(__file__, name) for name in REPLACED),
        migrations.RunSQL("DROP FUNCTION is_mandated", IS_MANDATED),
        *(create_trigger(table, trigger) for table, trigger in TRIGGERS),
        *(
            create_trigger(table, Trigger(f"{table}_keeps_time", "INSERT OR UPDATE", f"keep_time({columns})"))
            for table, columns in TIMES
        ),
    ]
