"""Every entry point (page, action, endpoint, task, command), and which governed tables it may write by which verb.

An entry point that is missing from these tables fails the test, and so does one that writes more than its row says.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib import admin
from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command, get_commands
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from config.access import roles
from config.access.models import ApiKey
from config.celery import app
from overrides.admin.governance.mandate_acts import CHOSEN
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import ChangeRequest, LineHold, Mandate, Version
from telemetry.models import AuditEntry
from tests.api_clients import bearer, new_key
from tests.builders import KEY, NOW, come_true, make_lesson, make_spec, trade_payload
from tests.bypass.table import MODELS
from tests.bypass.world import LINE, OTHER, open_request
from tests.config.access.api.test_permissions import MATRIX, METHODS
from tests.conftest import make_user
from tests.learning.proposals.test_switch_method import ran
from tests.overrides.admin.governance.test_policy_admin import N_TARGET, constants, rules
from tests.overrides.admin.overrides.test_manual_page import typed
from tests.people import as_committed, make_person

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.django_db]

ROLES = (*roles.ROLES, "superuser")
NOBODY: frozenset[str] = frozenset()
RECOVERY = {"macro_phase": "Recovery"}
DECIDES = frozenset({"reviewer", "superuser"})
LOWERS = frozenset({"reviewer", "operator", "superuser"})
DRAFTS = frozenset({"reviewer", "parameter admin", "superuser"})
SETS_CONSTANTS = frozenset({"parameter admin", "superuser"})
DRAFTED = {"ChangeRequest", "RequestEvidence", "AuditEntry"}
LOWERED = {"ChangeRequest", "ModuleMode", "AuditEntry"}
RETIRED = {"ChangeRequest", "ChangeLine", "Version", "Membership", "Mandate", "AuditEntry"}


PEOPLE = {  # name -> table, and the column that is not governed
    "Person": ("auth_user", "last_login"), "Membership of a group": ("auth_user_groups", ""),
    "Permission of a person": ("auth_user_user_permissions", ""), "Group": ("auth_group", ""),
    "Permission of a group": ("auth_group_permissions", ""), "Key": ("access_apikey", "last_used_at"),
    "Notice": ("telemetry_notice", ""), "Acknowledgement": ("telemetry_acknowledgement", ""),
}  # fmt: skip
FINGERPRINTED = {name: (model._meta.db_table, "") for name, model in MODELS.items()} | PEOPLE


def fingerprint() -> dict[str, int]:
    """Return the content of every governed table, and of those of people, as a number."""
    one = "SELECT '{0}', coalesce(sum(hashtextextended((to_jsonb(t) - '{2}')::text, 0)), 0) FROM {1} AS t"
    parts = [one.format(name, table, free) for name, (table, free) in FINGERPRINTED.items()]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


def written(write: Callable[[], object]) -> set[str]:
    """Return the governed tables that differ afterwards."""
    before = fingerprint()
    write()
    after = fingerprint()
    return {name for name in FINGERPRINTED if before[name] != after[name]}


def browser(role: str) -> Client:
    groups = (role,) if role in roles.ROLES else ()
    person = make_person(f"a {role}", groups=groups, is_staff=True, is_superuser=role == "superuser")
    client = Client()
    client.force_login(person)
    return client


def built_by_evidence() -> dict[str, Any]:
    """Return a run of the evidence method with a lesson that could be served; its names are arbitrary."""
    come_true()
    ran(LearningMethod.EVIDENCE)
    make_lesson(policy="evidence")
    return {}


# --- the admin ----------------------------------------------------------------------------------------

# Pages in addition to Django's own: how to post, the verb behind it, who may, and what it writes.
POSTS: dict[str, tuple[Callable[[], dict[str, Any]], dict[str, Any], str, frozenset[str], set[str]]] = {
    "overrides_changerequest_approve": (
        lambda: {"request_id": open_request().pk}, {}, "review.approve", DECIDES,
        {"ChangeRequest", "Vote", "AuditEntry"},
    ),
    "overrides_changerequest_reject": (
        lambda: {"request_id": open_request().pk}, {"reason": "no"}, "review.reject", DECIDES,
        {"ChangeRequest", "Vote", "AuditEntry"},
    ),
    "overrides_changerequest_apply": (
        lambda: {"request_id": open_request().pk}, {}, "apply.apply_request: refused, nobody has approved", NOBODY,
        set(),
    ),
    "overrides_changerequest_renew": (
        lambda: {"request_id": open_request().pk}, {}, "renewal.renew_mandates: refused, it has no mandates", NOBODY,
        set(),
    ),
    "overrides_changerequest_request_changes": (
        lambda: {"request_id": open_request().pk}, {"reason": "smaller"}, "review.request_changes", DECIDES,
        {"ChangeRequest", "Vote", "AuditEntry"},
    ),
    "overrides_changerequest_cancel": (
        lambda: {"request_id": open_request().pk}, {"reason": "no"}, "review.cancel: its author's alone", NOBODY, set(),
    ),
    "overrides_changerequest_submit": (
        lambda: {"request_id": open_request().pk}, {}, "draft.submit: its author's alone", NOBODY, set(),
    ),
    "overrides_changerequest_edit": (
        lambda: {"request_id": open_request().pk}, {"title": "other", "reason": "other"},
        "propose.edit: its author's alone", NOBODY, set(),
    ),
    "overrides_changerequest_schedule": (
        lambda: {"request_id": open_request().pk}, {"due": "2026-03-03T12:00"},
        "review.schedule: refused, nobody has approved", NOBODY, set(),
    ),
    "overrides_changerequest_unschedule": (
        lambda: {"request_id": open_request().pk}, {}, "review.unschedule: refused, it is not", NOBODY, set(),
    ),
    "overrides_changerequest_acknowledge": (
        lambda: {"request_id": open_request().pk}, {"reason": "seen"},
        "neutralize.acknowledge: refused, it was not at once", NOBODY, set(),
    ),
    "overrides_changerequest_comment": (
        lambda: {"request_id": open_request().pk}, {"reason": "so"}, "review.comment", frozenset(ROLES),
        {"Comment", "AuditEntry"},
    ),
    "overrides_changerequest_what_if": (
        lambda: {"request_id": open_request().pk}, {}, "what_if.request_what_if: an answer, in a table of its own",
        NOBODY,
        set(),
    ),
    "overrides_modulemode_quarantine": (
        lambda: {"module": "pm"}, {"reason": "odd"}, "neutralize.quarantine_builder: one stands", NOBODY, set(),
    ),
    "overrides_modulemode_lift_quarantine": (
        lambda: {"module": "pm"}, {"reason": "mended"}, "neutralize.lift_quarantine", DECIDES,
        {"Quarantine", "AuditEntry"},
    ),
    "overrides_everything_off": (dict, {"reason": "halt"}, "neutralize.switch_everything_off", LOWERS, LOWERED),
    "overrides_line_veto": (
        lambda: {"line_id": LINE}, {"reason": "harm"}, "neutralize.veto_line", LOWERS, RETIRED | {"LineHold"},
    ),
    "overrides_line_pin": (
        lambda: {"line_id": OTHER}, {"reason": "mine"}, "neutralize.pin_line", DECIDES, {"LineHold", "AuditEntry"},
    ),
    "overrides_linehold_lift": (
        lambda: {"hold_id": LineHold.objects.get().pk}, {"reason": "done"}, "neutralize.lift_hold", DECIDES,
        {"LineHold", "AuditEntry"},
    ),
    "overrides_override_retire": (
        lambda: {"override_id": make_spec({"size_mult": 1.2}).id}, {"decide": "yes", "reason": "it lost"},
        "neutralize.retire_lines", LOWERS, RETIRED,
    ),
    "overrides_line_by_hand": (
        lambda: {"module": "pm"}, typed(draft="yes"), "draft.draft_request", DRAFTS,
        DRAFTED | {"ChangeLine", "Line", "Override"},
    ),
    "overrides_modulepolicy_propose": (
        lambda: {"module": "pm"}, rules(approvals=2) | {"reason": "two", "draft": "yes"}, "draft.draft_request",
        SETS_CONSTANTS, DRAFTED,
    ),
    "overrides_parameterset_propose": (
        lambda: {"module": "pm"}, constants(**{N_TARGET: 31}) | {"reason": "more", "draft": "yes"},
        "draft.draft_request", SETS_CONSTANTS, DRAFTED,
    ),
    "overrides_modulemode_lower": (
        lambda: {"module": "pm"}, {"to": "off", "reason": "harm"}, "neutralize.lower_mode", LOWERS, LOWERED,
    ),
    "overrides_modulemode_fewer": (
        lambda: {"module": "pm"}, {"rollout_percent": "5", "reason": "harm"}, "neutralize.lower_mode", LOWERS, LOWERED,
    ),
    "overrides_modulemode_stop_challenger": (
        lambda: {"module": "pm"}, {"reason": "enough"}, "neutralize.lower_mode: refused, there is none", NOBODY, set(),
    ),
    "overrides_modulemode_end_arm": (
        lambda: {"module": "pm"}, {"end_arm": "trail_mult", "reason": "enough"},
        "neutralize.lower_mode: refused, nothing is explored", NOBODY, set(),
    ),
    "overrides_modulemode_arms": (
        lambda: {"module": "pm"},
        {
            "lever": "trail_mult", "alternative": "2", "probability": "0.5", "share_percent": "10",
            "rr_per_week": "5", "rr_per_position": "0.5", "reason": "does it pay",
        },
        "draft.draft_request", DRAFTS, DRAFTED,
    ),
    "overrides_modulemode_arms_shown": (lambda: {"module": "pm"}, {}, "nothing: it shows", NOBODY, set()),
    "overrides_modulemode_challenger": (
        lambda: {"module": "pm"}, {"days": "30"}, "challenger.request_comparison: a table of its own", NOBODY,
        set(),
    ),
    "learning_trial": (
        lambda: built_by_evidence() | {"module": "pm"},
        {"pm_strength": "evidence/evidence", "pm_tuning": "plan/plan", "reason": "see it first"},
        "trial.draft_trial", SETS_CONSTANTS, DRAFTED | {"ChangeLine", "Line", "Override"},
    ),
    "overrides_modulemode_mode": (
        lambda: {"module": "pm"}, {"mode": "on", "confirm": "pm", "rollout_percent": "20", "reason": "proven"},
        "draft.draft_request", DRAFTS, DRAFTED,
    ),
    "overrides_modulemode_combiner": (
        lambda: {"module": "pm"}, {"pm_strength": "most_specific", "reason": "better"}, "draft.draft_request",
        SETS_CONSTANTS, DRAFTED,
    ),
    "learning_builderrun_switch_policy": (
        lambda: built_by_evidence() | {"module": "pm"}, {"reason": "it earned more"},
        "switch_policy.draft_switch", SETS_CONSTANTS, DRAFTED | {"ChangeLine", "Line", "Override"},
    ),
    "overrides_version_roll_back": (
        lambda: {"version_id": Version.objects.get(number=1).pk}, {"reason": "it was better"}, "draft.draft_request",
        DRAFTS, DRAFTED | {"ChangeLine"},
    ),
    "overrides_line_cap": (
        lambda: {"line_id": OTHER}, {"cap": "size_mult=1.05", "reason": "not too far"}, "emergency.cap_line", DECIDES,
        {"LineHold", "AuditEntry"},
    ),
    "overrides_mandate_revoke": (
        dict, {"reason": "no longer"}, "mandate_terms.revoke_mandate", LOWERS, {"Mandate", "AuditEntry"},
    ),
    "overrides_mandate_renew": (
        dict, {"reason": "go on"}, "mandate_terms.renew_mandate: it is overdue", DECIDES,
        {"Mandate", "MandateRenewal", "AuditEntry"},
    ),
    "overrides_changerequest_redraft": (
        lambda: {"request_id": open_request().pk}, {"reason": "smaller"},
        "redraft.redraft: refused, it is a person's", NOBODY, set(),
    ),
    "overrides_changerequest_next": (
        lambda: {"request_id": open_request().pk}, {}, "nothing: it leads to the next request", NOBODY, set(),
    ),
    "learning_coefficient_export": (dict, {}, "nothing: a table out", NOBODY, set()),
    "telemetry_decision_export": (dict, {}, "nothing: a table out", NOBODY, set()),
    "learning_lesson_weeks": (
        lambda: {"lesson_id": make_lesson(scope=RECOVERY).pk}, {}, "nothing: a table out", NOBODY, set(),
    ),
    "learning_lesson_track": (
        lambda: {"lesson_id": make_lesson(scope=RECOVERY).pk}, {}, "nothing: a table out", NOBODY, set(),
    ),
    "learning_walkforward_module": (lambda: {"module": "pm"}, {}, "nothing: it shows", NOBODY, set()),
    "learning_walkforward_export": (lambda: {"module": "pm"}, {}, "nothing: a table out", NOBODY, set()),
    "learning_walkforward_again": (
        lambda: {"module": "pm"}, {}, "walk_forward.ask_walk_forward: opinions only", NOBODY, set(),
    ),
    "learning_lesson_edge": (
        lambda: {"lesson_id": make_lesson(scope=RECOVERY).pk}, {}, "nothing: a table out", NOBODY, set(),
    ),
    "learning_builderrun_evidence": (lambda: {"module": "pm"}, {}, "nothing: it shows", NOBODY, set()),
    "learning_builderrun_funnel": (lambda: {"module": "pm"}, {}, "nothing: a table out", NOBODY, set()),
    "learning_builderrun_forest": (lambda: {"module": "pm"}, {}, "nothing: a table out", NOBODY, set()),
    "learning_builderrun_twins": (lambda: {"module": "pm"}, {}, "nothing: a table out", NOBODY, set()),
    "learning_noisetwin_again": (
        lambda: {"module": "pm"}, {"policy": "plan"}, "twin.ask_twins: opinions only", NOBODY, set(),
    ),
}  # fmt: skip
POSTS |= {
    f"{model}_csv": (dict, {}, "nothing: a table out", NOBODY, set())
    for model in (
        "access_apikey", "auth_group", "auth_user", "learning_builderrun", "learning_cell", "learning_cellgroup",
        "learning_coefficient", "learning_lesson", "learning_lifetimeledger", "learning_noisetwin",
        "learning_walkforward",
        "overrides_changerequest", "overrides_line", "overrides_linehold", "overrides_mandate", "overrides_modulemode",
        "overrides_modulepolicy", "overrides_monitor", "overrides_override", "overrides_parameterset",
        "overrides_scorecard",
        "overrides_version",
        "telemetry_attribution", "telemetry_auditentry", "telemetry_decision", "telemetry_episode", "telemetry_jobrun",
        "telemetry_trade",
        "telemetry_unitofrisk",
    )
}  # fmt: skip
DJANGOS = frozenset({"auth_user_password_change"})  # each person's own page
# What a page says was seen or chosen, where it must say so.
SHOWN: dict[str, Callable[[], dict[str, Any]]] = {
    "overrides_changerequest_approve": lambda: {"seen": open_request().content_hash},
    "overrides_mandate_revoke": lambda: {CHOSEN: [live_mandate().pk]},
    "overrides_mandate_renew": lambda: {CHOSEN: [live_mandate().pk]},
}


def live_mandate() -> Mandate:
    return Mandate.objects.get(revoked_at=None)


# Actions of lists: name, the verb behind it, who may, and what it writes. Django's own exist only for people.
GOVERNED: dict[tuple[str, str], tuple[str, frozenset[str], set[str]]] = {
    ("ChangeRequest", "approve"): ("review.approve", DECIDES, {"ChangeRequest", "Vote", "AuditEntry"}),
    ("ChangeRequest", "reject"): ("review.reject", DECIDES, {"ChangeRequest", "Vote", "AuditEntry"}),
    ("ChangeRequest", "cancel"): ("review.cancel: its author's alone", NOBODY, set()),
    ("ChangeRequest", "renew"): ("renewal.renew_mandates: refused, it has no mandates", NOBODY, set()),
    ("Override", "retire"): ("neutralize.retire_lines", LOWERS, RETIRED),
    ("Mandate", "renew"): ("nothing: it leads to the page that asks", NOBODY, set()),
    ("Mandate", "revoke"): ("nothing: it leads to the page that asks", NOBODY, set()),
}
ROWS: dict[str, Callable[[], Any]] = {
    "ChangeRequest": lambda: open_request().pk,
    "Override": lambda: make_spec({"size_mult": 1.2}).id,
    "Mandate": lambda: live_mandate().pk,
}
ACTIONS = {
    "ApiKey": {"revoke"}, "Group": {"delete_selected"},
    "ChangeRequest": {"approve", "reject", "cancel", "renew"}, "Override": {"retire"},
    "Mandate": {"renew", "revoke"},
}  # fmt: skip
UNREGISTERED = {
    "": "redirects to the admin",
    "books": "counts", "books_csv": "counts as a table out",
    "earned_page": "sums", "earned_csv": "sums as a table out",
    "levers": "the registry and what is in force", "lever": "the same of one lever",
    "coverage": "counts", "unknown_dimensions": "counts", "unknown_dimensions_csv": "counts",
    "never_matched": "manual_entry.withdraw_by_hand: tests/config/desk/test_never_matched.py says whose",
    "never_matched_csv": "a table out", "never_matched_values_csv": "a table out",
    "weekly_reports": "weekly_reports.report_week: tests/config/reports/weekly/test_page.py says whose",
    "weekly_report": "a kept document", "weekly_report_csv": "a kept document as a table out",
    "glossary": "words", "request_evidence": "a table out",
    "evidence": "a pack out", "healthz": "an answer", "readyz": "an answer", "metrics": "an answer",
    "acknowledge_alarm": "an entry that explains what a check found; tests/config/desk/test_alarms.py says whose",
    "acknowledge_notices": "notices.acknowledge: each for themselves", "change_own_password": "one's own password",
}  # fmt: skip


def own_pages() -> dict[str, Any]:
    """Return every page of an admin class that Django does not provide by default."""
    found: dict[str, Any] = {}
    for model, page in admin.site._registry.items():
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        usual = {f"{label}_{name}" for name in ("changelist", "add", "history", "delete", "change")}
        found |= {each.name: page for each in page.get_urls() if each.name is not None and each.name not in usual}
    return found


def top_level() -> Iterator[str]:
    for each in get_resolver().url_patterns:
        address = str(each.pattern)
        if isinstance(each, URLPattern) and "api" not in address:
            yield each.name or ""
        elif isinstance(each, URLResolver):
            assert address in {"admin/", "api/v1/", "ofrep/v1/"}, address


@pytest.mark.parametrize("role", ROLES)
class TestAdmin:
    @pytest.mark.parametrize("model", [each for each in MODELS.values() if each in admin.site._registry])
    def test_adds_changes_and_deletes_nothing_governed(self, model: Any, role: str) -> None:
        client, row = browser(role), model._default_manager.order_by("pk").first()
        label = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        fields = {field.name: "x" for field in model._meta.concrete_fields}
        sent = {
            f"{label}_add": ([], fields),
            f"{label}_change": ([row.pk], fields | {"_save": "1"}),
            f"{label}_delete": ([row.pk], {"post": "yes"}),
            f"{label}_history": ([row.pk], {}),
            f"{label}_changelist": (
                [], {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes", "_save": "1"},
            ),
        }  # fmt: skip

        def post() -> None:
            for name, (arguments, data) in sent.items():
                answer = client.post(reverse(name, args=arguments), data)
                assert answer.status_code < 500, name

        assert written(post) == set()

    @pytest.mark.parametrize("name", POSTS)
    def test_pages_write_by_their_verb_alone(self, name: str, role: str) -> None:
        where, data, _, who, tables = POSTS[name]
        client, address = browser(role), reverse(f"admin:{name}", kwargs=where())
        data = data | SHOWN.get(name, dict)()
        last = AuditEntry.objects.count()

        found = written(lambda: client.post(address, data))

        assert found == (tables if role in who else set())
        assert (AuditEntry.objects.count() > last) is (role in who)

    @pytest.mark.parametrize(("model", "action"), GOVERNED)
    def test_actions_write_by_their_verb_alone(self, model: str, action: str, role: str) -> None:
        _, who, tables = GOVERNED[model, action]
        client = browser(role)
        row = ROWS[model]()
        form = {"action": action, "_selected_action": [row], "decide": "yes", "reason": "because"}
        form |= {"seen": [f"{row}:{open_request().content_hash}"]}

        found = written(lambda: client.post(reverse(f"admin:overrides_{model.lower()}_changelist"), form))

        assert found == (tables if role in who else set())


# Pages of people and keys: where to post, the form, and what an administrator's post writes; others write nothing.
PERSON_FORM = {"username": "candidate", "is_active": "on"}
PEOPLE_POSTS: dict[str, tuple[Callable[[], str], dict[str, Any], set[str]]] = {
    "add a person": (
        lambda: "auth/user/add/",
        {"username": "new", "usable_password": "true", "password1": "a long password", "password2": "a long password"},
        {"Person"},
    ),
    "deactivate a person": (
        lambda: f"auth/user/{candidate()}/change/", {"username": "candidate"}, {"Person"},
    ),
    "make a superuser": (
        lambda: f"auth/user/{candidate()}/change/", PERSON_FORM | {"is_superuser": "on"}, {"Person", "Notice"},
    ),
    "rename a person": (
        lambda: f"auth/user/{candidate()}/change/", PERSON_FORM | {"username": "elector"}, {"Person"},
    ),
    "give the role that approves": (
        lambda: f"auth/user/{candidate()}/change/", PERSON_FORM | {"groups": "reviewer"},
        {"Membership of a group", "Notice"},
    ),
    "give a permission": (
        lambda: f"auth/user/{candidate()}/change/", PERSON_FORM | {"user_permissions": "view_line"},
        {"Permission of a person"},
    ),
    "set a password": (
        lambda: f"auth/user/{candidate()}/password/",
        {
            "usable_password": "true", "password1": "a long password", "password2": "a long password",
            "set-password": "x",
        },
        {"Person"},
    ),
    "delete a person": (lambda: f"auth/user/{candidate()}/delete/", {"post": "yes"}, set()),
    "add a group": (lambda: "auth/group/add/", {"name": "new"}, {"Group"}),
    "remove a group": (
        lambda: f"auth/group/{Group.objects.get(name='operator').pk}/delete/", {"post": "yes"},
        {"Group", "Permission of a group", "Membership of a group"},
    ),
    "take a group's permissions": (
        lambda: f"auth/group/{Group.objects.get(name='reviewer').pk}/change/", {"name": "reviewer"},
        {"Permission of a group"},
    ),
    "issue a key": (lambda: "access/apikey/add/", {"name": "b", "role": "propose", "owner": "candidate"}, {"Key"}),
}  # fmt: skip


def candidate() -> int:
    return User.objects.get(username="candidate").pk


def by_key(data: dict[str, Any]) -> dict[str, Any]:
    """Return the form with the names of rows replaced by their keys."""
    found: dict[str, Callable[[str], int]] = {
        "groups": lambda name: Group.objects.get(name=name).pk,
        "user_permissions": lambda name: Permission.objects.get(codename=name).pk,
        "owner": lambda name: User.objects.get(username=name).pk,
    }
    return {name: found[name](value) if name in found else value for name, value in data.items()}


@pytest.mark.parametrize("role", ROLES)
class TestPeople:
    @pytest.mark.parametrize("name", PEOPLE_POSTS)
    def test_are_changed_only_by_an_administrator_and_with_an_entry(self, name: str, role: str) -> None:
        where, data, tables = PEOPLE_POSTS[name]
        make_person("candidate")
        make_person("an operator", groups=("operator",))
        client, address = browser(role), f"/admin/{where()}"
        last = AuditEntry.objects.count()

        found = written(lambda: client.post(address, by_key(data)))
        as_committed()

        is_done = role == "superuser" and tables != set()
        assert found == (tables | {"AuditEntry"} if is_done else set())
        assert (AuditEntry.objects.count() > last) is is_done


class TestAdminTable:
    def test_has_a_row_for_every_page(self) -> None:
        assert set(own_pages()) - DJANGOS == set(POSTS)
        assert set(top_level()) == set(UNREGISTERED)

    def test_has_a_row_for_every_action(self) -> None:
        request = RequestFactory().get("/")
        request.user = User(is_superuser=True, is_staff=True, is_active=True)
        found = {model.__name__: set(page.get_actions(request)) for model, page in admin.site._registry.items()}

        assert {name: actions for name, actions in found.items() if actions} == ACTIONS
        governed = {(name, action) for name, actions in ACTIONS.items() for action in actions if name in MODELS}
        assert governed == set(GOVERNED)

    def test_knows_the_models_that_are_changed_in_forms(self) -> None:
        request = RequestFactory().get("/")
        request.user = User(is_superuser=True, is_staff=True, is_active=True)
        changed = {model for model, page in admin.site._registry.items() if page.has_change_permission(request)}

        assert changed - {User, Group} == {ApiKey}  # its owner alone: keys.assign_key


# --- the API ------------------------------------------------------------------------------------------

PROPOSAL: dict[str, Any] = {
    "module": "pm",
    "kind": "mode",
    "title": "all of them",
    "reason": "because",
    "content": {"mode": "on"},
}


class TestApi:
    @pytest.mark.parametrize("role", ["evaluate", "record", "propose", "read"])
    def test_drafts_and_nothing_else(self, role: str) -> None:
        client, body = bearer(new_key(role)), json.dumps(PROPOSAL)
        found = {}

        for name, (address, _) in MATRIX.items():
            tables = written(
                lambda address=address: [  # type: ignore[misc]  # a default binds the loop's address
                    client.generic(method, urljoin("/api/v1/", address), body, content_type="application/json")
                    for method in METHODS
                ]
            )
            if tables:
                found[name] = tables

        assert found == ({"requests": DRAFTED} if role == "propose" else {})
        assert set(ChangeRequest.objects.filter(author_name__contains="bot").values_list("state", flat=True)) <= {
            "in_review"
        }


# --- tasks and commands -------------------------------------------------------------------------------

AT = {"now": NOW.isoformat()}
PM = {"module": "pm"}
GROUP = {"pattern_key": KEY, "action_category": "entry"}
TASKS: Mapping[str, tuple[dict[str, Any], str, set[str]]] = {
    "learning.aggregate": (PM, "opinions only", set()),
    "learning.aggregate_soon": (PM, "opinions only", set()),
    "learning.aggregate_group": (PM | GROUP, "opinions only", set()),
    "learning.coefficients": ({}, "opinions only", set()),
    "learning.coefficients_soon": ({}, "opinions only", set()),
    "learning.build": (PM, "opinions only", set()),
    "learning.materialize": (PM, "draft.draft_request", DRAFTED | {"ChangeLine", "Line", "Override"}),
    "learning.publish_within_mandates": (PM, "delegate: in quarantine here, so nothing", set()),
    "learning.walk_forward": ({"key": "0" * 64}, "opinions only", set()),
    "learning.check_published_evidence": ({}, "a comparison", set()),
    "learning.validate": (PM, "opinions only", set()),
    "learning.noise_twin": (PM, "opinions only", set()),
    "learning.twin": ({"key": "0" * 64}, "opinions only", set()),
    "learning.strength": ({"key": "0" * 64}, "opinions only", set()),
    "learning.levers": ({"key": "0" * 64}, "opinions only", set()),
    "overrides.request_effects": ({}, "what-ifs of submitted requests: opinions only", set()),
    "overrides.publish_due": ({}, "apply.apply_due, health.refresh_health: nothing is due or has changed", set()),
    "overrides.monitor": ({}, "nothing is red, and nothing was lost", set()),
    "overrides.lapse_mandates": ({}, "no evidence lapsed", set()),
    "overrides.line_use": ({}, "line_use.count_use: counts, in tables of their own", set()),
    "overrides.replay": ({}, "a comparison", set()),
    "overrides.score": ({}, "figures, in a table of their own", set()),
    "overrides.compare_challenger": ({"key": "0" * 64}, "an answer, in a table of its own", set()),
    "overrides.earned": ({}, "sums of what trades earned, in tables of their own", set()),
    "overrides.what_if": ({"key": "0" * 64}, "an answer, in a table of its own", set()),
    "reports.weekly_report": ({}, "weekly_reports.report_week: kept already, so nothing", set()),
    "access.tidy_logins": ({}, "sessions and failed logins", set()),
    "telemetry.record": ({"trades": []}, "facts only", set()),
    "telemetry.attribute": ({}, "facts only", set()),
    "telemetry.attribute_soon": ({}, "facts only", set()),
    "telemetry.send_outbox": ({}, "messages", set()),
    "telemetry.verify_audit": ({}, "reads; says once that heads are noted", {"AuditEntry"}),
    "telemetry.extend_partitions": ({}, "partitions", set()),
    "telemetry.retire_decisions": ({}, "no policy lets decisions go here", set()),
    "telemetry.forget_runs": ({}, "runs", set()),
}
DEMO = "the verbs, as its people; it is run whole by tests/config/demo and ./dev demo"
COMMANDS: Mapping[str, tuple[list[str], str, set[str]]] = {
    "import_trades": (["{directory}/trades.jsonl"], "facts only", set()),
    "first_look": (["{directory}/trades.jsonl"], "reads files, writes nothing", set()),
    "build": ([], "opinions only", set()),
    "replay": (["--sample", "5"], "a comparison", set()),
    "walk_forward": ([], "opinions only", set()),
    "noise_twin": (["--seed", "1"], "opinions only", set()),
    "gate_evidence": ([], "nothing: it shows", set()),
    "simulated_time": ([], "reads; only the owner allows or ends it", set()),
    "verify_audit": ([], "reads", set()),
    "export": (["lessons", "--output", "{directory}/lessons.jsonl"], "a file out", set()),
    "evidence_pack": (
        ["--since", "2026-03-01", "--until", "2026-03-09", "--output", "{directory}/pack.zip"], "a file out", set()
    ),
    "attribute_again": ([], "earnings, as attribution writes them; nothing comes out otherwise here", set()),
    "weekly_report": ([], "weekly_reports.report_week", {"AuditEntry", "WeeklyReport"}),
    "issue_key": (
        ["a bot", "--role", "propose", "--owner", "a rule maker"], "keys.issue_key; no key approves",
        {"AuditEntry", "Key"},
    ),
    "add_person": (
        ["newcomer", "--role", "viewer"], "people.add_person; no vote by it",
        {"AuditEntry", "Person", "Membership of a group"},
    ),
    "createsuperuser": (
        ["--username", "chief", "--email", "", "--no-input"], "people_audited: with a notice",
        {"AuditEntry", "Person", "Notice"},
    ),
    "changepassword": (
        ["a rule maker"], "people_audited: with a notice for somebody who approves",
        {"AuditEntry", "Person"},
    ),
    "switch_policy": (
        ["pm_strength", "evidence", "--by", "a rule maker", "--reason", "it earned more"],
        "switch_policy.draft_switch, in the name of one who may not approve it then",
        DRAFTED | {"ChangeLine", "Line", "Override"},
    ),
    "demo": ([], DEMO, set()),
    "planted_demo": ([], DEMO, set()),
}  # fmt: skip


class TestTasks:
    def test_have_a_row_each(self) -> None:
        app.loader.import_default_modules()

        assert {name for name in app.tasks if not name.startswith("celery.")} == set(TASKS)

    @pytest.mark.parametrize("name", TASKS)
    def test_write_what_their_row_says(self, name: str) -> None:
        app.loader.import_default_modules()
        make_lesson(scope=RECOVERY)
        arguments, _, tables = TASKS[name]

        found = written(lambda: app.tasks[name].run(**arguments, **AT))

        assert found == tables


class TestCommands:
    def test_have_a_row_each(self) -> None:
        ours = {
            name
            for name, package in get_commands().items()
            if package.startswith(("telemetry", "overrides", "learning", "config"))
        }

        assert ours == set(COMMANDS)

    @pytest.mark.parametrize("name", [name for name in COMMANDS if COMMANDS[name][1] != DEMO])
    def test_write_what_their_row_says(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changepassword.Command, "_get_pass", lambda self, prompt="": "quite another password")
        (tmp_path / "trades.jsonl").write_text(json.dumps(trade_payload()))
        built_by_evidence()
        make_user("a rule maker", "overrides.propose_parameters")
        arguments, _, tables = COMMANDS[name]
        values = [each.replace("{directory}", str(tmp_path)) for each in arguments]

        found = written(lambda: call_command(name, *values, stdout=io.StringIO(), stderr=io.StringIO()))

        assert found == tables
