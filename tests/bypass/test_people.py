"""Every statement that changes people, their rights or their keys, as the application role and as the owner.

Each is tried without an audit entry, with an entry about somebody else, and with an entry that states another value.
A statement that lets somebody approve is also tried without a notice. With the right entries, it goes through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, connection, transaction

from config.access.models import PersonName
from config.access.people_audit import people_audited
from overrides.core.governance.permissions import REVIEW
from telemetry.audit.audit_log import write_audit
from telemetry.audit.notices import acknowledge, write_notice
from telemetry.models import Notice
from tests.builders import NOW
from tests.bypass.world import undone
from tests.people import as_committed, make_person, settled

pytestmark = pytest.mark.django_db

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

VALUELESS = {"password", "revoked_at"}  # stated as changed, without the value
CONTRADICTED = [
    name
    for name, change in CHANGES.items()
    if all(after is not None and not VALUELESS & after.keys() for _, after in change.entries.values())
]
DENIED = "permission denied"
OTHER_KEY = "another role, secret or expiry"
NEVER = {
    "delete a person": ("DELETE FROM auth_user WHERE username = 'ada'", DENIED),
    "delete a key": ("DELETE FROM access_apikey", DENIED),
    "swap the ids of two people": (
        f"UPDATE auth_user SET id = CASE id WHEN {ADA} THEN {BOB} ELSE {ADA} END WHERE id IN ({ADA}, {BOB})",
        "votes and rights refer to people and groups by id",
    ),
    "swap the ids of two groups": (
        "UPDATE auth_group SET id = id + 1000000",
        "votes and rights refer to people and groups by id",
    ),
    "move a membership": (f"UPDATE auth_user_groups SET group_id = {DESK}", DENIED),
    "move a permission of a person": (f"UPDATE auth_user_user_permissions SET user_id = {ADA}", DENIED),
    "move a permission of a group": (f"UPDATE auth_group_permissions SET permission_id = {LOOK_ID}", DENIED),
    "let one permission pass for another": (
        "UPDATE auth_permission SET codename = 'review_changerequest' WHERE codename = 'view_line'",
        DENIED,
    ),
    "let one table pass for another": ("UPDATE django_content_type SET app_label = 'overrides'", DENIED),
    "make a permission": ("INSERT INTO auth_permission (name) VALUES ('x')", DENIED),
    "give a name in advance": (f"INSERT INTO access_personname (key, person_id) VALUES ('new', {ADA})", DENIED),
    "free a name": ("DELETE FROM access_personname", DENIED),
    "give a name to another": (f"UPDATE access_personname SET person_id = {ADA}", DENIED),
    "rewrite Django's log": ("UPDATE django_admin_log SET change_message = ''", DENIED),
    "remove from Django's log": ("DELETE FROM django_admin_log", DENIED),
    "rewrite a notice": ("UPDATE telemetry_notice SET audience = 'x'", DENIED),
    "remove a notice": ("DELETE FROM telemetry_notice", DENIED),
    "take an acknowledgement back": ("DELETE FROM telemetry_acknowledgement", DENIED),
    "give a key another secret": ("UPDATE access_apikey SET digest = 'mine'", OTHER_KEY),
    "give a key another role": ("UPDATE access_apikey SET role = 'propose'", OTHER_KEY),
    "give a key another name": ("UPDATE access_apikey SET name = 'nice'", OTHER_KEY),
    "let a key live on": ("UPDATE access_apikey SET expires_at = NULL", OTHER_KEY),
    "give a key another prefix": ("UPDATE access_apikey SET prefix = 'bbbbbbbb'", OTHER_KEY),
    "leave a key without an owner": ("UPDATE access_apikey SET owner_id = NULL", "a key has an owner"),
    "issue a key to nobody": (
        "INSERT INTO access_apikey (name, role, prefix, digest, created_at) VALUES ('b', 'read', '1', 'x', now())",
        "a key has an owner",
    ),
    "assign a revoked key": (
        f"UPDATE access_apikey SET owner_id = {ADA} WHERE revoked_at IS NOT NULL",
        "a revoked key stays revoked",
    ),
    "call back a revoked key": (
        "UPDATE access_apikey SET revoked_at = NULL WHERE revoked_at IS NOT NULL",
        "a revoked key stays revoked",
    ),
    **{
        f"truncate {table}": (f"TRUNCATE {table} CASCADE", DENIED)
        for table in (
            "auth_user", "auth_user_groups", "auth_user_user_permissions", "auth_group", "auth_group_permissions",
            "access_apikey", "access_personname", "django_admin_log", "telemetry_notice", "telemetry_acknowledgement",
        )
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def people() -> None:
    """Create people with rights of all kinds, and two keys.

    Ada has no rights, Bob approves by a group, Eve would if she were active, Cy is in a group, Fay approves by herself
    and by a group, and Gil is inactive without rights.
    """
    make_person("ada")
    make_person("bob", groups=("reviewer",))
    make_person("eve", REVIEW, is_active=False)
    make_person("cy", groups=("desk",))
    make_person("fay", REVIEW, groups=("panel",))
    make_person("gil", is_active=False)
    make_person("root", is_superuser=True)
    make_person("hal", is_active=False, groups=("asleep",))
    with settled():
        Group.objects.create(name="empty")
        Group.objects.create(name="watch")
        run(
            "INSERT INTO auth_group_permissions (group_id, permission_id) "
            f"VALUES ({PANEL}, {REVIEW_ID}), ({WATCH}, {LOOK_ID})"
        )
        run(
            "INSERT INTO access_apikey (name, role, prefix, digest, created_at, owner_id, expires_at, revoked_at) "
            f"VALUES ('bot', 'record', 'aaaaaaaa', 'x', now(), {BOB}, now() + interval '1 day', NULL), "
            f"('old', 'record', 'cccccccc', 'x', now(), {BOB}, NULL, now())"
        )


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


@pytest.mark.parametrize("role", ["role", "owner"])
@pytest.mark.parametrize("name", CHANGES)
class TestChanges:
    def test_go_through_with_their_entries(self, name: str, role: str) -> None:
        change = CHANGES[name]

        assert refusal(partial(write_entries, change), partial(run, change.statement), role=role) == ""

    def test_need_an_entry(self, name: str, role: str) -> None:
        assert "without an audit entry in its transaction" in refusal(partial(run, CHANGES[name].statement), role=role)

    @pytest.mark.parametrize("other", ["person cy2", "group other", "key bbbbbbbb", "person ADA"])
    def test_need_an_entry_about_the_object_itself(self, name: str, role: str, other: str) -> None:
        change = CHANGES[name]

        message = refusal(partial(write_entries, change, named=other), partial(run, change.statement), role=role)

        assert "without an audit entry in its transaction" in message

    @pytest.mark.parametrize("lie", [{}, {"name": "x", "is_active": "no", "groups": ["x"], "owner": "x"}, []])
    def test_need_an_entry_with_the_new_values(self, name: str, role: str, lie: Any) -> None:
        change = CHANGES[name]

        message = refusal(partial(write_entries, change, after=lie), partial(run, change.statement), role=role)

        assert "without an audit entry in its transaction" in message

    def test_need_a_notice_if_they_let_somebody_approve(self, name: str, role: str) -> None:
        change = CHANGES[name]

        message = refusal(partial(write_entries, change, is_noticed=False), partial(run, change.statement), role=role)

        assert ("has no notice to those who approve" in message) is change.lets_approve
        assert bool(message) is change.lets_approve


@pytest.mark.parametrize("name", CONTRADICTED)
def test_changes_need_an_entry_that_no_later_one_contradicts(name: str) -> None:
    change = CHANGES[name]
    lie = {field: "something else" for _, after in change.entries.values() for field in after}

    false_entries = partial(write_entries, change, after=lie)
    message = refusal(partial(write_entries, change), false_entries, partial(run, change.statement))

    assert "without an audit entry in its transaction" in message


def as_of_old() -> None:
    """Let all entries be of another transaction."""
    with settled():
        run("UPDATE telemetry_auditentry SET transaction = 0")


@pytest.mark.parametrize("name", CHANGES)
def test_changes_need_an_entry_of_their_own_transaction(name: str) -> None:
    write_entries(CHANGES[name])
    as_of_old()

    assert "without an audit entry in its transaction" in refusal(partial(run, CHANGES[name].statement))


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_stated_by_an_entry_that_a_later_one_about_something_else_leaves(name: str) -> None:
    change = CHANGES[name]
    about_else = partial(write_entries, change, after={"something else": 1})

    assert refusal(partial(write_entries, change), about_else, partial(run, change.statement)) == ""


WITHOUT_A_PART: dict[str, dict[str, tuple[Any, Any]]] = {
    "rename": {"person ada2": (None, {"name": "ada2"})},
    "rename a group": {"group board": (None, {"name": "board"})},
    "rename a group with members": {"group board": ({"name": "desk"}, {"name": "board"})},
}


@pytest.mark.parametrize("name", WITHOUT_A_PART)
def test_renames_need_the_name_before_and_an_entry_for_each_member(name: str) -> None:
    change = Change(CHANGES[name].statement, WITHOUT_A_PART[name])

    message = refusal(partial(write_entries, change), partial(run, change.statement))

    assert "without an audit entry in its transaction" in message


@pytest.mark.parametrize(("name", "before"), [("rename", "ada"), ("rename a group", "empty")])
def test_renames_need_the_name_before_in_an_entry_of_their_own(name: str, before: str) -> None:
    write_entries(CHANGES[name])
    as_of_old()
    change = Change(CHANGES[name].statement, WITHOUT_A_PART[name] | {"person other": ({"name": before}, None)})

    message = refusal(partial(write_entries, change), partial(run, change.statement))

    assert "without an audit entry in its transaction" in message


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("issue a key", key) for key in ("name", "role", "owner")] + [("add a person", key) for key in (*ROW, "password")],
)
def test_a_key_or_a_person_is_added_with_all_that_they_are(name: str, left_out: str) -> None:
    [(place, (_, after))] = CHANGES[name].entries.items()
    change = one(CHANGES[name].statement, place, {key: after[key] for key in after if key != left_out})

    message = refusal(partial(write_entries, change), partial(run, change.statement))

    assert "without an audit entry in its transaction" in message


@pytest.mark.parametrize(
    ("table", "columns", "stays", "goes", "entry"),
    [
        ("auth_user_groups", "user_id, group_id", (ADA, REVIEWER), (BOB, REVIEWER), ("person bob", {"groups": []})),
        (
            "auth_user_groups", "user_id, group_id", (BOB, REVIEWER), (BOB, EMPTY),
            ("person bob", {"groups": ["reviewer"]}),
        ),
        (
            "auth_user_user_permissions", "user_id, permission_id", (FAY, REVIEW_ID), (FAY, LOOK_ID),
            ("person fay", {"permissions": [REVIEW]}),
        ),
        (
            "auth_group_permissions", "group_id, permission_id", (PANEL, REVIEW_ID), (PANEL, LOOK_ID),
            ("group panel", {"permissions": [REVIEW]}),
        ),
    ],
    ids=["a membership of two in a group", "one of two memberships", "one of two permissions", "one of two of a group"],
)  # fmt: skip
def test_a_right_is_taken_beside_another_that_stays(
    table: str, columns: str, stays: tuple[str, str], goes: tuple[str, str], entry: tuple[str, Any]
) -> None:
    with settled():
        for owner, right in (stays, goes):
            run(f"INSERT INTO {table} ({columns}) VALUES ({owner}, {right}) ON CONFLICT DO NOTHING")
    first, second = columns.split(", ")
    take = f"DELETE FROM {table} WHERE {first} = {goes[0]} AND {second} = {goes[1]}"

    assert refusal(partial(write_entries, Change("", {entry[0]: (None, entry[1])})), partial(run, take)) == ""


def test_a_family_name_needs_an_entry_too() -> None:
    statement = "UPDATE auth_user SET last_name = 'Byron' WHERE username = 'ada'"

    assert "without an audit entry in its transaction" in refusal(partial(run, statement))


def test_who_adds_themselves_as_one_who_approves_needs_a_notice() -> None:
    [(place, (_, after))] = CHANGES["add a superuser"].entries.items()

    def added() -> None:
        write_audit(actor="new", action="add", object=place, reason="x", before=None, after=after, at=NOW)
        run(CHANGES["add a superuser"].statement)

    assert "has no notice to those who approve" in refusal(added)


def test_keys_of_old_are_used_without_an_owner_and_after_their_end() -> None:
    with settled():
        run("UPDATE access_apikey SET owner_id = NULL")

    assert refusal(partial(run, "UPDATE access_apikey SET last_used_at = now()")) == ""


@pytest.mark.parametrize("statement", ["UPDATE auth_group SET name = name", "UPDATE auth_user SET email = email"])
def test_what_stays_as_it_was_needs_no_entry(statement: str) -> None:
    assert refusal(partial(run, statement)) == ""


@pytest.mark.parametrize("way", ["about another person", "to nobody", "of old"])
def test_a_right_to_approve_needs_a_notice_about_itself_to_those_who_approve(way: str) -> None:
    change = CHANGES["make a superuser"]
    acts: list[Callable[[], object]] = [
        partial(write_entries, change, is_noticed=False),
        partial(run, change.statement),
    ]
    if way == "of old":
        write_entries(change)
        as_of_old()
    elif way == "about another person":
        acts.append(partial(write_entries, change, named="person cy"))
    else:

        def to_nobody() -> None:
            entry = write_audit(
                actor="m",
                action="x",
                object="person ada",
                reason="x",
                before=None,
                after={"is_superuser": True},
                at=NOW,
            )
            write_notice(entry, audience="nobody.reads", using="default")

        acts.append(to_nobody)

    assert "has no notice to those who approve" in refusal(*acts)


class TestNever:
    @pytest.mark.parametrize("operation", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
    @pytest.mark.parametrize(
        ("table", "column"),
        [
            ("telemetry_notice", "audience"),
            ("telemetry_acknowledgement", "acknowledged_at"),
            ("access_personname", "key"),
        ],
    )
    def test_is_what_people_were_told_rewritten_not_even_by_the_owner(
        self, table: str, column: str, operation: str
    ) -> None:
        with settled():
            write_entries(CHANGES["make a superuser"])
            run(
                "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) "
                f"SELECT id, {BOB}, now() FROM telemetry_notice"
            )
            run(f"INSERT INTO access_personname (key, person_id) VALUES ('ada', {ADA})")

        message = refusal(partial(run, operation.format(table, column, column)), role="owner")

        assert f"{table} is append-only: {operation.split()[0]} refused" in message

    @pytest.mark.parametrize("name", NEVER)
    def test_as_the_role_of_the_processes(self, name: str) -> None:
        statement, why = NEVER[name]

        assert why in refusal(partial(run, statement))

    @pytest.mark.parametrize("table", ["auth_user", "access_apikey"])
    def test_is_a_person_or_a_key_deleted_not_even_by_the_owner(self, table: str) -> None:
        assert "never deleted" in refusal(partial(run, f"DELETE FROM {table}"), role="owner")

    @pytest.mark.parametrize("table", ["auth_user_groups", "auth_user_user_permissions", "auth_group_permissions"])
    def test_is_a_right_moved_not_even_by_the_owner(self, table: str) -> None:
        assert "given and taken, not moved" in refusal(partial(run, f"UPDATE {table} SET id = id"), role="owner")

    def test_is_a_table_of_people_emptied_not_even_by_the_owner(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%_is_not_truncated' "
                "AND tgrelid::regclass::text ~ '^(auth|access)_|notice|acknowledgement'"
            )
            tables = {name for (name,) in cursor.fetchall()}
        assert tables == {
            "auth_user", "auth_user_groups", "auth_user_user_permissions", "auth_group", "auth_group_permissions",
            "access_apikey", "access_personname", "telemetry_notice", "telemetry_acknowledgement",
        }  # fmt: skip
        for table in tables:
            run(f"ALTER TABLE {table} ENABLE TRIGGER {table}_is_not_truncated")
            with pytest.raises(DatabaseError, match=r"refused"), transaction.atomic():
                run(f"TRUNCATE {table} CASCADE")


class TestLogins:
    def test_cost_no_entry_and_no_trigger(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE) UPDATE auth_user SET last_login = now() WHERE username = 'ada'")
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "Trigger" not in plan
        assert refusal(partial(run, "UPDATE auth_user SET last_login = now()")) == ""

    def test_upgrade_a_hash_with_an_entry_and_no_notice(self) -> None:
        change = Change("", {"person bob": (None, {"password": "set"})})

        def by_bob() -> None:
            write_audit(
                actor="bob", action="upgrade hash", object="person bob", reason="", before=None,
                after={"password": "set"}, at=NOW,
            )  # fmt: skip
            run("UPDATE auth_user SET password = 'stronger' WHERE username = 'bob'")

        assert refusal(by_bob) == ""
        assert "has no notice" in refusal(partial(write_entries, change, is_noticed=False), by_bob)

    @pytest.mark.parametrize(
        ("object", "after", "transaction"),
        [
            ("person ada", {"password": "set"}, "transaction"),
            ("person bob", {"email": ""}, "transaction"),
            ("person bob", {"password": "set"}, "0"),
        ],
    )
    def test_upgrade_a_hash_without_a_notice_beside_entries_of_others(
        self, object: str, after: dict[str, str], transaction: str
    ) -> None:
        def by_bob() -> None:
            write_audit(actor="mallory", action="change", object=object, reason="", before=None, after=after, at=NOW)
            with settled():
                run(f"UPDATE telemetry_auditentry SET transaction = {transaction}")
            write_audit(
                actor="bob", action="upgrade hash", object="person bob", reason="", before=None,
                after={"password": "set"}, at=NOW,
            )  # fmt: skip
            run("UPDATE auth_user SET password = 'stronger' WHERE username = 'bob'")

        assert refusal(by_bob, role="owner") == ""


class TestNames:
    def rename(self, name: str, to: str) -> None:
        with people_audited(actor="root", at=NOW):
            person = User.objects.get(username=name)
            person.username = to
            person.save()
        as_committed()

    @pytest.mark.parametrize("name", ["ada", "ADA", "Ada", "\uff21da"])  # the last one begins with a wide letter
    def test_are_not_given_to_another_person(self, name: str) -> None:
        self.rename("ada", "lovelace")
        self.rename("lovelace", "ada")  # the names of people of tests are not stored
        self.rename("ada", "lovelace")
        change = one(
            f"UPDATE auth_user SET username = '{name}' WHERE username = 'bob'", f"person {name}", {"name": name}
        )

        renames, adds = partial(run, change.statement), partial(run, INSERT.format(name, "false"))
        for acts in ([renames], [partial(write_entries, change), renames], [adds]):
            assert "no name is given twice" in refusal(*acts)

    def test_are_stored_for_each_person(self) -> None:
        self.rename("bob", "robert")
        self.rename("ada", "lovelace")

        assert set(PersonName.objects.values_list("key", "person__username")) == {
            ("robert", "robert"), ("lovelace", "lovelace"),
        }  # fmt: skip

    def test_may_be_used_again_by_the_same_person(self) -> None:
        self.rename("ada", "lovelace")
        self.rename("lovelace", "ada")

        assert User.objects.filter(username="ada").exists()


class TestTemporaryRights:
    """Other triggers of the same transaction would rely on a temporary right that no entry shows."""

    GIVE = CHANGES["put into a group that approves"].statement
    TAKE = f"DELETE FROM auth_user_groups WHERE user_id = {ADA}"
    ALONE: ClassVar = {"permissions": [REVIEW]}

    def test_membership_is_refused(self) -> None:
        change = Change("", {"person ada": (None, {"groups": []})})

        assert "not given and taken in one transaction" in refusal(
            partial(write_entries, change), partial(run, self.GIVE), partial(run, self.TAKE)
        )

    @pytest.mark.parametrize(
        ("table", "columns", "owner", "right", "entry"),
        [
            ("auth_user_groups", "user_id, group_id", BOB, DESK, ("person bob", {"groups": ["reviewer"]})),
            ("auth_user_user_permissions", "user_id, permission_id", FAY, LOOK_ID, ("person fay", ALONE)),
            ("auth_group_permissions", "group_id, permission_id", PANEL, LOOK_ID, ("group panel", ALONE)),
        ],
        ids=["membership", "permission", "permission of a group"],
    )  # fmt: skip
    def test_is_refused_beside_one_that_stays(
        self, table: str, columns: str, owner: str, right: str, entry: tuple[str, Any]
    ) -> None:
        first, second = columns.split(", ")
        change = Change("", {entry[0]: (None, entry[1])})
        give = f"INSERT INTO {table} ({columns}) VALUES ({owner}, {right})"
        take = f"DELETE FROM {table} WHERE {first} = {owner} AND {second} = {right}"

        message = refusal(partial(write_entries, change), partial(run, give), partial(run, take))

        assert "not given and taken in one transaction" in message

    def test_group_permission_is_refused_even_if_the_group_is_removed(self) -> None:
        change = Change("", {"group desk": ({"name": "desk"}, None), "person cy": (None, {"groups": []})})
        give = CHANGES["let the members of a group approve"].statement
        remove = (
            f"DELETE FROM auth_group_permissions WHERE group_id = {DESK}",
            f"DELETE FROM auth_user_groups WHERE group_id = {DESK}",
            f"DELETE FROM auth_group WHERE id = {DESK}",
        )

        message = refusal(partial(write_entries, change), partial(run, give), *(partial(run, each) for each in remove))

        assert "not given and taken in one transaction" in message

    def test_activity_is_refused(self) -> None:
        change = Change("", {"person eve": (None, {"is_active": False})})
        on, off = (f"UPDATE auth_user SET is_active = {each} WHERE username = 'eve'" for each in ("true", "false"))

        assert "without an audit entry" in refusal(partial(write_entries, change), partial(run, on), partial(run, off))

    def test_superuser_status_is_refused_even_if_checked_early(self) -> None:
        change = Change("", {"person ada": (None, {"is_superuser": False})})
        up, down = (f"UPDATE auth_user SET is_superuser = {each} WHERE username = 'ada'" for each in ("true", "false"))

        early = partial(run, "SET CONSTRAINTS ALL IMMEDIATE")

        assert "without an audit entry" in refusal(
            partial(write_entries, change), partial(run, up), early, partial(run, down)
        )


class TestNotices:
    @pytest.fixture
    def notice(self) -> Notice:
        with people_audited(actor="root", at=NOW):
            User.objects.get(username="ada").groups.add(Group.objects.get(name="reviewer"))
        as_committed()
        return Notice.objects.get()

    def test_are_not_written_later(self, notice: Notice) -> None:
        with settled(), connection.cursor() as cursor:
            cursor.execute("UPDATE telemetry_auditentry SET transaction = 0")

        late = partial(write_notice, notice.entry_id, audience="nobody.reads", using="default")
        another = partial(write_entries, CHANGES["add a group"], is_noticed=False)
        for acts in ([late], [another, late]):
            assert "is written in the transaction of its audit entry" in refusal(*acts)

    @pytest.mark.parametrize("actor", [None, "ada"])
    def test_are_not_acknowledged_for_another(self, notice: Notice, actor: str | None) -> None:
        def forge() -> None:
            if actor is not None:
                write_audit(
                    actor=actor, action="acknowledge", object=f"notice {notice.pk}", reason="", before=None,
                    after=None, at=NOW,
                )  # fmt: skip
            run(
                "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) "
                f"VALUES ({notice.pk}, {BOB}, now())"
            )

        assert "acknowledged for bob without an audit entry by bob" in refusal(forge)

    @pytest.mark.parametrize(
        ("changed", "transaction"),
        [({"object": "notice 0"}, "transaction"), ({"action": "look"}, "transaction"), ({}, "0")],
    )
    def test_are_not_acknowledged_by_an_entry_about_something_else_or_of_old(
        self, notice: Notice, changed: dict[str, str], transaction: str
    ) -> None:
        def forge() -> None:
            fields = {"actor": "bob", "action": "acknowledge", "object": f"notice {notice.pk}"} | changed
            write_audit(**fields, reason="", before=None, after=None, at=NOW)
            with settled():
                run(f"UPDATE telemetry_auditentry SET transaction = {transaction}")
            run(
                "INSERT INTO telemetry_acknowledgement (notice_id, person_id, acknowledged_at) "
                f"VALUES ({notice.pk}, {BOB}, now())"
            )

        assert "acknowledged for bob without an audit entry by bob" in refusal(forge, role="owner")

    def test_are_acknowledged_by_the_verb(self, notice: Notice) -> None:
        bob = User.objects.get(username="bob")

        assert refusal(partial(acknowledge, [notice.pk], by=bob, at=NOW)) == ""
