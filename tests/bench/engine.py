"""The engine against a plain scan with the same arithmetic, against other rule engines, and at a million overrides.

    ./dev bench engine [OVERRIDES] [ROUNDS] [--peers DIRECTORY]

*one key*: all overrides are of one pattern and action; *5 %*: one in twenty is. Ten match, about a third of which act.
Answers carry id, weight and parts of each contribution; the scan returns the same from documents, each parsed from a
text of its own and in the order of loading, and tests the scope before it computes anything. `cold` scans and answers
are those right after a walk through other memory, which takes them out of the processor's cache. At a million (or
OVERRIDES) the keys hold 2,500 each and every call asks a random one. With `--peers`, other engines are installed into
an environment in DIRECTORY, are given this engine's index (only the hot bucket), and match only. Figures are CPU time
and medians of rounds in which all take turns.
"""

from __future__ import annotations

import argparse
import gc
import resource
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np

from overrides.core.engine.combination import Combination, Request
from overrides.core.engine.combine import combine, matching
from overrides.core.engine.combine_many import combine_many
from overrides.core.engine.compiled import Compiled, Key
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.plan_combiner import plan
from overrides.core.engine.serve import Answer, answer
from overrides.core.engine.weights import microseconds as since_1970
from tests.bench import engine_peers
from tests.bench.engine_worlds import ASKED, KEY, Found, columns, compiled, request, scan
from tests.bench.report import figure

SERVED = ServingMode(Mode.ON)
SIZES = (10_000, 100_000)
MATCHES = (3, 10, 30, 100, 300)
BARS = {("one key", 10_000): 200, ("one key", 100_000): 2_000, ("5 %", 100_000): 1_000}
MOST, KEY_SIZE, MATCHES_AT_MOST = 1_000_000, 2_500, 45
LISTED = 100
CLOCK_EVERY = 0.002  # seconds of calls between two looks at the clock
OTHER_MEMORY = np.zeros(8_000_000)  # 64 MB, more than the processor's cache
Listed = tuple[str, float | None, Mapping[str, float]]


def resolved(version: Compiled, asked: Request) -> tuple[Answer, list[Listed]]:
    """Return an answer and what it lists: id, weight and parts of each contribution."""
    found = answer(version, SERVED, asked)
    assert found.combination is not None
    return found, [(each.id, each.w_total, each.parts) for each in found.combination.contributions.brief]


def microseconds(work: Callable[[], object], seconds: float = 0.2) -> float:
    """Return the CPU time of one call, from as many calls as fill the time; the clock costs as much as a short call."""
    start = process_time()
    work()
    at_once = max(1, int(CLOCK_EVERY / max(process_time() - start, 1e-6)))
    calls, start = 0, process_time()
    while (taken := process_time() - start) < seconds:
        for _ in range(at_once):
            work()
        calls += at_once
    return taken / calls * 1e6


