"""Forms of a module's page: the input is checked against what is in force and becomes a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms

from overrides.admin.document_diff import document_differences
from overrides.admin.request_form import ProposedRequest, ReasonForm
from overrides.admin.serving.mode_page import ModuleStatus
from overrides.core.engine.definitions.holdback import LARGEST_PERCENT
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import PAIRS, Channel, Combiner
from overrides.models import ModuleMode, RequestKind
from overrides.versions.scope_values import stated_allow_list
from telemetry.core.scopes import typed_value
from telemetry.foundation.core.refusal import Refused

On = ModuleMode.Mode.ON
WORDS = {"rollout_percent": "rollout percentage", "holdback_percent": "percentage of positions held back"}


class LowerForm(ReasonForm):
    """Lower the mode to shadow or off, as the pressed button says."""

    to = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ("reason",)


class FewerForm(ReasonForm):
    """Reduce the roll-out."""

    rollout_percent = forms.FloatField(
        label="Serve only this share of callers, in %",
        min_value=0,
        max_value=100,
        widget=forms.NumberInput({"step": "any"}),
    )
    field_order = ("rollout_percent", "reason")


class StopForm(ReasonForm):
    """Stop logging the challenger."""

    stop_challenger = forms.BooleanField(initial=True, widget=forms.HiddenInput)
    field_order = ("reason",)


class ModeForm(ReasonForm):
    """Any change of a mode, as a request."""

    mode = forms.ChoiceField(choices=[(mode, mode) for mode in ModuleMode.Mode.values])
    confirm = forms.CharField(required=False, strip=False, max_length=10)
    rollout_percent = forms.FloatField(
        label="Roll-out, in %",
        min_value=0,
        max_value=100,
        widget=forms.NumberInput({"step": "any"}),
        help_text="the share of callers served, by the key they send; below 100 a caller without a key is outside",
    )
    allow = forms.CharField(
        label="Serve only in these scopes",
        required=False,
        widget=forms.Textarea({"rows": 3, "placeholder": "macro_phase: Good, Recover"}),
        help_text="one dimension a line, its values after a colon; a line for each dimension that must match; "
        "empty: every scope",
    )
    holdback_percent = forms.FloatField(
        label="Positions held back, in %",
        required=False,
        min_value=0,
        max_value=LARGEST_PERCENT,
        widget=forms.NumberInput({"step": "any"}),
        help_text="the share of positions that are answered neutral, so that what the module earns can be compared "
        "with what it would earn without overrides; positions are drawn alike in both modules; empty: as it is now",
    )
    challenger = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        help_text="a version answered beside the one served, and only logged",
    )
    field_order = ("mode", "confirm", "rollout_percent", "allow", "holdback_percent", "challenger", "reason")

    def __init__(self, status: ModuleStatus, data: Mapping[str, Any] | None = None) -> None:
        self._status = status
        document = status.document
        initial = document | {
            "rollout_percent": f"{document['rollout_percent']:g}",
            "holdback_percent": f"{document['holdback_percent']:g}",
            "allow": allow_text(document["allow"]),
            "challenger": document["challenger"] or "",
        }
        super().__init__(data, initial=initial, auto_id="mode_%s")
        module = status.module
        self.fields["confirm"].label = f'Type "{module}" to switch it on'
        active = status.version.number if status.version else None
        versions = [(n, f"{module} {n}{', in force' if n == active else ''}") for n in status.challengers]
        challenger = self.fields["challenger"]
        assert isinstance(challenger, forms.ChoiceField)
        challenger.choices = [("", "none"), *versions]

    def clean_holdback_percent(self) -> float:
        percent: float | None = self.cleaned_data["holdback_percent"]
        return float(self._status.document["holdback_percent"]) if percent is None else percent

    def clean_allow(self) -> dict[str, list[str]]:
        return read_allow(self.cleaned_data["allow"], self._status.parameters)

    def clean(self) -> None:
        cleaned, module = self.cleaned_data, self._status.module
        if cleaned.get("mode") == On and self._status.document["mode"] != On and cleaned.get("confirm") != module:
            self.add_error("confirm", f'Type "{module}" to confirm. Bots will receive overrides again.')
        if not self.errors and not self.content:
            raise forms.ValidationError("Nothing differs from how the module is served; change a field first.")

    @property
    def content(self) -> dict[str, Any]:
        """The content of a request of kind mode: the fields that differ from what is in force."""
        current = {name: value for name, value in self._status.document.items() if name in self.fields}
        return {name: self.cleaned_data[name] for name in current if self.cleaned_data[name] != current[name]}

    @property
    def proposed_request(self) -> ProposedRequest:
        """The request that the form describes."""
        current = self._status.document
        differences = document_differences({name: current[name] for name in self.content}, self.content)
        module = self._status.module
        switch = [f"Switch {module} to {self.content['mode']}"] if "mode" in self.content else []
        others = (
            f"{WORDS.get(each.field, each.field.replace('_', ' '))} {each.before} → {each.after}"
            for each in differences
            if each.field != "mode"
        )
        title = "; ".join([*switch, *others]) if switch else f"Serving of {module}: {'; '.join(others)}"
        return ProposedRequest(RequestKind.MODE, title, self.content)


class CombinerForm(ReasonForm):
    """The combiners of the channels: a field for each channel whose learning method allows more than one combiner."""

    def __init__(self, status: ModuleStatus, data: Mapping[str, Any] | None = None) -> None:
        self._status = status
        super().__init__(data, auto_id="combiner_%s")
        for channel, pairs in self.open_channels(status.parameters).items():
            self.fields[channel.value] = forms.ChoiceField(
                label=f"Combiner of {channel.value}",
                choices=[(combiner.value, combiner.value) for combiner in pairs],
                initial=status.parameters.channels[channel].combiner.value,
            )
        self.order_fields([channel.value for channel in Channel])

    @staticmethod
    def open_channels(parameters: ModuleParameters) -> dict[Channel, tuple[Combiner, ...]]:
        """Return the channels that allow more than one combiner, with their combiners."""
        pairs = {channel: PAIRS[channel, each.policy] for channel, each in parameters.channels.items()}
        return {channel: combiners for channel, combiners in pairs.items() if len(combiners) > 1}

    def clean(self) -> None:
        if not self.errors and not self._moved:
            raise forms.ValidationError("Nothing differs from the combiners in force; choose another combiner first.")

    @property
    def _moved(self) -> dict[Channel, Combiner]:
        channels = self._status.parameters.channels
        chosen = {channel: Combiner(self.cleaned_data[channel.value]) for channel in channels if channel in self.fields}
        return {channel: combiner for channel, combiner in chosen.items() if combiner is not channels[channel].combiner}

    @property
    def proposed_request(self) -> ProposedRequest:
        """The request that the form describes."""
        parameters, moved = self._status.parameters, self._moved
        channels = {
            channel: replace(each, combiner=moved.get(channel, each.combiner))
            for channel, each in parameters.channels.items()
        }
        changes = (f"{channel} {parameters.channels[channel].combiner} → {moved[channel]}" for channel in moved)
        content = replace(parameters, channels=channels).to_document()
        return ProposedRequest(RequestKind.PARAMETERS, f"Combiner of {', '.join(changes)}", content)


def allow_text(allow: Mapping[str, Any]) -> str:
    """Format an allow-list with one dimension per line, as `read_allow` parses it."""
    return "\n".join(f"{name}: {', '.join(values)}" for name, values in sorted(allow.items()))


def read_allow(text: str, parameters: ModuleParameters) -> dict[str, list[Any]]:
    """Parse dimension -> values from lines such as `macro_phase: Good, Recover`.

    Raises ValidationError naming the line.
    """
    allow: dict[str, list[Any]] = {}
    known = parameters.known_dimensions
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, _, listed = (part.strip() for part in line.partition(":"))
        values = [value.strip() for value in listed.split(",") if value.strip()]
        if not values:
            raise forms.ValidationError(f"line {number}: write dimension: value, value")
        if name not in known:
            raise forms.ValidationError(f"line {number}: {name!r} is no dimension; known are {', '.join(known)}")
        if name in allow:
            raise forms.ValidationError(f"line {number}: {name} is named twice; put its values on one line")
        try:
            allow |= stated_allow_list({name: [typed_value(value) for value in values]}, parameters)
        except Refused as refused:
            raise forms.ValidationError(f"line {number}: {refused}") from refused
    return allow
