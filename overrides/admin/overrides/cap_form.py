"""The form of a cap: how far from neutral machines may move the levers of a line, until when, and why."""

from __future__ import annotations

from django import forms

from overrides.admin.immediate_actions import HoldForm
from overrides.admin.overrides.manual_form import read_levers


class CapForm(HoldForm):
    """Asks for the limit of each lever besides the end and the reason."""

    cap = forms.CharField(
        label="Farthest from neutral",
        widget=forms.Textarea({"rows": 3, "placeholder": "size_mult=1.05"}),
        help_text="lever=value, one a line; the same distance holds on the other side of neutral",
    )
    field_order = ("cap", "expires_at", "reason")

    def clean_cap(self) -> dict[str, float]:
        """Return lever -> value farthest from neutral."""
        return read_levers(self.cleaned_data["cap"])
