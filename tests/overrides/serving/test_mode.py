"""Serving modes: lowered at once, never raised here."""

from __future__ import annotations

from datetime import datetime

import pytest

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.governance.errors import RaisesEffectError
from overrides.models import ModuleMode
from overrides.serving.engine import load_engine
from overrides.serving.mode import checked_mode, full_document, lower_mode, mode_at, mode_document
from telemetry.models import AuditEntry
from tests.builders import make_spec, publish, set_mode, without_triggers


@pytest.mark.django_db
class TestLowerMode:
    @pytest.mark.parametrize(("current", "to"), [("on", "shadow"), ("on", "off"), ("shadow", "off")])
    def test_goes_towards_neutral_at_once(self, current: str, to: str, now: datetime) -> None:
        set_mode(current, rollout_percent=40, allow={"bucket": ["micro"]})

        row = lower_mode(module="pm", to=to, by="operator", reason="drawdown", at=now)

        assert (row.mode, row.revision, row.changed_by, row.reason) == (to, 2, "operator", "drawdown")
        assert (row.rollout_percent, row.allow) == (40, {"bucket": ["micro"]})
        assert load_engine("pm").mode.mode == to

    @pytest.mark.parametrize(("current", "to"), [("off", "on"), ("off", "shadow"), ("shadow", "on"), ("on", "loud")])
    def test_never_goes_the_other_way(self, current: str, to: str, now: datetime) -> None:
        set_mode(current)

        with pytest.raises(RaisesEffectError, match=f"pm is {current}; going to {to} needs a reviewed request"):
            lower_mode(module="pm", to=to, by="operator", reason="hope", at=now)

        assert ModuleMode.objects.get().mode == current

    def test_takes_a_module_without_a_row_for_off(self, now: datetime) -> None:
        with pytest.raises(RaisesEffectError, match="dm is off"):
            lower_mode(module="dm", to="on", by="operator", reason="hope", at=now)

    def test_rolls_out_to_fewer_at_once(self, now: datetime) -> None:
        set_mode("on", rollout_percent=40, allow={"bucket": ["micro"]})

        row = lower_mode(module="pm", rollout_percent=12.5, by="operator", reason="drawdown", at=now)

        assert (row.mode, row.rollout_percent, row.allow) == ("on", 12.5, {"bucket": ["micro"]})
        assert load_engine("pm").mode.rollout_percent == 12.5

    @pytest.mark.parametrize(
        ("percent", "words"),
        [
            (40.0, "rollout_percent: pm is rolled out to 40 %; 40 % is not below it"),
            (41.0, "a larger roll-out needs a reviewed request"),
            (-1.0, "rollout_percent: must be 0 to 100"),
            (float("nan"), "rollout_percent: must be 0 to 100"),
        ],
    )
    def test_never_rolls_out_to_more(self, percent: float, words: str, now: datetime) -> None:
        set_mode("on", rollout_percent=40)

        with pytest.raises(RaisesEffectError, match=words):
            lower_mode(module="pm", rollout_percent=percent, by="operator", reason="hope", at=now)

        assert ModuleMode.objects.get().rollout_percent == 40

    @pytest.mark.parametrize("reason", ["", " "])
    def test_needs_a_reason(self, reason: str, now: datetime) -> None:
        set_mode("on")

        with pytest.raises(RaisesEffectError, match="reason: say why"):
            lower_mode(module="pm", to="off", by="operator", reason=reason, at=now)

    def test_is_audited_with_before_and_after(self, now: datetime) -> None:
        set_mode("on")

        lower_mode(module="pm", to="off", by="operator", reason="drawdown", at=now)

        entry = AuditEntry.objects.get(actor="operator")
        assert (entry.action, entry.object) == ("mode", "mode pm")
        assert '"mode":"on"' in entry.content.split('"before":')[1]
        assert '"mode":"off"' in entry.content.split('"after":')[1].split('"before":')[0]


