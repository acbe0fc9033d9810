"""What the sources of trades say about their replays: how each lever is set otherwise in them, or why it is not.

A source is the name that trades carry in `source`. Whoever records trades of a source describes its replays once, when
the process starts; the page of a lever shows the notes of the sources whose trades are recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

_notes: dict[str, Mapping[str, str]] = {}


def describe_replays(source: str, notes: Mapping[str, str]) -> None:
    """Keep what a source says of each lever: lever -> a sentence."""
    _notes[source] = notes


def replay_notes(lever: str, sources: Collection[str]) -> list[tuple[str, str]]:
    """Return the sources among these that say something of a lever, by name, each with its sentence."""
    return [(source, _notes[source][lever]) for source in sorted(sources) if lever in _notes.get(source, {})]
