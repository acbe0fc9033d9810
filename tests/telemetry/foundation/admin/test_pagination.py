from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from telemetry.foundation.admin import pagination
from telemetry.foundation.admin.pagination import BoundedPaginator
from telemetry.foundation.models import JobRun
from tests.builders import NOW

pytestmark = pytest.mark.django_db

RUNS = "/admin/telemetry/jobrun/"


@pytest.fixture
def runs() -> None:
    JobRun.objects.bulk_create(
        JobRun(job="build pm", period=str(n), status="done", started_at=NOW, finished_at=NOW + timedelta(hours=n))
        for n in range(7)
    )


@pytest.mark.usefixtures("runs")
class TestBoundedPaginator:
    def test_counts_what_can_be_paged_through(self) -> None:
        paginator = BoundedPaginator(JobRun.objects.all(), 3)

        assert (paginator.count, paginator.num_pages, paginator.estimate) == (7, 3, None)

    def test_ends_at_its_reach_and_estimates_the_rest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pagination, "MAX_ROWS", 4)

        paginator = BoundedPaginator(JobRun.objects.all(), 3)

        assert (paginator.count, paginator.num_pages) == (4, 2)
        assert paginator.estimate is not None
        assert paginator.estimate >= 5

    def test_gives_each_row_once_and_in_order(self) -> None:
        paginator = BoundedPaginator(JobRun.objects.order_by("-finished_at"), 3)

        periods = [run.period for number in paginator.page_range for run in paginator.page(number).object_list]

        assert periods == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.usefixtures("runs")
class TestFactList:
    def test_says_that_an_estimate_is_one(
        self, client: Client, admin_user: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pagination, "MAX_ROWS", 4)
        client.force_login(admin_user)

        text = client.get(RUNS).content.decode()

        assert "an estimate; filter to reach the others" in text

    def test_is_not_ordered_by_what_no_index_orders(self, client: Client, admin_user: User) -> None:
        client.force_login(admin_user)

        by_rows, by_time = (client.get(f"{RUNS}?o={column}").context["cl"] for column in (5, 3))

        assert "rows" not in str(by_rows.queryset.query.order_by)
        assert "finished_at" in str(by_time.queryset.query.order_by)
