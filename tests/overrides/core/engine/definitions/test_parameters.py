from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.constants import words_of
from overrides.core.engine.definitions.dimensions import LEARNED_DIMENSIONS, RECORDED_DIMENSIONS, known_dimensions
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters
from overrides.core.engine.definitions.formats import FIRST
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.parameters import LessonParameters, WeightParameters


class TestDimensions:
    def test_number_eight_for_pm_and_fourteen_for_dm(self) -> None:
        assert (len(LEARNED_DIMENSIONS["pm"]), len(LEARNED_DIMENSIONS["dm"])) == (8, 14)

    def test_record_but_do_not_learn_the_systems_own_outputs(self) -> None:
        assert RECORDED_DIMENSIONS["pm"] == ("A_mode", "E_mode")
        assert set(known_dimensions("pm")) > set(LEARNED_DIMENSIONS["pm"])


class TestWeightParameters:
    def test_default_to_the_plans_numbers(self) -> None:
        assert WeightParameters().to_document() == {
            "weight_edge_scale": 1.0, "n_target": 25.0, "variance_penalty": 1.0, "specificity_alpha": 1.5,
            "max_scope_dims": 8, "min_total_weight": 0.02, "prior_weight": 0.0, "max_evidence_age_days": None,
            "bounds": {}, "max_steps": {},
        }  # fmt: skip

    def test_survive_a_document(self) -> None:
        parameters = WeightParameters(
            n_target=10, max_evidence_age_days=30, bounds={"size_mult": (0.9, 1.1)}, max_steps={"size_mult": 0.01}
        )

        assert WeightParameters.from_document(parameters.to_document()) == parameters

    def test_tighten_bounds_and_steps(self) -> None:
        parameters = WeightParameters(bounds={"size_mult": (0.9, 1.1)}, max_steps={"size_mult": 0.01})

        assert (parameters.bounds_of("size_mult"), parameters.step_of("size_mult")) == ((0.9, 1.1), 0.01)
        assert (parameters.bounds_of("alloc_mult"), parameters.step_of("alloc_mult")) == ((0.7, 1.3), 0.02)

    @pytest.mark.parametrize(
        ("over", "named"),
        [
            ({"weight_edge_scale": 0}, "weight_edge_scale"),
            ({"n_target": -1}, "n_target"),
            ({"n_target": True}, "n_target"),
            ({"n_target": "25"}, "n_target"),
            ({"variance_penalty": float("nan")}, "variance_penalty"),
            ({"specificity_alpha": float("inf")}, "specificity_alpha"),
            ({"prior_weight": -0.1}, "prior_weight"),
            ({"max_scope_dims": 0}, "max_scope_dims"),
            ({"max_scope_dims": 2.5}, "max_scope_dims"),
            ({"min_total_weight": 1.5}, "min_total_weight"),
            ({"max_evidence_age_days": 0}, "max_evidence_age_days"),
            ({"bounds": {"size_mult": [0.6, 1.3]}}, "bounds.size_mult"),
            ({"bounds": {"size_mult": [0.7, 1.4]}}, "bounds.size_mult"),
            ({"bounds": {"size_mult": [1.1, 1.2]}}, "bounds.size_mult.*neutral"),
            ({"bounds": {"size_mult": [1.2, 0.9]}}, "bounds.size_mult"),
            ({"bounds": {"size_mult": 1.1}}, "bounds.size_mult"),
            ({"bounds": {"wings": [0, 1]}}, "bounds.wings"),
            ({"max_steps": {"size_mult": 0.03}}, "max_steps.size_mult"),
            ({"max_steps": {"size_mult": 0}}, "max_steps.size_mult"),
            ({"edge_scale": 20}, "edge_scale"),
        ],
    )
    def test_refuse_by_name(self, over: dict[str, Any], named: str) -> None:
        with pytest.raises(ValueError, match=named):
            WeightParameters.from_document(over)


