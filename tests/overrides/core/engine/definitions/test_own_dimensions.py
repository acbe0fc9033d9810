"""Own dimensions and the universe as parameters: what is accepted, and that older documents stay what they were."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.own_dimensions import DimensionKind, OwnDimension
from overrides.core.engine.definitions.universe import Universe
from overrides.core.engine.definitions.validation import scope_faults
from tests.builders import make_parameters

VOLUME = {"name": "volume_z", "kind": "ordered cuts", "cuts": [1.0, 2.0], "meaning": "Volume.", "learned": True}
SESSION = {"name": "session", "kind": "category", "cuts": [], "meaning": "Trading session.", "learned": False}
MAJORS = {"name": "majors", "pairs": ["ETH/USDT", "BTC/USDT"]}


class TestDocument:
    def test_of_parameters_without_them_names_neither(self) -> None:
        document = ModuleParameters.default("pm").to_document()

        assert {"own_dimensions", "universe"} & document.keys() == set()

    @pytest.mark.parametrize(
        ("module", "digest"),
        [
            ("pm", "3cebb694dd4180fec6cd08c8f4c91f0d9c17d9a1285b4b447004873332b91b85"),
            ("dm", "09f09491ea14e0c41d9281886abf66128d10e5d69336374d1c171f9a8f802d35"),
        ],
    )
    def test_of_the_defaults_keeps_its_hash(self, module: str, digest: str) -> None:
        assert content_hash([module, ModuleParameters.default(module).to_document()]) == digest

    def test_reads_what_it_wrote(self) -> None:
        parameters = make_parameters(own_dimensions=[VOLUME, SESSION], universe=MAJORS)
        document = parameters.to_document()

        assert ModuleParameters.from_document("pm", document) == parameters
        assert document["own_dimensions"] == [VOLUME, SESSION]
        assert document["universe"]["hash"].startswith("e0d6ffe44789")

    def test_makes_known_all_and_learned_what_it_says(self) -> None:
        parameters = make_parameters(own_dimensions=[VOLUME, SESSION])

        assert {"volume_z", "session"} <= set(parameters.known_dimensions)
        assert parameters.learned_dimensions[-1] == "volume_z"
        assert "session" not in parameters.learned_dimensions

    @pytest.mark.parametrize(
        ("own", "words"),
        [
            ([VOLUME | {"name": "bucket"}], r"own_dimensions\[0\].name: bucket is known to pm already"),
            ([VOLUME | {"name": "universe"}], r"own_dimensions\[0\].name: universe is known"),
            ([VOLUME, VOLUME], "own_dimensions: declares volume_z twice"),
            ([VOLUME | {"cuts": [2, 1]}], r"own_dimensions\[0\].cuts: must rise"),
            ([VOLUME | {"cuts": []}], r"own_dimensions\[0\].cuts: must be 1 to 20"),
            ([SESSION | {"cuts": [1]}], r"own_dimensions\[0\].cuts: a category has none"),
            ([SESSION | {"kind": "numbers"}], r"own_dimensions\[0\].kind: 'numbers' is unknown"),
            ([SESSION | {"name": "a b"}], r"own_dimensions\[0\].name: must be"),
            ([SESSION | {"meaning": " "}], r"own_dimensions\[0\].meaning: must be one sentence"),
            ([SESSION | {"learned": "yes"}], r"own_dimensions\[0\].learned: must be true or false"),
            ([SESSION | {"name": f"d{i}"} for i in range(17)], "own_dimensions: has 17 dimensions"),
            ("session", "own_dimensions: must be a list"),
        ],
    )
    def test_refuses_what_is_no_dimension_and_says_where(self, own: Any, words: str) -> None:
        with pytest.raises(FieldError, match=words):
            make_parameters(own_dimensions=own)

    @pytest.mark.parametrize(
        ("universe", "words"),
        [
            (MAJORS | {"name": "a@b"}, "universe.name"),
            (MAJORS | {"pairs": []}, "universe.pairs: must be 1 to 2000"),
            (MAJORS | {"pairs": ["A/B", "A/B"]}, "universe.pairs: names a pair twice"),
            (MAJORS | {"hash": "0" * 64}, "universe.hash: is not that of"),
        ],
    )
    def test_refuses_what_is_no_universe(self, universe: Any, words: str) -> None:
        with pytest.raises(FieldError, match=words):
            make_parameters(universe=universe)


class TestOwnDimension:
    @given(
        st.lists(st.integers(-50, 50), min_size=1, max_size=6, unique=True).map(sorted),
        st.floats(-100, 100, allow_nan=False),
    )
    def test_puts_every_number_into_the_bucket_between_its_cuts(self, cuts: list[int], number: float) -> None:
        own = OwnDimension("x", DimensionKind.ORDERED_CUTS, tuple(cuts), "A number.")

        label = own.label_of(repr(number))

        assert label == own.labels[sum(number >= cut for cut in cuts)]
        assert own.label_of(str(label)) == label

    def test_reads_a_number_alike_however_it_is_written(self) -> None:
        own = OwnDimension("x", DimensionKind.ORDERED_CUTS, (1.5,), "A number.")

        assert {own.label_of(text) for text in ("2", "2.0", "+2", "2e0", "20e-1")} == {"1.5+"}
        assert {own.label_of(text) for text in ("true", "nan", "1_0", "high", "2 ")} == {None}


class TestScopeFaults:
    def test_name_strangers_and_values_that_are_no_bucket(self) -> None:
        parameters = make_parameters(own_dimensions=[VOLUME])

        assert scope_faults({"volume_z": "1 to 2", "bucket": "micro"}, parameters) == []
        assert [each.path for each in scope_faults({"volume_z": "1.5", "colour": "red"}, parameters)] == [
            "scope.volume_z",
            "scope.colour",
        ]


class TestUniverse:
    def test_has_the_label_of_its_name_and_pairs_in_any_order(self) -> None:
        assert Universe("majors", ("ETH/USDT", "BTC/USDT")).label == "majors@e0d6ffe44789"
