"""Formats name what the engine knows: the newest one all of it today, and older ones never anything else than then."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import pytest

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.dimensions import LEARNED_DIMENSIONS, RECORDED_DIMENSIONS, known_dimensions
from overrides.core.engine.definitions.formats import CURRENT_FORMAT, FIRST, FORMATS, Format, format_of
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.weights import SYMBOLS

# Of each format that decisions name, so that nobody edits it.
FROZEN = (
    "58e3d680b10bd8f325a8121b8c5a3e2c2d9e84e441c4eb3a00f6ed412d98685c",
    "a196e1fa0b58910b3d5de42850d94a875b320581eae453b841b34443dd874121",
    "c526a7fae746f3127bc4172ae95af0ffa70f68258fffaf811055ed319ffaf104",
    "12fbb51bda0a9ad6f88197baa47838f25450846d6f7f15b0862ad863700170c5",
)


def known_today() -> Format:
    """What the registries hold."""
    return Format(tuple(LEVERS), dict(LEARNED_DIMENSIONS), dict(RECORDED_DIMENSIONS), SYMBOLS)


def instruction(newest: Format, today: Format) -> str:
    """What to append where today's registries hold more than the newest format."""
    parts = []
    if names := [each for each in today.factors if each not in newest.factors]:
        parts.append(f"factors={names}")
    for name in ("learned", "recorded"):
        before, after = getattr(newest, name), getattr(today, name)
        since = {module: [each for each in after[module] if each not in before[module]] for module in after}
        if any(since.values()):
            parts.append(f"{name}={ {module: names for module, names in since.items() if names} }")
    if not parts:
        return "FORMATS names what is no longer in the registries, or in another order; put it back: decisions name it"
    return (
        f"the engine knows more than format {CURRENT_FORMAT} names, and older decisions would not replay; append to "
        f"FORMATS in overrides/core/engine/definitions/formats.py: FORMATS[-1].extended({', '.join(parts)})"
    )


class TestFormats:
    def test_the_newest_names_what_the_engine_knows(self) -> None:
        newest, today = FORMATS[-1], known_today()

        same = all(set(getattr(newest, name)) == set(getattr(today, name)) for name in ("levers", "factors"))
        same &= all(set(newest.dimensions(module)) == set(known_dimensions(module)) for module in LEARNED_DIMENSIONS)
        same &= all(set(newest.learned[module]) == set(LEARNED_DIMENSIONS[module]) for module in LEARNED_DIMENSIONS)

        assert same, instruction(newest, today)

    def test_are_never_edited(self) -> None:
        found = tuple(content_hash(asdict(each)) for each in FORMATS)

        assert found[: len(FROZEN)] == FROZEN, "decisions name this format as it was; append another one instead"

    def test_each_knows_what_the_one_before_knew(self) -> None:
        for before, after in pairwise(FORMATS):
            assert set(before.levers) <= set(after.levers)
            assert set(before.factors) <= set(after.factors)
            assert all(set(before.dimensions(module)) <= set(after.dimensions(module)) for module in before.learned)

    @pytest.mark.parametrize("number", [0, -1, 99])
    def test_are_refused_where_there_is_none(self, number: int) -> None:
        with pytest.raises(ValueError, match=rf"^format: {number} is unknown; known are 1 to "):
            format_of(number)

    def test_of_a_decision_that_names_none_is_the_first(self) -> None:
        assert format_of(None) is format_of(1) is FIRST


class TestInstruction:
    def test_says_what_to_append(self) -> None:
        today = FIRST.extended(learned={"pm": ["session"]}, factors=["w_last"])

        assert instruction(FIRST, today).endswith(
            "FORMATS[-1].extended(factors=['w_last'], learned={'pm': ['session']})"
        )

    def test_says_what_was_taken_away(self) -> None:
        assert "no longer in the registries" in instruction(FIRST.extended(factors=["x"]), FIRST)
