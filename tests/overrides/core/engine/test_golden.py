"""Every golden case in `../cases/`: what the combiner must answer, as JSON that anyone can read and extend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from overrides.core.engine.combination import Combination, Request
from overrides.core.engine.combine import combine
from overrides.core.engine.compile_overrides import compile_overrides
from overrides.core.engine.definitions.json_fields import instant
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.vocabulary import Combiner
from overrides.core.engine.taken import Contribution

CASES = sorted(Path(__file__).parents[1].joinpath("cases").glob("*.json"), key=lambda path: path.stem)


def answer_of(case: dict[str, Any]) -> Combination:
    compiled = compile_overrides(
        [OverrideSpec.from_document(document) for document in case["overrides"]],
        WeightParameters.from_document(case["parameters"]),
        Combiner(case["combiner"]),
    )
    request = case["request"] | {"at": instant(case["request"]["at"], "at")}
    return combine(compiled, Request(**request))


def agree(found: Any, expected: Any, where: str) -> None:
    """Compare the keys present in `expected`: numbers at rtol 1e-9, lists in order, everything else exactly."""
    if isinstance(found, Contribution):
        found = found.to_document()
    if isinstance(expected, dict):
        for key, value in expected.items():
            agree(getattr(found, key) if hasattr(found, "_fields") else found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            agree(one, other, f"{where}[{index}]")
    elif isinstance(expected, float | int) and not isinstance(expected, bool):
        assert found == pytest.approx(expected, rel=1e-9, abs=0 if expected else 1e-15), where
    else:
        assert found == expected, where


class TestGoldenCases:
    def test_are_all_there(self) -> None:
        assert len(CASES) >= 41

    @pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
    def test_are_reproduced(self, path: Path) -> None:
        case = json.loads(path.read_text())

        found = answer_of(case)

        for key, expected in case["expect"].items():
            agree(getattr(found, key), expected, key)
        if "levers" in case["expect"]:
            assert set(found.levers) == set(case["expect"]["levers"])
        for contribution, expected in zip(found.contributions, case["expect"].get("contributions", ()), strict=False):
            assert set(contribution.parts) == set(expected.get("parts", contribution.parts))
