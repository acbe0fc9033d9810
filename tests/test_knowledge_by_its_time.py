"""What is learned at a moment rests on what was known then, whatever is recorded, corrected or imported around it.

Every result here that must not be seen yet is so large that it would move whatever is learned from it.
"""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from learning.coefficients.coefficient_memory import update_coefficients
from learning.coefficients.recent_units import recent_units
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons, standing_run
from learning.models import BuilderRun, Cell, Coefficient, Lesson
from learning.readers.group_columns import since_epoch
from learning.readers.walk_trades import facts_until, load_trades
from learning.validation.walk_forward_runs import CHOICES, walk_forward
from overrides.core.engine.definitions.learned_from import LearnedFrom
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.core.file_formats.file_rows import Defaults
from telemetry.core.trades import CLOCK_SKEW, parse_trade
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.refusal import Refused
from telemetry.models import Action, DirtyGroup, FreshTrade, Outcome, Trade
from telemetry.recording.import_files import import_files
from telemetry.recording.intake import receive_trades
from telemetry.recording.revisions import Status
from tests.builders import DAY, NOW, action_payload, make_parameters, publish, trade_payload

pytestmark = pytest.mark.django_db

CLOSED, KNOWN = NOW - 6 * DAY, NOW - 3 * DAY  # of the trade that each test is about
BETWEEN, AFTER = NOW - 4 * DAY, NOW - 2 * DAY
HUGE = 500.0
GOOD, DIP = {"macro_phase": "Good"}, {"macro_phase": "Dip"}
LATER = {"known_at": utc_text(KNOWN)}


def sold(name: str, closed_at: datetime, after: float | None, rr: float = 1.0, **over: Any) -> dict[str, Any]:
    """Return a trade of one day with an entry and an exit, whose fields and those of the trade may be given."""
    opened = utc_text(closed_at - DAY)
    leave = {"action_category": "exit", "at": utc_text(closed_at), "rr_after": after, **over.pop("leave", {})}
    enter = {"scope": GOOD, "at": opened, **over.pop("enter", {})}
    times = {"opened_at": opened, "closed_at": utc_text(closed_at)}
    actions = [action_payload(**enter), action_payload(scope=GOOD, **leave)]
    return trade_payload(name, rr=rr, actions=actions, **times, **over)


def allocated(name: str, closed_at: datetime, rr: float, **over: Any) -> dict[str, Any]:
    """Return a trade of one day with an allocation on the chain base."""
    opened = utc_text(closed_at - DAY)
    action = {
        "module": "dm", "pattern_key": "dm_pattern.allocation.allocation", "action_category": "allocation",
        "scope": {"chain": "base"}, "at": opened, **over.pop("action", {}),
    }  # fmt: skip
    return trade_payload(name, rr=rr, actions=[action], opened_at=opened, closed_at=utc_text(closed_at), **over)


def send(*payloads: dict[str, Any], now: datetime = NOW) -> list[Status]:
    return [receipt.status for receipt in receive_trades(payloads, now=now)]


def before() -> list[dict[str, Any]]:
    """Return forty trades before the one that a test is about, all of them known at their close."""
    return [sold(f"t{day}", CLOSED - DAY * day, 0.5 - day % 2) for day in range(1, 41)]


def learned(method: LearningMethod, now: datetime) -> dict[str, Any]:
    """Return the baselines of a run at a moment, after the cells were brought up to it."""
    aggregate_dirty(now=now)
    run = build_lessons(module="pm", policy=method, now=now)
    return {name: (each["n"], round(each["mean"], 6)) for name, each in run.baseline.items()}


@pytest.mark.parametrize("method", LearningMethod)
class TestAnExit:
    def test_is_learned_from_once_what_followed_it_is_known(self, method: LearningMethod) -> None:
        send(*before(), sold("late", CLOSED, HUGE, leave=LATER))

        between, then = learned(method, BETWEEN), learned(method, KNOWN)

        assert between == {"entry": (41, 1.0), "exit": (40, pytest.approx(0, abs=1e-3))}
        assert then["entry"] == (41, 1.0)
        assert then["exit"][0] == 41
        assert then["exit"][1] < -1
        assert learned(method, AFTER) == then

    def test_is_to_a_run_before_as_if_it_had_not_been_sent(self, method: LearningMethod) -> None:
        publish(parameters=make_parameters({"weights": {"min_total_weight": 0.0}}))
        fields = [each.name for each in Lesson._meta.concrete_fields if each.name not in ("id", "run", "first_run")]
        send(*before(), sold("late", CLOSED, None))
        learned(method, BETWEEN)
        without = list(Lesson.objects.order_by("line_id").values(*fields))
        BuilderRun.objects.all().delete()
        Lesson.objects.all().delete()

        send(sold("late", CLOSED, HUGE, leave=LATER, revision=2, correction_reason="what followed is known"))
        learned(method, BETWEEN)

        assert list(Lesson.objects.order_by("line_id").values(*fields)) == without


