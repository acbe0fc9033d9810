"""The form of wishes on a machine's request: one choice for each line or for a group of lines, an end, and a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.safestring import SafeString

from overrides.admin.request_form import ReasonForm
from overrides.admin.weight_display import levers
from overrides.core.governance.rejections import REJECTED_FOR
from overrides.models import ChangeLine
from overrides.requests.redraft import SHARES, Wish, may_be_smaller, wished_cap

MOMENT = "%Y-%m-%dT%H:%M"
AS_PROPOSED, BY_LINE = ("", "as proposed"), ("", "as chosen for each line")
WORDS = {
    Wish.LEAVE_OUT: "leave out (veto)",
    Wish.HOLD: "hold as it is (pin)",
    Wish.THREE_QUARTERS: "¾ of the movement",
    Wish.HALF: "½ of the movement",
    Wish.QUARTER: "¼ of the movement",
}


@dataclass(frozen=True)
class Choice:
    """One option of a select, and whether it is chosen."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class WishRow:
    """One line of the request with its options; `name` is the form field."""

    change: ChangeLine
    levers: SafeString
    name: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class WishGroup:
    """The lines of one pattern and action; a choice for the group holds where a line has none of its own."""

    pattern_key: str
    action_category: str
    name: str
    choices: tuple[Choice, ...]
    rows: tuple[WishRow, ...]


class WishForm(ReasonForm):
    """Asks for the end of the wishes and for the reason; the choices of the lines are read beside it."""

    until = forms.DateTimeField(
        label="Wishes end at, in UTC",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=MOMENT),
        help_text="until then the choices below bind machines; afterwards the lines are proposed again as learned",
    )
    field_order = ("until", "reason")

    def __init__(self, at: datetime, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"until": (at + REJECTED_FOR).strftime(MOMENT)})
        self.fields["reason"].label = "What should be different, and why"
        self.fields["reason"].error_messages["required"] = "say why: it stands with every hold and with the next draft"

    @property
    def until_at(self) -> datetime:
        """The end of the wishes, in UTC; the form has to be valid."""
        until: datetime = self.cleaned_data["until"]
        return until if until.tzinfo else until.replace(tzinfo=UTC)


def wishes_of(changes: Sequence[ChangeLine], sent: Mapping[str, Any]) -> dict[str, Wish]:
    """Return line -> wish as they were sent; a choice of a group holds for its lines without one of their own.

    A smaller movement for a group holds only for lines that move away from neutral.
    """
    wishes = {}
    for group, members in _grouped(changes):
        of_group = _wish(sent.get(group, ""))
        for change in members:
            own = _wish(sent.get(_line_field(change), ""))
            wish = own or of_group
            if wish is not None and (own is not None or wish not in SHARES or may_be_smaller(change)):
                wishes[change.line_id] = wish
    return wishes


def wish_groups(changes: Sequence[ChangeLine], sent: Mapping[str, Any], *, may_veto: bool) -> list[WishGroup]:
    """Return the lines grouped by pattern and action, with what was chosen before."""
    found = []
    for name, members in _grouped(changes):
        rows = tuple(_row(change, sent, may_veto) for change in members)
        smaller = [wish for wish in SHARES if any(map(may_be_smaller, members))]
        offered = [(wish.value, WORDS[wish]) for wish in (*_closing(may_veto), *smaller)]
        line = members[0].line
        choices = _choices([BY_LINE, *offered], sent.get(name, ""))
        found.append(WishGroup(line.pattern_key, line.action_category, name, choices, rows))
    return found


def _row(change: ChangeLine, sent: Mapping[str, Any], may_veto: bool) -> WishRow:
    after, before = (side.levers if side else {} for side in (change.after, change.before))
    offered = [AS_PROPOSED, *((wish.value, WORDS[wish]) for wish in _closing(may_veto))]
    if may_be_smaller(change):
        offered += [(wish.value, f"{WORDS[wish]}: {_targets(wished_cap(change, wish))}") for wish in SHARES]
    name = _line_field(change)
    return WishRow(change, levers(after, before), name, _choices(offered, sent.get(name, "")))


def _closing(may_veto: bool) -> tuple[Wish, ...]:
    return (Wish.LEAVE_OUT, Wish.HOLD) if may_veto else (Wish.HOLD,)


def _grouped(changes: Sequence[ChangeLine]) -> Iterator[tuple[str, list[ChangeLine]]]:
    """Yield each group's field and its lines, by pattern and action and then by scope."""
    groups: dict[tuple[str, str], list[ChangeLine]] = {}
    for change in sorted(changes, key=lambda each: (str(each.line), each.line.channel)):
        groups.setdefault((change.line.pattern_key, change.line.action_category), []).append(change)
    for (pattern_key, category), members in groups.items():
        yield f"group-{pattern_key}-{category}", members


def _line_field(change: ChangeLine) -> str:
    return f"line-{change.pk}"


def _choices(offered: Sequence[tuple[str, str]], chosen: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, label, value == chosen) for value, label in offered)


def _wish(word: str) -> Wish | None:
    return next((wish for wish in Wish if wish == word), None)


def _targets(cap: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in cap.items())
