"""Form fields of constants, one for each type that a constant is declared with: numbers, yes or no, lists, limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms

from overrides.admin.governance.dimension_fields import (
    read_dimensions,
    read_universe,
    written_dimensions,
    written_universe,
)

YES_OR_NO = (("yes", "yes"), ("no", "no"))
# The types of constants that are documents: how they are written and read, and the most characters of their text.
DOCUMENTS: Mapping[str, tuple[Callable[[Any], str], Callable[[str], Any], int]] = {
    "tuple[OwnDimension, ...]": (written_dimensions, read_dimensions, 10_000),
    "Universe": (written_universe, read_universe, 130_000),
}


class TextField(forms.CharField):
    """A field whose value is written as text: `written` shows it, `read` parses what was typed."""

    def __init__(
        self, written: Callable[[Any], str], read: Callable[[str], Any], longest: int = 4000, **options: Any
    ) -> None:
        super().__init__(max_length=longest, **options)
        self._written, self._read = written, read

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else "" if value is None else self._written(value)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        try:
            return self._read(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


def field_for(declared: str, value: Any, limits: Mapping[str, Any], **options: Any) -> forms.Field:
    """Return the field of a constant with this type annotation; `limits` has "low" and "high" if they are declared."""
    is_optional = declared.endswith("| None")
    options |= {"required": not is_optional, "error_messages": {"required": "give a value"}}
    base = declared.removesuffix("| None").strip()
    if base in DOCUMENTS:
        written, read_text, longest = DOCUMENTS[base]
        return TextField(
            written,
            read_text,
            longest,
            initial=value,
            widget=forms.Textarea({"rows": 4}),
            **options | {"required": False},
        )
    if base == "bool":
        chosen = {**options, "initial": "yes" if value else "no"}
        return forms.TypedChoiceField(choices=YES_OR_NO, coerce="yes".__eq__, **chosen)
    if base in ("int", "float"):
        ends = {name: limits[end] for name, end in (("min", "low"), ("max", "high")) if end in limits}
        step = {"step": "1" if base == "int" else "any"}
        widget = forms.NumberInput({name: f"{end:g}" for name, end in ends.items() if abs(end) < 1e12} | step)
        field = forms.IntegerField if base == "int" else forms.FloatField
        return field(initial=_number(value), widget=widget, **options)
    if base.startswith("tuple[str"):
        read = _names_or_none if is_optional else _names
        return TextField(", ".join, read, initial=value, **options | {"required": False})
    if base.startswith("tuple"):
        read_numbers = partial(_numbers, int if base.startswith("tuple[int") else float)
        return TextField(_listed, read_numbers, initial=value, **options)
    area = forms.Textarea({"rows": 3})
    limits_of = _ranges if "tuple" in base else _steps
    return TextField(_lines, limits_of, initial=value, widget=area, **options | {"required": False})


def is_document(declared: str) -> bool:
    """Return whether a constant of this type annotation is a document, written as text of its own form."""
    return declared.removesuffix("| None").strip() in DOCUMENTS


def _number(value: Any) -> Any:
    """Return a number without a trailing ".0"."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e12 else value


def _listed(values: Any) -> str:
    return ", ".join(str(_number(each)) for each in values)


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _names_or_none(text: str) -> list[str] | None:
    return _names(text) or None


def _numbers(number: Callable[[str], Any], text: str) -> list[Any]:
    return [_parsed(part, number) for part in _names(text)]


def _parsed(text: str, number: Callable[[str], Any]) -> Any:
    try:
        return number(text)
    except ValueError:
        raise ValueError(f"{text} is no number; separate numbers by commas, as in 10, 20") from None


def _lines(limits: Mapping[str, Any]) -> str:
    """Write limits of levers, one lever a line."""

    def written(limit: Any) -> str:
        return " to ".join(map(str, map(_number, limit))) if isinstance(limit, list | tuple) else str(_number(limit))

    return "\n".join(f"{lever}: {written(limit)}" for lever, limit in limits.items())


def _steps(text: str) -> dict[str, float]:
    """Read lines such as `size_mult: 0.01`."""
    return {lever: _parsed(limit, float) for lever, limit in _pairs(text, "size_mult: 0.01")}


def _ranges(text: str) -> dict[str, list[float]]:
    """Read lines such as `size_mult: 0.8 to 1.2`."""
    found = {}
    for lever, limit in _pairs(text, "size_mult: 0.8 to 1.2"):
        low, _, high = limit.partition(" to ")
        found[lever] = [_parsed(low.strip(), float), _parsed(high.strip(), float)]
    return found


def _pairs(text: str, example: str) -> list[tuple[str, str]]:
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    if any(not colon or not limit.strip() for _, colon, limit in pairs):
        raise ValueError(f"write one lever a line, as in {example}")
    return [(lever.strip(), limit.strip()) for lever, _, limit in pairs]
