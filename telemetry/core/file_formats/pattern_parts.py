"""Other people's names and tags as parts of a pattern key, so that no two of them meet in one key.

A name that fits the grammar of a part stays as it is. Every other one becomes a readable slug, two hyphens and ten
hexadecimal digits of its sha256. A name that fits but ends like that is coded too, so that a name as it is and a coded
one can never be equal.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256

from telemetry.core.file_formats.spellings import NO_TAG, is_nothing

LONGEST_PART, DIGITS = 40, 10
_LONGEST_SLUG = LONGEST_PART - DIGITS - 2
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_CODED = re.compile(r".*--[0-9a-f]{10}", re.ASCII)
_OTHER = re.compile("[^A-Za-z0-9-]+")
NO_LETTERS = "tag"  # the slug of a name in a script that has no Latin form


def name_of(value: object) -> str:
    """Return a name or a tag as text without the blanks around it; empty if the export has none."""
    text = str(value).strip() if not is_nothing(value) or isinstance(value, str) else ""
    return "" if text in NO_TAG else text


def pattern_part(value: object, otherwise: str = "") -> str:
    """Return a name as one part of a pattern key, `otherwise` if it is empty; blanks around it do not count.

    >>> pattern_part("ewo2 ", "entry"), pattern_part(None, "entry"), pattern_part("13 15"), pattern_part("bull/up!")
    ('ewo2', 'entry', '13_15--acaa28d708', 'bull_up--7bc5debbe0')
    >>> pattern_part("купить"), pattern_part("13_15--acaa28d708")
    ('tag--8554b07ff5', '13_15--acaa28d708--77db6e4b25')
    """
    name = name_of(value)
    return _coded(name) if name else otherwise


@lru_cache(maxsize=16_384)
def _coded(name: str) -> str:
    if _PLAIN.fullmatch(name) and not _CODED.fullmatch(name):
        return name
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = _OTHER.sub("_", letters).strip("_")[:_LONGEST_SLUG].rstrip("_") or NO_LETTERS
    return f"{slug}--{sha256(name.encode(errors='surrogatepass')).hexdigest()[:DIGITS]}"
