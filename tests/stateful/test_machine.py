"""Any order of steps against real PostgreSQL: no version is ever served that the model does not allow.

Every run takes the same few examples. `STATEFUL_EXAMPLES=500 ./dev test tests/stateful -rP` takes so many new
and longer ones, prints what happened how often, and reduces a failure to its fewest steps.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.machine import GovernanceMachine
from tests.stateful.product import prepare
from tests.stateful.steps import TALLY

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "0"))  # 0: the few of every run, always the same

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def prepared(transactional_db: None) -> None:
    prepare()


def run(examples: int, steps: int, *phases: Phase) -> None:
    """Run the machine on so many examples of at most so many steps each."""
    few = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate, *phases],
        deadline=None,
        database=None,
        derandomize=not EXAMPLES,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(GovernanceMachine, settings=few)


def test_no_version_is_served_that_the_model_does_not_allow() -> None:
    if EXAMPLES:
        run(EXAMPLES, 50, Phase.shrink)
    else:
        run(8, 25)

    for name, count in sorted(TALLY.items()):
        print(f"{count:7} {name}")
