"""Other people's names and tags in pattern keys, so that no two of them meet in one key.

A name that fits the grammar of a part stays as it is. Every other one becomes a readable slug, two hyphens and ten
hexadecimal digits of its sha256. A name that fits but ends like that is coded too, so that a name as it is and a coded
one can never be equal, and so is the tag `entry`, which as a motif stands for none. A bot asks under the key that its
import will have: this module ships with the bots' client.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256

LONGEST_PART, DIGITS = 40, 10
NO_LETTERS = "tag"  # the slug of a name in a script that has no Latin form
ENTRY = "entry"  # the motif of a trade without a tag
NO_TAG = frozenset({"", "nan", "NaN", "NaT", "None", "NULL", "<NA>", "\\N"})  # as exports spell it; a tag may be "none"
_LONGEST_SLUG = LONGEST_PART - DIGITS - 2
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)
_CODED = re.compile(r".*--[0-9a-f]{10}", re.ASCII)
_OTHER = re.compile("[^A-Za-z0-9-]+")


def coded_tag(tag: str) -> str:
    """Return a tag as the motif of a pattern key: `entry` stands for none, and a tag of that name is coded.

    >>> coded_tag(""), coded_tag("entry"), coded_tag("ewo2")
    ('entry', 'entry--923fe53966', 'ewo2')
    """
    if tag in NO_TAG:
        return ENTRY
    return _coded(tag) if tag == ENTRY else coded_name(tag)


@lru_cache(maxsize=16_384)
def coded_name(name: str) -> str:
    """Return a name, which must not be empty, as one part of a pattern key.

    >>> coded_name("ewo2"), coded_name("13 15"), coded_name("bull/up!")
    ('ewo2', '13_15--acaa28d708', 'bull_up--7bc5debbe0')
    >>> coded_name("купить"), coded_name("13_15--acaa28d708")
    ('tag--8554b07ff5', '13_15--acaa28d708--77db6e4b25')
    """
    if _PLAIN.fullmatch(name) and not _CODED.fullmatch(name):
        return name
    return _coded(name)


def _coded(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = _OTHER.sub("_", letters).strip("_")[:_LONGEST_SLUG].rstrip("_") or NO_LETTERS
    return f"{slug}--{sha256(name.encode(errors='surrogatepass')).hexdigest()[:DIGITS]}"


def pattern_key(strategy: str, side: str, tag: str | None) -> str:
    """Return the pattern key of a strategy's trades with this tag, as an import of them will have it.

    `side` is "long" or "short"; blanks around names do not count.

    >>> pattern_key("MyStrategy", "long", "buy the dip"), pattern_key("MyStrategy", "short", None)
    ('MyStrategy.long.buy_the_dip--4494651b56', 'MyStrategy.short.entry')
    """
    motif = coded_tag((tag or "").strip())
    return f"{coded_name(strategy.strip())}.{side}.{motif}"