class TestLessonParameters:
    def test_survive_a_document(self) -> None:
        parameters = LessonParameters(books=("live", "paper"), dimensions=("bucket",), max_subset_size=3)

        assert LessonParameters.from_document(parameters.to_document()) == parameters

    def test_ask_for_more_trades_of_narrower_cells(self) -> None:
        found = [LessonParameters().n_min_of(dims) for dims in (0, 1, 2, 3, 4, 5, 6, 7, 8)]

        assert found == [10, 10, 10, 20, 20, 30, 30, 50, 50]

    def test_learn_from_the_modules_dimensions_by_default(self) -> None:
        assert LessonParameters().dimensions_of("dm") == LEARNED_DIMENSIONS["dm"]
        assert LessonParameters(dimensions=("A_mode",)).dimensions_of("pm") == ("A_mode",)

    @pytest.mark.parametrize(
        ("over", "named"),
        [
            ({"learning_rate": 0}, "learning_rate"),
            ({"learning_rate": 1.5}, "learning_rate"),
            ({"lesson_edge_scale": 0}, "lesson_edge_scale"),
            ({"edge_min": -0.1}, "edge_min"),
            ({"max_lessons": 0}, "max_lessons"),
            ({"max_lessons": None}, "max_lessons"),
            ({"cell_budget": 1.5}, "cell_budget"),
            ({"n_min": [10, 20, 30]}, "n_min"),
            ({"n_min": [10, 20, 30, 0]}, "n_min"),
            ({"books": []}, "books"),
            ({"books": ["paper", "paper"]}, "books"),
            ({"books": [["paper"]]}, "books"),
            ({"counterfactual_cutoffs": [0.5, 0.1, 1.5]}, "counterfactual_cutoffs"),
            ({"learnig_rate": 0.02}, "learnig_rate"),
            ([], "parameters"),
        ],
    )
    def test_refuse_by_name(self, over: Any, named: str) -> None:
        with pytest.raises(ValueError, match=named):
            LessonParameters.from_document(over)


class TestModuleParameters:
    @pytest.mark.parametrize("module", ["dm", "pm"])
    def test_name_todays_dimensions_by_default(self, module: str) -> None:
        document = ModuleParameters.default(module).to_document()

        assert document["dimensions"] == list(known_dimensions(module))
        assert document["lessons"]["dimensions"] == list(LEARNED_DIMENSIONS[module])
        assert {each["weights"]["max_scope_dims"] for each in document["channels"].values()} == {
            len(LEARNED_DIMENSIONS[module])
        }

    def test_name_the_dimensions_of_a_format(self) -> None:
        later = FIRST.extended(learned={"pm": ["session"]})

        found = ModuleParameters.default("pm", later)

        assert (found.dimensions, found.lessons.dimensions) == (later.dimensions("pm"), later.learned["pm"])
        assert {each.weights.max_scope_dims for each in found.channels.values()} == {9}

    @pytest.mark.parametrize("module", ["dm", "pm"])
    def test_of_a_document_that_leaves_dimensions_out_are_those_of_the_first_format(self, module: str) -> None:
        document = ModuleParameters.default(module, FIRST.extended(learned={module: ["session"]})).to_document()
        del document["dimensions"]
        document["lessons"]["dimensions"] = None
        for channel in document["channels"].values():
            del channel["weights"]["max_scope_dims"]

        found = ModuleParameters.from_document(module, document)

        assert found.dimensions == FIRST.dimensions(module)
        assert found.lessons.dimensions_of(module) == FIRST.learned[module]
        assert {each.weights.max_scope_dims for each in found.channels.values()} == {len(FIRST.learned[module])}

    @pytest.mark.parametrize("module", ["dm", "pm"])
    def test_keep_the_document_that_they_were_read_from(self, module: str) -> None:
        document = ModuleParameters.default(module, FIRST).to_document()
        document["lessons"]["dimensions"] = None

        assert ModuleParameters.from_document(module, document).to_document() == document

    def test_are_written_out_with_the_dimensions_they_mean(self) -> None:
        document = ModuleParameters.default("pm", FIRST).to_document()
        document["lessons"]["dimensions"] = None

        written = ModuleParameters.from_document("pm", document).written_out()

        assert written == ModuleParameters.default("pm", FIRST)
        assert written.written_out() == written


class TestHelpTexts:
    @pytest.mark.parametrize("parameters", [WeightParameters, LessonParameters, EvidenceParameters])
    def test_explain_every_constant(self, parameters: type[WeightParameters | LessonParameters]) -> None:
        words = words_of(parameters)

        assert list(words) == list(parameters().to_document())
        assert all(len(text) > 20 for text in words.values())

    @pytest.mark.parametrize("parameters", [WeightParameters, LessonParameters, EvidenceParameters])
    def test_name_their_source(self, parameters: type[WeightParameters | LessonParameters]) -> None:
        assert all("(method " in text for text in words_of(parameters).values())

    def test_end_with_the_range(self) -> None:
        words = words_of(WeightParameters)

        assert words["n_target"].startswith("number of trades at which w_n = 1 - exp(-n / n_target) is 0.63; a larger ")
        assert words["n_target"].endswith("; above 0")
        assert words["variance_penalty"].endswith("; 0 or more")
        assert words["min_total_weight"].endswith("; 0 to 1")
        assert words["max_scope_dims"].endswith("; 1 to 64")
