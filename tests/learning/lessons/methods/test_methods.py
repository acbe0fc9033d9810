"""One module per learning method, one registry, and nobody in learning who compares methods beside it."""

from __future__ import annotations

from learning.lessons.methods import METHODS
from learning.lessons.methods.method import BY_EDGE, BY_TRADES
from overrides.core.engine.definitions.vocabulary import LearningMethod
from tests.builders import make_parameters
from tests.code_comparisons import comparisons

PLAN, EVIDENCE = METHODS[LearningMethod.PLAN], METHODS[LearningMethod.EVIDENCE]


def test_the_registry_holds_every_method_under_its_name() -> None:
    assert list(METHODS) == list(LearningMethod)
    assert all(method.name is name for name, method in METHODS.items())


def test_jobs_of_one_method_alone_carry_no_name_of_it() -> None:
    assert [method.name for method in METHODS.values() if method.default] == [LearningMethod.PLAN]


def test_every_method_sorts_its_lessons_by_what_it_says_of_them() -> None:
    assert [order.name for order in PLAN.orders] == ["weight", "n", "edge"]
    assert [order.name for order in EVIDENCE.orders] == ["rank", "lfsr", "n", "edge", "exaggeration"]
    assert all({BY_TRADES, BY_EDGE} <= set(method.orders) for method in METHODS.values())


def test_a_walk_is_shown_with_the_combiner_that_serves_the_method() -> None:
    simple = make_parameters({"combiner": "most_specific"})
    other = make_parameters({"policy": "evidence", "combiner": "evidence"})

    assert [PLAN.walk_combiner(each) for each in (make_parameters(), simple, other)] == [
        "plan",
        "most_specific",
        "plan",
    ]
    assert EVIDENCE.walk_combiner(other) is None


def test_nothing_in_learning_compares_methods() -> None:
    found = comparisons("learning", "config", names=("LearningMethod",))

    known = {
        # The plan's own combiner, where the module learns by it.
        "learning/lessons/methods/plan.py: channel.policy is LearningMethod.PLAN",
        # Without learning nothing answers for a method: only the evidence method verifies, only the plan is ready.
        "config/desk/measured_since.py: method is LearningMethod.EVIDENCE",
        "config/desk/measured_since.py: method is LearningMethod.PLAN",
        # The demo tries the method where its own combiner serves it.
        "config/demo/story.py: Combiner.EVIDENCE in PAIRS[channel, LearningMethod.EVIDENCE]",
    }
    assert found <= known
