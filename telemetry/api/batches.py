"""Bodies that hold one fact or a list of them, and the receipts of those that could not be parsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telemetry.foundation.core.refusal import Refused, join, refusals_as_json
from telemetry.recording.revisions import Status


def payloads_of(body: object, noun: str, most: int) -> list[tuple[str, object]]:
    """Return the facts of a request body, each with its JSON path; raise Refused if there are none or too many.

    `noun` is what a fact is called.
    """
    if isinstance(body, Mapping) and body:
        return [("", body)]
    if not isinstance(body, list) or not body:
        raise Refused.because(f"the body holds no {noun}; send one as an object, or a list of them")
    if len(body) > most:
        raise Refused.because(f"has {len(body)} {noun}s; send at most {most} at a time")
    return [(f"[{index}]", payload) for index, payload in enumerate(body)]


def refused_receipt(payload: object, place: str, refused: Refused, name: str) -> dict[str, Any]:
    """Return the receipt of a fact that could not be parsed; it repeats only the valid ones of `name` and revision."""
    unsound = {each.field for each in refused.refusals}
    claims = payload if isinstance(payload, Mapping) else {}
    named = {key: claims.get(key) for key in (name, "revision") if join(place, key) not in unsound}
    return {
        name: named.get(name),
        "revision": named.get("revision"),
        "status": Status.REFUSED.value,
        "errors": refusals_as_json(refused.refusals),
    }
