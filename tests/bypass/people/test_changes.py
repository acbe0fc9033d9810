"""Every statement that changes people, their rights or their keys, as the application role and as the owner.

Each is tried without an audit entry, with an entry about somebody else, and with an entry that states another value.
A statement that lets somebody approve is also tried without a notice. With the right entries, it goes through.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from overrides.core.governance.permissions import REVIEW
from telemetry.audit.audit_log import write_audit
from telemetry.audit.notices import write_notice
from tests.builders import NOW
from tests.bypass.people.changes import (
    ADA,
    BOB,
    CHANGES,
    EMPTY,
    FAY,
    LOOK_ID,
    PANEL,
    REVIEW_ID,
    REVIEWER,
    ROW,
    Change,
    as_of_old,
    one,
    refusal,
    run,
    write_entries,
)
from tests.people import settled

pytestmark = pytest.mark.django_db
VALUELESS = {"password", "revoked_at"}  # stated as changed, without the value
CONTRADICTED = [
    name
    for name, change in CHANGES.items()
    if all(after is not None and not VALUELESS & after.keys() for _, after in change.entries.values())
]


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
