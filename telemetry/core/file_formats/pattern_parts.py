"""Names and tags of an export as parts of a pattern key (`telemetry.core.pattern_names` codes them)."""

from __future__ import annotations

from telemetry.core.file_formats.spellings import is_nothing
from telemetry.core.pattern_names import NO_TAG, coded_name, coded_tag


def name_of(value: object) -> str:
    """Return a name or a tag as text without the blanks around it; empty if the export has none."""
    text = str(value).strip() if not is_nothing(value) or isinstance(value, str) else ""
    return "" if text in NO_TAG else text


def pattern_part(value: object) -> str:
    """Return a name as one part of a pattern key, empty if there is none; blanks around it do not count.

    >>> pattern_part("ewo2 "), pattern_part(None), pattern_part(13)
    ('ewo2', '', '13')
    """
    name = name_of(value)
    return coded_name(name) if name else ""


def motif(tag: object) -> str:
    """Return a tag as the last part of a pattern key, `entry` if there is none.

    >>> motif("ewo2 "), motif(None)
    ('ewo2', 'entry')
    """
    return coded_tag(name_of(tag))