@pytest.mark.django_db
class TestApplyMode:
    def test_changes_what_it_names_and_keeps_the_rest(self) -> None:
        version = publish(make_spec())
        set_mode("shadow", rollout_percent=10, challenger=version.number)

        set_mode("on")

        row = ModuleMode.objects.get()
        assert mode_document(row) == {
            "mode": "on", "rollout_percent": 10, "allow": {}, "challenger": 1, "rollout_salt": row.rollout_salt,
        }  # fmt: skip
        assert row.revision == 2

    def test_is_per_module(self) -> None:
        set_mode("on", module="dm")

        assert (load_engine("dm").mode.mode, load_engine("pm").mode.mode) == ("on", "off")

    def test_takes_a_malformed_row_for_off(self) -> None:
        set_mode("on")
        with without_triggers():
            ModuleMode.objects.update(allow={"bucket": "micro"})

        assert load_engine("pm").mode.mode == "off"


@pytest.mark.django_db
class TestHoldback:
    def test_is_a_field_that_a_request_sets_and_others_keep(self) -> None:
        set_mode("on", holdback_percent=5)
        set_mode("on", rollout_percent=50)

        row = ModuleMode.objects.get()
        assert (mode_document(row)["holdback_percent"], full_document(row)["holdback_percent"]) == (5.0, 5.0)
        assert load_engine("pm").mode.holdback_percent == 5.0

    def test_leaves_documents_without_one_as_they_were(self) -> None:
        set_mode("on", holdback_percent=5)
        set_mode("on", holdback_percent=0)

        row = ModuleMode.objects.get()
        assert mode_document(row) == {"mode": "on", "rollout_percent": 100, "allow": {}, "challenger": None}
        assert full_document(row)["holdback_percent"] == 0

    @pytest.mark.parametrize("percent", [-1, 20.5, float("nan"), "5", True, None])
    def test_is_refused_beyond_its_bounds(self, percent: object) -> None:
        with pytest.raises(FieldError, match="holdback_percent"):
            checked_mode("pm", {"holdback_percent": percent})

    def test_salts_are_not_for_requests_to_set(self) -> None:
        with pytest.raises(FieldError, match="rollout_salt: not part of a mode"):
            checked_mode("pm", {"rollout_salt": "aa"})

    def test_stays_as_it_was_when_the_mode_is_lowered(self, now: datetime) -> None:
        set_mode("on", holdback_percent=5)

        assert lower_mode(module="pm", to="off", by="operator", reason="drawdown", at=now).holdback_percent == 5


@pytest.mark.django_db
class TestSalts:
    def salt(self) -> str:
        return ModuleMode.objects.get(module="pm").rollout_salt

    def test_a_roll_out_that_begins_gets_one_of_its_own(self) -> None:
        set_mode("on", rollout_percent=10)
        set_mode("on", rollout_percent=10, module="dm")
        first, other = self.salt(), ModuleMode.objects.get(module="dm").rollout_salt
        set_mode("on", rollout_percent=100)
        set_mode("on", rollout_percent=10)

        assert len({first, other, self.salt(), ""}) == 4

    def test_a_larger_or_smaller_share_keeps_it(self, now: datetime) -> None:
        set_mode("on", rollout_percent=10)
        first = self.salt()
        set_mode("on", rollout_percent=40)
        lower_mode(module="pm", rollout_percent=20, by="operator", reason="careful", at=now)

        assert self.salt() == first

    def test_a_roll_out_that_was_lowered_from_all_or_switched_on_again_is_a_new_one(self, now: datetime) -> None:
        set_mode("on")
        assert self.salt() == ""
        lower_mode(module="pm", rollout_percent=20, by="operator", reason="careful", at=now)
        lowered = self.salt()
        lower_mode(module="pm", to="off", by="operator", reason="drawdown", at=now)
        assert self.salt() == lowered != ""
        set_mode("on")

        assert self.salt() not in ("", lowered)

    def test_a_mode_of_an_earlier_revision_is_read_with_its_salt(self) -> None:
        set_mode("on", rollout_percent=10)
        first = self.salt()
        set_mode("on", rollout_percent=100)

        document = mode_at("pm", 1)
        assert document is not None
        assert document["rollout_salt"] == first
