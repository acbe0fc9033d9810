"""Search of lists by any part of what rows say: every word of the term has to occur, in capitals or not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db.models import Func, Q, TextField
from django.db.models.functions import Cast

MOST_WORDS = 8
BEGINS_AN_ID = re.compile("[0-9a-f]{6,64}")


def terms(term: str) -> list[str]:
    """Return the words of a search term, in capitals as `all_words` compares them.

    >>> terms(" breakout  euphoria ")
    ['BREAKOUT', 'EUPHORIA']
    """
    return term.upper().split()[:MOST_WORDS]


class Said(Func):
    """SQL: what columns say, as one text in capitals. An index on this expression serves the search."""

    template = "upper(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = TextField()


def said(*fields: str) -> Said:
    """Return what these columns say; none of them may be null. JSON columns say their text."""
    return Said(*(Cast(field, TextField()) for field in fields))


def all_words(alias: str, words: Sequence[str]) -> Q:
    """Return the condition that the column `alias`, made by `said`, holds all words."""
    condition = Q()
    for word in words:
        condition &= Q(**{f"{alias}__contains": word})
    return condition


def begins_an_id(term: str) -> bool:
    """Return whether a term can be the beginning of a sha256 id.

    >>> begins_an_id("e3b0c44298fc"), begins_an_id("breakout")
    (True, False)
    """
    return bool(BEGINS_AN_ID.fullmatch(term))
