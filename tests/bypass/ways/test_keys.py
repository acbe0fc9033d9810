"""Every key and every check of the governed tables refuses what it is for, even where no trigger looks.

The statements run as the owner of the cluster without triggers, so that nothing but the key itself can refuse them.
"""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from tests.bench.mutants.database_mutants import key_mutants
from tests.bypass.ways.forgery import as_before, sql

pytestmark = [pytest.mark.usefixtures("market"), pytest.mark.django_db]

NEVER = "'20000-01-01'"  # no Python can read it
YESTERDAY, TOMORROW = "now() - interval '1 day'", "now() + interval '1 day'"
V, EXIT, NAN = "'v'", "'exit'", "'NaN'::float8"
IMPLIED = {  # an end is after its beginning, which is not below 0; a revision is 1, or above 1 with a reason
    "overrides_membership_to_version_check", "telemetry_episode_revision_check",
}  # fmt: skip
HOLD = (
    "INSERT INTO overrides_linehold (line_id, kind, reason, placed_by_id, placed_at, expires_at) "
    "SELECT line_id, {}, {}, 1, now(), {} FROM overrides_membership WHERE to_version IS NULL"
)
HOLD_OF = (
    "INSERT INTO overrides_linehold (line_id, kind, reason, placed_by_id, placed_at, cap, rejected) "
    "SELECT line_id, {}, 'x', 1, now(), {}, {} FROM overrides_membership WHERE to_version IS NULL"
)
RENEWAL = (
    "INSERT INTO overrides_mandaterenewal (mandate_id, voter_id, reason, voted_at) "
    "SELECT id, 1, {}, now() FROM overrides_mandate"
)
EVIDENCE = (
    "INSERT INTO overrides_requestevidence (request_id, edition, document, document_hash, stored_at) "
    "SELECT id, {}, '{{}}', 'x', now() FROM overrides_changerequest"
)
REPORT = (
    "INSERT INTO overrides_weeklyreport (week, revision, document, document_hash, made_at, made_by) "
    "VALUES ('2026-02-02', {}, '{{}}', 'x', now(), 'm')"
)
QUARANTINE = "INSERT INTO overrides_quarantine (module, reason, placed_by_id, placed_at) VALUES ('pm', {}, 1, now())"
POLICY = (
    "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, created_by) "
    "SELECT 'pm', {}, {}, '{{}}', min(request_id), now(), 'm' FROM overrides_mandate"
)
KEY = (
    "INSERT INTO access_apikey (name, role, prefix, digest, created_at) "
    "VALUES ('a', {0}, '11111111', 'x', {1}), ('b', 'read', '11111111', 'x', now())"
)
ARM = (
    "INSERT INTO overrides_armposition (module, lever, position_key, share_draw, draw, drawn_at, week, alternative, "
    "probability, share_percent, rr_per_week, reserved, spent, is_admitted, is_alternative) "
    "VALUES ('pm', 'trail_mult', 'a', 1, {}, now(), now(), 2, 0.5, 100, 1, 0.5, 0, {}, {})"
)
UNIT = (
    "INSERT INTO telemetry_unitofrisk (strategy, unit, trades, real_stops, chosen_at) VALUES ('s', {}, {}, {}, now())"
)
NOTICE = "INSERT INTO telemetry_notice (entry_id, audience) SELECT min(seq), 'x' FROM telemetry_auditentry"
RETIREMENT = (
    "INSERT INTO telemetry_decisionretirement (month, since, until, policies, rows, kept, retired_at) "
    "VALUES ('2019_05', now(), now(), 'dm 1, pm 1', 0, 0, now())"
)
READ = (
    "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) "
    "SELECT n.id, 1, now() FROM telemetry_notice AS n"
)


def twice(statement: str) -> str:
    return f"{statement}; {statement}"


def column(table: str, name: str, value: str) -> str:
    return f"UPDATE {table} SET {name} = {value}"


def inserted(table: str, values: dict[str, str], source: str = "") -> str:
    return f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())}{source}"


def episode(**changed: str) -> str:
    """Return SQL that writes an episode; each value is SQL."""
    texts = dict.fromkeys(
        ("correction_reason", "excluded_reason", "source", "side", "timeframe", "cluster_id", "trade_id", "ended_in",
         "outcome", "recorded_by"), "''"
    )  # fmt: skip
    fields = {
        "id": "gen_random_uuid()", "episode_id": "'e'", "revision": "1", "episode_type": "'s1_entry'", "book": "'b'",
        "symbol": "'s'", "started_at": "now()", "ended_at": "now()", "entered": "false", "digest": "'x'",
        "recorded_at": "now()",
    }  # fmt: skip
    return inserted("telemetry_episode", texts | fields | changed)


