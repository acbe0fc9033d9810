"""Which positions a holdback answers neutral: the server's secret, and the draw of a question's position by it.

The secret is made once and lies in the database, so all processes draw alike and a restored database draws as it did.
A process reads it once, when it first learns that a holdback or an arm runs, because answering reads no database.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

from overrides.core.engine.definitions.holdback import holdback_draw
from overrides.models import HoldbackSecret
from overrides.serving.resolve_request import Question

BYTES = 32


@lru_cache(1)
def holdback_secret() -> bytes:
    """Return the server's secret, made now if a database has none. Raises django.db.Error."""
    row, _ = HoldbackSecret.objects.get_or_create(id=1, defaults={"secret": secrets.token_bytes(BYTES)})
    return bytes(row.secret)


def drawn(question: Question) -> Question:
    """Return a question with the draw of its position; one that has it already, or names no position, as it is."""
    if question.position_key is None or question.draw is not None:
        return question
    return question._replace(draw=holdback_draw(holdback_secret(), question.position_key))
