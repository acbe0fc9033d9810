"""Answers counted for Prometheus: nothing but a reference in the hot path, and every answer once."""

from __future__ import annotations

from math import exp, log
from typing import Any

import pytest

from overrides.serving import answer_metrics
from overrides.serving.answer_metrics import DRY, FOLD_AT, count_answers, exposure_of, note_answers
from overrides.serving.decisions.decision_record import Decided
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from telemetry.foundation import metrics
from tests.builders import NOW, make_question, make_spec, publish, set_mode


def value(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"counterweight_{name}", labels) or 0.0


def answered() -> Decided:
    publish(make_spec())
    set_mode("on")
    return resolve_one(make_question(), load_engine("pm"), now=NOW).decided


@pytest.fixture
def decided(db: None) -> Decided:
    """Size 1.02, by one override."""
    count_answers()  # what other tests left
    return answered()


OF_ROUTE = {"module": "pm", "route": "test"}


def test_counts_each_answer_once(decided: Decided) -> None:
    before = value("answers_total", reason="SINGLE", **OF_ROUTE), value("answer_matches_count", **OF_ROUTE)

    note_answers([decided, decided], "test")
    count_answers()
    count_answers()

    assert value("answers_total", reason="SINGLE", **OF_ROUTE) == before[0] + 2
    assert value("answer_matches_count", **OF_ROUTE) == before[1] + 2
    assert value("answer_seconds_bucket", le="+Inf", **OF_ROUTE) == value("answer_seconds_count", **OF_ROUTE)


ARM = {"alternative": 2, "probability": 0.5, "share_percent": 5, "rr_per_week": 5, "rr_per_position": 1}


@pytest.mark.parametrize("measured", [{"holdback_percent": 5}, {"arms": {"trail_mult": ARM}}])
def test_counts_answers_that_cannot_be_compared(db: None, measured: dict[str, Any]) -> None:
    publish(make_spec())
    set_mode("on", **measured)
    engine, before = load_engine("pm"), value("answers_without_position_total", module="pm")
    asked = [make_question(), make_question(position_key="BTC/USDT 1")]

    note_answers([resolve_one(each, engine, now=NOW).decided for each in asked], "test")
    count_answers()

    assert value("answers_without_position_total", module="pm") == before + 1


def test_counts_by_itself_once_enough_answers_wait(decided: Decided) -> None:
    before = value("answer_seconds_count", **OF_ROUTE)

    for _ in range(FOLD_AT):
        note_answers([decided], "test")

    assert value("answer_seconds_count", **OF_ROUTE) == before + FOLD_AT


def test_adds_up_what_is_served_as_ln_exposure(decided: Decided) -> None:
    raised, lowered = value("exposure_raised_total", module="pm"), value("exposure_lowered_total", module="pm")

    note_answers([decided], "test")
    count_answers()

    assert exposure_of(decided) == pytest.approx(log(1.02), abs=1e-9)
    assert value("exposure_raised_total", module="pm") - raised == pytest.approx(log(1.02), abs=1e-9)
    assert value("exposure_lowered_total", module="pm") == lowered


def test_a_failure_to_count_reaches_no_caller(decided: Decided, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on the device")

    monkeypatch.setattr(answer_metrics, "_publish", full)

    note_answers([decided] * FOLD_AT, "test")

    assert not answer_metrics._PENDING


def test_many_values_are_counted_like_one_after_the_other() -> None:
    values = [0.0, 1.0, 1.5, 300.0, 1e9, exp(2)]
    labels = {"module": "pm", "route": "many"}
    one, many = (metrics.ANSWER_MATCHES.labels("pm", route) for route in ("one by one", "many"))

    for each in values:
        one.observe(each)
    many.observe_many(values)

    buckets = [str(bound) for bound in metrics.COUNTS]
    found = [
        [value("answer_matches_bucket", le=bound, **(labels | {"route": route})) for bound in [*buckets, "+Inf"]]
        for route in ("one by one", "many")
    ]
    assert found[0] == found[1]
    assert value("answer_matches_sum", **labels) == pytest.approx(sum(values))


def test_counts_dry_answers_apart_and_no_exposure_of_them(decided: Decided) -> None:
    names = ("exposure_raised_total", "exposure_lowered_total")
    before = [value(name, module="pm") for name in names]
    dry = value("answers_total", module="pm", route="dry", reason="SINGLE")

    note_answers([decided], DRY)
    count_answers()

    assert [value(name, module="pm") for name in names] == before
    assert value("answers_total", module="pm", route="dry", reason="SINGLE") == dry + 1
