"""Statements that a process in wrong hands could run, each with audit entries that name what it writes.

All of them are to be refused, in whatever state the module is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from telemetry.audit.audit_log import write_audit

CLOSES_ONCE = "is immutable: only .* is set, once and later"
NAMES = """
SELECT format('request %s', id) FROM overrides_changerequest
UNION ALL SELECT format('version %s/%s', module, number + 1) FROM learning_configs WHERE is_active
UNION ALL SELECT format('policy %s/%s', module, number + 1) FROM overrides_modulepolicy WHERE is_active
UNION ALL SELECT format('line %s', id) FROM overrides_line
UNION ALL VALUES ('mode pm'), ('mode dm'), ('builder pm')
"""
NEWEST = "(SELECT max(id) FROM overrides_changerequest WHERE {})"
OPEN = NEWEST.format("state IN ('in_review', 'changes_requested', 'approved', 'scheduled')")
APPLIED = NEWEST.format("state = 'applied'")
VOTE = """
INSERT INTO overrides_vote (request_id, voter_id, decision, content_hash, reason, voted_at)
SELECT r.id, u.id, 'approve', {hash}, '', %(at)s FROM overrides_changerequest AS r, auth_user AS u
WHERE r.id = {open} AND {voter} LIMIT 1
"""
VERSION = """
INSERT INTO learning_configs (module, number, is_active, kind, parameters_id, coefficients, n_overrides, content_hash,
    config_data, request_id, published_at, published_by, transaction, epoch)
SELECT module, {number}, true, 'lines', parameters_id, coefficients, n_overrides, content_hash, config_data, {request},
    {at}, 'mallory', 0, 0 FROM learning_configs WHERE {request} IS NOT NULL ORDER BY number DESC LIMIT 1