def window(**changed: str) -> str:
    """Return SQL that writes a window of the episode; each value is SQL."""
    fields = {
        "episode_id": "id", "index": "0", "window_id": "'w'", "pattern_key": "'a.b.c'", "action_category": "'entry'",
        "scope": "'{}'", "started_at": "now()", "ended_at": "now()", "decided_at": "now()", "outcome": "''",
        "thresholds": "'{}'", "blocked_by": "'{}'", "samples": "'{}'",
    }  # fmt: skip
    return inserted("telemetry_episodewindow", fields | changed, " FROM telemetry_episode")


REFUSED: dict[str, str] = {
    "access_apikey_prefix_key": KEY.format("'read'", "now()"),
    "key_role_is_known": KEY.format("'king'", "now()"),
    "key_times_are_readable": KEY.format("'read'", NEVER),
    "unit_of_risk_is_known": UNIT.format("'drawdown'", 1, 1),
    "telemetry_unitofrisk_trades_check": UNIT.format("'atr'", -1, 0),
    "telemetry_unitofrisk_real_stops_check": UNIT.format("'atr'", 1, -1),
    "telemetry_unitofrisk_strategy_key": twice(UNIT.format("'atr'", 1, 1)),
    "one_row_per_episode_revision": twice(episode()),
    "episode_ends_after_it_starts": episode(ended_at=YESTERDAY),
    "episode_correction_has_a_reason": episode(revision="2"),
    "episode_words_are_known": episode(episode_type="'s2'"),
    "one_window_per_index": f"{episode()}; {window()}; {window(window_id=V)}",
    "one_window_per_id": f"{episode()}; {window()}; {window(index='1')}",
    "window_rr_is_finite": f"{episode()}; {window(rr=NAN, known_at='now()')}",
    "window_is_decided_while_it_lasts": f"{episode()}; {window(decided_at=TOMORROW)}",
    "window_is_known_after_it_was_decided": f"{episode()}; {window(rr='1', known_at=YESTERDAY)}",
    "window_words_are_known": f"{episode()}; {window(action_category=EXIT)}",
    "telemetry_episodewindow_index_check": f"{episode()}; {window(index='-1')}",
    "telemetry_episodewindow_retest_index_check": f"{episode()}; {window(retest_index='-1')}",
    "auth_group_name_key": twice("INSERT INTO auth_group (name) VALUES ('a')"),
    "auth_group_permissions_group_id_permission_id_0cd325b0_uniq": twice(
        "INSERT INTO auth_group_permissions (group_id, permission_id) SELECT 1, min(id) FROM auth_permission"
    ),
    "auth_user_username_key": column("auth_user", "username", "'a'"),
    "person_times_are_readable": column("auth_user", "last_login", NEVER),
    "auth_user_groups_user_id_group_id_94350c0c_uniq": twice(
        "INSERT INTO auth_user_groups (user_id, group_id) SELECT min(id), 1 FROM auth_user"
    ),
    "auth_user_user_permissions_user_id_permission_id_14a6b632_uniq": twice(
        "INSERT INTO auth_user_user_permissions (user_id, permission_id) SELECT min(id), 1 FROM auth_user"
    ),
    "learning_configs_n_overrides_check": column("learning_configs", "n_overrides", "-1"),
    "learning_configs_number_check": column("learning_configs", "number", "-id"),
    "one_version_per_number": column("learning_configs", "number", "9"),
    "one_active_version_per_module": column("learning_configs", "is_active", "true"),
    "one_version_per_request": column("learning_configs", "request_id", "1"),
    "one_restored_version_per_request": column("learning_configs", "(kind, request_id)", "('restored', 1)"),
    "trial_is_never_active": column("learning_configs", "kind", "'trial'"),
    "version_kind_is_known": column("learning_configs", "kind", "'x'"),
    "change_line_has_its_sides": column("overrides_changeline", "action", "'withdraw'"),
    "one_change_per_line_and_request": column("overrides_changeline", "(request_id, line_id)", "(1, 'x')"),
    "overrides_changerequest_base_version_check": column("overrides_changerequest", "base_version", "-1"),
    "overrides_changerequest_succeeds_id_key": column("overrides_changerequest", "succeeds_id", "1"),
    "overrides_changerequest_edition_check": column("overrides_changerequest", "edition", "-1"),
    "request_movement_is_finite": column("overrides_changerequest", "movement", "'Infinity'"),
    "request_times_are_readable": column("overrides_changerequest", "scheduled_for", NEVER),
    "request_words_are_known": column("overrides_changerequest", "route", "'x'"),
    "comment_says_something": (
        "INSERT INTO overrides_comment (request_id, author_id, text, written_at) VALUES (1, 1, '', now())"
    ),
    "line_time_is_readable": column("overrides_line", "created_at", NEVER),
    "line_words_are_known": column("overrides_line", "module", "'xx'"),
    "hold_has_a_reason": HOLD.format("'pin'", "''", "NULL"),
    "hold_kind_is_known": HOLD.format("'stop'", "'x'", "NULL"),
    "hold_term_is_readable": HOLD.format("'pin'", "'x'", NEVER),
    "hold_cap_is_of_a_cap": HOLD_OF.format("'pin'", "'{}'", "NULL"),
    "hold_rejection_is_a_pin": HOLD_OF.format("'veto'", "NULL", "'{}'"),
    "one_renewal_per_mandate_and_person": twice(RENEWAL.format("'x'")),
    "renewal_has_a_reason": RENEWAL.format("''"),
    "overrides_mandate_renews_id_key": column("overrides_mandate", "renews_id", "1"),
    "one_evidence_per_edition": twice(EVIDENCE.format(9)),
    "overrides_requestevidence_edition_check": EVIDENCE.format(-1),
    "one_report_per_week_and_revision": twice(REPORT.format(1)),
    "overrides_weeklyreport_revision_check": REPORT.format(-1),
    "one_live_hold_per_line": twice(HOLD.format("'pin'", "'x'", "NULL")),
    "mandate_direction_is_a_sign": column("overrides_mandate", "direction", "0"),
    "mandate_term_is_readable": column("overrides_mandate", "review_by", NEVER),
    "one_live_mandate_per_line": column("overrides_mandate", "(line_id, revoked_at)", "('x', NULL)"),
    "membership_ends_after_it_starts": column("overrides_membership", "to_version", "from_version"),
    "membership_path_is_whole": column("overrides_membership", "path_from", "'{}'"),
    "one_membership_per_line_and_version": column("overrides_membership", "from_version", "0"),
    "one_open_membership_per_line": column("overrides_membership", "to_version", "NULL"),
    "overrides_membership_from_version_check": column("overrides_membership", "from_version", "-id"),
    "mode_is_known": column("overrides_modulemode", "mode", "'hyper'"),
    "mode_holdback_is_small": column("overrides_modulemode", "holdback_percent", "20.5"),
    "one_draw_per_position_and_lever": twice(ARM.format(0.1, "true", "true")),
    "arm_position_is_finite": ARM.format("'NaN'", "true", "true"),
    "an_alternative_is_admitted": ARM.format(0.1, "false", "true"),
    "there_is_one_holdback_secret": "INSERT INTO overrides_holdbacksecret (id, secret) VALUES (2, 'another')",
    "mode_rollout_is_a_percentage": column("overrides_modulemode", "rollout_percent", "101"),
    "overrides_modulemode_revision_check": column("overrides_modulemode", "revision", "-1"),
    "one_policy_per_number": twice(POLICY.format(1, "false")),
    "one_active_policy_per_module": f"{POLICY.format(1, 'true')}; {POLICY.format(2, 'true')}",
    "overrides_modulepolicy_number_check": POLICY.format(-1, "true"),
    "override_edge_is_finite": column("overrides_override", "edge_raw", "'NaN'"),
    "override_half_life_is_positive": column("overrides_override", "half_life_days", "0"),
    "override_n_and_variance_are_finite": column("overrides_override", "n", "-1"),
    "override_times_are_readable": column("overrides_override", "updated_at", NEVER),
    "parameters_module_is_known": column("overrides_parameterset", "module", "'xx'"),
    "parameters_time_is_readable": column("overrides_parameterset", "created_at", NEVER),
    "quarantine_has_a_reason": QUARANTINE.format("''"),
    "one_live_quarantine": twice(QUARANTINE.format("'x'")),
    "vote_against_has_a_reason": column("overrides_vote", "decision", "'reject'"),
    "vote_decision_is_known": column("overrides_vote", "(decision, reason)", "('abstain', 'x')"),
    "one_acknowledgement_per_notice_and_person": f"{NOTICE}; {twice(READ)}",
    "telemetry_auditentry_hash_key": column("telemetry_auditentry", "hash", "'x'"),
    "telemetry_notice_entry_id_key": twice(NOTICE),
    "telemetry_decisionretirement_month_key": twice(RETIREMENT),
}


