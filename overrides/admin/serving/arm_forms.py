"""Forms about explored levers: ask to explore one, which a reviewer decides on, and end it at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from overrides.admin.request_form import ProposedRequest, ReasonForm
from overrides.admin.serving.mode_page import ModuleStatus
from overrides.core.engine.definitions import arms
from overrides.core.engine.definitions.arms import Arm, checked_arms
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.exploring import allows, explorable
from overrides.models import RequestKind

NUMBER = {"step": "any"}


def number_field(label: str, low: float, high: float, words: str) -> forms.FloatField:
    """Return a field for a number between two others."""
    widget = forms.NumberInput(NUMBER)
    return forms.FloatField(label=label, min_value=low, max_value=high, widget=widget, help_text=words)


class EndArmForm(ReasonForm):
    """End the exploration of a lever, as the pressed button says."""

    end_arm = forms.CharField(widget=forms.HiddenInput)
    field_order = ("end_arm", "reason")


class ArmForm(ReasonForm):
    """Ask to explore a lever, or to explore it otherwise, as a request."""

    lever = forms.ChoiceField()
    alternative = forms.FloatField(
        widget=forms.NumberInput(NUMBER),
        help_text="the value served instead, within the lever\u2019s bounds; the step limit does not apply to it",
    )
    probability = number_field(
        "Probability of the alternative",
        arms.LEAST,
        arms.MOST,
        "0.1 to 0.5; a half teaches fastest, a tenth risks least",
    )
    share_percent = number_field(
        "Positions explored, in %", arms.SMALLEST_SHARE, 100, "of all positions that name a key; the others are served"
    )
    rr_per_week = number_field(
        "Budget for a week, in R",
        arms.SMALLEST_LOSS,
        arms.LARGEST_BUDGET,
        "once it is spent, no further position is explored until Monday, 00:00 UTC",
    )
    rr_per_position = number_field(
        "Reserved for each position, in R",
        arms.SMALLEST_LOSS,
        arms.LARGEST_BUDGET,
        "what one position with the alternative is expected to lose; if its replays say more, that counts",
    )
    field_order = (
        "lever", "alternative", "probability", "share_percent", "rr_per_week", "rr_per_position", "reason",
    )  # fmt: skip

    def __init__(self, status: ModuleStatus, data: Mapping[str, Any] | None = None) -> None:
        self._status = status
        super().__init__(data, auto_id="arms_%s")
        lever = self.fields["lever"]
        assert isinstance(lever, forms.ChoiceField)
        lever.choices = [(name, _bounds_of(status, name)) for name in explorable(status.module)]

    def clean(self) -> None:
        if self.errors:
            return
        lever = self.cleaned_data["lever"]
        try:
            checked_arms({lever: self._arm})
        except FieldError as wrong:
            self.add_error(_field_of(wrong), wrong.message)
            return
        if not allows(self._status.parameters, lever, self._arm["alternative"]):
            self.add_error("alternative", f"The parameters allow {_bounds_of(self._status, lever)}.")
        elif self._status.document["arms"].get(lever) == self._arm:
            raise forms.ValidationError("The lever is explored like this already; change a field first.")

    @property
    def _arm(self) -> dict[str, float]:
        return {name: float(self.cleaned_data[name]) for name in arms.FIELDS}

    @property
    def proposed_request(self) -> ProposedRequest:
        """The request that the form describes: all arms of the module, with this one."""
        lever, arm = self.cleaned_data["lever"], Arm(**self._arm)
        title = (
            f"Explore {lever} {arm.alternative:g} with probability {arm.probability:g} in {arm.share_percent:g} % of "
            f"positions of {self._status.module}, at most {arm.rr_per_week:g} R a week"
        )
        content = {"arms": {**self._status.document["arms"], lever: self._arm}}
        return ProposedRequest(RequestKind.MODE, title, content)


def _field_of(error: FieldError) -> str | None:
    name = error.path.rpartition(".")[2]
    return name if name in arms.FIELDS else None


def _bounds_of(status: ModuleStatus, lever: str) -> str:
    low, high = status.parameters.channels[LEVERS[lever].channel].weights.bounds_of(lever)
    return f"{lever}, {low:g} to {high:g}"
