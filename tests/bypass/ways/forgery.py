"""A publication written by hand, row by row, with an audit entry for each: honest, but for what a test makes of it.

Nothing here is a verb of the product. What `forge()` writes commits; what a test changes in it, the database refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection

from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.models import ChangeLine, ChangeRequest, Membership, Override, Version, Vote
from overrides.versions.publish import store_override
from telemetry.audit.audit_log import write_audit
from tests.builders import NOW, make_spec
from tests.bypass.world import undone

DAY = timedelta(days=1)
DIP = {"macro_phase": "Dip"}
LINE, OTHER = make_spec().line, make_spec(scope=DIP).line
DENIED = "permission denied for table"
HONEST = ""

Act = Callable[[], object]


def audited(*named: str) -> None:
    for each in named:
        write_audit(actor="mallory", action="apply", object=each, reason="x", before=None, after=None, at=NOW)


def then(*acts: Act) -> Act:
    """One act after another, as one."""

    def all_of_them() -> None:
        for act in acts:
            act()

    return all_of_them


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def as_before(statement: str, *values: Any, is_checked: bool = True) -> None:
    """Change rows as if they had always been so: without triggers, as the owner of the cluster alone can.

    What was written before is checked first, unless `is_checked` is false.
    """
    sql("RESET ROLE")
    if is_checked:
        sql("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    sql("SET session_replication_role = replica")
    sql(statement, *values)
    sql("SET session_replication_role = origin")


def refused(act: Act, why: str, role: str = "role") -> None:
    """Commit what the act writes, as a process or as the owner: it is refused by name, or not at all."""
    attempt: AbstractContextManager[object] = undone(role)
    if why == HONEST:
        with attempt:
            act()
        return
    with pytest.raises(DatabaseError, match=why), attempt:
        act()


def size(of: float = 1.1, scope: dict[str, str] | None = None, **stats: Any) -> OverrideSpec:
    """An override of pm that rests on 40 of the 100 trades that the world has."""
    over = {} if scope is None else {"scope": scope}
    return make_spec({"size_mult": of}, stats={"n": 40, "edge_raw": 0.8, "variance": 0.5} | stats, **over)


@dataclass
class Forgery:
    """One publication; every field that is not set is honest. `at` is when it is published."""

    module: str = "pm"
    route: str = "review"
    kind: str = "lines"
    brings: tuple[OverrideSpec, ...] = ()
    withdraws: tuple[str, ...] = ()
    content: dict[str, Any] = field(default_factory=dict)
    at: Any = NOW + timedelta(hours=1)
    voters: tuple[str, ...] = ("somebody",)
    movement: float = 100.0
    request: dict[str, Any] = field(default_factory=dict)
    line: dict[str, Any] = field(default_factory=dict)
    version: dict[str, Any] = field(default_factory=dict)
    membership: dict[str, Any] = field(default_factory=dict)
    opens: bool = True
    closes: bool = True
    replaces: bool = True
    more: Act = lambda: None  # between the votes and the application
    last: Act = lambda: None

    def __call__(self) -> None:
        self.apply(self.draft())
        self.publish()
        self.last()

    def draft(self) -> ChangeRequest:
        before = {each.line_id: each for each in Membership.objects.filter(module=self.module, to_version=None)}
        self.asked = ChangeRequest.objects.create(
            module=self.module, kind=self.kind, route=self.route, title="t", reason="r", author_name="machine",
            content=self.content, content_hash="a" * 64, movement=self.movement, created_at=NOW,
            expires_at=NOW + 30 * DAY,
            state="in_review" if self.route == "review" else "draft", **self.request,
        )  # fmt: skip
        audited(f"request {self.asked.pk}")
        for spec in self.brings:
            stood = before.get(spec.line)
            after = store_override(spec, source="lesson", at=self.at)
            self._change(spec.line, stood.override_id if stood else None, after.pk, "change" if stood else "add")
        for line in self.withdraws:
            self._change(line, before[line].override_id, None, "withdraw")
        return self.asked

    def _change(self, line: str, before: str | None, after: str | None, action: str) -> None:
        fields = {"line_id": line, "before_id": before, "after_id": after, "action": action} | self.line
        ChangeLine.objects.create(request=self.asked, differences=[], **fields)

    def apply(self, asked: ChangeRequest) -> None:
        if self.route == "review":
            for name in self.voters:
                vote(asked, name)
            ChangeRequest.objects.filter(pk=asked.pk).update(state="approved")
        self.more()
        ChangeRequest.objects.filter(pk=asked.pk).update(state="applied", closed_at=self.at)

    def publish(self) -> None:
        before = Version.objects.get(module=self.module, is_active=True)
        number = before.number + 1
        touched = [*(spec.line for spec in self.brings), *self.withdraws]
        if self.closes:
            Membership.objects.filter(line_id__in=touched, to_version=None).update(to_version=number)
        if self.replaces:
            Version.objects.filter(pk=before.pk).update(is_active=False)
        fields: dict[str, Any] = {
            "module": self.module, "number": number, "is_active": True, "kind": self.kind, "n_overrides": 1,
            "parameters_id": before.parameters_id, "coefficients": before.coefficients, "content_hash": "h",
            "request": self.asked, "published_at": self.at, "published_by": "mallory",
        } | self.version  # fmt: skip
        Version.objects.create(**fields)
        for spec in self.brings if self.opens else ():
            opened: dict[str, Any] = {
                "module": self.module, "line_id": spec.line, "override": Override.objects.get(pk=spec.content_id),
                "from_version": number,
            } | self.membership  # fmt: skip
            Membership.objects.create(**opened)
        audited(f"version {self.module}/{fields['number']}")


def vote(asked: ChangeRequest, name: str = "somebody", decision: str = "approve", **over: Any) -> None:
    fields = {
        "voter": User.objects.get(username=name), "decision": decision, "content_hash": asked.content_hash,
        "voted_at": NOW, "reason": "" if decision == "approve" else "no",
    } | over  # fmt: skip
    Vote.objects.create(request=asked, **fields)
    audited(f"request {asked.pk}")


def under(document: str, act: Act) -> Act:
    """Under a policy that has long been in force."""

    def write() -> None:
        as_before(
            "INSERT INTO overrides_modulepolicy (module, number, is_active, document, request_id, created_at, "
            "created_by) SELECT 'pm', 1, true, %s, min(request_id), now(), 'm' FROM overrides_mandate",
            document,
        )  # fmt: skip
        act()

    return write
