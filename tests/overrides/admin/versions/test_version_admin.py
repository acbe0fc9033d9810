"""The page of a version: what it changed, compared with which other version, and how to return to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from overrides.admin.versions import version_page
from overrides.admin.versions.version_diff import Changes
from overrides.models import Version
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from tests.admin_pages import MOST_QUERIES, browser_of, page, requests_by_people
from tests.builders import approve_and_apply, draft, make_parameters, make_spec, publish, without_triggers
from tests.conftest import make_user
from tests.learning.admin.test_significance_admin import words
from tests.overrides.requests.impact.test_what_if import ask
from tests.overrides.requests.test_trial import LATER, PLAN, trial
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

BASE = "/admin/overrides/version/"
MICRO, BIG, MID = ({"bucket": name, "macro_phase": "Good"} for name in ("micro", "big", "mid"))


def furnish() -> None:
    """Version 1: micro and big; 2: micro moved, big withdrawn, mid new; 3: other parameters; 4: the same as 1."""
    micro, big = make_spec(scope=MICRO), make_spec(scope=BIG)
    publish(micro, big)
    publish(make_spec({"size_mult": 1.25}, scope=MICRO), make_spec(scope=MID), withdraw=[big.line])
    publish(parameters=make_parameters({"weights": {"n_target": 31}}))
    approve_and_apply(draft(kind="rollback", content={"to": 1}))


@pytest.fixture(scope="class")
def published(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


@pytest.fixture
def versions(published: None, db: None) -> list[Version]:
    return list(Version.objects.order_by("number"))


@pytest.mark.usefixtures("published")
class TestChanges:
    @pytest.mark.parametrize(
        ("base", "target", "added", "changed", "withdrawn"),
        [(0, 1, 2, 0, 0), (1, 2, 1, 1, 1), (2, 1, 1, 1, 1), (2, 3, 0, 0, 0), (3, 4, 1, 1, 1), (1, 4, 0, 0, 0),
         (4, 0, 0, 0, 2), (0, 0, 0, 0, 0)],
    )  # fmt: skip
    def test_are_counted(self, base: int, target: int, added: int, changed: int, withdrawn: int) -> None:
        counts = Changes("pm", base, target).counts()

        assert counts == {"add": added, "change": changed, "withdraw": withdrawn}

    def test_hold_both_sides_withdrawn_first(self) -> None:
        lines = Changes("pm", 1, 2).lines(10)

        sides = [(each.before and each.before.levers, each.after and each.after.levers) for each in lines]
        assert [each.action for each in lines] == ["withdraw", "change", "add"]
        assert [each.shown.line.scope for each in lines] == [BIG, MICRO, MID]
        assert sides == [
            ({"size_mult": 1.1}, None),
            ({"size_mult": 1.1}, {"size_mult": 1.25}),
            (None, {"size_mult": 1.1}),
        ]

    def test_come_page_by_page(self) -> None:
        whole = Changes("pm", 1, 2).lines(3)

        assert Changes("pm", 1, 2).lines(1) + Changes("pm", 1, 2).lines(2, offset=1) == whole

    def test_are_of_one_module(self) -> None:
        assert Changes("dm", 0, 9).counts() == {"add": 0, "change": 0, "withdraw": 0}


@pytest.mark.usefixtures("published")
class TestVersionPage:
    def test_shows_the_difference_to_the_version_before(
        self, author: User, versions: list[Version], django_assert_max_num_queries: Any
    ) -> None:
        browser = browser_of(author)

        with django_assert_max_num_queries(MOST_QUERIES):
            text = page(browser, f"{BASE}{versions[1].pk}/change/")

        assert "What changed against version 1" in text
        assert 'size_mult <span class="cw-num">1.1000</span> → <span class="cw-num">1.2500</span>' in text
        assert text.count("/admin/overrides/override/") >= 3

    def test_shows_the_first_one_against_nothing(self, author: User, versions: list[Version]) -> None:
        text = page(browser_of(author), f"{BASE}{versions[0].pk}/change/")

        assert "What changed against nothing" in text
        assert text.count('<span class="cw-badge cw-good">add</span>') == 2

    def test_shows_parameters_by_field(self, author: User, versions: list[Version]) -> None:
        text = page(browser_of(author), f"{BASE}{versions[2].pk}/change/")

        assert "<code>channels.pm_strength.weights.n_target</code></th><td>25</td><td><strong>31</strong>" in text

    def test_shows_coefficients_by_field(self, author: User, versions: list[Version]) -> None:
        with without_triggers():
            Version.objects.filter(pk=versions[1].pk).update(coefficients={"chain=base": 1.2})

        text = page(browser_of(author), f"{BASE}{versions[1].pk}/change/")

        assert "<code>chain=base</code>" in text
        assert "<strong>1.2</strong>" in text

    def test_compares_with_another_one(self, author: User, versions: list[Version]) -> None:
        text = page(browser_of(author), f"{BASE}{versions[3].pk}/change/?against=1")

        assert "What changed against version 1" in text
        assert "Lines</h2>" not in text

    def test_keeps_the_choice_of_one_older_than_those_offered(
        self, author: User, versions: list[Version], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(version_page, "MOST_VERSIONS", 1)

        text = page(browser_of(author), f"{BASE}{versions[3].pk}/change/?against=1")

        assert '<option value="1" selected>' in text
        assert '<option value="2"' not in text
        assert "against version 1" in page(browser_of(author), f"{BASE}{versions[1].pk}/change/")

    @pytest.mark.parametrize("against", ["99", "x", "-1", "9" * 30])
    def test_says_when_there_is_no_such_version(self, author: User, versions: list[Version], against: str) -> None:
        text = page(browser_of(author), f"{BASE}{versions[1].pk}/change/?against={against}")

        assert f"against: pm has no version {against[:20]}; compared with version 1 instead" in text

    def test_pages_many_lines(self, author: User, versions: list[Version], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(version_page, "PER_PAGE", 2)
        browser = browser_of(author)
        where = f"{BASE}{versions[1].pk}/change/"

        first, last = page(browser, where), page(browser, f"{where}?against=1&page=2")

        assert "Lines, page 1 of 2" in first
        assert 'href="?against=1&amp;page=2"' in first
        assert '<span class="cw-badge cw-good">add</span>' in last
        assert 'href="?against=1&amp;page=1"' in last
        assert "Lines, page 2 of 2" in page(browser, f"{where}?page=77")
        assert "Lines, page 1 of 2" in page(browser, f"{where}?page=x")


@pytest.mark.usefixtures("published")
class TestRollingBack:
    @pytest.fixture
    def asker(self, db: None) -> User:
        return make_user("asker", "overrides.add_changerequest")

    def test_drafts_a_request_that_brings_the_old_content_back(
        self, asker: User, reviewer: User, versions: list[Version]
    ) -> None:
        browser = browser_of(asker)
        where = f"{BASE}{versions[1].pk}/roll-back/"
        page(browser, where)

        response = browser.post(where, {"reason": "it was better"})

        drafted = requests_by_people().get()
        assert response["Location"] == f"/admin/overrides/changerequest/{drafted.pk}/change/"
        assert (drafted.kind, drafted.content, drafted.author) == ("rollback", {"to": 2}, asker)
        now = datetime.now(UTC)
        approve(request_id=drafted.pk, by=reviewer, at=now)
        apply_request(request_id=drafted.pk, by=reviewer, at=now)
        assert Version.objects.get(module="pm", is_active=True).content_hash == versions[1].content_hash

    def test_needs_a_reason(self, asker: User, versions: list[Version]) -> None:
        response = browser_of(asker).post(f"{BASE}{versions[1].pk}/roll-back/", {"reason": ""})

        assert "say why" in response.content.decode()
        assert not requests_by_people().exists()

    def test_refuses_the_version_in_force(self, asker: User, versions: list[Version]) -> None:
        browser = browser_of(asker)

        response = browser.post(f"{BASE}{versions[3].pk}/roll-back/", {"reason": "to be sure"})

        assert "pm version 4 is in force" in response.content.decode()
        assert "to be sure</textarea>" in response.content.decode()
        assert not requests_by_people().exists()
        assert "roll-back" not in page(browser, f"{BASE}{versions[3].pk}/change/")

    def test_needs_the_permission(self, author: User, versions: list[Version]) -> None:
        browser = browser_of(author)

        assert "roll-back" not in page(browser, f"{BASE}{versions[1].pk}/change/")
        assert browser.get(f"{BASE}{versions[1].pk}/roll-back/").status_code == 403
        assert browser.post(f"{BASE}{versions[1].pk}/roll-back/", {"reason": "x"}).status_code == 403
        assert not requests_by_people().exists()

    def test_needs_a_version(self, asker: User) -> None:
        assert browser_of(asker).get(f"{BASE}999/roll-back/").status_code == 404


def test_a_trial_is_shown_as_never_served_and_may_be_put_into_force(db: None) -> None:
    publish(PLAN)
    browser = browser_of(make_user("asker", "overrides.add_changerequest"))
    approve_and_apply(trial(), at=LATER)
    tried = f"{BASE}{Version.objects.get(kind='trial').pk}"

    listed, text, way = (page(browser, at) for at in (BASE, f"{tried}/change/", f"{tried}/roll-back/"))

    assert listed.count("never served") == text.count("never served") == 1
    assert "Put this trial into force…" in text
    assert "Put pm version 2 into force" in words(way)


@pytest.mark.usefixtures("published")
class TestEffectOfRollingBack:
    def test_is_shown_before_it_is_drafted(self, versions: list[Version]) -> None:
        ask(2, scope=MID)
        browser = browser_of(make_user("planner", "overrides.add_changerequest"))

        text = " ".join(page(browser, f"{BASE}{versions[1].pk}/roll-back/").split())

        assert "Estimated exposure change: <span" in text
        assert "in a replay of the last 2 decisions, as if the module were on; no band: 0 whole days" in text
        assert "Overrides in force: 2 → 2" in text

    @pytest.mark.parametrize("base", [0, 1, 2], ids=["as in force", "other overrides", "other parameters"])
    def test_costs_few_queries(self, versions: list[Version], base: int, django_assert_max_num_queries: Any) -> None:
        ask(2, scope=MID)
        browser = browser_of(make_user("planner", "overrides.add_changerequest"))

        with django_assert_max_num_queries(MOST_QUERIES):
            page(browser, f"{BASE}{versions[base].pk}/roll-back/")
