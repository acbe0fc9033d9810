"""The page of what never matched: lists with reasons, their CSV, and one request that withdraws the chosen lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User

from overrides.core.governance.permissions import DRAFT
from overrides.models import ChangeRequest
from overrides.monitoring.unmet.line_use import count_use
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import read_question
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from tests.admin_pages import MOST_QUERIES, browser_of, page
from tests.builders import KEY, SCOPE, make_spec, publish, set_mode
from tests.conftest import make_user
from tests.shared_world import Shared

pytestmark = pytest.mark.django_db

PAGE = "/admin/never-matched/"
OTHER = "rsi.long.dip"
UNMET, UNASKED = make_spec(scope={"macro_phase": "Dip"}), make_spec(pattern_key=OTHER)


def furnish() -> None:
    """Publish three lines long ago, of which a request meets one, and count."""
    now = datetime.now(UTC)
    met = make_spec({"size_mult": 1.01}, stats={"updated_at": utc_text(now - timedelta(days=1))})
    publish(met, UNMET, UNASKED, at=now - timedelta(days=60))
    set_mode("on", at=now - timedelta(days=60))
    payload = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
    at = now - timedelta(days=1)
    record_decisions([resolve_one(read_question(payload, now=at), load_engine("pm"), now=at).record])
    count_use(now=now)


@pytest.fixture(scope="class")
def counted(shared: Shared) -> Iterator[None]:
    with shared(furnish):
        yield


@pytest.fixture
def drafter(db: None) -> User:
    return make_user("drafter", DRAFT)


@pytest.mark.usefixtures("counted")
class TestThePage:
    def test_tells_the_reasons_apart(self, reviewer: User, django_assert_max_num_queries: object) -> None:
        client = browser_of(reviewer)
        with django_assert_max_num_queries(MOST_QUERIES):  # type: ignore[operator]  # untyped fixture
            text = page(client, PAGE)

        assert " lines of pm took part in no answer" in text
        assert f"/admin/overrides/line/{UNMET.line}/change/" in text
        assert "<code>macro_phase=Dip</code>" in text
        assert UNMET.line not in page(client, f"{PAGE}?use={quote('not asked')}")

    def test_shows_nothing_of_a_module_without_a_request(self, reviewer: User) -> None:
        text = page(browser_of(reviewer), f"{PAGE}?module=dm")

        assert "No request of dm was logged in the" in text
        assert '<form class="cw-form"' not in text

    def test_offers_lines_and_values_as_csv(self, reviewer: User) -> None:
        client = browser_of(reviewer)

        lines = client.get(f"{PAGE}lines.csv").getvalue().decode().splitlines()
        values = client.get(f"{PAGE}values.csv").getvalue().decode().splitlines()

        assert len(lines) == 3
        assert lines[0].startswith("line,module,levers,pattern_key")
        assert any(",never matched,,,1," in each for each in lines)
        assert values[1].startswith("pm,macro_phase,Dip,1,False,,")

    def test_drafts_one_request_that_withdraws_the_ticked_lines(self, drafter: User) -> None:
        client = browser_of(drafter)
        assert "requests of pm were answered" in page(client, PAGE)

        response = client.post(PAGE, {"module": "pm", "which": "ticked", "line": [UNMET.line], "reason": "unused"})

        request = ChangeRequest.objects.get(author=drafter)
        assert response["Location"] == f"/admin/overrides/changerequest/{request.pk}/change/"
        assert (request.state, request.reason, request.title) == ("in_review", "unused", "Withdraw 1 line of pm")
        assert list(request.lines.values_list("line_id", "action")) == [(UNMET.line, "withdraw")]

    def test_drafts_one_request_for_all_lines_of_a_list(self, drafter: User) -> None:
        browser_of(drafter).post(PAGE, {"module": "pm", "use": "not asked", "which": "all", "reason": "unused"})

        request = ChangeRequest.objects.get(author=drafter)
        assert list(request.lines.values_list("line_id", flat=True)) == [UNASKED.line]

    def test_refuses_nothing_ticked_and_lines_that_are_not_in_force(self, drafter: User) -> None:
        client = browser_of(drafter)

        nothing = client.post(PAGE, {"module": "pm", "which": "ticked", "reason": "unused"}).content.decode()
        unknown = client.post(PAGE, {"module": "pm", "line": ["f" * 64], "reason": "unused"}).content.decode()

        assert "Tick the lines to withdraw" in nothing
        assert "not in force in pm" in unknown
        assert not ChangeRequest.objects.filter(author=drafter).exists()

    def test_lets_nobody_draft_who_may_not(self, operator: User) -> None:
        client = browser_of(operator)

        assert client.post(PAGE, {"module": "pm", "line": [UNMET.line], "reason": "x"}).status_code == 403
        assert "Draft a request" not in page(client, PAGE)


def test_says_so_before_anything_is_counted(reviewer: User) -> None:
    assert "Nothing has been counted yet" in page(browser_of(reviewer), PAGE)
