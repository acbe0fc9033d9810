"""The choice of parser and renderer for an API that speaks JSON alone."""

from __future__ import annotations

from collections.abc import Sequence

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

JSON = "application/json"
ANYTHING = frozenset({None, "*/*", JSON})


class JsonAlone(DefaultContentNegotiation):
    """Takes the usual headers at their word, and leaves all others to DRF, which weighs each media type."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser | None:
        if request.content_type == JSON and parsers and parsers[0].media_type == JSON:
            return parsers[0]
        chosen: BaseParser | None = super().select_parser(request, parsers)
        return chosen

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        if request.META.get("HTTP_ACCEPT") in ANYTHING and renderers[0].media_type == JSON:
            return renderers[0], JSON
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return chosen
