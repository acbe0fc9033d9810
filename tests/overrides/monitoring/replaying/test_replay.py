"""Decisions of an eventful time replay exactly, and a tampered row is reported with its field."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, models

from overrides.core.engine.definitions.holdback import holdback_draw
from overrides.core.monitoring.replaying.json_diff import Difference
from overrides.models import Line, Membership, ModuleMode, Override, ParameterSet, Version
from overrides.monitoring.replaying.replay import Choice, ReplayDiffers, Report, question_of, replay, replay_nightly
from overrides.serving.engine import load_engine
from overrides.serving.holdback import holdback_secret
from overrides.serving.resolve import resolve_one
from overrides.tasks import replay_task
from overrides.versions.publish import store_override
from overrides.versions.verify_hashes import NIGHTS, Recheck
from telemetry.audit.alarms import REPLAY, raise_alarm
from telemetry.core.audit_facts import Finding
from telemetry.decisions.decision_log import record_decisions
from telemetry.decisions.decision_rows import DOCUMENTS
from telemetry.decisions.decision_stream import Span, sample, slices, stream
from telemetry.foundation.core.refusal import Refused
from telemetry.foundation.models import JobRun
from telemetry.models import Decision
from tests.builders import DAY, NOW, SCOPE, make_question, make_spec, publish, set_mode, without_triggers
from tests.overrides.eventful import BEGIN, run_periods

LATER = NOW + 90 * DAY


def replayed(choice: Choice | None = None) -> tuple[Report, list[str]]:
    found: list[Difference] = []
    report = replay(choice or Choice(), now=LATER, on_difference=found.append)
    return report, [str(each) for each in found]


def ask(now: datetime = NOW, *, stale_seconds: float = 0.0, engine: bool = True, **over: Any) -> UUID:
    """Ask one question of what is in force, and log the decision."""
    question = make_question(**over)
    source = load_engine(question.request.module) if engine else None
    record = resolve_one(question, source, now=now, stale_seconds=stale_seconds).record
    record_decisions([record])
    return record.decision_id


def store_as_documents(rows: models.QuerySet[Any]) -> None:
    """Store a decision as releases before traces did."""
    row = rows.get()
    documents = {name: getattr(row, name) for name in (*DOCUMENTS, "request")}
    rewrite(rows, trace=None, movers=None, **documents)


def rewrite(rows: models.QuerySet[Any], **fields: Any) -> None:
    with without_triggers():
        assert rows.update(**fields) == 1


@pytest.mark.django_db
def test_a_decision_of_a_book_replays_and_keeps_its_question() -> None:
    publish(make_spec())
    set_mode("on")
    decision = Decision.objects.get(pk=ask(book="live"))

    assert replayed()[1] == []
    assert question_of(decision).book == "live"


@pytest.mark.django_db
class TestAnEventfulTime:
    def test_replays_without_a_difference(self) -> None:
        """The decisions include every reason, flag, mode and combiner, so the test covers all of them."""
        stored = run_periods(540, 24)

        report, found = replayed()

        assert found == []
        assert (report.replayed, report.differences) == (stored, 0)
        rows = list(
            Decision.objects.values_list("reason", "mode", "combiner", "flags", "challenger_version", "version")
        )

        assert {reason for reason, *_ in rows} >= {
            "NO_MATCH", "ALL_EXCLUDED", "SINGLE", "COMBINED", "MODULE_OFF", "SHADOW", "NOT_IN_ROLLOUT",
            "SCOPE_NOT_ALLOWED", "PROTECTED", "STALE", "HOLDBACK",
        }  # fmt: skip
        assert {flag for row in rows for flag in row[3]} == {
            "STEP_LIMITED", "BOUND_LOW", "BOUND_HIGH", "RAMPING", "UNKNOWN_DIMENSION", "STALE_VERSION",
        }  # fmt: skip
        assert {combiner.partition(",")[0] for _, _, combiner, *_ in rows} >= {
            "pm_strength=plan", "pm_strength=most_specific", "pm_strength=evidence", "dm_alloc=plan",
        }  # fmt: skip
        assert Counter(challenger for *_, challenger, _ in rows).keys() >= {1, 2, None}
        assert len({version for *_, version in rows}) >= 8

    def test_says_of_how_many_only_neutral_was_checked(self) -> None:
        run_periods(450, 3)

        report, _ = replayed()

        assert report.unclaimed == Decision.objects.filter(reason="STALE").count() > 0


@pytest.fixture
def served(db: None) -> UUID:
    """One decision of two matching overrides, with the module on and a challenger; everything has changed since."""
    publish(make_spec(), make_spec({"size_mult": 1.01}, scope={"bucket": "micro"}))
    publish(make_spec({"size_mult": 0.97}))
    set_mode("on", challenger=1)
    decision = ask(current={"size_mult": 0.99})
    publish(make_spec({"size_mult": 0.8}), withdraw=[make_spec(scope={"bucket": "micro"}).line])
    set_mode("off", challenger=None)
    return decision


def changed(document: Any, path: str, value: Any) -> Any:
    """Return the document with the value at a dotted path replaced."""
    first, _, rest = path.partition(".")
    if isinstance(document, list):
        return [changed(each, rest, value) if index == int(first) else each for index, each in enumerate(document)]
    return document | {first: changed(document[first], rest, value) if rest else value}


class TestARewrittenDecision:
    def test_is_exact_before(self, served: UUID) -> None:
        assert replayed() == (Report(replayed=1), [])

    @pytest.mark.parametrize(
        ("field", "path", "value", "named"),
        [
            ("levers", "size_mult.served", 0.970000001, "levers.size_mult.served is 0.970000001, recomputed 0.9"),
            ("levers", "size_mult.value", 0.98, "levers.size_mult.value is 0.98, recomputed 0.9"),
            ("levers", "size_mult.step_limited", True, "levers.size_mult.step_limited is True, recomputed False"),
            ("contributions", "0.w_n", 0.5, "w_n is 0.5, recomputed 1.0"),
            ("contributions", "0.line", "x", "line is 'x', recomputed '"),
            ("contributions", "0.parts.size_mult", 0.5, "parts.size_mult is 0.5, recomputed -0.0"),
            ("effect", "size_mult.m0", 1.0, "effect.size_mult.m0 is 1.0, recomputed 0.99"),
            (
                "challenger",
                "levers.size_mult.served",
                1.3,
                "challenger.levers.size_mult.served is 1.3, recomputed 1.00",
            ),
            ("challenger", "reason", "NO_MATCH", "challenger.reason is 'NO_MATCH', recomputed 'COMBINED'"),
        ],
    )
    def test_is_named_with_its_field(self, served: UUID, field: str, path: str, value: Any, named: str) -> None:
        rows = Decision.objects.filter(pk=served)
        rewrite(rows, **{field: changed(getattr(rows.get(), field), path, value)})

        report, [line] = replayed()

        assert line.startswith(f"decision {served}: {field}")
        assert named in line
        assert report == Report(replayed=1, differences=1)

    @pytest.mark.parametrize(
        ("field", "value", "named"),
        [
            ("reason", "SINGLE", "reason is 'SINGLE', recomputed"),
            ("flags", ["BOUND_LOW"], "flags is ['BOUND_LOW'], recomputed"),
            ("combiner", "pm_strength=evidence", "combiner is 'pm_strength=evidence', recomputed"),
            ("contributions", [], "contributions is [], recomputed ["),
            ("excluded", [{"id": "x", "reason": "STALE"}], "excluded is ['x'], recomputed []"),
            ("effect", {}, "effect.size_mult is missing, recomputed"),
            ("challenger", None, "challenger is None, recomputed"),
            ("mode", "off", "reason is 'COMBINED', recomputed"),
            ("mode", "loud", "request is"),
            ("scope", {"bucket": "micro"}, "reason is 'COMBINED', recomputed"),
            ("scope", ["bucket"], "recomputed"),
            ("pattern_key", "a.b.c", "reason is 'COMBINED', recomputed"),
            ("at", NOW + 3 * DAY, "w_decay"),
            ("version", 99, "version is 99, recomputed 'pm has no version 99'"),
            ("version", 3, "levers.size_mult.value"),
            ("challenger_version", None, "challenger is {"),
            ("request", {}, "request is {}, recomputed 'unreadable (KeyError"),
        ],
    )  # fmt: skip
    def test_is_named_whichever_column_it_is(self, served: UUID, field: str, value: Any, named: str) -> None:
        store_as_documents(Decision.objects.filter(pk=served))
        assert replayed()[1] == []
        rewrite(Decision.objects.filter(pk=served), **{field: value})

        report, found = replayed()

        assert all(line.startswith(f"decision {served}: ") for line in found)
        assert any(named in line for line in found), found
        assert report.differences == len(found) > 0

    def test_is_named_if_only_the_question_was_changed(self, served: UUID) -> None:
        rows = Decision.objects.filter(pk=served)
        rewrite(rows, request=rows.get().request | {"current": {"size_mult": 1.2}})

        assert f"decision {served}: levers.size_mult.current is 0.99, recomputed 1.2" in replayed()[1]

    def test_may_differ_by_a_unit_in_the_ninth_decimal_from_another_machine_only(self, served: UUID) -> None:
        rows = Decision.objects.filter(pk=served)
        value = rows.get().levers["size_mult"]["value"]
        rewrite(rows, levers=changed(rows.get().levers, "size_mult.value", value + 1e-9))
        assert len(replayed()[1]) == 1

        rewrite(rows, numeric_build="arm64 python-3.11.0 numpy-2.0.0")
        assert replayed()[1] == []

        rewrite(rows, levers=changed(rows.get().levers, "size_mult.value", value + 2e-9))
        assert len(replayed()[1]) == 1


@pytest.mark.django_db
class TestStaleAndError:
    @pytest.mark.parametrize("reason", ["STALE", "ERROR"])
    def test_claim_neutral_levers_and_nothing_more(self, reason: str) -> None:
        publish(make_spec())
        decision = ask(engine=False)
        rewrite(Decision.objects.filter(pk=decision), reason=reason)

        assert replayed() == (Report(replayed=1, unclaimed=1), [])

    def test_are_named_where_levers_moved(self) -> None:
        publish(make_spec())
        rows = Decision.objects.filter(pk=ask(engine=False))
        rewrite(rows, levers=changed(rows.get().levers, "size_mult.served", 1.1))

        assert replayed()[1] == [f"decision {rows.get().pk}: levers.size_mult.served is 1.1, recomputed 1.0"]

    def test_a_stale_process_answers_the_same(self) -> None:
        publish(make_spec())
        set_mode("on")
        decision = ask(stale_seconds=60)

        assert "STALE_VERSION" in Decision.objects.get(pk=decision).flags
        assert replayed() == (Report(replayed=1), [])


@pytest.mark.django_db
class TestServedUnder:
    def test_is_stored_only_where_not_everybody_is_served(self) -> None:
        publish(make_spec())
        set_mode("on")
        everybody = ask()
        set_mode("on", rollout_percent=10, allow={"bucket": ["micro"]})
        some = ask()

        requests = {row.pk: row.request for row in Decision.objects.all()}
        assert "served_under" not in requests[everybody]
        assert requests[some]["served_under"] == {
            "rollout_percent": 10.0, "allow": {"bucket": ["micro"]},
            "rollout_salt": load_engine("pm").mode.rollout_salt,
        }  # fmt: skip

    def test_replays_without_a_salt_as_before_there_were_any(self) -> None:
        publish(make_spec())
        with without_triggers():
            ModuleMode.objects.create(
                module="pm", mode="on", rollout_percent=40, changed_at=NOW, changed_by="x", reason="x"
            )
        reasons = {key: Decision.objects.get(pk=ask(rollout_key=key)).reason for key in ("BTC/USDT", "ETH/USDT")}

        assert reasons == {"BTC/USDT": "SINGLE", "ETH/USDT": "NOT_IN_ROLLOUT"}
        assert "rollout_salt" not in Decision.objects.all()[0].request["served_under"]
        assert replayed() == (Report(replayed=2), [])


@pytest.mark.django_db
class TestHoldback:
    """Decisions of a holdback replay from the draw that they store, whatever the secret and the share are today."""

    @pytest.fixture(autouse=True)
    def asked(self) -> dict[str, Decision]:
        publish(make_spec())
        publish(make_spec({"size_mult": 0.9}))
        set_mode("on", holdback_percent=20, challenger=1)
        keys = [f"BTC/USDT {day}" for day in range(40)]
        found = {key: Decision.objects.get(pk=ask(position_key=key)) for key in keys}
        set_mode("on", holdback_percent=0, challenger=None)
        return found

    def test_replays_served_and_held_back_alike(
        self, asked: dict[str, Decision], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("overrides.serving.holdback.holdback_secret", lambda: b"another")

        assert {each.reason for each in asked.values()} == {"SINGLE", "HOLDBACK"}
        assert replayed() == (Report(replayed=40), [])

    def test_is_noticed_if_a_draw_is_altered(self, asked: dict[str, Decision]) -> None:
        held = next(each for each in asked.values() if each.reason == "HOLDBACK")
        stored = Decision.objects.filter(pk=held.pk).values_list("request", flat=True).get()
        rewrite(Decision.objects.filter(pk=held.pk), request=stored | {"holdback": {"percent": 20.0, "draw": 20.0}})

        assert f"decision {held.pk}: reason is 'HOLDBACK', recomputed 'SINGLE'" in replayed()[1][0]

    def test_stores_what_a_position_held_back_would_have_received(self, asked: dict[str, Decision]) -> None:
        for key, each in asked.items():
            draw = holdback_draw(holdback_secret(), key)
            size = each.levers["size_mult"]
            assert each.request["holdback"] == {"percent": 20.0, "draw": draw}
            assert each.request["position_key"] == key
            assert size["value"] == pytest.approx(1 / 1.02)
            assert (each.reason, size["served"]) == (
                ("HOLDBACK", 1.0) if draw < 20 else ("SINGLE", pytest.approx(1 / 1.02, abs=1e-9))
            )
            assert bool(each.effect) == (draw >= 20)
            assert len(each.contributions) == 1
            assert each.challenger["reason"] == each.reason


@pytest.mark.django_db
class TestTonight:
    """An override that was rewritten, and was never in force."""

    @pytest.fixture(autouse=True)
    def rewritten(self, served: UUID) -> str:
        stored = store_override(make_spec(pattern_key="never.long.published"), source="person", at=NOW)
        rewrite(Override.objects.filter(pk=stored.pk), n=7.0)
        return str(stored.pk)

    def found(self, now: datetime, since: datetime | None) -> bool:
        return bool(list(Recheck().tonight(now, since)))

    def test_is_found_on_one_night_of_a_round(self) -> None:
        later = NOW + DAY

        nights = [night for night in range(NIGHTS) if self.found(NOW + night * DAY, later)]

        assert len(nights) == 1
        assert self.found(NOW + (nights[0] + NIGHTS) * DAY, later)

    def test_is_found_every_night_until_a_run_finds_nothing(self) -> None:
        assert all(self.found(NOW + night * DAY, NOW) for night in range(3))
        assert all(self.found(NOW + night * DAY, None) for night in range(3))

    def test_is_looked_for_everywhere_while_an_alarm_stands(self, rewritten: str) -> None:
        JobRun.objects.create(job=REPLAY, period="p", status="done", started_at=NOW + DAY, finished_at=NOW + DAY)
        quiet = next(NOW + night * DAY for night in (2, 3) if not self.found(NOW + night * DAY, NOW + DAY))
        assert replay_nightly(now=quiet) > 0

        raise_alarm(REPLAY, [Finding("override x", "was rewritten")], at=quiet)

        with pytest.raises(ReplayDiffers, match=rewritten):
            replay_nightly(now=quiet)

    def test_compares_what_is_in_force_every_night(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.versions.verify_hashes.STORED_UP_TO", 0)
        with without_triggers():
            Version.objects.update(config_data=None)
        quiet = next(NOW + night * DAY for night in range(NIGHTS) if not self.found(NOW + night * DAY, NOW + DAY))

        rewrite(Override.objects.filter(pk=make_spec({"size_mult": 0.8}).id), n=7.0)

        assert self.found(quiet, NOW + DAY)


class TestRewrittenPolicy:
    def named(self) -> list[str]:
        return [str(each) for each in Recheck().everything()]

    def test_holds_together_before(self, served: UUID) -> None:
        assert self.named() == []
        assert [list(Recheck().version("pm", number)) for number in (1, 2, 3, 99)] == [[], [], [], []]

    def test_names_an_override_and_the_copy_says_which_number(self, served: UUID) -> None:
        override = make_spec({"size_mult": 0.97})
        rewrite(Override.objects.filter(pk=override.id), n=7.0)

        found = [str(each) for each in Recheck().version("pm", 2)]

        changed_id = make_spec({"size_mult": 0.97}, stats={"n": 7}).id
        assert f"override {override.id}: id is '{override.id}', recomputed '{changed_id}'" in found
        place = f"config_data.pattern_strength_overrides[{override.id}].stats.n"
        assert f"version pm/2: {place} is 1000000.0, recomputed 7.0" in found
        assert f"override {override.id}: id is '{override.id}', recomputed '{changed_id}'" in self.named()

    def test_names_an_override_that_cannot_be_read(self, served: UUID) -> None:
        rewrite(Override.objects.filter(pk=make_spec({"size_mult": 0.8}).id), levers={"size": 1})

        found = self.named()

        name = f"override {make_spec({'size_mult': 0.8}).id}: levers.size is "
        assert [line for line in found if line.startswith(name)]

    def test_names_the_channel_of_a_line_that_cannot_be_read(self, served: UUID) -> None:
        with connection.cursor() as cursor:  # an owner who rewrites a row may drop its constraints first
            cursor.execute("ALTER TABLE overrides_line DROP CONSTRAINT line_words_are_known")
        rewrite(Line.objects.filter(pk=make_spec().line), channel="pm_magic")

        found = list(Recheck().everything())

        assert {each.field for each in found if each.object == f"override {make_spec().id}"} == {"type"}

    def test_names_a_line(self, served: UUID) -> None:
        line = make_spec().line
        rewrite(Line.objects.filter(pk=line), scope=SCOPE | {"bucket": "mid"})

        recomputed = make_spec(scope=SCOPE | {"bucket": "mid"}).line
        assert f"line {line}: id is '{line}', recomputed '{recomputed}'" in self.named()

    def test_names_a_parameter_set(self, served: UUID) -> None:
        row = ParameterSet.objects.get()
        document = changed(row.document, "channels.pm_strength.weights.specificity_alpha", 1.6)
        rewrite(ParameterSet.objects.filter(pk=row.pk), document=document)

        [line] = self.named()

        assert line.startswith(f"parameters {row.pk}: id is '{row.pk}', recomputed '")
        assert any("version pm/2: its parameters have the hash" in each for each in replayed()[1])

    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"content_hash": "0" * 64}, "content_hash is '0000"),
            ({"n_overrides": 7}, "n_overrides is 7, recomputed 1"),
            ({"coefficients": {"chain=sol": 1.1}}, "content_hash is"),
            ({"config_data": None}, "config_data is None"),
        ],
    )
    def test_names_a_version(self, served: UUID, over: dict[str, Any], field: str) -> None:
        rewrite(Version.objects.filter(module="pm", number=3), **over)

        assert any(line.startswith(f"version pm/3: {field}") for line in self.named())

    def test_names_a_version_whose_members_are_others(self, served: UUID) -> None:
        rewrite(Membership.objects.filter(from_version=3), override=make_spec({"size_mult": 0.97}).id)

        found = self.named()

        assert any(line.startswith("version pm/3: content_hash is") for line in found)

    def test_is_found_by_replaying_a_decision(self, served: UUID) -> None:
        rewrite(Override.objects.filter(pk=make_spec({"size_mult": 0.97}).id), edge_raw=0.1)

        report, found = replayed(Choice(decision=served))

        assert found[0].startswith(f"override {make_spec({'size_mult': 0.97}).id}: id is")
        assert found[-1].startswith(f"decision {served}: version is 2, recomputed 'pm version 2 does not compile: ")
        assert report.differences == len(found)


@pytest.mark.django_db
class TestChoosing:
    def test_takes_a_span_by_when_the_decision_was_made(self) -> None:
        ids = [ask(NOW + number * DAY) for number in range(5)]

        report, _ = replayed(Choice(Span(since=NOW + DAY, until=NOW + 3 * DAY)))

        assert report.replayed == 2
        assert [row.pk for row in stream(Span(since=NOW + DAY, until=NOW + 3 * DAY).rows())] == ids[1:3]

    def test_takes_one_module(self) -> None:
        run_periods(90, 3)

        assert replayed(Choice(Span(module="dm")))[0].replayed == Decision.objects.filter(module="dm").count()

    def test_streams_chunk_by_chunk_in_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("telemetry.decisions.decision_stream.CHUNK", 10)
        run_periods(90, 3)

        ids = [row.pk for row in stream(Span().rows())]

        assert ids == list(Decision.objects.order_by("pk").values_list("pk", flat=True))

    def test_samples_the_same_for_the_same_seed(self) -> None:
        run_periods(180, 3)

        first, again, other = (sample(Span(), 20, seed) for seed in (1, 1, 2))

        assert first == again != other
        assert len(first) == len(set(first)) == 20
        assert first == sorted(first)
        assert len(sample(Span(), 10_000, 1)) == Decision.objects.count()

    def test_slices_jump_over_gaps(self) -> None:
        ids = [ask(NOW + timedelta(days=100 * number)) for number in range(3)]

        assert set(slices(Span(), 40, 2, 1)) <= set(ids)
        assert len(slices(Span(), 40, 2, 1)) >= 2
        assert slices(Span(until=NOW), 40, 2, 1) == []

    @pytest.mark.parametrize(
        ("choice", "field"),
        [
            (Choice(sample=0), "sample"),
            (Choice(sample=-1), "sample"),
            (Choice(decision=uuid4()), "decision"),
            (Choice(Span(since=LATER + DAY)), "since"),
            (Choice(Span(since=NOW.replace(tzinfo=None))), "since"),
            (Choice(Span(until=NOW.replace(tzinfo=None))), "until"),
            (Choice(Span(since=NOW, until=NOW)), "until"),
        ],
    )
    def test_refuses_by_name_what_cannot_be_chosen(self, choice: Choice, field: str) -> None:
        with pytest.raises(Refused) as refused:
            replayed(choice)

        assert [refusal.field for refusal in refused.value.refusals] == [field]

    def test_replays_nothing_where_there_is_nothing(self) -> None:
        assert replayed() == (Report(), [])
        assert replayed(Choice(sample=5)) == (Report(), [])


@pytest.mark.django_db(transaction=True)
class TestNightly:
    def test_counts_what_it_replayed_of_the_day_and_of_before(self) -> None:
        run_periods(180, 3)
        recent = Span(since=NOW - 5 * DAY, until=NOW - 4 * DAY).rows().count()
        older = Span(until=NOW - 5 * DAY).rows().count()

        replay_task(now=(NOW - 4 * DAY).isoformat())

        run = JobRun.objects.get(job="replay")
        assert (run.status, run.error) == ("done", "")
        assert 0 < recent < run.rows <= recent + older

    def test_takes_the_same_sample_again(self) -> None:
        run_periods(180, 3)

        assert replay_nightly(now=BEGIN + 20 * DAY) == replay_nightly(now=BEGIN + 20 * DAY) > 0

    def test_fails_and_names_a_difference(self, caplog: pytest.LogCaptureFixture) -> None:
        publish(make_spec())
        set_mode("on")
        decision = ask(NOW - timedelta(hours=1))
        rewrite(Decision.objects.filter(pk=decision), reason="COMBINED")

        with caplog.at_level(logging.ERROR), pytest.raises(ReplayDiffers, match="1 replayed, 1 differences"):
            replay_task(now=NOW.isoformat())

        run = JobRun.objects.get(job="replay")
        assert run.status == "failed"
        assert f"decision {decision}: reason is 'COMBINED'" in run.error
        assert f"decision {decision}: reason is 'COMBINED'" in caplog.text

    def test_fails_for_an_override_outside_the_sample(self) -> None:
        publish(make_spec())
        rewrite(Override.objects.all(), variance=0.5)

        with pytest.raises(ReplayDiffers, match=f"override {make_spec().id}: id is"):
            replay_nightly(now=NOW)