"""
BROUGHT = (
    "INSERT INTO overrides_changeline (request_id, line_id, action, before_id, after_id, differences) "
    "SELECT r.id, l.id, 'add', NULL, o.id, '[]' FROM overrides_changerequest AS r, overrides_line AS l, "
    f"overrides_override AS o WHERE r.id = {OPEN} AND o.line_id <> l.id AND l.id NOT IN "
    "(SELECT line_id FROM overrides_changeline WHERE request_id = r.id) LIMIT 1"
)
OUT_OF_FORCE = "UPDATE learning_configs SET is_active = false WHERE is_active"


@dataclass(frozen=True)
class Forgery:
    """Statements in order, and what refuses them; where the last one finds no row, there was nothing to forge."""

    statements: tuple[str, ...]
    refused: str


def one(statement: str, refused: str) -> Forgery:
    return Forgery((statement,), refused)


def voted(voter: str, refused: str, content_hash: str = "r.content_hash") -> Forgery:
    return one(VOTE.format(hash=content_hash, open=OPEN, voter=voter), refused)


def published(request: str, refused: str, number: str = "number + 1", at: str = "%(at)s") -> Forgery:
    return Forgery((OUT_OF_FORCE, VERSION.format(request=request, number=number, at=at)), refused)


FORGERIES = {
    "a vote of somebody deactivated": voted("NOT u.is_active AND u.id <> coalesce(r.author_id, 0)", "may not review"),
    "a vote of somebody who may not review": voted(
        "NOT may_review(u.id) AND u.id <> coalesce(r.author_id, 0)", "may not review"
    ),
    "a vote of the author": voted("u.id = r.author_id", "nobody votes on their own"),
    "a vote on another content": voted(
        "may_review(u.id) AND u.id <> coalesce(r.author_id, 0)",
        "a vote is on the content as it stands",
        "repeat('0', 64)",
    ),
    "a vote turned into a yes": one(
        "UPDATE overrides_vote SET decision = 'approve'", "permission denied|append-only"
    ),
    "a vote removed": one("DELETE FROM overrides_vote", "permission denied|append-only"),
    "another title": one(
        f"UPDATE overrides_changerequest SET title = title || '.' WHERE id = {OPEN}", "not changed under them"
    ),
    "more time": one(
        f"UPDATE overrides_changerequest SET expires_at = expires_at + interval '1 day' WHERE id = {OPEN}",
        "not changed under them",
    ),
    "a movement of nothing": one(
        f"UPDATE overrides_changerequest SET movement = movement + 1 WHERE id = {OPEN}", "not changed under them"
    ),
    "another author": one(
        f"UPDATE overrides_changerequest SET author_id = NULL WHERE id = {OPEN} AND author_id IS NOT NULL",
        "by which route and whose, is not changed",
    ),
    "another route": one(
        f"UPDATE overrides_changerequest SET route = 'at_once' WHERE id = {OPEN}",
        "by which route and whose, is not changed",
    ),
    "a line taken out": one(
        f"DELETE FROM overrides_changeline WHERE request_id = {OPEN}",
        "not changed under its votes|only with its edition",
    ),
    "an override of another line": one(
        BROUGHT,
        "not changed under its votes|only with its edition",
    ),
    "an override of another line in another edition": Forgery(
        (
            "UPDATE overrides_changerequest SET edition = edition + 1, content_hash = repeat('1', 64) "
            f"WHERE id = {OPEN}",
            BROUGHT,
        ),
        "change_brings_its_line|an edit goes back to review",
    ),
    "an old request opened again": one(
        f"UPDATE overrides_changerequest SET state = 'in_review' WHERE id = {APPLIED}", "is closed"
    ),
    "a version of an old request": published(
        APPLIED, "one_version_per_request|in another transaction|or of another kind"
    ),
    "a version of an open request": published(OPEN, "is not applied, or of another kind"),
    "a version with a number of its own": published(OPEN, "the next number is", number="number + 2"),
    "an older version in force again": Forgery(
        (
            OUT_OF_FORCE,
            "UPDATE learning_configs SET is_active = true "
            "WHERE number = (SELECT max(number) - 1 FROM learning_configs)",
        ),
        "is immutable; another one replaces it",
    ),
    "no version in force": one(OUT_OF_FORCE, "taken out of force without another"),
    "other figures of a version": one(
        "UPDATE learning_configs SET n_overrides = n_overrides + 1 WHERE is_active",
        "permission denied|is immutable; another one replaces it",
    ),
    "a membership of no version": one(
        "INSERT INTO overrides_membership (module, line_id, override_id, from_version) SELECT 'pm', o.line_id, o.id, "
        "v.number FROM overrides_override AS o, learning_configs AS v WHERE v.is_active AND o.line_id NOT IN "
        "(SELECT line_id FROM overrides_membership WHERE to_version IS NULL) LIMIT 1",
        "only by the version that does it|one_membership_per_line",
    ),
    "an override of another line in force": one(
        "INSERT INTO overrides_membership (module, line_id, override_id, from_version) SELECT 'pm', l.id, o.id, "
        "v.number FROM overrides_line AS l JOIN overrides_override AS o ON o.line_id <> l.id, learning_configs AS v "
        "WHERE v.is_active AND l.id NOT IN (SELECT line_id FROM overrides_membership WHERE to_version IS NULL) LIMIT 1",
        "membership_holds_its_line|only by the version that does it|one_membership_per_line",
    ),
    "a line taken out of force": one(
        "UPDATE overrides_membership SET to_version = from_version + 1 WHERE to_version IS NULL",
        "only by the version that does it",
    ),
    "another override in force": one(
        "UPDATE overrides_membership SET override_id = (SELECT min(id) FROM overrides_override) "
        "WHERE to_version IS NULL",
        f"permission denied|{CLOSES_ONCE}",
    ),
    "a mode switched on": one(
        "UPDATE overrides_modulemode SET mode = 'on', rollout_percent = 100, revision = revision + 1 "
        "WHERE (mode, rollout_percent) <> ('on', 100)",
        "takes an applied request",
    ),
    "a first mode": one(
        "INSERT INTO overrides_modulemode (module, mode, rollout_percent, allow, revision, changed_by, reason, "
        "changed_at) SELECT 'dm', 'on', 100, '{}', 1, 'm', 'r', %(at)s",
        "takes an applied request",
    ),
    "a mode that nobody notices": one("UPDATE overrides_modulemode SET mode = 'off'", "counts the revision up by one"),
    "a mode of another module": one(
        "UPDATE overrides_modulemode SET module = 'dm', revision = revision + 1", "a mode stays with its module"
    ),
    "a policy of one's own": one(
        "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, created_by) "
        "SELECT module, number + 1, false, '{\"approvals\": 1}', request_id, %(at)s, 'm' FROM overrides_modulepolicy "
        "ORDER BY number DESC LIMIT 1",
        "in another transaction",
    ),
    "a mandate for ever": one(
        "UPDATE overrides_mandate SET review_by = review_by + interval '9 years' WHERE revoked_at IS NULL",
        f"permission denied|{CLOSES_ONCE}",
    ),
    "a mandate that was ended": one(
        "UPDATE overrides_mandate SET revoked_at = NULL WHERE revoked_at IS NOT NULL", CLOSES_ONCE
    ),
    "a mandate signed again": Forgery(
        (
            "UPDATE overrides_mandate SET revoked_at = %(at)s WHERE revoked_at IS NULL",
            "INSERT INTO overrides_mandate (line_id, request_id, direction, reach, evidence_floor, edge_sign, "
            "approvals_needed, voter_groups, review_by, granted_at) SELECT line_id, request_id, direction, reach, "
            "evidence_floor, edge_sign, 0, '[]', review_by + interval '1 day', %(at)s FROM overrides_mandate LIMIT 1",
        ),
        "in another transaction",
    ),
    "a hold put back": one("UPDATE overrides_linehold SET lifted_at = NULL WHERE lifted_at IS NOT NULL", CLOSES_ONCE),
    "a hold that ends early": one(
        "UPDATE overrides_linehold SET expires_at = %(at)s WHERE lifted_at IS NULL",
        f"permission denied|{CLOSES_ONCE}",
    ),
    "a quarantine put back": one(
        "UPDATE overrides_quarantine SET lifted_at = NULL WHERE lifted_at IS NOT NULL", CLOSES_ONCE
    ),
    "a person made active again": one(
        "UPDATE auth_user SET is_active = true WHERE NOT is_active", "without an audit entry|audit entry"
    ),
    "a person made a reviewer": one(
        "INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user AS u, auth_group AS g "
        "WHERE g.name = 'reviewer' AND NOT may_review(u.id) AND u.username = 'dan' "
        "ON CONFLICT DO NOTHING",
        "audit entry",
    ),
    "a trail cut off": one("DELETE FROM telemetry_auditentry", "permission denied|append-only"),
}  # fmt: skip
IN_THE_PAST = {  # what grants something at a time that is not the database's clock's, once time is not simulated
    "a vote of another time": voted(
        "may_review(u.id) AND u.id <> coalesce(r.author_id, 0)", "the time of the database"
    ),
    "a version of another time": published(OPEN, "the time of the database"),
    "a mandate of another time": one(
        "UPDATE overrides_mandate SET revoked_at = %(at)s WHERE revoked_at IS NULL", "the time of the database"
    ),
    "a mode of another time": one(
        "UPDATE overrides_modulemode SET mode = 'off', revision = revision + 1, "
        "changed_at = %(at)s + interval '1 hour'",
        "the time of the database",
    ),
}


def cover(at: datetime) -> None:
    """Write audit entries that name every object, so that no forgery lacks one."""
    with connection.cursor() as cursor:
        cursor.execute(NAMES)
        for (name,) in cursor.fetchall():
            write_audit(actor="mallory", action="x", object=name, reason="x", before=None, after=None, at=at)


def attempt(forgery: Forgery, at: datetime) -> bool:
    """Run the statements and all deferred triggers, as a commit would; whether there was a row to forge."""
    with connection.cursor() as cursor:
        for statement in forgery.statements:
            cursor.execute(statement, {"at": at} if "%(at)s" in statement else None)
        if cursor.rowcount < 1:
            return False
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return True
