"""Which decisions: by the override or line that moved them, by what was asked, and by time.

A list looks through a bounded number of decisions, the newest first, whatever is asked for, and says how far back it
looked; a search by override or line has an index of its own and needs no bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Func, JSONField, Q, QuerySet

from overrides.core.vocabulary import Reason
from overrides.models import Line, ModuleMode, Override
from telemetry.models import CATEGORIES, MODULES, Decision

LOOKED_THROUGH = 20_000
MOST_NAMED = 20  # lines and overrides that the beginning of an id may mean
MOVED_LINES = Func(
    "contributions",
    template="jsonb_path_query_array(%(expressions)s, '$[*].line')",  # as in the index decision_by_line
    output_field=JSONField(),
)


def _choices(words: Iterable[str]) -> list[tuple[str, str]]:
    return [("", "any"), *((word, word.replace("_", " ").lower()) for word in words)]


class DecisionSearch(forms.Form):
    """What the list of decisions can be asked for; empty fields ask nothing."""

    override = forms.CharField(
        required=False,
        max_length=64,
        label="override or line",
        validators=[RegexValidator("^[0-9a-f]{4,64}$", "an id is hexadecimal; give at least its first 4 characters")],
    )
    pattern = forms.CharField(required=False, max_length=122)
    module = forms.ChoiceField(required=False, choices=_choices(word for word, _ in MODULES))
    category = forms.ChoiceField(required=False, choices=_choices(word for word, _ in CATEGORIES))
    reason = forms.ChoiceField(required=False, choices=_choices(Reason))
    mode = forms.ChoiceField(required=False, choices=_choices(ModuleMode.Mode.values))
    since = forms.DateTimeField(required=False, label="since (UTC)")
    until = forms.DateTimeField(required=False, label="until (UTC)")
    decision = forms.CharField(
        required=False,
        max_length=36,
        label="decision id",
        validators=[RegexValidator("^[0-9a-fA-F-]{6,36}$", "give the id, or at least its first 6 characters")],
    )

    def clean_override(self) -> str:
        named: str = self.cleaned_data["override"]
        if named and not self._named(named):
            raise forms.ValidationError("no override and no line begins so")
        if len(self._named(named)) > MOST_NAMED:
            raise forms.ValidationError("too many begin so; give more characters")
        return named

    def _named(self, beginning: str) -> list[tuple[str, str]]:
        """(line, override) of each revision, and (line, "") of each line, whose id begins so."""
        if not beginning:
            return []
        revisions = Override.objects.filter(id__startswith=beginning).values_list("line_id", "id")
        lines = Line.objects.filter(id__startswith=beginning).values_list("id", flat=True)
        return [*revisions[: MOST_NAMED + 1], *((line, "") for line in lines[: MOST_NAMED + 1])]

    @property
    def asks_for_override(self) -> bool:
        return bool(self.is_valid() and self.cleaned_data["override"])

    @cached_property
    def _pattern(self) -> Q:
        """A pattern that decisions name is meant whole, and its index serves it; others are beginnings."""
        given, module = self.cleaned_data["pattern"].strip(), self.cleaned_data["module"]
        modules = [module] if module else [word for word, _ in MODULES]
        having = [each for each in modules if Decision.objects.filter(module=each, pattern_key=given).exists()]
        if len(having) == 1:
            return Q(module=having[0], pattern_key=given)
        return Q(pattern_key__startswith=given)

    def _indexed(self) -> Q:
        """The conditions that an ordered index serves."""
        asked = self.cleaned_data
        condition = self._pattern if asked["pattern"] else Q()
        for name, comparison in (("since", "at__gte"), ("until", "at__lt")):
            if asked[name] is not None:
                condition &= Q(**{comparison: asked[name]})
        return condition

    def rows(self, decisions: QuerySet[Decision]) -> QuerySet[Decision]:
        """All decisions asked for; none where a field says what cannot be."""
        if not self.is_valid():
            return decisions.none()
        asked: Mapping[str, Any] = self.cleaned_data
        columns = {"module": "module", "category": "action_category", "reason": "reason", "mode": "mode"}
        equal = {column: asked[name] for name, column in columns.items() if asked[name]}
        found = decisions.filter(self._indexed(), **equal)
        if asked["decision"]:
            found = found.filter(_ids(asked["decision"]))
        return _moved_by(found, self._named(asked["override"])) if asked["override"] else found

    def looks_back_to(self) -> datetime | None:
        """When the newest LOOKED_THROUGH decisions begin among which the others are sought; None: there are no more."""
        if not self.is_valid() or self.cleaned_data["override"] or self.cleaned_data["decision"]:
            return None
        candidates = Decision.objects.filter(self._indexed()).order_by("-at").values_list("at", flat=True)
        return next(iter(candidates[LOOKED_THROUGH : LOOKED_THROUGH + 1]), None)


def _moved_by(decisions: QuerySet[Decision], named: Iterable[tuple[str, str]]) -> QuerySet[Decision]:
    condition = Q()
    for line, override in named:
        is_moved = Q(moved_lines__contains=[line])
        condition |= is_moved & Q(contributions__contains=[{"id": override}]) if override else is_moved
    return decisions.alias(moved_lines=MOVED_LINES).filter(condition)


def _ids(beginning: str) -> Q:
    """
    >>> _ids("019acaf0")
    <Q: (AND: ('decision_id__range', (UUID('019acaf0-0000-0000-0000-000000000000'), UUID('019acaf0-ffff-ffff-ffff-ffffffffffff'))))>
    """
    digits = beginning.replace("-", "").lower()[:32]
    return Q(decision_id__range=(UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))))
