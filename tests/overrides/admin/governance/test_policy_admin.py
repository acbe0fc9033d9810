"""Policies and parameters: shown rule by rule, and requested through forms that show each error at its field."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.admin.governance.parameter_form import constants_of
from overrides.admin.governance.parameter_names import is_named
from overrides.core.engine.definitions.formats import FIRST
from overrides.core.engine.definitions.module_parameters import ModuleParameters
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
    return typed_in(GovernancePolicy().to_document() | over)


def typed_in(values: dict[str, Any]) -> dict[str, str]:
    """Return values as a person types them into the form."""

    def typed(value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, dict):
            return "\n".join(f"{name}: {limit}" for name, limit in value.items())
        return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    return {name: typed(value) for name, value in values.items()}


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
    return typed_in(found | over)


class TestPolicies:
    def test_show_each_rule_in_words_and_against_the_one_before(self, author: User) -> None:
        approve_and_apply(draft(kind="policy", content={"least_n": 5}))
        as_committed()
        approve_and_apply(draft(kind="policy", content={"least_n": 5, "daily_cap": 20}))

        text = page(browser_of(author), f"{POLICIES}{ModulePolicy.objects.get(number=2).pk}/change/")

        assert "people who must approve a request" in text
        assert "<code>daily_cap</code></th><td>50</td><td><strong>20</strong>" in text
        rules = "Minimum trades of an approved line: 5; Daily cap of automatic movement: 20"
        assert rules in page(browser_of(author), POLICIES)

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

        assert '<a href="#id_approvals">Approvals</a>: must be 1 to 9' in text
        assert 'value="7"' in text
        assert not ChangeRequest.objects.exists()

    def test_refuse_what_is_no_number(self, proposer: User) -> None:
        typed = rules() | {"daily_cap": "twenty", "reason": "because"}

        assert "Enter a number." in browser_of(proposer).post(POLICY, typed).content.decode()

    def test_take_names_and_numbers_as_people_write_them(self, proposer: User) -> None:
        typed = rules(large_movement=None) | {"groups": "risk desk, board", "large_movement": "20.5"}

        browser_of(proposer).post(POLICY, typed | {"lowering_applies": "yes", "reason": "because", "draft": "yes"})

        content = ChangeRequest.objects.get().content
        assert (content["groups"], content["large_movement"], content["lowering_applies"]) == (
            ["risk desk", "board"], 20.5, True,
        )  # fmt: skip
        assert content["approvals"] == 1

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

        assert f'<a href="#id_{N_TARGET}">Trades for a large weight</a>: ' in text
        assert not ChangeRequest.objects.exists()

    def test_say_what_a_constant_of_evidence_means_and_its_range(self, proposer: User) -> None:
        text = page(browser_of(proposer), PARAMETERS)

        assert (
            "Log of the multiplier per R of edge: the risk dial; a larger one moves every lever farther (method 5.10); "
            "above 0, at most 2; unit: log multiplier per R; default 1" in text
        )

    def test_say_what_every_constant_means(self, proposer: User) -> None:
        text = page(browser_of(proposer), PARAMETERS)

        for words in (
            "Number of trades at which w_n = 1 - exp(-n / n_target) is 0.63; a larger target makes overrides that rest "
            "on few trades lighter (method 4.3); above 0; unit: trades; default 25",
            "edge sooner (method 3.5); above 0, at most 1; unit: factor less 1, per day; default 0.02",
            "keep the registry's (method 4.8); unit: lever units; default none",
            "empty sets no limit (method 8.4); unit: multiplier; default none",
        ):
            assert words in text

    def test_are_named_and_explained_without_exception(self) -> None:
        for module, number in (("dm", 51), ("pm", 61)):
            constants = constants_of(ModuleParameters.default(module))

            assert len(constants) == number
            for path, each in constants.items():
                assert is_named(path), f"{path} has no name"
                assert "(method " in each.words, f"{path} names no source"

    def test_preview_names_lines_and_no_hashes(self, proposer: User) -> None:
        spec = make_spec(stats={"n": 40, "updated_at": "2026-11-01T00:00:00Z"})
        publish(spec, at=datetime.now(UTC))
        typed = constants(**{"channels.pm_strength.weights.min_total_weight": 0.9}) | {"reason": "x", "show": "yes"}

        text = browser_of(proposer).post(PARAMETERS, typed).content.decode()

        assert "stops acting</span>" in text
        assert f"{spec.pattern_key}</span>" in text
        assert spec.content_id[:12] not in re.sub(r'href="[^"]*"', "", text)

    def test_take_limits_of_levers_one_a_line(self, proposer: User) -> None:
        place = "channels.pm_strength.weights"
        typed = constants() | {f"{place}.bounds": "size_mult: 0.9 to 1.1", f"{place}.max_steps": "size_mult: 0.01"}

        browser_of(proposer).post(PARAMETERS, typed | {"reason": "because", "draft": "yes"})

        weights = ChangeRequest.objects.get().content["channels"]["pm_strength"]["weights"]
        assert (weights["bounds"], weights["max_steps"]) == ({"size_mult": [0.9, 1.1]}, {"size_mult": 0.01})

    def test_write_out_the_dimensions_that_an_older_document_means(self, proposer: User) -> None:
        older = make_parameters(lessons={"dimensions": None})
        publish(make_spec(), parameters=older)
        typed = constants(**{N_TARGET: 31}) | {"reason": "because", "draft": "yes"}

        browser_of(proposer).post(PARAMETERS, typed)

        request = ChangeRequest.objects.exclude(state="applied").get()
        assert request.content["lessons"]["dimensions"] == list(FIRST.learned["pm"])
        assert request.title == "Parameters of pm: Trades for a large weight (pm_strength) 25 → 31"

    def test_refuse_a_constant_of_evidence_at_its_field(self, proposer: User) -> None:
        typed = constants(**{"evidence.kappa": 3}) | {"reason": "because", "draft": "yes"}

        text = browser_of(proposer).post(PARAMETERS, typed).content.decode()

        assert '<a href="#id_evidence.kappa">Risk dial</a>: ' in text

    def test_cost_few_queries(self, proposer: User, django_assert_max_num_queries: Any) -> None:
        publish(*(make_spec(scope={"bucket": f"b{number}"}) for number in range(9)))
        browser = browser_of(proposer)

        with django_assert_max_num_queries(MOST_QUERIES):
            browser.post(PARAMETERS, constants(**{N_TARGET: 31}) | {"reason": "because", "show": "yes"})
