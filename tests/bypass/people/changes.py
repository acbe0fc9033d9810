"""Every statement that changes people, their rights or their keys, with the audit entries that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection

from overrides.core.governance.permissions import REVIEW
from telemetry.audit.audit_log import write_audit
from telemetry.audit.notices import write_notice
from tests.builders import NOW
from tests.bypass.world import undone
from tests.people import settled

REVIEW_ID = (
    "(SELECT p.id FROM auth_permission AS p JOIN django_content_type AS t ON t.id = p.content_type_id "
    "WHERE t.app_label = 'overrides' AND p.codename = 'review_changerequest')"
)
LOOK_ID = REVIEW_ID.replace("review_changerequest", "view_changerequest")
ADA, BOB, EVE, FAY, GIL, REVIEWER, DESK, EMPTY, PANEL, ASLEEP, WATCH = (
    f"(SELECT id FROM auth_{table} WHERE {column} = '{name}')"
    for table, column, name in (
        ("user", "username", "ada"),
        ("user", "username", "bob"),
        ("user", "username", "eve"),
        ("user", "username", "fay"),
        ("user", "username", "gil"),
        ("group", "name", "reviewer"),
        ("group", "name", "desk"),
        ("group", "name", "empty"),
        ("group", "name", "panel"),
        ("group", "name", "asleep"),
        ("group", "name", "watch"),
    )
)
ROW = {
    "first_name": "", "last_name": "", "email": "", "is_active": True, "is_staff": False, "is_superuser": False,
}  # fmt: skip
INSERT = (
    "INSERT INTO auth_user (username, password, first_name, last_name, email, is_active, is_staff, is_superuser, "
    "date_joined) VALUES ('{0}', '!', '', '', '', true, false, {1}, now())"
)


@dataclass(frozen=True)
class Change:
    """A statement, and the audit entries for it: by object, their `before` and `after`."""

    statement: str
    entries: dict[str, tuple[Any, Any]]
    lets_approve: bool = False


def one(statement: str, named: str, after: Any, before: Any = None, *, lets_approve: bool = False) -> Change:
    return Change(statement, {named: (before, after)}, lets_approve)


CHANGES: dict[str, Change] = {
    "add a person": one(INSERT.format("new", "false"), "person new", {"name": "new", "password": "none", **ROW}),
    "add a superuser": one(
        INSERT.format("new", "true"),
        "person new",
        {"name": "new", "password": "none", **ROW, "is_superuser": True},
        lets_approve=True,
    ),
    "set a password": one(
        "UPDATE auth_user SET password = 'x' WHERE username = 'ada'", "person ada", {"password": "set"}
    ),
    "set the password of one who approves": one(
        "UPDATE auth_user SET password = 'x' WHERE username = 'bob'",
        "person bob",
        {"password": "set"},
        lets_approve=True,
    ),
    "rename": one(
        "UPDATE auth_user SET username = 'ada2' WHERE username = 'ada'",
        "person ada2",
        {"name": "ada2"},
        {"name": "ada"},
    ),
    "deactivate": one(
        "UPDATE auth_user SET is_active = false WHERE username = 'bob'", "person bob", {"is_active": False}
    ),
    "activate one who approves": one(
        "UPDATE auth_user SET is_active = true WHERE username = 'eve'",
        "person eve",
        {"is_active": True},
        lets_approve=True,
    ),
    "let into the admin": one(
        "UPDATE auth_user SET is_staff = true WHERE username = 'ada'", "person ada", {"is_staff": True}
    ),
    "make a superuser": one(
        "UPDATE auth_user SET is_superuser = true WHERE username = 'ada'",
        "person ada",
        {"is_superuser": True},
        lets_approve=True,
    ),
    "change an address": one(
        "UPDATE auth_user SET email = 'a@b.c' WHERE username = 'ada'", "person ada", {"email": "a@b.c"}
    ),
    "change the address of one who approves": one(
        "UPDATE auth_user SET email = 'a@b.c' WHERE username = 'bob'", "person bob", {"email": "a@b.c"}
    ),
    "change the address of a superuser": one(
        "UPDATE auth_user SET email = 'a@b.c' WHERE username = 'root'", "person root", {"email": "a@b.c"}
    ),
    "change an address and state a password that stays": one(
        "UPDATE auth_user SET email = 'a@b.c' WHERE username = 'bob'",
        "person bob",
        {"email": "a@b.c", "password": "set"},
    ),
    "change a real name": one(
        "UPDATE auth_user SET first_name = 'Bob' WHERE username = 'ada'", "person ada", {"first_name": "Bob"}
    ),
    "put into a group": one(
        f"INSERT INTO auth_user_groups (user_id, group_id) VALUES ({ADA}, {EMPTY})", "person ada", {"groups": ["empty"]}
    ),
    "put into a group that approves": one(
        f"INSERT INTO auth_user_groups (user_id, group_id) VALUES ({ADA}, {REVIEWER})",
        "person ada",
        {"groups": ["reviewer"]},
        lets_approve=True,
    ),
    "take out of a group": one(f"DELETE FROM auth_user_groups WHERE user_id = {BOB}", "person bob", {"groups": []}),
    "give a permission": one(
        f"INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES ({ADA}, {LOOK_ID})",
        "person ada",
        {"permissions": ["overrides.view_changerequest"]},
    ),
    "give the permission to approve": one(
        f"INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES ({ADA}, {REVIEW_ID})",
        "person ada",
        {"permissions": [REVIEW]},
        lets_approve=True,
    ),
    "take a permission": one(
        f"DELETE FROM auth_user_user_permissions WHERE user_id = {EVE}", "person eve", {"permissions": []}
    ),
    "add a group": one("INSERT INTO auth_group (name) VALUES ('new')", "group new", {"name": "new"}),
    "rename a group": one(
        "UPDATE auth_group SET name = 'board' WHERE name = 'empty'", "group board", {"name": "board"}, {"name": "empty"}
    ),
    "rename a group with members": Change(
        "UPDATE auth_group SET name = 'board' WHERE name = 'desk'",
        {"group board": ({"name": "desk"}, {"name": "board"}), "person cy": (None, {"groups": ["board"]})},
    ),
    "remove a group": one("DELETE FROM auth_group WHERE name = 'empty'", "group empty", None, {"name": "empty"}),
    "give a group a permission": one(
        f"INSERT INTO auth_group_permissions (group_id, permission_id) VALUES ({DESK}, {LOOK_ID})",
        "group desk",
        {"permissions": ["overrides.view_changerequest"]},
    ),
    "let a group without members approve": one(
        f"INSERT INTO auth_group_permissions (group_id, permission_id) VALUES ({EMPTY}, {REVIEW_ID})",
        "group empty",
        {"permissions": [REVIEW]},
    ),
    "let the members of a group approve": one(
        f"INSERT INTO auth_group_permissions (group_id, permission_id) VALUES ({DESK}, {REVIEW_ID})",
        "group desk",
        {"permissions": [REVIEW]},
        lets_approve=True,
    ),
    "give another permission to a group that approves": one(
        f"INSERT INTO auth_group_permissions (group_id, permission_id) VALUES ({PANEL}, {LOOK_ID})",
        "group panel",
        {"permissions": [REVIEW, "overrides.view_changerequest"]},
    ),
    "let a group approve whose members are inactive": one(
        f"INSERT INTO auth_group_permissions (group_id, permission_id) VALUES ({ASLEEP}, {REVIEW_ID})",
        "group asleep",
        {"permissions": [REVIEW]},
    ),
    "take its permission from a group": one(
        f"DELETE FROM auth_group_permissions WHERE group_id = {PANEL}", "group panel", {"permissions": []}
    ),
    "take one who approves out of a group": one(
        f"DELETE FROM auth_user_groups WHERE user_id = {FAY}", "person fay", {"groups": []}
    ),
    "put one who approves into a group that does not": one(
        f"INSERT INTO auth_user_groups (user_id, group_id) VALUES ({BOB}, {EMPTY})",
        "person bob",
        {"groups": ["empty", "reviewer"]},
    ),
    "put one who approves into a group that looks": one(
        f"INSERT INTO auth_user_groups (user_id, group_id) VALUES ({BOB}, {WATCH})",
        "person bob",
        {"groups": ["reviewer", "watch"]},
    ),
    "put one who is inactive into a group that approves": one(
        f"INSERT INTO auth_user_groups (user_id, group_id) VALUES ({GIL}, {REVIEWER})",
        "person gil",
        {"groups": ["reviewer"]},
    ),
    "give another permission to one who approves": one(
        f"INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES ({BOB}, {LOOK_ID})",
        "person bob",
        {"permissions": ["overrides.view_changerequest"]},
    ),
    "give the permission to approve to one who is inactive": one(
        f"INSERT INTO auth_user_user_permissions (user_id, permission_id) VALUES ({GIL}, {REVIEW_ID})",
        "person gil",
        {"permissions": [REVIEW]},
    ),
    "take a permission from one who approves by a group": one(
        f"DELETE FROM auth_user_user_permissions WHERE user_id = {FAY}", "person fay", {"permissions": []}
    ),
    "issue a key": one(
        "INSERT INTO access_apikey (name, role, prefix, digest, created_at, owner_id) "
        f"VALUES ('bot', 'propose', '12345678', 'x', now(), {BOB})",
        "key 12345678",
        {"name": "bot", "role": "propose", "owner": "bob"},
    ),
    "assign a key": one(
        f"UPDATE access_apikey SET owner_id = {ADA} WHERE prefix = 'aaaaaaaa'",
        "key aaaaaaaa",
        {"owner": "ada"},
        {"owner": "bob"},
    ),
    "revoke a key": one(
        "UPDATE access_apikey SET revoked_at = now() WHERE prefix = 'aaaaaaaa'", "key aaaaaaaa", {"revoked_at": "now"}
    ),
}


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def write_entries(change: Change, *, named: str | None = None, after: Any = None, is_noticed: bool = True) -> None:
    """Write the entries of a change, or entries about another object or with another `after`."""
    for place, (before, stated) in change.entries.items():
        entry = write_audit(
            actor="mallory", action="change", object=named or place, reason="x", before=before,
            after=stated if after is None else after, at=NOW,
        )  # fmt: skip
        if is_noticed:
            write_notice(entry, audience=REVIEW, using="default")


def refusal(*acts: Callable[[], object], role: str = "role") -> str:
    """Return why a transaction of these acts cannot commit; empty if it can."""
    try:
        with undone(role):
            for act in acts:
                act()
    except DatabaseError as refused:
        return str(refused)
    return ""


def as_of_old() -> None:
    """Let all entries be of another transaction."""
    with settled():
        run("UPDATE telemetry_auditentry SET transaction = 0")