BY_TRIGGERS = {  # foreign keys are triggers themselves, and run where those that were written here do not
    "change_brings_its_line": column("overrides_changeline", "line_id", "'x'"),
    "change_replaces_its_line": column("overrides_changeline", "before_id", "'x' WHERE before_id IS NOT NULL"),
    "membership_holds_its_line": column("overrides_membership", "override_id", "'x'"),
    "membership_is_of_its_module": column("overrides_membership", "module", "'xx'"),
}


@pytest.mark.parametrize("name", BY_TRIGGERS)
def test_two_columns_that_do_not_belong_together_are_refused(name: str) -> None:
    statement = BY_TRIGGERS[name]
    table = statement.split()[1]
    sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    with pytest.raises(IntegrityError, match=f'"{name}"'), transaction.atomic():
        sql(statement)


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_is_for_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match=f'"{name}"'), transaction.atomic():
        as_before(REFUSED[name])


def test_every_key_is_tried() -> None:
    names = {each.where.partition(" on ")[0] for each in key_mutants()}

    assert names - BY_TRIGGERS.keys() - IMPLIED == REFUSED.keys()


def test_keys_are_checked_without_triggers() -> None:
    as_before("UPDATE overrides_line SET created_at = now()")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('session_replication_role')")
        assert cursor.fetchone() == ("origin",)
