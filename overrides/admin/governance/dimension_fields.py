"""Own dimensions and the universe as text fields: one dimension a line, and a name with its pairs."""

from __future__ import annotations

from typing import Any

from overrides.core.engine.definitions.own_dimensions import DimensionKind, number_text

CUTS = DimensionKind.ORDERED_CUTS.value
LEARNED, RECORDED = "learned", "recorded"
EXAMPLE = f"volume_z | {CUTS} 1, 2 | {LEARNED} | Volume of the bar against its month, in standard deviations."


def written_dimensions(documents: list[dict[str, Any]]) -> str:
    """Write own dimensions as a person types them, one a line.

    >>> print(written_dimensions([{"name": "session", "kind": "category", "cuts": [], "meaning": "Trading session.",
    ...                            "learned": False}]))
    session | category | recorded | Trading session.
    """
    return "\n".join(map(_written, documents))


def _written(document: dict[str, Any]) -> str:
    cuts = ", ".join(map(number_text, document["cuts"]))
    use = LEARNED if document["learned"] else RECORDED
    return " | ".join((document["name"], f"{document['kind']} {cuts}".strip(), use, document["meaning"]))


def read_dimensions(typed: str) -> list[dict[str, Any]]:
    """Parse own dimensions, one a line. Raises ValueError that names the line.

    >>> [document] = read_dimensions("volume_z | ordered cuts 1, 2.5 | learned | Volume against its month.")
    >>> document["cuts"], document["learned"]
    ([1.0, 2.5], True)
    """
    lines = enumerate(typed.splitlines(), 1)
    return [_read_dimension(number, line) for number, line in lines if line.strip()]


def _read_dimension(number: int, line: str) -> dict[str, Any]:
    parts = [part.strip() for part in line.split("|", 3)]
    if len(parts) < 4:
        raise ValueError(f"line {number}: write four parts between vertical bars, as in {EXAMPLE}")
    name, kind, use, meaning = parts
    is_cut = kind.startswith(CUTS)
    if not is_cut and kind != DimensionKind.CATEGORY.value:
        raise ValueError(f"line {number}: {kind!r} is no kind; write category, or {CUTS} and their numbers")
    if use not in (LEARNED, RECORDED):
        raise ValueError(f"line {number}: write {LEARNED} or {RECORDED}, not {use!r}")
    try:
        cuts = [float(each) for each in kind.removeprefix(CUTS).split(",") if each.strip()] if is_cut else []
    except ValueError:
        raise ValueError(f"line {number}: cuts are numbers between commas, as in {EXAMPLE}") from None
    return {
        "name": name,
        "kind": CUTS if is_cut else kind,
        "cuts": cuts,
        "meaning": meaning,
        "learned": use == LEARNED,
    }


def written_universe(document: dict[str, Any]) -> str:
    """Write a universe as a person types it.

    >>> written_universe({"name": "majors", "pairs": ["BTC/USDT", "ETH/USDT"], "hash": "e0d6"})
    'majors: BTC/USDT, ETH/USDT'
    """
    return f"{document['name']}: {', '.join(document['pairs'])}"


def read_universe(typed: str) -> dict[str, Any] | None:
    """Parse a universe; None for an empty text. Its hash follows from its content. Raises ValueError.

    >>> read_universe("majors: ETH/USDT BTC/USDT:USDT")
    {'name': 'majors', 'pairs': ['ETH/USDT', 'BTC/USDT:USDT']}
    """
    if not typed.strip():
        return None
    name, colon, pairs = typed.partition(":")
    if not colon or not name.strip():
        raise ValueError("write a name, a colon and the pairs, as in majors: BTC/USDT, ETH/USDT")
    return {"name": name.strip(), "pairs": pairs.replace(",", " ").split()}
