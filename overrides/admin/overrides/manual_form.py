"""The form of a manual override, and the override that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms

from overrides.admin.request_form import REASON_LENGTH, ReasonForm
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.json_fields import instant_text
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters, channels_of
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.validation import faults_under
from overrides.core.engine.definitions.vocabulary import MODULE_CATEGORIES, Channel
from overrides.versions.scope_values import stated_scope
from telemetry.core.scopes import typed_value
from telemetry.foundation.core.refusal import Refused

# The form field of an override's field (`stats.n`, `levers.size_mult`).
PLACES = {"stats": "", "scope": "scope", "levers": "levers", "type": "channel", "policy": "channel"}


class ManualForm(ReasonForm):
    """A judgement as an override: where it applies, how far it moves, and how many trades it is worth."""

    channel = forms.ChoiceField()
    pattern_key = forms.CharField(
        max_length=122,
        help_text="family.state.motif",
        widget=forms.TextInput({"placeholder": "donchian.long.breakout"}),
    )
    action_category = forms.ChoiceField()
    scope = forms.CharField(
        required=False,
        widget=forms.Textarea({"rows": 3, "placeholder": "macro_phase=Dip"}),
        help_text="dimension=value, one a line; a narrower scope weighs more, an empty one nothing",
    )
    levers = forms.CharField(
        widget=forms.Textarea({"rows": 3, "placeholder": "size_mult=0.9"}), help_text="lever=target, one a line"
    )
    edge_raw = forms.FloatField(label="Edge, in R", widget=forms.NumberInput({"step": "any"}))
    n = forms.FloatField(label="Worth how many trades", widget=forms.NumberInput({"step": "any"}))
    variance = forms.FloatField(label="Variance, in R²", initial=1.0, widget=forms.NumberInput({"step": "any"}))
    half_life_days = forms.FloatField(
        label="Half-life of the edge, in days",
        initial=90,
        widget=forms.NumberInput({"step": "any"}),
        help_text="half of the edge is left after it; of the weight, 37 %",
    )
    despite = forms.CharField(
        label="Why, if it contradicts the measurement",
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.Textarea({"rows": 2}),
        help_text="required where the measured edge of this line has the other sign; reviewers read it",
    )
    field_order = (
        "channel", "pattern_key", "action_category", "scope", "levers", "edge_raw", "n", "variance", "half_life_days",
        "reason", "despite",
    )  # fmt: skip

    def __init__(self, parameters: ModuleParameters, data: Mapping[str, Any] | None, at: datetime) -> None:
        super().__init__(data)
        self._parameters, self._at = parameters, at
        self.spec: OverrideSpec | None = None
        module = parameters.module
        for name, words in (
            ("channel", [channel.value for channel in channels_of(module)]),
            ("action_category", list(MODULE_CATEGORIES[module])),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [(word, word) for word in words]
        known = ", ".join(
            f"{name} {each.low:g} to {each.high:g}" for name, each in LEVERS.items() if _is_of(each, module)
        )
        self.fields["levers"].help_text = f"lever=target, one a line; {known}"

    def clean_scope(self) -> dict[str, str]:
        typed = {name: typed_value(value) for name, value in read_pairs(self.cleaned_data["scope"]).items()}
        try:
            return stated_scope(typed, self._parameters)
        except Refused as refused:
            raise forms.ValidationError(str(refused)) from refused

    def clean_levers(self) -> dict[str, float]:
        return read_levers(self.cleaned_data["levers"])

    def clean(self) -> None:
        """Parse the whole as an override and check it against the parameters; each fault is shown at its field."""
        if self.errors:
            return
        try:
            spec = OverrideSpec.from_document(self._document())
        except FieldError as error:
            self.refuse(error)
            return
        for fault in faults_under(spec, self._parameters):
            self.refuse(fault)
        self.spec = None if self.errors else spec

    def refuse(self, error: FieldError) -> None:
        """Show the error at the field where its value was typed; one of several dimensions or levers by name."""
        first, _, rest = error.path.partition(".")
        name = PLACES.get(first, first) or rest
        if name not in self.fields:
            self.add_error(None, str(error))
        elif name in ("scope", "levers") and rest:
            self.add_error(name, f"{rest.rpartition('.')[2]}: {error.message}")
        else:
            self.add_error(name, error.message)

    def _document(self) -> dict[str, Any]:
        values = self.cleaned_data
        groups: dict[str, dict[str, float]] = {}
        for name, value in values["levers"].items():
            groups.setdefault(LEVERS[name].group, {})[name] = value
        channel = Channel(values["channel"])
        return {
            "type": channel.value,
            "policy": self._parameters.channels[channel].policy.value,
            "module": self._parameters.module,
            **{name: values[name] for name in ("pattern_key", "action_category", "scope")},
            "stats": {
                **{name: values[name] for name in ("edge_raw", "n", "variance", "half_life_days")},
                "updated_at": instant_text(self._at),
            },
            "levers": groups,
        }


def read_levers(text: str) -> dict[str, float]:
    """Parse lever -> target from lines such as `size_mult=0.9`. Raises ValidationError that names the fault."""
    pairs = read_pairs(text)
    strangers = [name for name in pairs if name not in LEVERS]
    if strangers:
        raise forms.ValidationError(f"{strangers[0]!r} is no lever; known are {', '.join(LEVERS)}")
    try:
        return {name: float(value) for name, value in pairs.items()}
    except ValueError as error:
        raise forms.ValidationError("a target is a number, such as size_mult=0.9") from error


def read_pairs(text: str) -> dict[str, str]:
    """Parse name -> value from lines such as `macro_phase=Dip`. Raises ValidationError that names the line."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        if not name or not value:
            raise forms.ValidationError(f"line {number}: write name=value")
        if name in pairs:
            raise forms.ValidationError(f"line {number}: {name} is named twice")
        pairs[name] = value
    return pairs


def _is_of(lever: Any, module: str) -> bool:
    return lever.channel in channels_of(module)
