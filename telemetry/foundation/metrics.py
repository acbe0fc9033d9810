"""What a process counts about itself for Prometheus: every metric object, and the text that `/metrics` answers.

Under gunicorn each web process keeps its numbers in a file of PROMETHEUS_MULTIPROC_DIR (`config/gunicorn.py` makes that
directory), and whichever process answers adds the files up. Numbers that the database knows are read at the scrape
(`config.operations.database_metrics`), so workers and beat need no endpoint of their own.
"""

from __future__ import annotations

import collections
import math
import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
CALLS = (25e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 20e-3, 0.1, 1.0)  # seconds
REQUESTS = (0.5e-3, 1e-3, 2e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
COUNTS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)

REGISTRY = CollectorRegistry()


class BatchHistogram(Histogram):
    """A histogram that takes many values at once: one write per bucket that they touch."""

    def observe_many(self, values: Sequence[float]) -> None:
        """Count every value, and add them to the sum."""
        found: dict[int, int] = {}
        for value, count in collections.Counter(values).items():  # most are equal
            bucket = bisect_left(self._upper_bounds, value)
            found[bucket] = found.get(bucket, 0) + count
        for bucket, count in found.items():
            self._buckets[bucket].inc(count)
        self._sum.inc(math.fsum(values))


def _histogram(name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> BatchHistogram:
    return BatchHistogram(f"counterweight_{name}", text, labels, buckets=buckets, registry=REGISTRY)


def _counter(name: str, text: str, labels: Sequence[str]) -> Counter:
    return Counter(f"counterweight_{name}", text, labels, registry=REGISTRY)


def _of_process(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """A gauge of each live process; several web processes differ by the label `pid`."""
    return Gauge(f"counterweight_{name}", text, labels, registry=REGISTRY, multiprocess_mode="liveall")


OF_ANSWER = ("module", "route")

ANSWERS = _counter("answers", "Answers given to questions for levers, by reason.", (*OF_ANSWER, "reason"))
WITHOUT_POSITION = _counter(
    "answers_without_position", "Answers served while a holdback or an arm runs that name no position.", ("module",)
)
ANSWER_SECONDS = _histogram("answer_seconds", "Time to compute one answer in the process.", OF_ANSWER, CALLS)
ANSWER_MATCHES = _histogram("answer_matches", "Overrides that match a question.", OF_ANSWER, COUNTS)
ANSWER_EXCLUSIONS = _histogram("answer_exclusions", "Matching overrides that an answer excludes.", OF_ANSWER, COUNTS)
EXPOSURE_RAISED = _counter("exposure_raised", "Sum of ln exposure over answers that raise it.", ("module",))
EXPOSURE_LOWERED = _counter("exposure_lowered", "Sum of -ln exposure over answers that lower it.", ("module",))

HTTP_SECONDS = _histogram("http_request_seconds", "HTTP requests.", ("route", "method", "status"), REQUESTS)

DECISIONS = _counter("decisions", "Decisions by what became of them.", ("outcome",))
DECISIONS_WAITING = _of_process("decisions_waiting", "Decisions queued for the log in this process.")
ENGINE_VERSION = _of_process("engine_version", "Version that this process serves, 0 before a first.", ("module",))
ENGINE_AGE = _of_process(
    "engine_confirmed_age_seconds", "Time since the database confirmed version and mode to this process.", ("module",)
)
ENGINE_MODE = _of_process("engine_mode", "1 for the mode that this process serves in.", ("module", "mode"))


def exposition(*collectors: Collector) -> bytes:
    """Return everything in Prometheus's text format: the metrics of all web processes, and those of the collectors."""
    registries: list[CollectorRegistry] = [CollectorRegistry()]
    if is_multiprocess():
        MultiProcessCollector(registries[0])  # type: ignore[no-untyped-call]  # it registers itself
    else:
        registries.append(REGISTRY)
    for collector in collectors:
        registries[0].register(collector)
    return b"".join(generate_latest(registry) for registry in registries)


def is_multiprocess() -> bool:
    """Whether several processes share their numbers through files."""
    return DIRECTORY in os.environ


def names_of(text: str) -> set[str]:
    """Return the names of all metrics that a text in Prometheus's format describes.

    >>> sorted(names_of("# HELP a_total words\\n# TYPE a_total counter\\na_total 1.0\\n"))
    ['a_total']
    """
    return {line.split()[2] for line in _lines(text, "# TYPE ")}


def _lines(text: str, beginning: str) -> Iterable[str]:
    return (line for line in text.splitlines() if line.startswith(beginning))
