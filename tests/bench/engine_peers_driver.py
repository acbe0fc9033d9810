"""Match the overrides of a file by several rule engines, which take turns; runs in their environment, not in ours.

    python engine_peers_driver.py WORLD ROUNDS

Prints {engine: {us, release}} as JSON: median CPU microseconds of one question. Each engine answers with the ids of all
overrides that match, and is checked against a plain subset test. An engine that ends at the first match gets one flag
per override, as its documentation has it for independent rules.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

Scopes = Sequence[tuple[str, Mapping[str, str]]]
Matcher = Callable[[], list[str]]
CLOCK_EVERY = 0.002  # seconds of calls between two looks at the clock


def counterweight(scopes: Scopes, asked: Mapping[str, str]) -> Matcher:
    from overrides.core.engine.names import Names
    from overrides.core.engine.scope_packing import PackedScopes

    index, ids = PackedScopes([scope for _, scope in scopes]), Names([id for id, _ in scopes])
    return lambda: ids.take(index.rows_in(asked))


def zen(scopes: Scopes, asked: Mapping[str, str]) -> Matcher:
    """A decision table that collects every row that hits."""
    engine = import_module("zen")

    inputs = [{"id": name, "name": name, "field": name} for name in asked]
    rules = [
        {"_id": id, "out": json.dumps(id), **{name: json.dumps(scope[name]) if name in scope else "" for name in asked}}
        for id, scope in scopes
    ]
    outputs = [{"id": "out", "name": "out", "field": "out"}]
    place = {"x": 0, "y": 0}
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", "position": place},
        {
            "id": "table", "name": "table", "type": "decisionTableNode", "position": place,
            "content": {"hitPolicy": "collect", "inputs": inputs, "outputs": outputs, "rules": rules},
        },
        {"id": "end", "name": "end", "type": "outputNode", "position": place},
    ]  # fmt: skip
    edges = [
        {"id": f"{one}-{other}", "sourceId": one, "targetId": other, "type": "edge"}
        for one, other in (("in", "table"), ("table", "end"))
    ]
    document = {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}
    decision = engine.ZenEngine().create_decision(engine.ZenDecisionContent(json.dumps(document)))
    context = dict(asked)
    return lambda: [row["out"] for row in decision.evaluate(context)["result"]]


def cedar(scopes: Scopes, asked: Mapping[str, str]) -> Matcher:
    """One policy per override, parsed once; the answer names the policies that hold."""
    cedarpy = import_module("cedarpy")

    text = "\n".join(
        f'@id("{id}")\npermit(principal, action, resource) when {{ '
        + " && ".join(f"context.{name} == {json.dumps(value)}" for name, value in scope.items())
        + " };"
        for id, scope in scopes
    )
    policies, entities = cedarpy.PolicySet.from_str(text), cedarpy.Entities.from_json_str("[]")
    question = {"principal": 'U::"a"', "action": 'A::"e"', "resource": 'R::"r"', "context": dict(asked)}
    return lambda: list(
        cedarpy.is_authorized(question, policies, entities).diagnostics.id_annotations_by_reason.values()
    )


def flagsmith(scopes: Scopes, asked: Mapping[str, str]) -> Matcher:
    """One segment per override; the answer lists the segments that hold."""
    evaluation = import_module("flag_engine.engine").get_evaluation_result

    segments = {
        id: {
            "key": id,
            "name": id,
            "rules": [
                {
                    "type": "ALL",
                    "conditions": [
                        {"property": name, "operator": "EQUAL", "value": value} for name, value in scope.items()
                    ],
                }
            ],
        }
        for id, scope in scopes
    }
    whole = {
        "environment": {"key": "e", "name": "e"},
        "features": {},
        "segments": segments,
        "identity": {"identifier": "u", "key": "e_u", "traits": dict(asked)},
    }
    return lambda: [each["name"] for each in evaluation(whole)["segments"]]


def growthbook(scopes: Scopes, asked: Mapping[str, str]) -> Matcher:
    """One feature per override."""
    growthbook_class = import_module("growthbook").GrowthBook

    features = {
        id: {"defaultValue": False, "rules": [{"condition": dict(scope), "force": True}]} for id, scope in scopes
    }
    book, attributes = growthbook_class(attributes={}, features=features), dict(asked)

    def matched() -> list[str]:
        book.set_attributes(attributes)
        return [id for id in features if book.is_on(id)]

    return matched


ENGINES: dict[str, Callable[[Scopes, Mapping[str, str]], Matcher]] = {
    "counterweight": counterweight,
    "zen-engine": zen,
    "cedarpy": cedar,
    "flagsmith-flag-engine": flagsmith,
    "growthbook": growthbook,
}


def microseconds(work: Matcher, seconds: float = 0.3) -> float:
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


def release_of(name: str) -> str:
    return "here" if name == "counterweight" else importlib.metadata.version(name)


def run(world: Path, rounds: int) -> dict[str, Any]:
    document = json.loads(world.read_text())
    asked = document["asked"]
    scopes = [(each["id"], each["scope"]) for each in document["overrides"]]
    expected = sorted(id for id, scope in scopes if scope.items() <= asked.items())
    matchers = {name: make(scopes, asked) for name, make in ENGINES.items()}
    for name, matched in matchers.items():
        assert sorted(matched()) == expected, f"{name} matches others"
    taken: dict[str, list[float]] = {name: [] for name in matchers}
    for _ in range(rounds):
        for name, matched in matchers.items():
            taken[name].append(microseconds(matched))
    return {name: {"us": median(times), "release": release_of(name)} for name, times in taken.items()}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]))))