def versus(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median CPU microseconds of each work, over rounds in which all take turns."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(microseconds(work))
    return {name: median(all_of_it) for name, all_of_it in taken.items()}


def cold(work: Callable[[], object], rounds: int) -> float:
    """Return the median CPU microseconds of single calls, each after a walk through other memory."""
    taken = []
    for _ in range(rounds):
        OTHER_MEMORY.sum()
        start = process_time()
        work()
        taken.append(process_time() - start)
    return median(taken) * 1e6


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def against_the_scan(total: int, hot: float, name: str, rounds: int) -> None:
    chance, asked = np.random.default_rng(7), request()
    here = max(round(total * hot), 20)
    overrides = columns(here, 10, chance)
    rows, buckets = overrides.documents(KEY), {KEY: overrides.bucket()}
    for number in range((total - here) // KEY_SIZE + bool((total - here) % KEY_SIZE)):
        key = ("pm", f"bench.long.p{number}", "entry")
        others = columns(min(KEY_SIZE, total - here - number * KEY_SIZE), 0, chance)
        rows += others.documents(key)
        buckets[key] = others.bucket()
    version = compiled(buckets)
    gc.collect()
    gc.freeze()
    _agree(version, asked, scan(rows, asked))
    taken = versus(
        {
            "combine": partial(combine, version, asked),
            "answer": partial(resolved, version, asked),
            "scan": partial(scan, rows, asked),
        },
        rounds,
    )
    cold_scan = cold(partial(scan, rows, asked), 3 * rounds)
    cold_answer = cold(partial(resolved, version, asked), 9 * rounds)
    gc.unfreeze()
    of = {"overrides": total, "hot": name, **_counts(combine(version, asked))}
    scans = {"scan_us": round(taken["scan"]), "cold_scan_us": round(cold_scan), "cold_answer_us": round(cold_answer)}
    for what in ("combine", "answer"):
        figure("engine", what, taken[what], "µs", **of)
        bar = BARS.get((name, total)) if what == "answer" else None
        figure(
            "engine", f"{what}_ratio", taken["scan"] / taken[what], "x", against="plain scan", **scans, **of, bar=bar
        )


def _agree(version: Compiled, asked: Request, expected: Found) -> None:
    """Check that the engine gives what the scan gives."""
    found, listed = resolved(version, asked)
    for name, value in expected[0].items():
        assert abs(found.levers[name] - value) < 1e-9, (name, value)
    assert [id for id, _, _ in listed] == [id for id, _, _ in expected[1]]
    for (_, weight, parts), (_, expected_weight, expected_parts) in zip(listed, expected[1], strict=True):
        assert weight is not None
        assert abs(weight - expected_weight) < 1e-12
        assert all(abs(parts[name] - part) < 1e-12 for name, part in expected_parts.items())


def by_matches(total: int, rounds: int) -> None:
    chance, asked = np.random.default_rng(7), request()
    versions = {count: compiled({KEY: columns(total, count, chance).bucket()}) for count in MATCHES}
    gc.collect()
    gc.freeze()
    combined = versus({str(count): partial(combine, each, asked) for count, each in versions.items()}, rounds)
    listed = versus({str(count): partial(resolved, each, asked) for count, each in versions.items()}, rounds)
    gc.unfreeze()
    for count in MATCHES:
        of = _counts(combine(versions[count], asked))
        figure("engine", "combine_by_matches", combined[str(count)], "µs", overrides=total, **of)
        figure("engine", "answer_by_matches", listed[str(count)], "µs", overrides=total, **of)
    figure("engine", "300_against_3", combined["300"] / combined["3"], "x", overrides=total, bar=4)


def lists(total: int, rounds: int) -> None:
    """Measure a list of requests of one key in one pass against the same requests one by one."""
    version = compiled({KEY: columns(total, 10, np.random.default_rng(7)).bucket()})
    asked = [request(days=number / LISTED) for number in range(LISTED)]
    gc.collect()
    gc.freeze()  # as a process that serves does with what it has loaded
    taken = versus(
        {
            "list": partial(combine_many, version, asked),
            "singles": lambda: [combine(version, each) for each in asked],
        },
        rounds,
    )
    gc.unfreeze()
    of = {"overrides": total, "requests": LISTED}
    figure("engine", "listed_request", taken["list"] / LISTED, "µs", **of)
    figure("engine", "singles_against_list", taken["singles"] / taken["list"], "x", **of)


def _counts(found: Combination) -> dict[str, int]:
    acting = len(found.contributions)
    return {"matched": acting + len(found.excluded), "acting": acting}


def at_most(total: int, rounds: int) -> None:
    """Measure memory, single calls and the collector's pause with as many overrides as a process is built for."""
    chance, key_size = np.random.default_rng(7), min(KEY_SIZE, total)
    gc.collect()
    gc.freeze()  # as a process that serves does with what it has loaded by its start
    OTHER_MEMORY.sum()
    columns(key_size, min(MATCHES_AT_MOST, key_size // 4), chance).bucket(with_paths=True)
    before, start = resident(), process_time()
    buckets = {}
    for number in range(total // key_size):
        key = ("pm", f"bench.long.p{number}", "entry")
        buckets[key] = columns(key_size, min(MATCHES_AT_MOST, key_size // 4), chance).bucket(with_paths=True)
    version = compiled(buckets)
    made = process_time() - start
    gc.collect()
    grown, held = resident() - before, len(version)
    figure("engine", "memory", grown / held, "bytes per override", overrides=held, keys=len(buckets), bar=250)
    figure("engine", "generated_and_compiled", made, "s", overrides=held)
    start = process_time()
    gc.collect()
    figure("engine", "full_collection", (process_time() - start) * 1e3, "ms", overrides=held, bar=20)
    keys = cycle([list(buckets)[place] for place in chance.integers(0, len(buckets), 4_000).tolist()])
    requests = {key: request(key) for key in buckets}
    taken = versus(
        {
            "match_and_weigh": lambda: match_and_weigh(version, next(keys)),
            "match": lambda: matching(version, next(keys), ASKED),
            "combine": lambda: combine(version, requests[next(keys)]),
            "answer": lambda: resolved(version, requests[next(keys)]),
        },
        rounds,
    )
    gc.unfreeze()
    of = {"overrides": held, "keys": len(buckets), **_counts(combine(version, requests[next(keys)]))}
    figure("engine", "match_and_weigh_at_most", taken["match_and_weigh"], "µs", **of, bar=60)
    for name in ("match", "combine", "answer"):
        figure("engine", f"{name}_at_most", taken[name], "µs", **of)


def match_and_weigh(version: Compiled, key: Key) -> object:
    """Find the overrides that match, weigh them, and blend what is heavy enough."""
    now = since_1970(request(key).at)
    return [
        plan(found, section, now)
        for section, found in zip(version.sections, matching(version, key, ASKED).rows, strict=True)
        if found
    ]


def run(total: int = MOST, rounds: int = 5, peers: Path | None = None) -> None:
    for size in [each for each in SIZES if each <= total] or [total]:
        against_the_scan(size, 1.0, "one key", rounds)
        against_the_scan(size, 0.05, "5 %", rounds)
    by_matches(min(total, 1_000), rounds)
    lists(min(total, 1_000), rounds)
    at_most(total, rounds)
    if peers is not None:
        engine_peers.run(peers, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("total", nargs="?", type=int, default=MOST)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--peers", type=Path)
    given = parser.parse_args()
    run(given.total, given.rounds, given.peers)
