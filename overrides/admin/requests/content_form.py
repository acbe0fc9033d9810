"""Form fields for the content of a request that its author edits: a field for each value, none of them a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django import forms

from overrides.admin.governance.constants_form import paths_of, with_constants
from overrides.admin.governance.parameter_form import constants_of, paths_in_form
from overrides.admin.governance.policy_admin import RULES
from overrides.admin.governance.typed_fields import field_for, is_document
from overrides.admin.requests.typed_fields import field_of, read_value
from overrides.admin.serving.mode_forms import allow_text, read_allow
from overrides.core.engine.definitions.holdback import LARGEST_PERCENT
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import PAIRS
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.models import ChangeRequest, ModuleMode, RequestKind, Version
from overrides.serving.mode import full_document
from overrides.versions.load_version import current_parameters

MOST_VERSIONS = 200
Values = Mapping[str, Any]


@dataclass(frozen=True)
class ContentForm:
    """The fields of a request's content by name, and the function that makes the content from their values.

    The function raises ValidationError with a dictionary of field names.
    """

    fields: Mapping[str, forms.Field]
    read: Callable[[Values], dict[str, Any]]


def content_form(request: ChangeRequest) -> ContentForm | None:
    """Return the fields of the content of a request; None for kinds whose content follows from their lines."""
    build = BUILDERS.get(RequestKind(request.kind))
    return None if build is None else build(request)


def _rollback(request: ChangeRequest) -> ContentForm:
    numbers = list(
        Version.objects.filter(module=request.module)
        .order_by("-number")
        .values_list("number", flat=True)[:MOST_VERSIONS]
    )
    chosen = request.content["to"]
    numbers += [] if chosen in numbers else [chosen]
    field = forms.TypedChoiceField(
        label="Version to bring back",
        choices=[(each, f"{request.module} {each}") for each in numbers],
        coerce=int,
        initial=chosen,
    )
    return ContentForm({"to": field}, lambda values: {"to": values["to"]})


def _mode(request: ChangeRequest) -> ContentForm:
    row = ModuleMode.objects.select_related("challenger").filter(pk=request.module).first()
    current = full_document(row)
    asked = current | request.content
    newest = Version.objects.filter(module=request.module).order_by("-number").values_list("number", flat=True)
    numbers = sorted({*newest[:MOST_VERSIONS], *({asked["challenger"]} - {None})}, reverse=True)
    fields: dict[str, forms.Field] = {
        "mode": forms.ChoiceField(choices=[(mode, mode) for mode in ModuleMode.Mode.values], initial=asked["mode"]),
        "rollout_percent": forms.FloatField(
            label="Roll-out, in %", min_value=0, max_value=100, initial=f"{asked['rollout_percent']:g}"
        ),
        "allow": forms.CharField(
            label="Serve only in these scopes",
            required=False,
            widget=forms.Textarea({"rows": 3}),
            initial=allow_text(asked["allow"]),
            help_text="one dimension a line, its values after a colon; empty: every scope",
        ),
        "holdback_percent": forms.FloatField(
            label="Positions held back, in %",
            required=False,
            min_value=0,
            max_value=LARGEST_PERCENT,
            initial=f"{asked['holdback_percent']:g}",
        ),
        "challenger": forms.TypedChoiceField(
            required=False,
            coerce=int,
            empty_value=None,
            choices=[("", "none"), *((each, f"{request.module} {each}") for each in numbers)],
            initial=asked["challenger"] or "",
        ),
    }
    parameters = current_parameters(request.module)

    def read(values: Values) -> dict[str, Any]:
        try:
            wanted = dict(values) | {"allow": read_allow(values["allow"], parameters)}
        except forms.ValidationError as wrong:
            raise forms.ValidationError({"allow": wrong.messages}) from wrong
        if wanted["holdback_percent"] is None:
            wanted["holdback_percent"] = current["holdback_percent"]
        wanted["arms"] = asked["arms"]  # they are edited by drafting them again
        named = {name: wanted[name] for name in current}
        content = {name: each for name, each in named.items() if each != current[name]}
        if not content:
            raise forms.ValidationError({"mode": "The module is served like this already; cancel the request instead."})
        return content

    return ContentForm(fields, read)


def _policy(request: ChangeRequest) -> ContentForm:
    document = GovernancePolicy.from_document(request.content).to_document()
    return _typed(document, document, GovernancePolicy().to_document(), RULES, {})


def _parameters(request: ChangeRequest) -> ContentForm:
    parameters = ModuleParameters.from_document(request.module, request.content)
    document = parameters.to_document()
    combiners: dict[str, tuple[str, ...]] = {}
    for channel, each in parameters.channels.items():
        allowed = PAIRS[channel, each.policy]
        if len(allowed) > 1:
            combiners[f"channels.{channel.value}.combiner"] = tuple(name.value for name in allowed)
    values, defaults = paths_in_form(parameters), paths_in_form(ModuleParameters.default(request.module))
    values |= {path: paths_of(document, path.rpartition(".")[0])[path] for path in combiners}
    constants = constants_of(parameters)
    written = {path: each.declared for path, each in constants.items() if is_document(each.declared)}
    return _typed(
        document, values, defaults, {path: each.words for path, each in constants.items()}, combiners, written
    )


def _typed(
    document: Mapping[str, Any],
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
    words: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
    written: Mapping[str, str] = MappingProxyType({}),
) -> ContentForm:
    """Return a typed field for each value of a document, by its dotted path; `written` names those of documents."""
    fields = {
        path: field_of(path, value, defaults.get(path, value), words.get(path, ""), choices.get(path, ()))
        for path, value in values.items()
        if path not in written
    }
    for path, declared in written.items():
        label = path.replace("_", " ")
        fields[path] = field_for(declared, values[path], {}, label=label, help_text=words.get(path, ""))

    def read(typed: Values) -> dict[str, Any]:
        wrong: dict[str, list[str]] = {}
        found: dict[str, Any] = {}
        for path, value in values.items():
            try:
                is_read = path in written  # its field has parsed it
                found[path] = (
                    typed.get(path) if is_read else read_value(typed.get(path), value, defaults.get(path, value))
                )
            except ValueError as error:
                wrong[path] = [str(error)]
        if wrong:
            raise forms.ValidationError(wrong)
        return with_constants(document, found)

    return ContentForm(fields, read)


BUILDERS: Mapping[RequestKind, Callable[[ChangeRequest], ContentForm]] = {
    RequestKind.ROLLBACK: _rollback,
    RequestKind.MODE: _mode,
    RequestKind.POLICY: _policy,
    RequestKind.PARAMETERS: _parameters,
    RequestKind.TRIAL: _parameters,
}
