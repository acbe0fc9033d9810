"""The strength that brakes a run: the newest one measured before it; measuring it is a job of its own."""

from __future__ import annotations

from datetime import datetime

from learning.core.evidence_method.learn import FAMILIES, family_name
from learning.core.significance.strength import NO_BRAKE, Brake, Strength
from learning.models import MethodStrength
from overrides.core.engine.definitions.vocabulary import LearningMethod


def newest_strength(module: str, method: LearningMethod, now: datetime) -> MethodStrength | None:
    """Return the newest measured strength of a method that was known at `now`; None if there is none.

    It stays in use until another one is measured, also where parameters have changed since.
    """
    rows = MethodStrength.objects.filter(module=module, policy=method, status=MethodStrength.Status.DONE)
    return rows.filter(as_of__lte=now, asked_at__lte=now).first()


def strengths_of(row: MethodStrength | None) -> dict[str, Strength | None]:
    """Return the strength of each group of categories learned together; empty if nothing is measured yet."""
    documents = {} if row is None else row.strengths or {}
    return {name: None if each is None else Strength.from_document(each) for name, each in documents.items()}


def brakes_of(row: MethodStrength | None, module: str) -> list[Brake]:
    """Return the brake of each family of the evidence method; what was not measured is not braked."""
    found = strengths_of(row)
    each_one = [found.get(family_name(family)) for family in FAMILIES[module]]
    return [NO_BRAKE if each is None else each.brake for each in each_one]
