from __future__ import annotations

from dataclasses import replace

import pytest

from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides, join
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Channel, Combiner, Flag, LearningMethod, Reason
from tests.overrides.core.builders import make_governed, make_request, make_spec

PARAMETERS = WeightParameters(max_scope_dims=1)
STRENGTH = make_governed()
TUNING = replace(
    make_governed(), channel=Channel.PM_TUNING, levers={"entry_delay_bars": 1.0}, pattern_key=STRENGTH.pattern_key
)
TUNING = replace(TUNING, id=TUNING.content_id)


def compiled_channel(channel: Channel, *specs: OverrideSpec, combiner: Combiner = Combiner.PLAN) -> Compiled:
    return compile_overrides(specs, PARAMETERS, combiner, channel=channel)


class TestCompileOverrides:
    def test_counts_what_it_holds(self) -> None:
        compiled = compile_overrides([make_spec("a"), make_spec("b")], PARAMETERS, Combiner.PLAN)

        assert len(compiled) == 2

    def test_drops_an_override_that_moves_no_lever(self) -> None:
        compiled = compile_overrides([make_spec("a", levers={})], PARAMETERS, Combiner.PLAN)

        assert combine(compiled, make_request()).reason is Reason.NO_MATCH

    def test_refuses_an_id_given_twice(self) -> None:
        with pytest.raises(ValueError, match="override a: given twice"):
            compile_overrides([make_spec("a"), make_spec("a")], PARAMETERS, Combiner.PLAN)

    def test_takes_a_governed_override(self) -> None:
        assert len(compile_overrides([STRENGTH], PARAMETERS, Combiner.PLAN, channel=Channel.PM_STRENGTH)) == 1

    @pytest.mark.parametrize("spec", [make_spec("a"), TUNING, replace(STRENGTH, action_category="exit")])
    def test_refuses_what_is_not_governed_in_a_channel(self, spec: OverrideSpec) -> None:
        with pytest.raises(ValueError, match=r"^override "):
            compiled_channel(Channel.PM_STRENGTH, spec)

    def test_refuses_two_revisions_of_a_line(self) -> None:
        with pytest.raises(ValueError, match="line: has two revisions"):
            compiled_channel(Channel.PM_STRENGTH, STRENGTH, make_governed({"size_mult": 1.2}))

    def test_refuses_a_combiner_the_policy_does_not_go_with(self) -> None:
        with pytest.raises(ValueError, match="combiner: pm_strength under policy plan"):
            compiled_channel(Channel.PM_STRENGTH, STRENGTH, combiner=Combiner.EVIDENCE)

    def test_refuses_a_dimension_that_is_not_known(self) -> None:
        with pytest.raises(ValueError, match=r"scope\.macro_phase"):
            compile_overrides(
                [STRENGTH], PARAMETERS, Combiner.PLAN, channel=Channel.PM_STRENGTH, known_dimensions=("bucket",)
            )


class TestKnownDimensions:
    def test_flag_a_request_that_carries_others(self) -> None:
        compiled = compile_overrides(
            [make_spec("a")], PARAMETERS, Combiner.PLAN, known_dimensions=("macro_phase", "bucket")
        )

        known = combine(compiled, make_request({"macro_phase": "Good", "bucket": "nano"}))
        unknown = combine(compiled, make_request({"macro_phase": "Good", "moon": "full"}))

        assert Flag.UNKNOWN_DIMENSION not in known.flags
        assert Flag.UNKNOWN_DIMENSION in unknown.flags
        assert unknown.levers == known.levers


class TestJoin:
    def test_answers_for_every_channel_with_its_own_combiner(self) -> None:
        evidence = replace(STRENGTH, policy=LearningMethod.EVIDENCE)
        evidence = replace(evidence, id=evidence.content_id)

        engine = join(
            compile_overrides([evidence], PARAMETERS, Combiner.EVIDENCE, channel=Channel.PM_STRENGTH),
            compile_overrides([TUNING], PARAMETERS, Combiner.PLAN, channel=Channel.PM_TUNING),
        )
        found = combine(engine, make_request())

        assert {name: lever.combiner for name, lever in found.levers.items()} == {
            "size_mult": Combiner.EVIDENCE,
            "entry_delay_bars": Combiner.PLAN,
        }
        assert found.reason is Reason.COMBINED
        assert len(engine) == 2

    def test_refuses_a_channel_twice(self) -> None:
        once = compile_overrides([], PARAMETERS, Combiner.PLAN, channel=Channel.PM_STRENGTH)

        with pytest.raises(ValueError, match="channels"):
            join(once, once)

    def test_refuses_channels_without_a_name(self) -> None:
        nameless = compile_overrides([], PARAMETERS, Combiner.PLAN)

        with pytest.raises(ValueError, match="channels"):
            join(nameless, nameless)
