"""A value of a scope means the same from every door: JSON, tables, questions, overrides and allow-lists."""

from __future__ import annotations

from typing import Any

import pytest

from overrides.admin.overrides.manual_form import ManualForm
from overrides.admin.serving.mode_forms import read_allow
from overrides.core.engine.definitions.vocabulary import Flag, Reason
from overrides.requests.proposal_schema import read_proposal
from overrides.serving.engine import load_engine
from overrides.serving.mode import checked_mode
from overrides.serving.resolve import resolve_one
from overrides.versions.scope_values import stated_scope
from telemetry.core.file_formats.flat_csv import trade_of
from telemetry.core.scopes import read_scope
from telemetry.core.trades import parse_trade
from telemetry.foundation.core.refusal import Refused
from tests.builders import (
    NOW,
    action_payload,
    make_parameters,
    make_question,
    make_spec,
    make_trade,
    publish,
    set_mode,
    trade_payload,
)
from tests.overrides.admin.overrides.test_manual_page import typed

pytestmark = pytest.mark.django_db

VOLUME = {"name": "volume_z", "kind": "ordered cuts", "cuts": [1.0, 2.0], "meaning": "Volume.", "learned": True}
PARAMETERS = make_parameters(own_dimensions=[VOLUME])
# What JSON carries, what a table or a form holds as text, and what a scope means by both.
ALIKE = [
    (True, "True", "true"),
    (False, "FALSE", "false"),
    (1.0, "1.0", "1"),
    (2, "2", "2"),
    ("micro", "micro", "micro"),
]


@pytest.mark.parametrize(("json", "text", "meaning"), ALIKE)
class TestAValue:
    def test_is_recorded_alike_by_the_api_and_from_a_table(self, json: object, text: str, meaning: str) -> None:
        cells = {name: str(value) for name, value in trade_payload().items() if not isinstance(value, list)}
        cells |= {"pattern_key": "donchian.long.breakout", "scope.bucket_leader": text}
        payload, _ = trade_of(cells)
        by_table = parse_trade(payload, now=NOW).actions[0].scope["bucket_leader"]
        by_api = make_trade(actions=[action_payload(scope={"bucket_leader": json})]).actions[0].scope["bucket_leader"]

        assert by_api == by_table == meaning

    def test_is_asked_for_and_stated_alike(self, json: object, text: str, meaning: str) -> None:
        asked = make_question(scope={"bucket_leader": json}).request.scope["bucket_leader"]
        form = ManualForm(PARAMETERS, typed(scope=f"bucket_leader={text}"), NOW)
        assert form.is_valid(), form.errors
        document = make_spec().to_document() | {"scope": {"bucket_leader": json}}
        del document["id"]
        proposal: Any = {
            "module": "pm",
            "kind": "lines",
            "title": "x",
            "reason": "y",
            "lines": [{"override": document}],
        }
        [proposed] = read_proposal(proposal).lines

        assert asked == form.cleaned_data["scope"]["bucket_leader"] == proposed.scope["bucket_leader"] == meaning  # type: ignore[union-attr]  # a spec

    def test_is_allowed_alike(self, json: object, text: str, meaning: str) -> None:
        typed_in = read_allow(f"bucket_leader: {text}", PARAMETERS)
        sent = checked_mode("pm", {"allow": {"bucket_leader": [json]}})["allow"]

        assert typed_in == sent == {"bucket_leader": [meaning]}


class TestANumberUnderCuts:
    @pytest.fixture(autouse=True)
    def standing(self) -> None:
        publish(make_spec({"size_mult": 1.2}, scope={"volume_z": "1 to 2"}), parameters=PARAMETERS)

    def test_becomes_its_bucket_where_it_is_stated_and_stays_what_was_sent_where_it_is_recorded(self) -> None:
        assert read_scope({"volume_z": 1.5}) == {"volume_z": "1.5"}
        assert stated_scope({"volume_z": 1.5}, PARAMETERS) == {"volume_z": "1 to 2"}
        assert read_allow("volume_z: 1.5, 1.7, 9", PARAMETERS) == {"volume_z": ["1 to 2", "2+"]}
        form = ManualForm(PARAMETERS, typed(scope="volume_z=0.5"), NOW)
        assert form.is_valid(), form.errors
        assert form.cleaned_data["scope"] == {"volume_z": "<1"}

    def test_is_answered_as_its_bucket_and_needs_no_flag(self) -> None:
        set_mode("on", allow={"volume_z": ["1 to 2"]})
        engine = load_engine("pm")

        found = {
            value: resolve_one(make_question(scope={"volume_z": value}), engine, now=NOW).answer
            for value in (1.5, "1.5", "1 to 2", 2, "high")
        }

        assert {value: answer.reason for value, answer in found.items()} == {
            1.5: Reason.SINGLE,
            "1.5": Reason.SINGLE,
            "1 to 2": Reason.SINGLE,
            2: Reason.SCOPE_NOT_ALLOWED,
            "high": Reason.SCOPE_NOT_ALLOWED,
        }
        assert Flag.UNKNOWN_DIMENSION not in found[1.5].flags

    def test_is_refused_in_an_override_where_no_bucket_has_it(self) -> None:
        form = ManualForm(PARAMETERS, typed(scope="volume_z=high"), NOW)

        assert not form.is_valid()
        assert "its buckets are &lt;1, 1 to 2, 2+" in form.errors["scope"].as_text()


@pytest.mark.parametrize("nothing", ["Unknown", "", None])
def test_a_stated_value_that_says_nothing_is_refused_and_not_dropped(nothing: object) -> None:
    with pytest.raises(Refused, match="bucket: says nothing"):
        stated_scope({"bucket": nothing}, PARAMETERS)
