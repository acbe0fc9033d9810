"""A form over the constants of a document, each with a field of its type; errors are shown at the field they name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms

from overrides.admin.document_diff import worded
from overrides.admin.governance.parameter_names import name_of, section_of
from overrides.admin.governance.typed_fields import field_for
from overrides.admin.request_form import ReasonForm
from overrides.core.engine.definitions.field_error import FieldError


@dataclass(frozen=True)
class Constant:
    """One constant: its value now and by default, its declared type, its meaning, and its limits if it has any."""

    value: Any
    default: Any
    declared: str
    words: str
    limits: Mapping[str, Any] = field(default_factory=dict)

    def help_text(self, unit: str) -> str:
        """Return meaning, effect, source and range, the unit, and the default."""
        words = self.words[:1].upper() + self.words[1:]
        parts = [words, f"unit: {unit}"] if unit else [words]
        return "; ".join([*parts, f"default {worded(self.default) if self.default != {} else 'none'}"])


class ConstantsForm(ReasonForm):
    """A field per constant, by its dotted path."""

    def __init__(self, constants: Mapping[str, Constant], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self._constants = constants
        for path, constant in constants.items():
            name = name_of(path)
            words = {"label": name.label, "help_text": constant.help_text(name.unit)}
            self.fields[path] = field_for(constant.declared, constant.value, constant.limits, **words)
        self.order_fields([*constants, "reason"])

    @property
    def sections(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """Yield the headings, each with its fields."""
        sections: dict[str, list[forms.BoundField]] = {}
        for path in self._constants:
            sections.setdefault(section_of(path), []).append(self[path])
        yield from sections.items()

    def clean(self) -> None:
        if not self.errors and all(self.cleaned_data[path] == each.value for path, each in self._constants.items()):
            raise forms.ValidationError("Nothing differs from what is in force; change a field first.")

    def refuse(self, error: FieldError) -> None:
        """Show the error at the constant with the longest path that the error's begins with."""
        paths = self._constants
        known = [path for path in paths if error.path == path or error.path.startswith((f"{path}.", f"{path}["))]
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
