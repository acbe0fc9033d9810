"""The coefficients of a version, from the request to what is served, logged, replayed and attributed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from overrides.core.engine.position_scaling import Scaling
from overrides.core.governance.errors import GateError
from overrides.models import ChangeRequest, Version
from overrides.monitoring.replaying.replay import Choice, replay
from overrides.requests.apply import apply_request
from overrides.requests.review import approve
from overrides.serving.engine import Engine, load_engine
from overrides.serving.resolve import Resolved, resolve_one
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.refusal import Refused
from telemetry.models import Attribution, AttributionShare, Decision
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    HEAVY,
    NOW,
    action_payload,
    approve_and_apply,
    decision_ids,
    draft,
    make_parameters,
    make_question,
    make_spec,
    make_trade,
    publish,
    set_mode,
    told,
    without_triggers,
)

pytestmark = pytest.mark.django_db

KEY = "dm_pattern.allocation.allocation"
ALLOCATION: dict[str, Any] = {"module": "dm", "pattern_key": KEY, "action_category": "allocation"}
SCOPE = {"chain": "base", "mcap_bucket": "50m+", "curator": "nobody knows"}
WEIGHTS = {"chain=base": 1.5, "cap=50m+": 0.8, "chain=sol": 0.6}  # 1.2 for SCOPE


def weigh(weights: Mapping[str, float] = WEIGHTS, at: datetime = NOW) -> Version:
    return Version.objects.get(
        request=approve_and_apply(draft(module="dm", content={"coefficients": weights}, at=at), at=at)
    )


def ask(engine: Engine | None = None, **over: Any) -> Resolved:
    question: dict[str, Any] = ALLOCATION | {"scope": SCOPE, "base_allocation": 250.0} | over
    module = question["module"]
    return resolve_one(make_question(**question), engine or load_engine(module), now=NOW)


def alloc(value: float = 1.02) -> Any:
    """Return an override of alloc_mult that acts with its full weight."""
    return make_spec(
        {"alloc_mult": value}, type="dm_alloc", module="dm", pattern_key=KEY, action_category="allocation",
        scope={"chain": "base", "mcap_bucket": "50m+"}, stats=HEAVY,
    )  # fmt: skip


def capped(module: str, cap: float) -> None:
    publish(module=module, parameters=make_parameters(module=module, product_cap=cap))


def replayed() -> tuple[int, list[str]]:
    found: list[str] = []
    report = replay(Choice(), now=NOW, on_difference=lambda each: found.append(str(each)))
    return report.replayed, found


class TestServedProduct:
    def test_is_the_one_worked_by_hand(self) -> None:
        """1.5 x 0.8 x 1 (a curator without a weight) = 1.2; 250 x 1.2 = 300."""
        weigh()
        set_mode(module="dm")

        document = told(ask(), "full")

        assert (document["coefficient_product"], document["alloc_mult"], document["allocation"]) == (1.2, 1.0, 300.0)
        assert document["multipliers"] == {
            "weights": {"chain": 1.5, "cap": 0.8},
            "product": pytest.approx(1.2),
            "ln_product": pytest.approx(math.log(1.2)),
            "cap": None,
            "cap_cut": 0.0,
        }

    def test_multiplies_what_the_override_makes_of_alloc_mult(self) -> None:
        weigh()
        publish(alloc(), module="dm", parameters=None)
        set_mode(module="dm")

        document = told(ask())

        assert document["alloc_mult"] == 1.02
        assert document["allocation"] == 306.0

    @pytest.mark.parametrize("mode", ["off", "shadow"])
    def test_is_one_unless_the_module_is_on(self, mode: str) -> None:
        weigh()
        set_mode(mode, module="dm")

        answer = ask()

        assert (answer.coefficient_product, answer.allocation) == (1.0, 250.0)
        assert answer.record.effect == {}
        logged = answer.record.multipliers
        assert (None if logged is None else logged["product"]) == (pytest.approx(1.2) if mode == "shadow" else None)

    def test_is_one_outside_the_roll_out_and_where_trust_is_missing(self) -> None:
        weigh()
        set_mode(module="dm", rollout_percent=0.0)
        engine = load_engine("dm")

        stale = resolve_one(make_question(**ALLOCATION, scope=SCOPE), engine, now=NOW, stale_seconds=1e9)

        assert (ask().coefficient_product, stale.coefficient_product) == (1.0, 1.0)

    def test_is_one_when_anything_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError("inside")

        weigh()
        set_mode(module="dm")
        monkeypatch.setattr("overrides.core.engine.serve.allocation_scaling", fail)

        answer = ask()

        assert (answer.record.reason, answer.coefficient_product, answer.allocation) == ("ERROR", 1.0, 250.0)

    def test_is_one_where_no_value_is_known(self) -> None:
        weigh()
        set_mode(module="dm")

        assert ask(scope={"chain": "eth"}).coefficient_product == 1.0

    def test_comes_back_with_a_version_that_is_rolled_back_to(self) -> None:
        first = weigh()
        weigh({"chain=base": 0.5})
        set_mode(module="dm")
        before = ask().coefficient_product

        approve_and_apply(draft(module="dm", kind="rollback", content={"to": first.number}))

        assert (before, ask().coefficient_product) == (0.5, 1.2)


class TestCap:
    def test_cuts_the_product_so_that_with_alloc_mult_it_stays_within(self) -> None:
        weigh({"chain=base": 2.0})
        capped("dm", 1.6)
        set_mode(module="dm")

        document = told(ask(), "full")

        assert (document["coefficient_product"], document["allocation"]) == (1.6, 400.0)
        assert document["multipliers"]["cap_cut"] == pytest.approx(math.log(0.8))

    def test_cuts_the_size_of_a_pm_question(self) -> None:
        publish(make_spec({"size_mult": 1.2}, stats=HEAVY))
        capped("pm", 1.5)
        set_mode()
        question: dict[str, Any] = {
            "module": "pm", "pattern_key": "donchian.long.breakout", "action_category": "entry",
            "scope": {"macro_phase": "Good", "bucket": "micro"}, "base_allocation": None,
        }  # fmt: skip

        free = told(ask(**question), "full")
        cut = told(ask(**question, coefficient_product=1.5, alloc_mult=1.0), "full")
        low = told(ask(**question, coefficient_product=2.0, alloc_mult=1.3), "full")

        assert free["levers"]["size_mult"] == 1.02
        assert (cut["levers"]["size_mult"], cut["multipliers"]["cap_cut"]) == (1.0, pytest.approx(-math.log(1.02)))
        assert low["levers"]["size_mult"] == 0.7  # 1.5 / 2.6 is below the lever's lower bound

    def test_cuts_nothing_of_what_sells(self) -> None:
        capped("pm", 1.0)
        set_mode()

        answer = ask(
            module="pm", pattern_key="a.b.c", action_category="trim", base_allocation=None, coefficient_product=2.0
        )

        assert (answer.answer.levers["size_mult"], answer.record.multipliers) == (1.0, None)

    def test_is_none_by_default(self) -> None:
        assert load_engine("dm").scaling == load_engine("pm").scaling == Scaling()

    @pytest.mark.parametrize("cap", [0.99, 11, "2", math.nan])
    def test_never_cuts_neutral(self, cap: object) -> None:
        with pytest.raises(ValueError, match=r"^product_cap:"):
            make_parameters(module="dm", product_cap=cap)

    @pytest.mark.parametrize(
        "sent",
        [{"coefficient_product": 2.1}, {"alloc_mult": 0.6}, {"coefficient_product": "1"}, {"alloc_mult": math.inf}],
    )
    def test_accepts_dm_answers_only_for_pm(self, sent: dict[str, Any]) -> None:
        with pytest.raises(Refused, match=next(iter(sent))):
            make_question(**sent)
        with pytest.raises(Refused, match=next(iter(sent))):
            make_question(**ALLOCATION, **dict.fromkeys(sent, 1.0))


class TestReplay:
    def test_computes_coefficients_and_cap_again_to_the_ninth_decimal(self) -> None:
        weigh()
        capped("dm", 1.1)
        publish(alloc(), module="dm")
        capped("pm", 1.2)
        for mode in ("on", "shadow", "off"):
            for module in ("dm", "pm"):
                set_mode(mode, module=module)
            entry: dict[str, Any] = {
                "module": "pm",
                "pattern_key": "a.b.c",
                "action_category": "entry",
                "base_allocation": None,
            }
            answers = [ask(), ask(scope={}), ask(**entry, coefficient_product=1.7), ask(**entry)]
            record_decisions([answer.record for answer in answers])

        assert replayed() == (12, [])

    def test_names_what_was_rewritten(self) -> None:
        weigh()
        set_mode(module="dm")
        record_decisions([ask().record])
        row = Decision.objects.get()
        assert row.multipliers is not None
        row.multipliers["product"] = 1.3
        with without_triggers():
            Decision.objects.filter(pk=row.pk).update(multipliers=row.multipliers)

        _, found = replayed()

        assert len(found) == 1
        assert "multipliers" in found[0]


class TestAttribution:
    def test_gives_coefficients_and_cap_lines_of_their_own_that_add_up(self) -> None:
        """1.5 x 0.8 = 1.2 cut to 1.1 / 1.02, times 1.02; all of it scales the 3 R of the trade."""
        weigh()
        capped("dm", 1.1)
        publish(alloc(), module="dm")
        publish(make_spec({"size_mult": 1.2}, stats=HEAVY))
        capped("pm", 1.11)
        for module in ("dm", "pm"):
            set_mode(module=module)
        dm = ask()
        assert dm.coefficient_product is not None
        fields: dict[str, Any] = {
            "coefficient_product": dm.coefficient_product,
            "alloc_mult": dm.answer.levers["alloc_mult"],
        }
        pm = ask(
            module="pm", pattern_key="donchian.long.breakout", action_category="entry", base_allocation=None,
            scope={"macro_phase": "Good", "bucket": "micro"}, **fields,
        )  # fmt: skip
        record_decisions([dm.record, pm.record])
        actions = [
            action_payload(**ALLOCATION, scope=SCOPE, at=utc_text(NOW), decision_ids=decision_ids(dm.record)),
            action_payload(at=utc_text(NOW), decision_ids=decision_ids(pm.record)),
        ]
        times = {"opened_at": utc_text(NOW), "closed_at": utc_text(NOW)}
        record_trades([make_trade(rr=3.0, actions=actions, **times)], now=NOW)

        attribute_trades(now=NOW)

        whole = Attribution.objects.get()
        shares = AttributionShare.objects.values_list("lever", "override_id", "share")
        total = (1.11 - 1) * 3.0  # the cap of pm bounds the product of everything
        assert whole.total == pytest.approx(total, abs=1e-8)
        assert sum(share for *_, share in shares) + whole.carried + whole.residual == pytest.approx(
            whole.total, abs=3e-9
        )
        assert whole.carried == whole.residual == 0
        per_log = total / math.log(1.11)
        earned = {lever: share for lever, _, share in shares if lever != "cap"}
        assert earned == {
            "coefficients": pytest.approx(math.log(1.2) * per_log, abs=1e-7),
            "alloc_mult": pytest.approx(math.log(1.02) * per_log, abs=1e-7),
            "size_mult": pytest.approx(math.log(1.02) * per_log, abs=1e-7),
        }
        cuts = [math.log(1.1 / (1.2 * 1.02)), math.log(1.11 / (1.1 * 1.02))]
        caps = sorted(share for lever, _, share in shares if lever == "cap")
        assert caps == pytest.approx(sorted(cut * per_log for cut in cuts), abs=1e-7)

    def test_names_no_coefficients_where_none_were_served(self) -> None:
        weigh()
        set_mode("shadow", module="dm")

        assert ask().record.effect == {}


class TestRequest:
    def test_of_coefficients_alone_is_reviewed_and_published(self, reviewer: User, now: datetime) -> None:
        request = draft(module="dm", content={"coefficients": WEIGHTS})
        assert request.movement == pytest.approx(
            sum(abs(math.log(weight)) for weight in WEIGHTS.values()) / math.log(1.02)
        )

        approve(request_id=request.pk, by=reviewer, at=now)
        apply_request(request_id=request.pk, by=reviewer, at=now)

        version = Version.objects.get(request=request)
        assert (version.coefficients, version.n_overrides) == (WEIGHTS, 0)
        assert version.config_data is not None
        assert version.config_data["coefficients"] == WEIGHTS

    @pytest.mark.parametrize("weights", [{"chain=base": 3.0}, {"colour=red": 1.1}, {"chain": 1.1}, ["chain"]])
    def test_is_not_drafted_with_what_is_no_weight(self, weights: Any) -> None:
        with pytest.raises(GateError, match=r"^coefficients"):
            draft(module="dm", content={"coefficients": weights})

    def test_is_not_drafted_for_pm(self) -> None:
        with pytest.raises(GateError, match="are dm's"):
            draft(module="pm", content={"coefficients": WEIGHTS})

    def test_is_stale_once_other_coefficients_are_in_force(self, reviewer: User, now: datetime) -> None:
        first, second = (draft(module="dm", content={"coefficients": {"chain=base": w}}) for w in (1.5, 1.4))
        approve(request_id=second.pk, by=reviewer, at=now)
        approve_and_apply(first)

        with pytest.raises(GateError, match="stale: the coefficients changed"):
            apply_request(request_id=second.pk, by=reviewer, at=now)

        assert Version.objects.get(is_active=True).coefficients == {"chain=base": 1.5}

    def test_is_not_stale_for_a_version_of_other_lines(self) -> None:
        request = draft(module="dm", content={"coefficients": WEIGHTS})
        publish(alloc(), module="dm")

        approve_and_apply(request)

        version = Version.objects.get(is_active=True)
        assert (version.coefficients, version.n_overrides) == (WEIGHTS, 1)

    @pytest.mark.parametrize("ticked", [1, 2])
    def test_hands_its_coefficients_to_the_rest_where_lines_alone_are_approved(
        self, reviewer: User, ticked: int
    ) -> None:
        specs = [alloc(), make_spec(
            {"alloc_mult": 1.1}, type="dm_alloc", module="dm", pattern_key=KEY, action_category="allocation",
            scope={"chain": "sol"}, stats=HEAVY,
        )]  # fmt: skip
        request = draft(*specs, module="dm", content={"coefficients": WEIGHTS})

        approve(request_id=request.pk, by=reviewer, at=NOW, only=[spec.line for spec in specs[:ticked]])

        request.refresh_from_db()
        rest = ChangeRequest.objects.get(split_from=request)
        assert (request.content, request.lines.count()) == ({}, ticked)
        assert (rest.content, rest.lines.count()) == ({"coefficients": WEIGHTS}, 2 - ticked)

    def test_is_void_for_votes_once_a_weight_is_another(self) -> None:
        one, other = (draft(module="dm", content={"coefficients": {"chain=base": w}}) for w in (1.5, 1.4))

        assert one.content_hash != other.content_hash


class TestDatabase:
    """What the application's database role could try in bypass of the verbs."""

    @pytest.mark.parametrize(
        ("module", "weights"),
        [
            ("dm", {"chain=base": 2.5}), ("dm", {"chain=base": "1"}), ("dm", {"colour=red": 1.1}),
            ("dm", {"chain=": 1.1}), ("pm", {"chain=base": 1.1}),
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_weight_of_dm(self, module: str, weights: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        for where in ("overrides.requests.kinds.lines", "overrides.versions.publish"):
            monkeypatch.setattr(f"{where}.refuse_foreign_weights", lambda *_: None)
        monkeypatch.setattr("overrides.requests.kinds.lines.steps_between", lambda *_: 100.0)

        with pytest.raises(IntegrityError, match="is no weight of dm"):
            commit(lambda: approve_and_apply(draft(module=module, content={"coefficients": weights})))

    def test_refuses_coefficients_drafted_against_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("overrides.requests.kinds.lines.steps_between", lambda *_: 100.0)
        request = draft(module="dm", content={"coefficients": {"chain=base": 1.4}})
        weigh()
        monkeypatch.setattr("overrides.requests.kinds.lines._weights_changed", lambda *_: False)

        with pytest.raises(IntegrityError, match="was drafted against other coefficients"):
            commit(lambda: approve_and_apply(request))


def commit(write: Callable[[], object]) -> None:
    """Write, and run the checks that run at the end of a transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        write()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
