from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.core.lifetime.publication import has_lost_its_sign, published_now


def test_one_more_line_lowers_the_bar_of_all() -> None:
    e, share = np.array([510.0, 520.0, 340.0]), np.full(3, 0.01)  # scores .51, .52, .34 at alpha .1

    assert published_now(e, share, np.ones(3), 0.1, 0).tolist() == [0, 1, 2]
    assert published_now(e[:1], share[:1], np.ones(1), 0.1, 0).tolist() == []
    assert published_now(e[:2], share[:2], np.ones(2), 0.1, 0).tolist() == [0, 1]


def test_an_e_value_below_30_publishes_nothing() -> None:
    assert published_now(np.array([29.9]), np.ones(1), np.ones(1), 1.0, 100).tolist() == []


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(1e-5, 1)), max_size=25), st.integers(0, 20))
def test_the_set_is_the_largest_that_meets_its_own_bar(lines: list[tuple[float, float]], before: int) -> None:
    e, share = (np.array(column) for column in zip(*lines, strict=True)) if lines else (np.zeros(0), np.zeros(0))
    found = published_now(e, share, np.ones(len(e)), 0.1, before)

    scores = sorted((0.1 * s * v for v, s in lines if v >= 30), reverse=True)
    expected = max((k for k, score in enumerate(scores, 1) if score * (before + k) >= 1), default=0)
    assert len(found) == pytest.approx(expected, abs=0)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=20), st.integers(0, 9))
def test_more_published_before_never_publishes_less(e: list[float], before: int) -> None:
    values, share = np.array(e), np.full(len(e), 0.02)
    fewer = published_now(values, share, np.ones(len(e)), 0.1, before)
    more = published_now(values, share, np.ones(len(e)), 0.1, before + 1)

    assert set(fewer.tolist()) <= set(more.tolist())


def test_a_line_is_withdrawn_when_its_recent_mean_loses_its_sign() -> None:
    sign, recent = np.array([1.0, 1, -1, -1, 1]), np.array([-1.0, 1, 1, -1, 0])

    assert has_lost_its_sign(sign, recent, np.full(5, 10.0)).tolist() == [True, False, True, False, True]
    assert not has_lost_its_sign(sign, recent, np.full(5, 9.9)).any()
