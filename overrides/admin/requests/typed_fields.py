"""A form field for a value of a document, by its type; lists are typed with commas, tables one entry a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms


def field_of(path: str, value: Any, default: Any, words: str, choices: Sequence[str]) -> forms.Field:
    """Return the field for a value; it may be left empty where the value or its default is None."""
    label = path.removeprefix("channels.").replace(".weights.", " ").replace("_", " ").replace(".", " ")
    about: dict[str, Any] = {"label": label, "help_text": words}
    optional = value is None or default is None
    like = default if value is None else value
    if choices:
        return forms.ChoiceField(choices=[(each, each) for each in choices], initial=value, **about)
    if isinstance(like, bool):
        return forms.BooleanField(required=False, initial=value, **about)
    if like is None or isinstance(like, int | float):
        number = forms.NumberInput({"step": "any"})
        return forms.FloatField(required=not optional, initial=_number(value), widget=number, **about)
    if isinstance(like, Mapping):
        widget = forms.Textarea({"rows": max(2, len(like))})
        about["help_text"] = f"{words}; name=value, one a line, several values with commas".removeprefix("; ")
        return forms.CharField(required=False, initial=shown(value), widget=widget, **about)
    if isinstance(like, list | tuple):
        about["help_text"] = f"{words}; separated by commas".removeprefix("; ")
        return forms.CharField(required=False, initial=shown(value), **about)
    return forms.CharField(initial=value, **about)


def shown(value: Any) -> str:
    """Return a list or a table as a person types it.

    >>> shown([10, 20.5, "a"]), shown({"size_mult": [0.8, 1.2]})
    ('10, 20.5, a', 'size_mult=0.8, 1.2')
    """
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}={shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return str(_number(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def read_value(typed: Any, value: Any, default: Any) -> Any:
    """Return what was typed, in the type of the value that it replaces. Raises ValueError with what is wrong.

    >>> read_value("10, 20", [10, 30], []), read_value(2.0, 3, 1), read_value(2.0, 3.0, 1.0)
    ([10, 20], 2, 2.0)
    """
    like = default if value is None else value
    if isinstance(like, Mapping):
        return _read_table(typed or "", like)
    if isinstance(like, list | tuple):
        return _read_list(typed or "", [*like, *(default if isinstance(default, list | tuple) else ())])
    if isinstance(like, bool) or not isinstance(like, int | float) or typed is None:
        return typed
    return int(typed) if isinstance(like, int) and float(typed).is_integer() else typed


def _read_list(typed: str, like: Sequence[Any]) -> list[Any]:
    words = [word.strip() for word in typed.split(",") if word.strip()]
    is_of_numbers = bool(like) and all(isinstance(each, int | float) for each in like)
    return [_read_number(word) for word in words] if is_of_numbers else words


def _read_table(typed: str, like: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in enumerate(typed.splitlines(), 1):
        if not line.strip():
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        if not name or not value:
            raise ValueError(f"line {number}: write name=value")
        values = [_read_number(word.strip()) for word in value.split(",")]
        is_list = isinstance(like.get(name, values if len(values) > 1 else None), list | tuple)
        found[name] = values if is_list or len(values) > 1 else values[0]
    return found


def _read_number(word: str) -> int | float:
    try:
        return int(word) if word.lstrip("+-").isdigit() else float(word)
    except ValueError as error:
        raise ValueError(f"{word!r} is no number") from error


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
