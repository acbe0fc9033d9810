"""The provider for OpenFeature's SDK: levers as flags, and trades that name the decisions behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.track import TrackingEventDetails

from overrides.client import Answer, Receipt
from overrides.client import openfeature as module
from overrides.client.answers import neutral
from overrides.client.openfeature import ALLOCATION, FIELDS, NESTED, REASONS, CounterweightProvider
from overrides.core.engine.definitions.levers import levers_of
from overrides.core.engine.definitions.vocabulary import Reason
from overrides.serving.resolve_request import KEYS
from telemetry.core.vocabulary import DM_PATTERN_KEY

AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
ACTION: dict[str, Any] = {"pattern_key": "a.b.c", "action_category": "entry", "scope": {"bucket": "micro"}}
CONTEXT = EvaluationContext("BTC/USDT", ACTION)


class Asked:
    """A client that answers each question with a decision of its own."""

    def __init__(self) -> None:
        self.questions: list[Mapping[str, Any]] = []
        self.trades: list[Mapping[str, Any]] = []
        self.reason, self.fault = "SINGLE", ""

    def resolve(self, questions: Mapping[str, Any], /) -> Answer:
        self.questions.append(questions)
        if self.fault:
            return neutral(questions, self.fault)
        levers = {lever.name: 1.02 for lever in levers_of(questions["module"], questions["action_category"])}
        document = {"version": 3, "mode": "on", "flags": ["RAMPING", "STEP_LIMITED"], "coefficient_product": 1.1}
        return Answer(levers, self.reason, f"decision {len(self.questions)}", "", document)

    def record(self, trades: Sequence[Mapping[str, Any]], /) -> list[Receipt]:
        self.trades += trades
        return [Receipt(str(trade["external_id"]), "new") for trade in trades]


@pytest.fixture
def client() -> Asked:
    return Asked()


@pytest.fixture
def provider(client: Asked) -> CounterweightProvider:
    return CounterweightProvider(client)


@pytest.fixture
def sdk(provider: CounterweightProvider) -> Iterator[OpenFeatureClient]:
    api.set_provider(provider)
    yield api.get_client()
    api.clear_providers()


def found(sdk: OpenFeatureClient, flag: str = "size_mult", context: EvaluationContext = CONTEXT) -> Any:
    details: FlagEvaluationDetails[float] = sdk.get_float_details(flag, 0.5, context)
    return details


class TestFlags:
    def test_are_levers_with_reason_variant_and_decision(self, sdk: OpenFeatureClient, client: Asked) -> None:
        details = found(sdk)

        assert (details.value, details.reason, details.variant) == (1.02, "TARGETING_MATCH", "version 3")
        assert details.flag_metadata == {
            "reason": "SINGLE", "decision_id": "decision 1", "version": 3, "mode": "on",
            "flags": "RAMPING STEP_LIMITED",
        }  # fmt: skip
        assert client.questions == [{"module": "pm", "rollout_key": "BTC/USDT"} | ACTION]

    def test_of_one_action_share_a_decision(self, sdk: OpenFeatureClient, client: Asked) -> None:
        decisions = [found(sdk, flag).flag_metadata["decision_id"] for flag in ("size_mult", "entry_aggression_mult")]
        other = found(sdk, context=EvaluationContext("ETH/USDT", ACTION)).flag_metadata["decision_id"]

        assert (decisions, other) == (["decision 1"] * 2, "decision 2")

    def test_are_asked_for_again_after_a_while(
        self, sdk: OpenFeatureClient, client: Asked, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "SAME_ACTION_SECONDS", 0.0)
        for _ in range(2):
            found(sdk)

        assert len(client.questions) == 2

    def test_may_have_a_context_that_is_flat_and_holds_more(self, sdk: OpenFeatureClient, client: Asked) -> None:
        flat: dict[str, Any] = {
            "pattern_key": "a.b.c", "action_category": "entry", "scope.bucket": "micro", "current.size_mult": 1.01,
            "email": "a@b.example", "book": "live", "at": AT,
        }  # fmt: skip
        details = found(sdk, context=EvaluationContext(None, flat))

        assert details.flag_metadata["ignored"] == "email"
        assert client.questions == [
            {"module": "pm", "at": AT, "book": "live", "current": {"size_mult": 1.01}} | ACTION,
        ]

    def test_of_dm_need_no_pattern(self, sdk: OpenFeatureClient, client: Asked) -> None:
        values = [found(sdk, flag, EvaluationContext("x")).value for flag in ("alloc_mult", "coefficient_product")]

        assert values == [1.02, 1.1]
        assert client.questions == [{"module": "dm", "rollout_key": "x", **ALLOCATION}]

    @pytest.mark.parametrize("reason", list(Reason))
    def test_say_in_words_of_openfeature_why(self, sdk: OpenFeatureClient, client: Asked, reason: Reason) -> None:
        client.reason = reason.value

        details = found(sdk)

        assert details.reason == REASONS[reason]
        assert (details.variant == "version 3") is (reason in (Reason.SINGLE, Reason.COMBINED))

    def test_are_neutral_with_the_fault_where_the_client_has_no_answer(
        self, sdk: OpenFeatureClient, client: Asked
    ) -> None:
        client.fault = "timed out"

        details = found(sdk)

        assert (details.value, details.reason, details.error_code) == (1.0, "ERROR", None)
        assert details.flag_metadata["fault"] == "timed out"

    @pytest.mark.parametrize(
        ("flag", "context", "code"),
        [
            ("size", CONTEXT, ErrorCode.FLAG_NOT_FOUND),
            ("size_mult", EvaluationContext("x", {"pattern_key": "a.b.c"}), ErrorCode.INVALID_CONTEXT),
            ("size_mult", EvaluationContext("x", ACTION | {"action_category": "exit"}), ErrorCode.INVALID_CONTEXT),
        ],
    )
    def test_that_cannot_be_asked_for_get_the_default(
        self, sdk: OpenFeatureClient, client: Asked, flag: str, context: EvaluationContext, code: ErrorCode
    ) -> None:
        details = found(sdk, flag, context)

        assert (details.value, details.error_code, client.questions) == (0.5, code, [])

    def test_are_floats_only(self, sdk: OpenFeatureClient) -> None:
        codes = [
            sdk.get_boolean_details("size_mult", True, CONTEXT).error_code,
            sdk.get_string_details("size_mult", "x", CONTEXT).error_code,
            sdk.get_integer_details("size_mult", 1, CONTEXT).error_code,
            sdk.get_object_details("size_mult", {}, CONTEXT).error_code,
        ]

        assert codes == [ErrorCode.TYPE_MISMATCH] * 4


class TestTracking:
    def trade(self) -> dict[str, Any]:
        entry = {"module": "pm", "pattern_key": "a.b.c", "action_category": "entry", "at": AT.isoformat()}
        return {"external_id": "t1", "symbol": "BTC/USDT", "actions": [entry]}

    def test_of_a_closed_trade_names_the_decision_behind_its_action(
        self, sdk: OpenFeatureClient, provider: CounterweightProvider, client: Asked
    ) -> None:
        found(sdk, context=EvaluationContext("BTC/USDT", ACTION | {"at": AT}))

        sdk.track("trade_closed", EvaluationContext("BTC/USDT"), TrackingEventDetails(1.8, self.trade()))
        provider.shutdown()

        (trade,) = client.trades
        assert (trade["rr"], trade["actions"][0]["decision_ids"]) == (1.8, ["decision 1"])
        assert provider.counters == {"new": 1}

    def test_of_anything_else_sends_nothing(
        self, sdk: OpenFeatureClient, provider: CounterweightProvider, client: Asked
    ) -> None:
        sdk.track("clicked", CONTEXT, TrackingEventDetails(1.0, self.trade()))
        sdk.track("trade_closed", CONTEXT)
        provider.shutdown()

        assert client.trades == []


def test_every_reason_and_every_field_of_a_question_is_known() -> None:
    assert set(REASONS) == set(Reason)
    assert {"module", "rollout_key", *FIELDS, *NESTED} == set(KEYS)
    assert ALLOCATION["pattern_key"] == DM_PATTERN_KEY
