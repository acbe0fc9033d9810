"""Learn: build the lessons of what is known, publish what mandates cover, propose the rest to the reviewer."""

from __future__ import annotations

from datetime import timedelta

from config.demo.planted.stage import Stage
from config.demo.queue import run_jobs, wait_until
from config.demo.reviews import approve_all, is_counting
from learning.models import MethodStrength
from learning.validation.strength_runs import request_strengths
from overrides.core.engine.definitions.vocabulary import LearningMethod

MODULE = "pm"
METHOD = LearningMethod.EVIDENCE
BUILT_EVERY, PROPOSED_EVERY, MEASURED_EVERY = 2, 4, 8  # weeks


def learn(stage: Stage) -> None:
    """Build as of the beginning of every second week; every fourth the reviewer gets what needs a person."""
    at, named = stage.since, {"module": MODULE}
    if stage.number % BUILT_EVERY:
        return
    if stage.number % MEASURED_EVERY == 0:
        request_strengths(module=MODULE, methods=(METHOD,), now=at)
        wait_until(lambda: not is_counting(MethodStrength), "the strength of the method")
    run_jobs([("build pm evidence", "learning.build", timedelta(hours=1), named | {"policy": METHOD.value})], now=at)
    if stage.number == 0:
        return  # the channel still learns by the plan method; `begin` changes that
    published = "learning.publish_within_mandates"
    run_jobs([("publish within mandates pm", published, timedelta(hours=1), named)], now=at)
    if stage.number % PROPOSED_EVERY == 0:
        run_jobs([("materialize pm", "learning.materialize", timedelta(days=1), named)], now=at)
        approve_all(stage.people["reviewer"], at)