class TestAnEntry:
    """Its alternatives are known later than the close, and it is learned from when they are."""

    def enter(self) -> dict[str, Any]:
        return {**LATER, "counterfactuals": {"entry_delay_bars": {"2": HUGE}}}

    def test_tunes_nothing_before_its_alternatives_are_known(self) -> None:
        document = make_parameters().to_document()
        document["channels"]["pm_tuning"]["weights"] |= {"min_total_weight": 0.0}
        publish(parameters=type(make_parameters()).from_document("pm", document))
        known = {"counterfactuals": {"entry_delay_bars": {"2": 0.3}}}
        good = [sold(f"g{day}", CLOSED - DAY * day, None, 2.0, enter=known) for day in range(1, 21)]
        dip = [sold(f"d{day}", CLOSED - DAY * day, None, 0.0, enter={"scope": DIP}) for day in range(1, 21)]
        send(*good, *dip, sold("late", CLOSED, None, 2.0, enter=self.enter()))

        means = []
        for now in (BETWEEN, KNOWN):
            learned(LearningMethod.PLAN, now)
            lesson = Lesson.objects.get(type="pm_tuning", scope=GOOD, action_category="entry")
            means.append((lesson.stats["n"], lesson.stats["tuning"]["mean"]))

        assert means[0] == (20, pytest.approx(0.3))
        assert means[1] == (21, pytest.approx((20 * 0.3 + HUGE) / 21))

    def test_is_in_no_fold_that_begins_before(self) -> None:
        """Forty trades at 2 R a day apart, one of HUGE that is known four days after its close."""
        late = sold("late", CLOSED - 20 * DAY, None, HUGE, enter={"known_at": utc_text(CLOSED - 16 * DAY)})
        send(*before(), late)

        rows = walk_forward(module="pm", choices=CHOICES, folds=20, now=NOW)

        closed, known = (since_epoch(CLOSED - DAY * days) / (DAY.total_seconds() * 1e6) for days in (20, 16))
        for row in rows:
            assert row.figures is not None
            for fold in row.figures["folds"]:
                decided_before = [each for each in before() if fold_knows(each, fold["start_day"])]
                assert fold["known"] == len(decided_before) + (known < fold["start_day"])
            starts = [fold["start_day"] for fold in row.figures["folds"]]
            assert any(closed < start <= known for start in starts)

    def test_makes_a_new_walk_due_when_it_is_known(self) -> None:
        send(*before(), sold("late", CLOSED, None, enter=self.enter()))
        parameters = current_parameters("pm")

        counts = [facts_until(parameters, now)[0] for now in (CLOSED, BETWEEN, KNOWN, NOW)]

        assert counts == [80, 80, 81, 81]
        assert [len(load_trades(parameters, now)) for now in (BETWEEN, KNOWN)] == [80, 81]


def fold_knows(payload: dict[str, Any], day: int) -> bool:
    closed_at = datetime.fromisoformat(payload["closed_at"])
    return since_epoch(closed_at) < day * 86_400_000_000


class TestARunOfTheDay:
    def test_is_not_current_once_more_is_known(self) -> None:
        """An outcome that becomes known within the day of a run makes the next one due."""
        known = BETWEEN + timedelta(hours=2)
        send(*before(), sold("late", CLOSED, HUGE, leave={"known_at": utc_text(known)}))

        learned(LearningMethod.EVIDENCE, BETWEEN)
        aggregate_dirty(now=known)
        due = standing_run("pm", LearningMethod.EVIDENCE, known) is None
        later = known + timedelta(minutes=1)
        exits = learned(LearningMethod.EVIDENCE, later)["exit"][0]

        assert (due, exits) == (True, 41)
        assert standing_run("pm", LearningMethod.EVIDENCE, later + timedelta(minutes=1)) is not None


class TestCoefficients:
    def test_and_their_evidence_see_an_allocation_when_it_is_known(self) -> None:
        send(allocated("a", CLOSED - DAY, 1.0), allocated("late", CLOSED, HUGE, action=LATER))

        seen = []
        for now in (BETWEEN, KNOWN):
            update_coefficients(now=now)
            units = recent_units("chain", LearnedFrom(("paper",), ()), since_epoch(now) / 86_400_000_000)
            seen.append((Coefficient.objects.get(name="chain").n, sorted(units[1].tolist())))

        assert seen == [(1, [1.0]), (2, [1.0, HUGE])]


