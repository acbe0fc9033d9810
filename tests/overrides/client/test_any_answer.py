"""Whatever a server answers, the bot gets complete, finite levers and a receipt for each trade, and no exception."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from overrides.client import Client
from overrides.client.http import Failed
from overrides.core.engine.definitions.levers import LEVERS, levers_of

KINDS = [("pm", "entry"), ("pm", "add"), ("pm", "trim"), ("pm", "exit"), ("dm", "allocation")]
NAMES = ["levers", "decision_id", "reason", "allocation", "results", "status", "errors", "field", *LEVERS]

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=15,
)
failures = st.builds(
    Failed, st.sampled_from(["refused", "timeout"]), st.text(min_size=1), st.sampled_from([None, 400, 500]), values
)


class Scripted:
    """A connection that answers what the test wants, whatever it is sent."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def post(self, path: str, body: object) -> Any:
        if isinstance(self._answer, Failed):
            raise self._answer
        return self._answer


def client_of(answer: Any) -> Client:
    client = Client("http://127.0.0.1:9", "cw_key")
    vars(client)["_http"] = Scripted(answer)
    return client


@settings(deadline=None)  # of a first example on a busy machine
@given(st.lists(values, max_size=3) | values | failures, st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
def test_levers_are_complete_and_finite(answer: Any, kinds: list[tuple[str, str]]) -> None:
    asked = [{"module": module, "action_category": category} for module, category in kinds]

    found = client_of(answer).resolve(asked)

    for (module, category), each in zip(kinds, found, strict=True):
        levers = {lever.name: lever for lever in levers_of(module, category)}
        assert each.levers.keys() == levers.keys()
        assert all(lever.low <= each.levers[name] <= lever.high for name, lever in levers.items())
        assert all(map(math.isfinite, each.levers.values()))
        assert each.is_neutral == (each.decision_id is None)


@settings(deadline=None)  # of a first example on a busy machine
@given(st.dictionaries(st.just("results"), st.lists(values, max_size=3)) | values | failures, st.integers(1, 3))
def test_each_trade_has_a_receipt(answer: Any, count: int) -> None:
    trades = [{"external_id": f"trade {number}"} for number in range(count)]

    receipts = client_of(answer).record(trades)

    assert len(receipts) == count
    assert all(isinstance(receipt.status, str) for receipt in receipts)
