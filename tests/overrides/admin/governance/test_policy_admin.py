"""Policies and parameters: shown rule by rule, and requested through forms that show each error at its field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.core.engine.definitions.formats import FIRST
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.models import ChangeRequest, ModulePolicy
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import approve_and_apply, draft, make_parameters, make_spec, publish
from tests.conftest import make_user
from tests.people import as_committed

pytestmark = pytest.mark.django_db

POLICIES = "/admin/overrides/modulepolicy/"
POLICY, PARAMETERS = f"{POLICIES}pm/propose/", "/admin/overrides/parameterset/pm/propose/"
N_TARGET = "channels.pm_strength.weights.n_target"


@pytest.fixture
def proposer(db: None) -> User:
    return make_user("proposer", "overrides.add_changerequest", "overrides.propose_parameters")


def rules(**over: Any) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in (GovernancePolicy().to_document() | over).items()}


def constants(**over: Any) -> dict[str, str]:
    document = make_parameters().to_document()
    found = {
        f"channels.{channel}.weights.{name}": value
        for channel, each in document["channels"].items()
        for name, value in each["weights"].items()
    }
    for policy in ("lessons", "evidence"):
        found |= {f"{policy}.{name}": value for name, value in document[policy].items()}
    found |= {"product_cap": document["product_cap"]}
    return {name: json.dumps(value) for name, value in (found | over).items()}


class TestPolicies:
    def test_show_each_rule_in_words_and_against_the_one_before(self, author: User) -> None:
        approve_and_apply(draft(kind="policy", content={"least_n": 5}))
        as_committed()
        approve_and_apply(draft(kind="policy", content={"least_n": 5, "daily_cap": 20}))

        text = page(browser_of(author), f"{POLICIES}{ModulePolicy.objects.get(number=2).pk}/change/")

        assert "people who must approve a request" in text
        assert "<code>daily_cap</code></th><td>50</td><td><strong>20</strong>" in text
        assert "least_n 5; daily_cap 20" in page(browser_of(author), POLICIES)

    def test_are_requested_by_a_form(self, proposer: User) -> None:
        page(browser_of(proposer), POLICY)

        browser_of(proposer).post(POLICY, rules(approvals=2) | {"reason": "two pairs of eyes", "draft": "yes"})

        request = ChangeRequest.objects.get()
        assert (request.kind, request.content["approvals"], request.author) == ("policy", 2, proposer)
        text = page(browser_of(proposer), f"/admin/overrides/changerequest/{request.pk}/change/")
        assert "<code>approvals</code></th><td>1</td><td><strong>2</strong>" in text

    def test_keep_what_was_typed_and_name_the_field(self, proposer: User) -> None:
        typed = rules(approvals=0, daily_cap=7) | {"reason": "because", "draft": "yes"}

        text = browser_of(proposer).post(POLICY, typed).content.decode()

        assert '<a href="#id_approvals">approvals</a>: must be 1 to 9' in text
        assert 'value="7"' in text
        assert not ChangeRequest.objects.exists()

    def test_refuse_what_is_no_json(self, proposer: User) -> None:
        typed = rules() | {"groups": "risk desk", "reason": "because"}

        assert "is no JSON" in browser_of(proposer).post(POLICY, typed).content.decode()

    def test_are_requested_only_by_those_with_permission(self, author: User) -> None:
        assert browser_of(author).post(POLICY, rules(approvals=2) | {"reason": "because"}).status_code == 403


class TestParameters:
    def test_show_their_effect_before_they_are_drafted(self, proposer: User) -> None:
        publish(make_spec(stats={"n": 40, "updated_at": "2026-11-01T00:00:00Z"}), at=datetime.now(UTC))
        typed = constants(**{"channels.pm_strength.weights.min_total_weight": 0.9}) | {"reason": "too noisy"}
        browser = browser_of(proposer)

        preview = browser.post(PARAMETERS, typed | {"show": "yes"}).content.decode()

        assert not ChangeRequest.objects.filter(kind="parameters").exists()
        assert 'Stop acting</dt><dd><span class="cw-num">1<' in preview
        assert 'name="draft"' in preview
        browser.post(PARAMETERS, typed | {"draft": "yes"})
        request = ChangeRequest.objects.get(kind="parameters")
        text = page(browser, f"/admin/overrides/changerequest/{request.pk}/change/")
        assert 'Stop acting</dt><dd><span class="cw-num">1<' in text

    def test_are_refused_at_their_field(self, proposer: User) -> None:
        typed = constants(**{N_TARGET: -1}) | {"reason": "because", "draft": "yes"}

        text = browser_of(proposer).post(PARAMETERS, typed).content.decode()

        assert f'<a href="#id_{N_TARGET}">pm_strength n_target</a>: ' in text
        assert not ChangeRequest.objects.exists()

    def test_say_what_a_constant_of_evidence_means_and_its_range(self, proposer: User) -> None:
        text = page(browser_of(proposer), PARAMETERS)

        assert "log of the multiplier per R of edge: the risk dial; above 0, at most 2; default 1" in text

    def test_say_what_every_constant_means(self, proposer: User) -> None:
        text = page(browser_of(proposer), PARAMETERS)

        for words in (
            "number of trades at which w_n = 1 - exp(-n / n_target) is 0.63; a larger target makes overrides that rest "
            "on few trades lighter (method 4.3); above 0; default 25",
            "edge sooner (method 3.5); above 0, at most 1; default 0.02",
            "around neutral; levers left out keep the registry's (method 4.8); default {}",
            "null sets no limit (method 8.4); default",
        ):
            assert words in text

    def test_write_out_the_dimensions_that_an_older_document_means(self, proposer: User) -> None:
        older = make_parameters(lessons={"dimensions": None})
        publish(make_spec(), parameters=older)
        typed = constants(**{N_TARGET: 31}) | {"reason": "because", "draft": "yes"}

        browser_of(proposer).post(PARAMETERS, typed)

        request = ChangeRequest.objects.exclude(state="applied").get()
        assert request.content["lessons"]["dimensions"] == list(FIRST.learned["pm"])
        assert request.title == "Parameters: pm_strength.weights.n_target 25 → 31"

    def test_refuse_a_constant_of_evidence_at_its_field(self, proposer: User) -> None:
        typed = constants(**{"evidence.kappa": 3}) | {"reason": "because", "draft": "yes"}

        text = browser_of(proposer).post(PARAMETERS, typed).content.decode()

        assert '<a href="#id_evidence.kappa">evidence.kappa</a>: ' in text

    def test_cost_few_queries(self, proposer: User, django_assert_max_num_queries: Any) -> None:
        publish(*(make_spec(scope={"bucket": f"b{number}"}) for number in range(9)))
        browser = browser_of(proposer)

        with django_assert_max_num_queries(MOST_QUERIES):
            browser.post(PARAMETERS, constants(**{N_TARGET: 31}) | {"reason": "because", "show": "yes"})
