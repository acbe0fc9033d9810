"""The glossary inside the admin: the terms of docs/glossary.md, without the places in the code that stand there too."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.text import slugify

IN_THE_CODE = re.compile(r"\s*\b(?:Code|See|It lives in)\b:?\s+(?:`|\[|table |its ).*$", re.DOTALL)
LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
MARKS = re.compile(r"[`*]")


class Term(NamedTuple):
    """One entry: the term, its address on the page, and what it means."""

    name: str
    anchor: str
    meaning: str


def terms_of(text: str) -> list[Term]:
    """Return the entries of a glossary in Markdown: headings of the third level, each with a paragraph.

    >>> terms_of("# Glossary\\n\\n### cut\\nWhat `cap` removes. Code: `a.py`. See [method 4](method.md).")
    [Term(name='cut', anchor='term-cut', meaning='What cap removes.')]
    """
    entries = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    return [_term(*entry.partition("\n")[::2]) for entry in entries]


def _term(name: str, text: str) -> Term:
    said = IN_THE_CODE.sub("", re.split(r"^## ", text, flags=re.MULTILINE)[0])
    meaning = " ".join(MARKS.sub("", LINK.sub(r"\1", said)).split())
    return Term(name.strip(), f"term-{slugify(name)}", meaning)


@cache
def glossary() -> tuple[Term, ...]:
    """Return the terms of the installed glossary; none where the documentation is not installed."""
    path = settings.BASE_DIR / "docs" / "glossary.md"
    return tuple(terms_of(path.read_text(encoding="utf-8"))) if path.exists() else ()


def glossary_page(request: HttpRequest) -> HttpResponseBase:
    """Show all terms."""
    context: dict[str, Any] = admin.site.each_context(request) | {"title": "Glossary", "terms": glossary()}
    return TemplateResponse(request, "desk/glossary.html", context)
