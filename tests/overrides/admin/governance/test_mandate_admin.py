"""The list of mandates: what each of them still allows the builder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.models import Mandate, Membership, Version
from telemetry.foundation.admin.reauthentication import PROVEN_AT
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import make_spec, publish
from tests.people import as_committed, settled

pytestmark = pytest.mark.django_db

URL = "/admin/overrides/mandate/"
REQUESTS = "/admin/overrides/changerequest/"


def test_shows_what_is_left_of_reach_days_and_evidence(author: User) -> None:
    publish(make_spec({"size_mult": 1.1}, stats={"n": 40, "edge_raw": 0.8}), at=datetime.now(UTC))
    mandate = Mandate.objects.get()

    listed = page(browser_of(author), URL)
    shown = page(browser_of(author), f"{URL}{mandate.pk}/change/")

    assert "at its limit" in listed  # the value in force is the farthest approved one
    assert "none: at its limit" in shown
    assert '>40</span> trades <span class="cw-quiet">of</span> <span class="cw-num">20</span>' in listed
    assert 'at least <span class="cw-num">20</span>' in shown
    for text in (listed, shown):
        assert "89 days left" in text
        assert "somebody" in text
        assert "0.80" in text
    assert f'href="/admin/overrides/line/{mandate.line_id}/change/"' in listed
    assert f'href="/admin/overrides/changerequest/{mandate.request_id}/change/"' in listed


def test_says_which_are_due(author: User) -> None:
    publish(make_spec())  # published in March, overdue since
    publish(make_spec(scope={"bucket": "big"}), at=datetime.now(UTC))

    assert "1 mandate<" in page(browser_of(author), f"{URL}?due=over").replace("\n", "<")
    assert "overdue" in page(browser_of(author), f"{URL}?due=soon")
    assert "No mandates match" in page(browser_of(author), f"{URL}?due=ended")


def test_hides_what_lapsed_with_its_line_unless_selected(author: User) -> None:
    spec = make_spec()
    publish(spec)  # published in March, overdue since
    publish(withdraw=[spec.line])

    browser = browser_of(author)
    assert "0 mandates" in page(browser, URL)
    assert "No mandates match" in page(browser, f"{URL}?due=soon")
    assert "1 mandate<" in page(browser, f"{URL}?due=any").replace("\n", "<")


class TestSuspended:
    def test_are_listed_with_the_reason_and_for_reviewers_the_way_to_sign_again(
        self, author: User, reviewer: User
    ) -> None:
        suspend(publish(make_spec(), at=datetime.now(UTC)))
        mandate = Mandate.objects.get()
        own = f"{URL}{mandate.pk}/change/"

        assert "/renew/" not in page(browser_of(author), f"{URL}?due=suspended")
        for text in (page(browser_of(reviewer), f"{URL}?due=suspended"), page(browser_of(reviewer), own)):
            assert '<span class="cw-badge cw-warn">suspended</span>' in text
            assert "0 of 1 signatures still count (somebody: deactivated)" in text
            assert f'href="/admin/overrides/changerequest/{mandate.request_id}/renew/"' in text

    def test_are_not_listed_where_they_count(self, author: User) -> None:
        publish(make_spec(), at=datetime.now(UTC))

        assert "No mandates match" in page(browser_of(author), f"{URL}?due=suspended")

    def test_are_named_on_the_page_of_their_override(self, author: User) -> None:
        version = publish(make_spec(), at=datetime.now(UTC))
        address = f"/admin/overrides/override/{Membership.objects.get().override_id}/change/"
        assert "suspended" not in page(browser_of(author), address)
        suspend(version)

        assert "0 of 1 signatures still count" in page(browser_of(author), address)

    def test_are_counted_on_the_start_page(self, author: User) -> None:
        version = publish(make_spec(), make_spec(scope={"bucket": "big"}), at=datetime.now(UTC))
        assert "suspended" not in page(browser_of(author), "/admin/")
        suspend(version)

        text = " ".join(page(browser_of(author), "/admin/").split())

        assert '?due=suspended">2 mandates</a>' in text
        assert "are suspended: too few signers may still vote" in text

    def test_are_signed_again_on_the_page_of_their_request(self, author: User, reviewer: User) -> None:
        version = publish(make_spec(), at=datetime.now(UTC))
        suspend(version)
        address = f"/admin/overrides/changerequest/{version.request_id}/"
        assert f'href="{address}renew/' in page(browser_of(reviewer), f"{address}change/")

        response = browser_of(reviewer).post(f"{address}renew/", {"reason": "looked at"}, follow=True)

        assert "You signed the mandates of request" in response.content.decode()
        assert f'href="{address}renew/' not in page(browser_of(reviewer), f"{address}change/")
        assert "No mandates match" in page(browser_of(author), f"{URL}?due=suspended")

    def test_are_signed_again_together_in_one_act(self, reviewer: User) -> None:
        for scope in ({"bucket": "big"}, {"bucket": "mid"}):
            version = publish(make_spec(scope=scope), at=datetime.now(UTC))
        suspend(version)
        requests = list(Mandate.objects.values_list("request", flat=True))
        browser = browser_of(reviewer)
        assert "2 change requests" in page(browser, f"{REQUESTS}?mandates=suspended")

        act = {"action": "renew", "_selected_action": requests, "decide": "yes", "reason": "looked at both"}
        text = browser.post(REQUESTS, act).content.decode()

        assert text.count(">done</span>") == 2
        assert "No mandates match" in page(browser, f"{URL}?due=suspended")

    def test_cost_no_query_a_row(self, author: User, django_assert_max_num_queries: Any) -> None:
        now = datetime.now(UTC)
        for group in range(3):
            version = publish(*(make_spec(scope={"bucket": f"b{group}{number}"}) for number in range(6)), at=now)
        suspend(version)
        browser = browser_of(author)

        for address in (f"{URL}?due=suspended", "/admin/"):
            with django_assert_max_num_queries(MOST_QUERIES):
                page(browser, address)


def suspend(version: Version) -> None:
    """Deactivate the person who signed the mandates of this version."""
    as_committed()
    signer = version.request.votes.get().voter
    with settled():
        User.objects.filter(pk=signer.pk).update(is_active=False)


def test_costs_no_query_a_row(author: User, django_assert_max_num_queries: Any) -> None:
    publish(*(make_spec(scope={"bucket": f"b{number}"}) for number in range(20)))
    browser = browser_of(author)

    with django_assert_max_num_queries(MOST_QUERIES):
        page(browser, URL)


class TestActs:
    """Renewing and revoking, on the page of a mandate and for the selected ones of the list."""

    def test_a_due_mandate_is_renewed_from_its_page(self, reviewer: User) -> None:
        mandate = due()
        browser = browser_of(reviewer)
        own = page(browser, f"{URL}{mandate.pk}/change/")
        assert "Its review is overdue by 10 days: until somebody renews it" in own
        assert f'href="{URL}renew/?mandate={mandate.pk}">Renew…</a>' in own
        asked = page(browser, f"{URL}renew/?mandate={mandate.pk}")
        assert "You approve again what was approved" in asked
        assert '<span class="cw-num">90\N{NO-BREAK SPACE}days</span>' in asked

        sent = {"mandate": mandate.pk, "reason": "it still earns"}
        text = browser.post(f"{URL}renew/", sent, follow=True).content.decode()

        renewed = Mandate.objects.get(revoked_at=None)
        assert f"Renewed until {renewed.review_by:%Y-%m-%d}" in text
        assert f"mandate {renewed.pk}, pm" in text
        assert "it still earns" in text
        assert f'href="{URL}{mandate.pk}/change/">mandate {mandate.pk}</a>' in text
        before = page(browser, f"{URL}{mandate.pk}/change/")
        assert f"renewed as mandate {renewed.pk}</a>" in before

    def test_a_mandate_is_revoked_from_its_page_by_an_operator(self, operator: User) -> None:
        publish(make_spec(), at=datetime.now(UTC))
        mandate = Mandate.objects.get()
        browser = browser_of(operator)
        own = page(browser, f"{URL}{mandate.pk}/change/")
        assert "Revoke…" in own
        assert "Renew…" not in own

        sent = {"mandate": mandate.pk, "reason": "noise"}
        text = browser.post(f"{URL}revoke/", sent, follow=True).content.decode()

        assert "Revoked: every change of its line needs a person now" in text
        assert "It ended on" in text

    def test_several_have_an_outcome_each(self, reviewer: User) -> None:
        mandate = due()
        publish(make_spec(scope={"bucket": "big"}), at=datetime.now(UTC))
        keys = list(Mandate.objects.values_list("pk", flat=True).order_by("pk"))
        browser = browser_of(reviewer)
        act = {"action": "renew", "_selected_action": keys}
        asked = browser.post(URL, act, follow=True).content.decode()
        assert asked.count("not possible: its review is not due before") == 1
        assert "Renew this mandate" in asked

        text = browser.post(f"{URL}renew/", {"mandate": keys, "reason": "looked at both"}).content.decode()

        assert (text.count(">done</span> renewed until"), text.count(">refused</span> its review is not due")) == (1, 1)
        assert Mandate.objects.get(renews=mandate)

    def test_a_reason_is_asked_for(self, reviewer: User) -> None:
        mandate = due()

        text = browser_of(reviewer).post(f"{URL}renew/", {"mandate": mandate.pk, "reason": ""}).content.decode()

        assert "say why" in text
        assert not Mandate.objects.filter(renews=mandate).exists()

    def test_renewing_asks_for_the_password_after_a_while(self, reviewer: User) -> None:
        mandate = due()
        browser = browser_of(reviewer)
        session = browser.session
        session.pop(PROVEN_AT, None)
        session.save()

        text = browser.post(f"{URL}renew/", {"mandate": mandate.pk, "reason": "x"}).content.decode()

        assert "type your password as well" in text.lower()
        assert not Mandate.objects.filter(renews=mandate).exists()

    def test_who_may_not_is_refused(self, author: User, operator: User) -> None:
        mandate = due()

        assert browser_of(author).get(f"{URL}revoke/?mandate={mandate.pk}").status_code == 403
        assert browser_of(operator).get(f"{URL}renew/?mandate={mandate.pk}").status_code == 403

    @pytest.mark.parametrize("chosen", ["", "?mandate=x", "?mandate=999999"])
    def test_without_a_choice_leads_to_the_list(self, reviewer: User, chosen: str) -> None:
        text = browser_of(reviewer).get(f"{URL}renew/{chosen}", follow=True).content.decode()

        assert "Select the mandates to renew first" in text

    def test_cost_no_query_a_row(self, reviewer: User, django_assert_max_num_queries: Any) -> None:
        then = datetime.now(UTC) - timedelta(days=80)
        publish(*(make_spec(scope={"bucket": f"b{number}"}) for number in range(20)), at=then)
        keys = "&".join(f"mandate={key}" for key in Mandate.objects.values_list("pk", flat=True))
        browser = browser_of(reviewer)

        for address in (f"{URL}renew/?{keys}", f"{URL}{Mandate.objects.earliest('pk').pk}/change/"):
            with django_assert_max_num_queries(MOST_QUERIES):
                page(browser, address)


def due() -> Mandate:
    """Publish a line whose mandate was to be reviewed ten days ago."""
    publish(make_spec(), at=datetime.now(UTC) - timedelta(days=100, minutes=5))
    return Mandate.objects.get()
