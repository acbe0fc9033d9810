"""A change tried on logged decisions: by request or by value, in the background, once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import log
from typing import Any
from uuid import UUID

import pytest
from django.db.models import QuerySet

from overrides.models import ChangeRequest, WhatIf
from overrides.requests.impact.what_if import TAKEN_OVER_AFTER, TASK, compare, request_what_if, run_what_if
from overrides.requests.kinds.kind import DraftLine, Proposed
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from overrides.tasks import what_if_task
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.models import OutboxMessage
from telemetry.models import Decision
from tests.builders import (
    DAY,
    NOW,
    SCOPE,
    approve_and_apply,
    draft,
    make_parameters,
    make_question,
    make_spec,
    publish,
    run_concurrently,
    wait_until,
)

MICRO = {"bucket": "micro"}
HOUR = timedelta(hours=1)


def ask(count: int = 3, *, at: datetime = NOW, **over: Any) -> list[UUID]:
    """Log so many equal questions, an hour apart, while the module is off: what was served does not matter."""
    moments = [at + HOUR * number for number in range(count)]
    asked = {"at": None} | over
    engine = load_engine(over.get("module", "pm"))
    records = []
    for moment in moments:
        question = make_question(**{**asked, "at": asked["at"] or moment.isoformat()})
        records.append(resolve_one(question, engine, now=moment).record)
    record_decisions(records)
    return [record.decision_id for record in records]


def allocate(count: int, **over: Any) -> None:
    ask(count, module="dm", pattern_key="dm_pattern.allocation.allocation", action_category="allocation", **over)


def messages() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(task=TASK)


def row_of(request: ChangeRequest, n: int = 10, **over: Any) -> WhatIf:
    return request_what_if(request.pk, n, NOW, **over)


def computed(request: ChangeRequest, n: int = 10, **over: Any) -> dict[str, Any]:
    row = row_of(request, n, **over)
    run_what_if(row.key, now=NOW)
    row.refresh_from_db()
    assert (row.status, row.error, row.progress) == ("done", "", 1.0)
    assert row.document is not None
    return dict(row.document)


def refused(call: Any) -> list[str]:
    with pytest.raises(Refused) as found:
        call()
    return [refusal.field for refusal in found.value.refusals]


@pytest.mark.django_db
class TestCompare:
    def test_takes_plain_values(self) -> None:
        publish(make_spec())
        ask(3)
        ask(2, scope=MICRO)

        found = compare(Proposed("pm", bring=[make_spec({"size_mult": 0.9}, scope=MICRO)]), n=10)

        assert (found["module"], found["asked"], found["touched"], found["changed"]) == ("pm", 5, 5, 2)
        assert found["newly_moved"] == 2
        assert found["exposure"]["mean_ln"] == pytest.approx(-2 / 5 * log(1.02), abs=1e-9)

    def test_withdraws(self) -> None:
        publish(make_spec())
        ask(3)

        found = compare(Proposed("pm", withdraw=[make_spec().line]), n=10)

        assert (found["changed"], found["no_longer_moved"]) == (3, 3)
        [line] = found["lines"]
        assert (line["line"], line["scope"], line["action_category"]) == (make_spec().line, SCOPE, "entry")

    def test_reads_the_newest_ones_of_the_module_up_to_a_limit(self) -> None:
        ids = ask(5)
        ask(4, module="dm", pattern_key="dm_pattern.allocation.allocation", action_category="allocation")
        change = Proposed("pm", bring=[make_spec()])

        assert compare(change, n=3)["asked"] == 3
        assert compare(change, n=100)["asked"] == 5
        assert compare(change, n=3)["as_of"] == ["2026-03-02T14:00:00Z", "2026-03-02T16:00:00Z"]
        assert compare(change, n=3, last=ids[1])["as_of"] == ["2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z"]

    def test_answers_each_as_of_its_own_time_or_all_as_of_one(self) -> None:
        """The override falls below the floor after 165 days."""
        publish(make_spec())
        ask(2)
        change = Proposed("pm", withdraw=[make_spec().line])

        assert compare(change, n=10)["changed"] == 2
        assert compare(change, n=10, as_of=NOW + 166 * DAY)["changed"] == 0

    def test_uses_the_current_values_that_were_sent(self) -> None:
        publish(make_spec())
        ask(1, current={"size_mult": 1.09})

        found = compare(Proposed("pm", bring=[make_spec({"size_mult": 1.12})]), n=10)

        assert found["levers"]["size_mult"]["quantiles"]["change"]["mean"] == pytest.approx(
            log(1.09 * 1.02) - log(1.1), abs=1e-8
        )

    def test_takes_ramps_as_arrived(self) -> None:
        evidence = make_parameters({"policy": "evidence", "combiner": "evidence"})
        publish(make_spec({"size_mult": 1.1}, policy="evidence"), parameters=evidence)
        ask(1)

        found = compare(Proposed("pm", bring=[make_spec({"size_mult": 1.2}, policy="evidence")]), n=10)

        quantiles = found["levers"]["size_mult"]["quantiles"]
        assert quantiles["before"]["mean"] == pytest.approx(log(1.1), abs=1e-8)
        assert quantiles["after"]["mean"] == pytest.approx(log(1.2), abs=1e-8)

    def test_answers_where_nothing_was_logged(self) -> None:
        found = compare(Proposed("pm", bring=[make_spec()]), n=5)

        assert (found["asked"], found["as_of"], found["levers"]) == (0, None, {})

    def test_begins_from_nothing_where_nothing_is_published(self) -> None:
        ask(2)

        assert compare(Proposed("pm", bring=[make_spec()]), n=10)["newly_moved"] == 2

    def test_counts_a_decision_that_nobody_can_answer(self) -> None:
        ask(2)
        Decision.objects.filter(pk=Decision.objects.order_by("pk").values("pk")[:1]).update(scope=["micro"])

        found = compare(Proposed("pm", bring=[make_spec()]), n=10)

        assert (found["asked"], found["unreadable"], found["changed"]) == (2, 1, 1)

    @pytest.mark.parametrize("n", [0, -1, 1_000_001])
    def test_refuses_a_number_out_of_range(self, n: int) -> None:
        assert refused(lambda: compare(Proposed("pm"), n=n)) == ["n"]

    def test_refuses_a_time_without_a_zone(self) -> None:
        assert refused(lambda: compare(Proposed("pm"), n=1, as_of=NOW.replace(tzinfo=None))) == ["as_of"]

    def test_refuses_a_change_that_cannot_be_served(self) -> None:
        publish(make_spec())
        evidence = make_parameters({"policy": "evidence", "combiner": "evidence"})

        assert refused(lambda: compare(Proposed("pm", parameters=evidence), n=1)) == ["proposal"]


@pytest.mark.django_db
class TestRequests:
    def test_of_lines_bring_and_withdraw(self) -> None:
        publish(make_spec())
        ask(3)
        new = draft(make_spec({"size_mult": 0.9}, scope=MICRO))
        gone = draft(lines=[DraftLine(make_spec().line, None, ["withdrawn"])])

        assert computed(new)["touched"] == 3
        assert computed(gone)["no_longer_moved"] == 3

    def test_of_parameters_change_the_rules(self) -> None:
        publish(make_spec())
        ask(3)
        weights = make_parameters().to_document()["channels"]["pm_strength"]["weights"]
        heavier = make_parameters({"weights": weights | {"min_total_weight": 0.5}}).to_document()

        found = computed(draft(kind="parameters", content=heavier, lines=()))

        assert (found["changed"], found["no_longer_moved"]) == (3, 3)

    def test_of_a_rollback_compare_with_the_older_version(self) -> None:
        publish(make_spec({"size_mult": 0.9}))
        publish(make_spec(), make_spec({"size_mult": 0.95}, scope=MICRO))
        ask(3)

        found = computed(draft(kind="rollback", content={"to": 1}, lines=()))

        assert found["changed"] == 3
        assert found["levers"]["size_mult"]["quantiles"]["after"]["mean"] == pytest.approx(-log(1.02), abs=1e-8)

    def test_of_coefficients_alone_weigh_the_allocations_again(self) -> None:
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.5}}, lines=()))
        allocate(2, scope={"chain": "base"})
        allocate(1, scope={"chain": "solana"})

        found = computed(draft(module="dm", content={"coefficients": {"chain=base": 1.2}}, lines=()))

        product = found["levers"]["coefficient product"]
        assert (found["asked"], found["touched"], product["lowered"]) == (3, 2, 2)
        assert product["quantiles"]["before"]["mean"] == pytest.approx(log(1.5), abs=1e-9)
        assert product["quantiles"]["after"]["mean"] == pytest.approx(log(1.2), abs=1e-9)
        assert [each["part"] for each in found["weights"]] == ["chain=base"]

    def test_of_a_rollback_bring_the_older_weights_back(self) -> None:
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.5}}, lines=()))
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 0.8}}, lines=()))
        allocate(2, scope={"chain": "base"})

        found = computed(draft(module="dm", kind="rollback", content={"to": 1}, lines=()))

        product = found["levers"]["coefficient product"]
        assert product["quantiles"]["change"]["mean"] == pytest.approx(log(1.5 / 0.8), abs=1e-8)

    def test_of_parameters_cap_the_product(self) -> None:
        approve_and_apply(draft(module="dm", content={"coefficients": {"chain=base": 1.5}}, lines=()))
        allocate(2, scope={"chain": "base"})
        capped = make_parameters(module="dm", product_cap=1.2).to_document()

        found = computed(draft(module="dm", kind="parameters", content=capped, lines=()))

        product = found["levers"]["coefficient product"]
        assert (product["changed"], product["capped"]) == (2, {"before": 0, "after": 2})

    def test_of_a_policy_are_refused(self) -> None:
        request = draft(kind="policy", content={"approvals": 2}, lines=())

        assert refused(lambda: row_of(request)) == ["request"]

    def test_that_do_not_exist_are_refused(self) -> None:
        assert refused(lambda: request_what_if(404, 10, NOW)) == ["request"]

    @pytest.mark.parametrize("n", [0, -1])
    def test_about_no_decisions_are_refused(self, n: int) -> None:
        request = draft(make_spec())

        assert refused(lambda: row_of(request, n)) == ["n"]
        assert not WhatIf.objects.exists()


@pytest.mark.django_db
class TestAsking:
    def test_answers_at_once_and_sends_a_task(self) -> None:
        ask()

        row = row_of(draft(make_spec()))

        assert (row.status, row.progress, row.document) == ("waiting", 0.0, None)
        assert [message.kwargs for message in messages()] == [{"key": row.key}]

    def test_finds_an_earlier_result(self) -> None:
        ask()
        request = draft(make_spec())
        computed(request)

        again = request_what_if(request.pk, 10, NOW + HOUR)

        assert (again.status, messages().count(), WhatIf.objects.count()) == ("done", 1, 1)

    @pytest.mark.parametrize("change", ["decision", "version", "number", "as of", "request"])
    def test_computes_again_if_the_answer_would_differ(self, change: str) -> None:
        ask()
        request = draft(make_spec())
        first = row_of(request)
        if change == "decision":
            ask(1, at=NOW + DAY)
        if change == "version":
            publish(make_spec(scope=MICRO))
        if change == "request":
            request = draft(make_spec({"size_mult": 1.2}))

        again = row_of(request, 11 if change == "number" else 10, as_of_now=change == "as of")

        assert again.key != first.key
        assert messages().count() == 2

    def test_as_of_now_holds_for_the_hour(self) -> None:
        ask()
        request = draft(make_spec())

        rows = [request_what_if(request.pk, 10, NOW + timedelta(minutes=m), as_of_now=True) for m in (0, 59, 60)]

        assert rows[0].key == rows[1].key != rows[2].key
        assert [row.as_of for row in rows] == [NOW, NOW, NOW + HOUR]

    def test_sends_again_what_failed(self) -> None:
        ask()
        request = draft(make_spec())
        WhatIf.objects.filter(pk=row_of(request).key).update(status="failed", error="broken")

        row = row_of(request)

        assert (row.status, row.error, messages().count()) == ("waiting", "", 2)

    @pytest.mark.parametrize(("age", "sent"), [(timedelta(0), 1), (TAKEN_OVER_AFTER + HOUR, 2)])
    @pytest.mark.parametrize("status", ["waiting", "running"])
    def test_enqueues_again_what_gives_no_sign_of_life(self, status: str, age: timedelta, sent: int) -> None:
        ask()
        request = draft(make_spec())
        WhatIf.objects.filter(pk=row_of(request).key).update(status=status, seen_at=NOW - age)

        row_of(request)

        assert messages().count() == sent


@pytest.mark.django_db
class TestRunning:
    def test_says_why_a_change_cannot_be_served(self) -> None:
        publish(make_spec())
        ask()
        evidence = make_parameters({"policy": "evidence", "combiner": "evidence"}).to_document()
        row = row_of(draft(kind="parameters", content=evidence, lines=()))

        run_what_if(row.key, now=NOW)

        row.refresh_from_db()
        assert (row.status, row.document) == ("failed", None)
        assert "cannot be served" in row.error
        assert make_spec().id in row.error

    def test_uses_the_version_and_decisions_of_the_request(self) -> None:
        """The row is computed with the version and the decisions that existed when it was requested."""
        publish(make_spec())
        request = draft(make_spec({"size_mult": 0.9}), make_spec(scope=MICRO))
        before_any = row_of(request)
        ask(3)
        row = row_of(request)
        publish(make_spec({"size_mult": 0.9}), make_spec(scope=MICRO))
        ask(2, at=NOW + DAY)

        for each in (before_any, row):
            run_what_if(each.key, now=NOW)
            each.refresh_from_db()

        assert before_any.document is not None
        assert row.document is not None
        assert before_any.document["asked"] == 0
        assert (row.version, row.document["asked"], row.document["changed"]) == (1, 3, 3)
        assert (len(before_any.document["sample"]), len(row.document["sample"])) == (0, 3)

    def test_does_nothing_for_what_is_done_or_gone(self) -> None:
        ask()
        request = draft(make_spec())
        computed(request)
        row = WhatIf.objects.get()

        run_what_if(row.key, now=NOW)
        run_what_if("0" * 64, now=NOW)

        assert WhatIf.objects.get().attempts == row.attempts == 1

    def test_leaves_it_to_a_live_worker_and_checks_again_later(self) -> None:
        ask()
        row = row_of(draft(make_spec()))
        messages().update(sent_at=NOW)
        WhatIf.objects.update(status="running", attempts=1, seen_at=NOW - HOUR / 60)

        what_if_task(key=row.key, now=NOW.isoformat())

        row.refresh_from_db()
        assert (row.status, row.attempts) == ("running", 1)
        assert list(messages().order_by("id").values_list("due_at", flat=True)) == [NOW, NOW + TAKEN_OVER_AFTER]

    def test_takes_over_from_a_worker_that_was_killed(self) -> None:
        ask()
        row = row_of(draft(make_spec()))
        WhatIf.objects.update(status="running", attempts=1, progress=0.6, seen_at=NOW - TAKEN_OVER_AFTER - HOUR)

        what_if_task(key=row.key, now=NOW.isoformat())

        row.refresh_from_db()
        assert (row.status, row.attempts, row.progress) == ("done", 2, 1.0)


@pytest.mark.django_db(transaction=True)
class TestSeveralAtOnce:
    def test_share_one_row(self) -> None:
        ask()
        request = draft(make_spec())

        rows: Iterable[WhatIf] = run_concurrently(
            lambda: row_of(request), lambda: row_of(request), lambda: row_of(request)
        )

        assert len({row.key for row in rows}) == 1
        assert (WhatIf.objects.count(), messages().count()) == (1, 1)

    def test_compute_once(self) -> None:
        ask(50)
        row = row_of(draft(make_spec()))

        run_concurrently(lambda: run_what_if(row.key, now=NOW), lambda: run_what_if(row.key, now=NOW))

        row.refresh_from_db()
        assert (row.status, row.attempts) == ("done", 1)

    def test_see_progress_while_it_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.requests.impact.what_if.CHUNK", 1)
        ask(400)
        row = row_of(draft(make_spec()), 400)

        def watch() -> tuple[str, float]:
            wait_until(lambda: WhatIf.objects.filter(progress__gt=0).exists(), "the first progress to show")
            seen = WhatIf.objects.get()
            return seen.status, seen.progress

        _, (status, progress) = run_concurrently(lambda: run_what_if(row.key, now=NOW), watch)

        assert status == "running"
        assert 0 < progress < 1
        assert WhatIf.objects.get().status == "done"

    def test_the_one_overtaken_stops_and_writes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.requests.impact.what_if.CHUNK", 1)
        ask(400)
        row = row_of(draft(make_spec()), 400)

        def overtake() -> None:
            wait_until(lambda: WhatIf.objects.filter(progress__gt=0).exists(), "the first progress to show")
            WhatIf.objects.update(attempts=2, progress=0.0)

        results = run_concurrently(lambda: run_what_if(row.key, now=NOW), overtake)

        assert results == [None, None]
        found = WhatIf.objects.get()
        assert (found.status, found.attempts, found.progress, found.document) == ("running", 2, 0.0, None)
