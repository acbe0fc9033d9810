"""The charts of a change, and the page fragment that shows them."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from overrides.admin.charts.impact_histogram import AXIS, LEFT, RIGHT, TALLEST, histograms
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.impact.version_pair import VersionSide
from overrides.core.impact.what_if import Comparison
from overrides.models import WhatIf
from tests.builders import DAY, KEY, NOW, SCOPE, make_parameters, make_spec

WIDTH = 480.0


def document(before: list[OverrideSpec], after: list[OverrideSpec], *, currents: tuple[float, ...]) -> dict[str, Any]:
    sides = (VersionSide(compile_module(make_parameters(), each), frozenset()) for each in (before, after))
    comparison = Comparison("pm", *sides)
    for current in currents:
        comparison.add_request(KEY, "entry", json.dumps(SCOPE), NOW, {"size_mult": current})
    found = comparison.document()
    for line in found["lines"]:
        line |= {"pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
    return {"module": "pm", **found}


@pytest.fixture
def raised() -> dict[str, Any]:
    """The result of a change that raises size from neutral to one step above the current value of four bots."""
    return document([], [make_spec({"size_mult": 1.3})], currents=(1.0, 1.0, 1.0, 1.2))


class TestHistograms:
    def test_after_grows_up_and_before_down_by_one_scale(self, raised: dict[str, Any]) -> None:
        [picture] = histograms(raised)

        [before] = picture.before
        low, high = picture.after
        assert (before.count, before.y, before.height) == (4, AXIS, TALLEST)
        assert (low.count, low.height, low.y + low.height) == (3, TALLEST * 3 / 4, AXIS)
        assert (high.count, high.height) == (1, TALLEST / 4)
        assert (picture.requests, picture.changed) == (4, 4)

    def test_stays_inside_and_labels_its_ends_with_values(self, raised: dict[str, Any]) -> None:
        [picture] = histograms(raised)

        assert all(LEFT - 0.1 <= each.x <= each.x + each.width <= WIDTH - RIGHT + 0.1 for each in picture.after)
        assert picture.x_neutral == LEFT
        [tick] = picture.ticks
        assert tick.at == pytest.approx(WIDTH - RIGHT)
        assert tick.label == "1.224"

    def test_puts_levers_in_the_registry_s_order(self) -> None:
        both = make_spec({"entry_aggression_mult": 1.1, "size_mult": 1.1})

        names = [each.name for each in histograms(document([], [both], currents=(1.0,)))]

        assert names == ["size_mult", "entry_aggression_mult"]

    def test_draws_nothing_where_no_lever_is_moved(self) -> None:
        faded = make_spec(stats={"updated_at": (NOW - 3000 * DAY).isoformat()})

        assert histograms(document([], [faded], currents=(1.0,))) == ()


def rendered(row: WhatIf) -> str:
    pictures = histograms(row.document) if row.document else ()
    return render_to_string("overrides/shared/impact.html", {"row": row, "pictures": pictures})


def row(**over: Any) -> WhatIf:
    fields: dict[str, Any] = {"key": "k", "n": 1000, "version": 3, "status": "done", "progress": 1.0}
    return WhatIf(**fields | over)


class TestFragment:
    def test_shows_counts_pictures_movers_and_caveats(self, raised: dict[str, Any]) -> None:
        page = rendered(row(document=raised))

        text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
        assert "What this would have done to the last 4 decisions" in text
        assert "Answers changed 4 Newly affected 4" in text
        assert "Compared with pm version 3" in text
        assert "own time" in text
        assert "macro_phase Good" in text
        for caveat in raised["caveats"]:
            assert caveat in text

    def test_pictures_are_svg_with_words_for_those_who_do_not_see(self, raised: dict[str, Any]) -> None:
        page = rendered(row(document=raised))

        found = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
        [picture] = [ElementTree.fromstring(each) for each in found]
        assert picture.get("role") == "img"
        assert picture.get("aria-label", "").endswith("4 of 4 decisions change")
        assert [each.text for each in picture.iter("title")][-1] == "before: 4 between 1.0000 and 1.0085"

    def test_has_nothing_inline(self, raised: dict[str, Any]) -> None:
        page = rendered(row(document=raised))

        assert re.findall(r"<script|<style|\sstyle=|\son\w+=", page) == []

    @pytest.mark.parametrize(
        ("over", "shown"),
        [
            ({"status": "running", "progress": 0.42}, 'value="0.420"'),
            ({"status": "waiting", "progress": 0.0}, 'value="0.000"'),
            ({"status": "failed", "error": "proposal: <broken>"}, "proposal: &lt;broken&gt;"),
        ],
    )
    def test_says_how_far_it_is(self, over: dict[str, Any], shown: str) -> None:
        page = rendered(row(**over))

        assert shown in page
        assert "<svg" not in page
