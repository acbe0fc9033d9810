"""Whether announced effects come true: over the requests of the demo, and over those of demos with fewer of its trades.

Each world is the demo's story, worked through in this process. For each applied request that changes answers, the band
is announced from the decisions before its application alone, as its page shows it; the realised effect is the same
replay over the decisions from its application to the module's next version, each as of its own time. A seed leaves out
every fifth trade at random, so that lessons, requests and decisions are others; seed 0 is the demo as it is.
"""

from __future__ import annotations

import logging
import math
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean, median
from typing import Any
from unittest.mock import patch

from celery import current_app
from django.db.models import Max

from config.demo import story
from config.demo.backtest.closed_trades import demo_trades
from overrides.core.impact.daily_effect import AHEAD, WIDEST
from overrides.models import ChangeRequest, Version
from overrides.requests.impact.before_after import proposed_by
from overrides.requests.impact.what_if import compare_period, request_effect, run_what_if
from overrides.requests.kinds import KINDS
from telemetry.audit.simulated_time import time_simulated
from telemetry.models import Decision
from tests.bench.report import figure, scratch_database

SEEDS = (0, 1, 2)
LEFT_OUT = 0.2
COVERED = 0.85  # the bar
NOISE = 1e-9  # percent


@dataclass(frozen=True)
class Announced:
    """One request: its announced mean and band, the median daily deviation, and what came true, all in percent.

    `fortnight` is what came true in the 14 days that the band is about.
    """

    request: int
    kind: str
    mean: float
    low: float
    high: float
    deviation: float
    realised: float
    fortnight: float
    moves_most_days: bool

    def holds(self, value: float) -> bool:
        return self.low - NOISE <= value <= self.high + NOISE

    @property
    def width(self) -> float:
        """The width of the band in logarithms, as a multiple of the deviation; 0 where no day differs."""
        width = 100 * (math.log1p(self.high / 100) - math.log1p(self.low / 100))
        return width / self.deviation if self.deviation > NOISE else 0.0

    @property
    def names_a_sign(self) -> bool:
        return self.low > NOISE or self.high < -NOISE

    @property
    def has_right_sign(self) -> bool:
        return self.mean * self.realised > 0


def announced(requests: Sequence[ChangeRequest]) -> Iterator[Announced]:
    """Yield the requests that had a band and decisions after them."""
    for request in requests:
        assert request.closed_at is not None
        row = request_effect(request.pk, request.closed_at)
        run_what_if(row.key, now=request.closed_at)
        row.refresh_from_db()
        assert row.document is not None, row.error
        band = row.document["exposure"]["band"]
        later = Version.objects.filter(module=request.module, published_at__gt=request.closed_at)
        until = later.order_by("published_at").values_list("published_at", flat=True).first() or ends_at(request.module)
        if band is None or until <= request.closed_at:
            continue
        change = proposed_by(request, row.version)
        ends = (until, min(until, request.closed_at + timedelta(days=AHEAD)))
        found = [
            compare_period(change, row.version, since=request.closed_at, until=end)["exposure"]["percent"]
            for end in ends
        ]
        bounds = {name: band[name] for name in ("mean", "low", "high", "deviation", "moves_most_days")}
        yield Announced(request.pk, request.kind, **bounds, realised=found[0], fortnight=found[1])


def ends_at(module: str) -> datetime:
    """Return the end of the log, where no version follows."""
    last: datetime = Decision.objects.filter(module=module).aggregate(last=Max("at"))["last"]
    return last + timedelta(seconds=1)


def measured() -> list[Announced]:
    """Return the applied requests of this database that an effect was announced for."""
    kinds = [name for name, kind in KINDS.items() if kind.proposed is not None and name != "mode"]
    applied = ChangeRequest.objects.filter(state=ChangeRequest.State.APPLIED, kind__in=kinds)
    return list(announced(list(applied.order_by("pk"))))


def report(found: Sequence[Announced], **of: Any) -> None:
    """Print the figures of the bar, one line each."""
    extent = {"requests": len(found), **of}
    signs = [each for each in found if each.names_a_sign]
    narrow = [each.width <= WIDEST + NOISE for each in found]
    on_most_days = [is_narrow for is_narrow, each in zip(narrow, found, strict=True) if each.moves_most_days]
    share = "share"
    figure("effects", "inside", fmean(each.holds(each.realised) for each in found), share, bar=COVERED, **extent)
    figure("effects", "inside_in_14_days", fmean(each.holds(each.fortnight) for each in found), share, **extent)
    figure("effects", "no_wider_than_4_deviations", fmean(narrow), share, bar=1, **extent)
    figure("effects", "the_same_of_effects_on_most_days", fmean(on_most_days or [1]), share, **extent)
    widths = [each.width for each in found if each.width]
    figure("effects", "median_width_in_deviations", median(widths or [0.0]), "deviations", bar=WIDEST, **extent)
    right = sum(each.has_right_sign for each in signs)
    figure("effects", "signs_right", right / max(len(signs), 1), share, bar=1, named=len(signs), **extent)


@contextmanager
def inline() -> Iterator[None]:
    """Work tasks through in this process, when they are sent."""

    def send(name: str, kwargs: dict[str, Any] | None = None, **_: object) -> None:
        current_app.tasks[name].apply(kwargs=kwargs or {}, throw=True)

    current_app.loader.import_default_modules()
    logging.disable(logging.INFO)  # a line for every task
    with patch.object(current_app, "send_task", send), patch.object(story, "wait_for_worker", lambda: None):
        yield


def tell_story(seed: int) -> None:
    """Run the demo's story up to its last period, without a part of its trades for seeds other than 0."""
    chance = random.Random(seed)

    def some(bars: Any) -> list[dict[str, Any]]:
        return [each for each in demo_trades(bars) if not seed or chance.random() >= LEFT_OUT]

    nothing: dict[str, Any] = {"_learn_at_the_end": lambda _: None, "_compare": lambda _: None}
    with time_simulated("the bench replays eight months"), inline(), patch.multiple(story, demo_trades=some, **nothing):
        story.run_demo(now=datetime.now(UTC), credentials=None)


def main(*seeds: str) -> None:
    for seed in map(int, seeds or SEEDS):
        with scratch_database():
            tell_story(seed)
            found = measured()
            for each in found:
                print(each, file=sys.stderr)
            report(found, seed=seed)


if __name__ == "__main__":
    import django

    django.setup()
    main(*sys.argv[1:])
