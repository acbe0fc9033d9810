"""The choice of renderer for an API that speaks JSON alone."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

JSON = "application/json"
ANYTHING = frozenset({None, "*/*", JSON})


class JsonAlone(DefaultContentNegotiation):
    """Takes the usual headers at their word, and leaves all others to DRF, which weighs each media type."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        if request.META.get("HTTP_ACCEPT") in ANYTHING and first.media_type == JSON:
            return first, JSON
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen
