"""A form over the constants of a document: one JSON field per constant; errors are shown at the field they name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms

from overrides.admin.request_form import ReasonForm
from overrides.core.engine.definitions.field_error import FieldError


class ConstantsForm(ReasonForm):
    """A field per constant: `values` maps dotted path -> current value, `words` dotted path -> help text."""

    def __init__(
        self, values: Mapping[str, Any], words: Mapping[str, str], data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data)
        self._values = values
        for path, value in values.items():
            self.fields[path] = forms.CharField(
                label=path.removeprefix("channels.").replace(".weights.", " "),
                help_text=words.get(path, ""),
                initial=json.dumps(value),
                max_length=4000,
                error_messages={"required": "write a value; null where there is none"},
            )
        self.order_fields([*values, "reason"])

    @property
    def constants(self) -> list[forms.BoundField]:
        return [self[path] for path in self._values]

    def clean(self) -> None:
        for path in self._values:
            try:
                self.cleaned_data[path] = json.loads(self.cleaned_data.get(path, "null"))
            except ValueError:
                self.add_error(path, 'is no JSON; write 1.5, true, null, ["a", "b"]')
        if not self.errors and all(self.cleaned_data[path] == value for path, value in self._values.items()):
            raise forms.ValidationError("This is how it stands already; change a field first.")

    def refuse(self, error: FieldError) -> None:
        """Show the error at the constant with the longest path that the error's begins with."""
        known = [path for path in self._values if error.path == path or error.path.startswith((f"{path}.", f"{path}["))]
        if known:
            self.add_error(max(known, key=len), error.message)
        else:
            self.add_error(None, str(error))


def paths_of(document: Mapping[str, Any], *containers: str) -> dict[str, Any]:
    """Return dotted path -> value of the constants one level below each container (a dotted path)."""
    constants: dict[str, Any] = {}
    for container in containers:
        inner: Any = document
        for name in filter(None, container.split(".")):
            inner = inner[name]
        constants |= {f"{container}.{name}" if container else name: value for name, value in inner.items()}
    return constants


def with_constants(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the document with the constants at these dotted paths replaced."""
    changed: dict[str, Any] = json.loads(json.dumps(document))
    for path, value in values.items():
        *containers, name = path.split(".")
        inner = changed
        for container in containers:
            inner = inner[container]
        inner[name] = value
    return changed
