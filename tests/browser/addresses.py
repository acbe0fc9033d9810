"""Every page for people, derived from the URL patterns: new pages of the admin are included automatically."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

# Not pages: a script, an endpoint of widgets, a redirect; and logging out, which takes a POST and is part of a walk.
NO_PAGES = frozenset({"jsi18n", "autocomplete", "view_on_site", "logout"})
BESIDE_THE_ADMIN = frozenset({"docs"})
# Pages about no row: what their one parameter is in the pictures.
EXAMPLES = {"lever": ("size_mult", "trail_mult")}


@dataclass(frozen=True)
class Address:
    """A page: the name of its screenshot, and its path."""

    name: str
    url: str


def page_addresses() -> list[Address]:
    """Return one address per page; pages about an object are those of the first object."""
    found: dict[str, Address] = {}
    for prefix, pattern in _leaves(get_resolver().url_patterns, ""):
        is_page = prefix.startswith("admin/") or pattern.name in BESIDE_THE_ADMIN
        if is_page and pattern.name and pattern.name not in NO_PAGES:
            for address in _addresses(pattern):
                found.setdefault(address.url, address)
    return list(found.values())


def _leaves(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _leaves(pattern.url_patterns, route)
        else:
            yield route, pattern


def _addresses(pattern: URLPattern) -> Iterator[Address]:
    name = str(pattern.name)
    parameters = list(pattern.pattern.converters) or list(re.compile(pattern.pattern.regex).groupindex)
    if parameters == ["app_label"]:
        for label in sorted({model._meta.app_label for model in admin.site._registry}):
            yield Address(f"{label}_app", _reverse(name, {"app_label": label}))
        return
    if name in EXAMPLES:
        for example in EXAMPLES[name]:
            yield Address(f"{name}_{example}", _reverse(name, {parameters[0]: example}))
        return
    if not parameters:
        yield Address(name, _reverse(name, {}))
        return
    model = _model_of(name)
    row = None if model is None else model._default_manager.first()
    if row is not None:
        yield Address(name, _reverse(name, {each: _value(row, each) for each in parameters}))


def _model_of(name: str) -> type[Model] | None:
    """Return the registered model that a page is named after, as Django names pages: `app_model_page`."""
    known = {f"{model._meta.app_label}_{model._meta.model_name}_": model for model in admin.site._registry}
    return next((model for prefix, model in known.items() if name.startswith(prefix)), None)


def _value(row: Model, parameter: str) -> Any:
    """Return a URL argument for `row`: its attribute of that name, otherwise its key."""
    return getattr(row, parameter, row.pk)


def _reverse(name: str, arguments: dict[str, Any]) -> str:
    try:
        return reverse(f"admin:{name}", kwargs=arguments)
    except NoReverseMatch:
        return reverse(name, kwargs=arguments)