class TestAttacks:
    """Ways to have a result learned from before it was known."""

    def test_the_same_trade_without_the_time_is_another_body(self) -> None:
        send(sold("t", CLOSED, HUGE, leave=LATER))

        assert send(sold("t", CLOSED, HUGE)) == [Status.REFUSED]
        assert Outcome.objects.get(action_category="exit").known_at == KNOWN

    @pytest.mark.parametrize("moment", [KNOWN - CLOCK_SKEW - timedelta(seconds=1), CLOSED])
    def test_a_result_cannot_be_sent_before_it_is_known(self, moment: datetime) -> None:
        with pytest.raises(Refused, match=r"actions\[1\].known_at.*lies in the future"):
            parse_trade(sold("t", CLOSED, HUGE, leave=LATER), now=moment)

        assert send(sold("t", CLOSED, HUGE, leave=LATER), now=moment) == [Status.REFUSED]
        assert send(sold("t", CLOSED, None), now=moment) == [Status.NEW]

    def test_a_correction_that_brings_the_result_brings_its_time(self) -> None:
        """The trade is sent at its close and the result follows; a run as of between the two does not see it."""
        send(*before(), sold("t", CLOSED, None), now=BETWEEN)
        first = learned(LearningMethod.PLAN, BETWEEN)
        added = sold("t", CLOSED, HUGE, leave=LATER, revision=2, correction_reason="what followed is known")

        assert send(added, now=NOW) == [Status.CORRECTED]
        again = learned(LearningMethod.PLAN, BETWEEN)

        assert first == again
        assert learned(LearningMethod.PLAN, AFTER)["exit"][0] == 41

    def test_a_late_correction_of_a_time_is_learned_from_by_the_new_one(self) -> None:
        send(*before(), sold("t", CLOSED, HUGE))
        assert learned(LearningMethod.PLAN, BETWEEN)["exit"][0] == 41
        update_coefficients(now=BETWEEN)

        send(sold("t", CLOSED, HUGE, leave=LATER, revision=2, correction_reason="the window was left out"))

        assert learned(LearningMethod.PLAN, BETWEEN)["exit"] == (40, pytest.approx(0, abs=1e-6))
        assert learned(LearningMethod.PLAN, KNOWN)["exit"][0] == 41
        assert not DirtyGroup.objects.exists()

    def test_a_correction_of_an_allocation_does_not_leave_both_results_in_the_sums(self) -> None:
        send(allocated("a", CLOSED - DAY, 1.0), allocated("t", CLOSED, 3.0))
        update_coefficients(now=BETWEEN)
        send(allocated("t", CLOSED, HUGE, action=LATER, revision=2, correction_reason="the fee was wrong"))

        seen = []
        for now in (BETWEEN + timedelta(minutes=1), KNOWN, AFTER):
            update_coefficients(now=now)
            overall = Coefficient.objects.get(name="all")
            seen.append((overall.n, overall.rr_long > HUGE / 3))

        assert seen == [(1, False), (2, True), (2, True)]
        assert not FreshTrade.objects.exists()

    @pytest.mark.parametrize("name", ["t.jsonl", "t.csv"])
    def test_an_export_brings_every_time_back(self, name: str, tmp_path: Path) -> None:
        send(sold("t", CLOSED, HUGE, leave=LATER), sold("u", CLOSED, None), allocated("a", CLOSED, 1.0, action=LATER))
        send(sold("u", CLOSED, 2.0, enter=LATER, revision=2, correction_reason="what followed is known"))
        path = tmp_path / name
        call_command("export", "trades", output=path, all_revisions=True, stderr=io.StringIO(),
                     **({"format": "csv"} if name.endswith("csv") else {}))  # fmt: skip
        kept = known(Action), known(Outcome), digests()

        assert imported(path) == {Status.UNCHANGED: 4}
        Trade.objects.all().delete()
        assert imported(path) == {Status.NEW: 3, Status.CORRECTED: 1}

        assert (known(Action), known(Outcome), digests()) == kept

    def test_a_flat_file_imports_every_time(self, tmp_path: Path) -> None:
        """Importing the file without the column again, to have the result at the close, is refused."""
        path, bare = tmp_path / "t.csv", tmp_path / "bare.csv"
        columns = "external_id,symbol,opened_at,closed_at,rr,pattern_key,exit.rr_after"
        cells = f"t,BTC/USDT,{utc_text(CLOSED - DAY)},{utc_text(CLOSED)},1.5,a.b.c,0.25"
        path.write_text(f"{columns},exit.known_at\n{cells},{utc_text(KNOWN)}\n")
        bare.write_text(f"{columns}\n{cells}\n")

        assert imported(path) == {Status.NEW: 1}
        assert imported(bare) == {Status.REFUSED: 1}
        assert imported(path) == {Status.UNCHANGED: 1}
        assert dict(Outcome.objects.values_list("action_category", "known_at")) == {"entry": CLOSED, "exit": KNOWN}

    def test_a_cluster_shows_no_trade_before_its_time(self) -> None:
        """The known trade of a cluster speaks alone until the other one is known."""
        send(sold("t", CLOSED, 1.0, cluster_id="c"), sold("u", CLOSED, HUGE, leave=LATER, cluster_id="c"))

        means = []
        for now in (BETWEEN, KNOWN):
            aggregate_dirty(now=now)
            cell = Cell.objects.get(group__action_category="exit", scope={})
            means.append((cell.n, cell.mean))

        assert means == [(1, -1.0), (1, -(1 + HUGE) / 2)]


def known(model: type[Action] | type[Outcome]) -> list[tuple[Any, ...]]:
    """Return when each row of a table says that it was known."""
    return sorted(model._default_manager.values_list("trade_id", "action_category", "known_at"), key=str)


def digests() -> list[bytes]:
    return sorted(bytes(each) for each in Trade.objects.values_list("digest", flat=True))


def imported(path: Path) -> dict[Status, int]:
    (report,) = import_files([path], now=NOW, defaults=Defaults())
    return {status: count for status, count in report.counts.items() if count}
