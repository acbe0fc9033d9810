"""Rows made from columns are those made from records, byte for byte, and they read back as the records say."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.combination import Request
from overrides.core.engine.compile_overrides import compile_overrides, join
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions import vocabulary
from overrides.core.engine.definitions.arms import Arm, ArmDraw
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.definitions.vocabulary import Channel, Combiner
from overrides.core.engine.listing import Blending, WeighedRows
from overrides.core.engine.position_scaling import CAP, COEFFICIENTS, Scaling
from overrides.core.engine.serve import Asked, answer_many
from overrides.core.engine.weights import MULTIPLIED, SYMBOLS
from overrides.serving.decisions.decision_columns import rows_of
from overrides.serving.decisions.decision_movers import BucketKeys, KeysOf, movers_of
from overrides.serving.decisions.decision_record import Decided, decision_record
from overrides.serving.engine import Engine
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import Question
from telemetry.core.decision_trace import words
from telemetry.core.decision_trace.bytes_read import Unpackable
from telemetry.core.decision_trace.trace import Moved, Served, pack, unpack_moved, unpack_served
from telemetry.decisions.decision_log import rows_of_records
from tests.overrides.core.builders import NOW, SEEDS, random_specs, requests
from tests.overrides.core.engine.test_taken import hashed, of_channel

PARAMETERS = WeightParameters(max_scope_dims=3, max_evidence_age_days=20)
MODES = st.sampled_from((Mode.ON, Mode.SHADOW, Mode.OFF))


def engine_of(compiled: Compiled, mode: Mode, **over: Any) -> Engine:
    return Engine("pm", 3, compiled, ModuleParameters.default("pm"), ServingMode(mode), **over)


def decided(engine: Engine | None, request: Request, **over: Any) -> Decided:
    question = Question(request, None, None)
    return resolve_one(question, engine, now=NOW).decided._replace(**over)


def compiled_of(seed: int, combiner: Combiner) -> Compiled:
    specs = {spec.content_id: spec for spec in hashed(random_specs(Random(seed), 40))}
    return compile_overrides(specs.values(), PARAMETERS, combiner)


def is_same(each: Decided) -> bool:
    rows, named = rows_of([each, each])
    expected, constants = rows_of_records([decision_record(each)])
    assert isinstance(rows[0], bytes), "the decision has no trace"
    return list(rows) == list(expected) * 2 and named == constants


class TestRows:
    @given(seed=SEEDS, request=requests, combiner=st.sampled_from(Combiner), mode=MODES)
    def test_are_those_of_the_record(self, seed: int, request: Request, combiner: Combiner, mode: Mode) -> None:
        assert is_same(decided(engine_of(compiled_of(seed, combiner), mode), request))

    @given(seed=SEEDS, request=requests, one=st.sampled_from(Combiner), other=st.sampled_from(Combiner))
    def test_are_those_of_the_record_for_two_channels(
        self, seed: int, request: Request, one: Combiner, other: Combiner
    ) -> None:
        sections = []
        for number, (channel, combiner) in enumerate(((Channel.PM_STRENGTH, one), (Channel.PM_TUNING, other))):
            section = compile_overrides(of_channel(seed + number, channel), PARAMETERS, combiner).sections[0]
            sections.append(Compiled((replace(section, channel=channel),)))
        each = decided(engine_of(join(*sections), Mode.ON), request)
        combination = each.answer.combination
        assert combination is not None
        if any(excluded.w_total is None for excluded in combination.excluded):
            return  # combiners that weigh beside those that do not: stored as documents

        assert is_same(each)

    @given(seed=SEEDS, request=requests)
    def test_are_those_of_the_record_with_a_challenger_a_cap_and_a_key(self, seed: int, request: Request) -> None:
        engine = engine_of(
            compiled_of(seed, Combiner.PLAN),
            Mode.ON,
            challenger=(4, compiled_of(seed + 1, Combiner.EVIDENCE)),
            scaling=Scaling(cap=1.0),
        )

        assert is_same(decided(engine, request, key="k3yk3yk3"))

    @given(seed=SEEDS, request=requests, draw=st.sampled_from((None, 1.25, 20.0)), percent=st.sampled_from((0.0, 20.0)))
    def test_are_those_of_the_record_while_a_holdback_runs(
        self, seed: int, request: Request, draw: float | None, percent: float
    ) -> None:
        engine = engine_of(
            compiled_of(seed, Combiner.PLAN),
            Mode.ON,
            challenger=(4, compiled_of(seed + 1, Combiner.EVIDENCE)),
            scaling=Scaling(cap=1.0),
        )
        mode = ServingMode(Mode.ON, 50.0, rollout_salt="5f2c", holdback_percent=percent)
        question = Question(request, "bot-2", position_key=None if draw is None else "BTC/USDT", draw=draw)

        assert is_same(resolve_one(question, replace(engine, mode=mode), now=NOW).decided)

    # The two encoders spell numbers below .0001 differently, and PostgreSQL keeps both as the same decimal.
    @given(
        seed=SEEDS,
        request=requests,
        share_draw=st.integers(1_000, 99 * 10**6).map(lambda draw: draw / 10**6),
        draw=st.integers(10**5, 10**8 - 1).map(lambda draw: draw / 10**8),
        admitted=st.booleans(),
    )
    def test_are_those_of_the_record_while_levers_are_explored(
        self, seed: int, request: Request, share_draw: float, draw: float, admitted: bool
    ) -> None:
        arm = Arm(0.8, 0.5, 50.0, 5.0, 0.5)
        engine = engine_of(compiled_of(seed, Combiner.PLAN), Mode.ON)
        mode = ServingMode(Mode.ON, arms={"entry_aggression_mult": arm})
        drawn = {"entry_aggression_mult": ArmDraw(arm, share_draw, draw, admitted, 1.5 if admitted else None)}
        question = Question(request, position_key="BTC/USDT", arms=drawn)

        assert is_same(resolve_one(question, replace(engine, mode=mode), now=NOW).decided)

    def test_are_those_of_the_record_without_an_engine(self) -> None:
        request = Request("pm", "range.R1.entry", "entry", {"a": "b"}, NOW, {"size_mult": 1.1})

        assert is_same(decided(None, request))

    @given(seed=SEEDS, asked=st.lists(requests, min_size=2, max_size=6), combiner=st.sampled_from(Combiner))
    def test_of_a_batch_are_those_of_the_records(self, seed: int, asked: list[Request], combiner: Combiner) -> None:
        engine, other = (engine_of(compiled_of(number, combiner), Mode.ON) for number in (seed, seed + 1))
        batch = [decided(engine, each) for each in asked] + [decided(other, each) for each in asked]
        listed = answer_many(engine.compiled, engine.mode, [Asked(each) for each in asked])
        batch += [one._replace(answer=each) for one, each in zip(batch[: len(asked)], listed, strict=True)]

        rows, named = rows_of(batch)

        expected, constants = rows_of_records([decision_record(each) for each in batch])
        assert (list(rows), named) == (list(expected), constants)

    def test_list_weights_that_are_rounded_alike_by_id(self) -> None:
        (section,) = compiled_of(0, Combiner.PLAN).sections
        bucket = max(section.buckets.values(), key=len)
        weights = [0.5, 0.5 + 1e-16, 0.2, 0.5 + 1e-13]
        whole, units = [1.0] * len(bucket.levers), [[0.1] * 4] * len(bucket.levers)
        blend = Blending(bucket, np.arange(4), [[0.9, 0.8, 0.7, 0.6]], weights, units, whole)
        known: dict[int, BucketKeys] = {}

        (movers,) = movers_of([(blend,)], [known], {})

        assert movers is not None
        written = np.frombuffer(movers.trace, "<f8", 8, 2).tolist()
        assert written == [*WeighedRows(blend).columns().weights.tolist(), 0.9, 0.8, 0.6, 0.7]  # type: ignore[union-attr]


class TestKeys:
    def test_of_a_bucket_are_kept_when_the_next_version_shares_it(self) -> None:
        first, second = compiled_of(1, Combiner.PLAN), compiled_of(2, Combiner.PLAN)
        kept, keys = first.sections[0], KeysOf()
        known = keys.known("pm", first)
        known |= {id(each): BucketKeys(each) for each in kept.buckets.values()}
        one, held = next(iter(kept.buckets.items()))
        mixed = Compiled((replace(kept, buckets={**second.sections[0].buckets, one: held}),))

        found = keys.known("pm", mixed)

        assert found == {id(held): known[id(held)]}


class TestTrace:
    @given(seed=SEEDS, request=requests, combiner=st.sampled_from(Combiner))
    def test_says_what_the_record_says(self, seed: int, request: Request, combiner: Combiner) -> None:
        record = decision_record(decided(engine_of(compiled_of(seed, combiner), Mode.ON), request))
        served = Served(record.levers, record.challenger, record.multipliers)
        moved = Moved(record.contributions, record.excluded, record.effect)

        packed = pack(served, moved)

        known = {each.key: each for each in packed.constants}
        assert unpack_served(packed.content) == served
        assert unpack_moved(packed.content, packed.movers, known) == moved

    @pytest.mark.parametrize(
        ("levers", "contributions", "effect"),
        [
            ({"size_mult": {"served": 1.0, "why": "x"}}, [], {}),
            ({"another": {"served": 1.0}}, [], {}),
            ({}, [{"id": "a", "line": "b"}], {}),
            ({}, [], {"size_mult": {"m0": 1.0, "m": 1.02, "parts": {}, "lines": {}}}),
        ],
    )
    def test_is_not_made_of_what_it_cannot_say(self, levers: Any, contributions: Any, effect: Any) -> None:
        with pytest.raises(Unpackable):
            pack(Served(levers), Moved(contributions, [], effect))

    def test_of_another_format_is_refused(self) -> None:
        content = pack(Served({"size_mult": {"served": 1.0}}), Moved()).content

        with pytest.raises(ValueError, match="a trace of format 9"):
            unpack_served(b"\x09" + content[1:])

    def test_that_was_cut_is_refused(self) -> None:
        content = pack(Served({"entry_delay_bars": {"served": 0.5}}), Moved()).content

        with pytest.raises(ValueError, match="in the middle of a value"):
            unpack_served(content[:8])


class TestWords:
    def test_of_a_trace_are_those_of_the_engine(self) -> None:
        assert set(words.LEVERS) == set(LEVERS)
        assert tuple(vocabulary.Flag) == words.FLAGS
        assert set(words.COMBINERS) == set(vocabulary.Combiner)
        assert set(words.REASONS) == set(vocabulary.Reason)
        assert set(words.EXCLUSIONS) == set(vocabulary.ExclusionReason)
        assert (set(words.OWN_PARTS), set(words.FACTORS)) == ({COEFFICIENTS, CAP}, set(SYMBOLS))

    def test_of_factors_are_in_the_order_of_columns(self) -> None:
        assert tuple(each.symbol for each in MULTIPLIED) == words.FACTORS
