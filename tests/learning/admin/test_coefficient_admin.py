"""The list, page and table of weights, and where a request and a decision show them."""

from __future__ import annotations

import csv
import re
from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from learning.coefficients.coefficient_evidence import measure_coefficients
from learning.coefficients.coefficient_memory import update_coefficients
from learning.models import Coefficient
from learning.proposals.materialize import materialize
from overrides.models import RequestEvidence
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import fact_json
from tests.admin_pages import MOST_QUERIES, page
from tests.builders import (
    DAY,
    NOW,
    approve_and_apply,
    draft,
    make_parameters,
    make_question,
    publish,
    set_mode,
    without_triggers,
)
from tests.learning.coefficients.test_coefficient_evidence import ABOVE, GAIN, walked
from tests.learning.coefficients.test_coefficient_memory import allocated, record
from tests.people import make_person

pytestmark = pytest.mark.django_db

LIST = "/admin/learning/coefficient/"


@pytest.fixture
def browser(client: Client, admin_user: User) -> Client:
    client.force_login(admin_user)
    return client


@pytest.fixture
def traded() -> None:
    record(*[allocated(f"t{n}", 0.4, 1 + n // 2, {"chain": "base"}) for n in range(24)])
    record(*[allocated(f"u{n}", -0.4, 1 + n // 2, {"chain": "=sol"}) for n in range(24)])
    update_coefficients(now=NOW)


@pytest.fixture
def measured(traded: None) -> None:
    walked({"chain=base": GAIN}, ABOVE)
    measure_coefficients(now=NOW)


def row(key: str) -> Coefficient:
    return Coefficient.objects.get(key=key)


class TestList:
    def test_says_what_fills_it(self, browser: Client) -> None:
        assert "closed trades that have an allocation" in page(browser, LIST)

    @pytest.mark.usefixtures("traded")
    def test_shows_the_fresh_weight_against_the_one_in_force(self, browser: Client) -> None:
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.25}}))

        text = page(browser, LIST)

        assert f"new {row('base').weight:.4f}, in force 1.2500" in text
        assert f"new {row('=sol').weight:.4f}, in force 1.0000" in text

    def test_is_drawn_with_few_queries_however_many_values(
        self, browser: Client, django_assert_max_num_queries: Any
    ) -> None:
        record(*[allocated(f"t{n}", n / 100, 1, {"curator": f"c{n}"}) for n in range(500)])
        update_coefficients(now=NOW)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, f"{LIST}?name=curator")

        assert "500 coefficients" in text

    @pytest.mark.usefixtures("traded")
    def test_is_given_out_as_a_table_that_computes_nothing(self, browser: Client) -> None:
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.25}}))

        response = browser.get(f"{LIST}coefficients.csv?name=chain")
        rows = list(csv.DictReader(b"".join(response).decode().splitlines()))

        assert [(each["lever"], each["value"], each["in_force"]) for each in rows] == [
            ("chain", "'=sol", "1.0"), ("chain", "base", "1.25"),
        ]  # fmt: skip
        assert float(rows[1]["weight"]) == row("base").weight
        assert float(rows[1]["long_unshrunk"]) == pytest.approx(0.4)
        assert rows[1]["n"] == "24"

    @pytest.mark.usefixtures("measured")
    def test_shows_the_evidence_of_each_weight_and_of_all(self, browser: Client) -> None:
        text = page(browser, f"{LIST}?o=6")

        assert "while the same search finds" in text
        assert text.count("moved weight") == 1
        base = row("base")
        assert base.effective_days is not None
        assert f"{base.effective_days:.1f}" in text
        assert "+4.5" in text
        assert re.search(rf'field-proposed[^>]*><span class="cw-num">{base.weight:.3f}<', text)

    @pytest.mark.usefixtures("measured")
    def test_is_given_out_with_the_evidence(self, browser: Client) -> None:
        rows = list(csv.DictReader(b"".join(browser.get(f"{LIST}coefficients.csv?name=chain")).decode().splitlines()))

        base = next(each for each in rows if each["value"] == "base")
        assert (base["walk_gain"], base["walk_low"], base["walk_trades"], base["twins"]) == ("4.5", "1.0", "30", "5")
        assert float(base["low"]) == row("base").low
        assert base["measured_at"] == "2026-03-02T12:00:00Z"
        assert next(each for each in rows if each["value"] == "'=sol")["walk_gain"] == ""

    @pytest.mark.usefixtures("traded")
    def test_is_for_those_who_may_look(self, client: Client) -> None:
        client.force_login(make_person("nobody", is_staff=True))

        assert client.get(f"{LIST}coefficients.csv").status_code == 403


@pytest.mark.usefixtures("traded")
class TestPage:
    def test_shows_the_weight_by_version(self, browser: Client) -> None:
        for weight in (1.25, 1.5):
            approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": weight}}))
        publish(module="dm", parameters=make_parameters(module="dm", product_cap=2.0))

        text = page(browser, f"{LIST}{row('base').pk}/change/")

        assert all(f"dm {number}" in text for number in (1, 2, 3))
        assert text.count("1.5000") == 3  # in force, and two versions
        assert "<polyline" in text

    def test_says_how_a_weight_comes_into_force(self, browser: Client) -> None:
        assert "No version of dm is published yet" in page(browser, f"{LIST}{row('base').pk}/change/")

    def test_says_that_nothing_is_measured_yet(self, browser: Client) -> None:
        assert "Nothing is measured yet" in page(browser, f"{LIST}{row('base').pk}/change/")

    @pytest.mark.usefixtures("measured")
    def test_shows_interval_days_walk_forward_and_twins(
        self, browser: Client, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(MOST_QUERIES):
            text = " ".join(page(browser, f"{LIST}{row('base').pk}/change/").split())

        assert "30</span> trades on" in text
        assert f"The next request would propose {row('base').weight:.3f} instead of 1.000." in text
        assert "as far from 1 in" in text
        assert "All weights together:" in text

    @pytest.mark.usefixtures("measured")
    def test_says_what_is_missing_for_a_weight(self, browser: Client) -> None:
        record(allocated("alone", 3.0, 1, {"curator": "new"}))
        update_coefficients(now=NOW)
        measure_coefficients(now=NOW + DAY)

        text = " ".join(page(browser, f"{LIST}{row('new').pk}/change/").split())

        assert "not known from one day" in text
        assert "Nothing is proposed: a weight takes 20 trades of its own and 8 effective days." in text
        assert "no weight of it was in force in a fold" in text

    def test_of_all_trades_has_no_weight(self, browser: Client) -> None:
        assert "has no weight of its own" in page(browser, f"{LIST}{row('').pk}/change/")


@pytest.mark.usefixtures("traded")
class TestElsewhere:
    def test_a_request_shows_each_weight_before_and_after_with_its_evidence(self, browser: Client) -> None:
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.1, "chain=gone": 0.8}}))
        request = materialize(module="dm", now=NOW + DAY)
        assert request is not None
        fresh = request.content["coefficients"]["chain=base"]

        text = page(browser, f"/admin/overrides/changerequest/{request.pk}/change/")

        assert "Coefficients: 3 weights would move" in text
        assert f"chain=base: {fresh:.4f}, now 1.1000" in text
        assert "no trade of it is learned from: back to 1" in text
        assert "Size of change" in text
        assert "What if?" in text

    @pytest.mark.usefixtures("measured")
    def test_a_request_shows_the_walk_forward_and_the_noise_twins_of_a_weight(self, browser: Client) -> None:
        request = materialize(module="dm", now=NOW)
        assert request is not None

        text = " ".join(page(browser, f"/admin/overrides/changerequest/{request.pk}/change/").split())

        assert "walk-forward gain" in text
        assert 'n = <span class="cw-num">30<' in text
        assert "+4.5" in text
        assert "in R over all its trades there" in text
        assert "The interval covers both means" in text

    def test_a_request_that_was_stored_before_is_shown_without_them(self, browser: Client) -> None:
        """Documents of the first format have neither walk-forward nor noise twins of a weight."""
        request = materialize(module="dm", now=NOW)
        assert request is not None
        stored = request.evidence.get()
        document = stored.parsed
        for each in document["coefficients"].values():
            for name in ("walk", "walk_as_of", "intervals_cover_both_means"):
                each.pop(name, None)
        document["coefficients"]["chain=base"].pop("twins")
        text = fact_json(document | {"format": 1})
        with without_triggers():
            RequestEvidence.objects.filter(pk=stored.pk).update(
                document=text, document_hash=sha256(text.encode()).hexdigest()
            )

        shown = page(browser, f"/admin/overrides/changerequest/{request.pk}/change/")

        assert "No walk-forward of coefficients is stored with this request." in shown
        assert "The interval is that of the 14-day mean alone" in shown
        assert "not known" in shown

    def test_a_closed_request_shows_what_it_replaced(self, browser: Client) -> None:
        first = approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.1}}))
        second = approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.3}}))
        assert first != second

        text = page(browser, f"/admin/overrides/changerequest/{second.pk}/change/")

        assert "chain=base: 1.3000, now 1.1000" in text

    def test_a_decision_shows_factors_cut_and_product(self, browser: Client) -> None:
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.5, "cap=50m+": 1.6}}))
        publish(module="dm", parameters=make_parameters(module="dm", product_cap=1.8))
        for mode, expected in (("on", "Coefficient product"), ("shadow", "1 was served")):
            set_mode(mode, module="dm")
            question = make_question(
                module="dm", pattern_key="dm_pattern.allocation.allocation", action_category="allocation",
                scope={"chain": "base", "mcap_bucket": "50m+"},
            )  # fmt: skip
            record_of = resolve_one(question, load_engine("dm"), now=NOW).record
            record_decisions([record_of])

            text = page(browser, f"/admin/telemetry/decision/{record_of.decision_id}/change/")

            assert expected in text
            assert "product within 0.5 to 2" in text
            assert "1.800000" in text

    def test_a_decision_of_pm_shows_what_the_cap_cuts(self, browser: Client) -> None:
        publish(parameters=make_parameters(product_cap=1.5))
        set_mode()
        record_of = resolve_one(make_question(coefficient_product=2.0), load_engine("pm"), now=NOW).record
        record_decisions([record_of])

        text = page(browser, f"/admin/telemetry/decision/{record_of.decision_id}/change/")

        assert "cuts size_mult" in text
        still = text.partition("Unchanged levers: ")[2].partition("</p>")[0]
        assert "entry_aggression_mult" in still
        assert "size_mult" not in still
