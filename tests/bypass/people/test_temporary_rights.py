"""A right is not given and taken within one transaction."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import pytest

from overrides.core.governance.permissions import REVIEW
from tests.bypass.people.changes import (
    ADA,
    BOB,
    CHANGES,
    DESK,
    FAY,
    LOOK_ID,
    PANEL,
    Change,
    refusal,
    run,
    write_entries,
)

pytestmark = pytest.mark.django_db


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
