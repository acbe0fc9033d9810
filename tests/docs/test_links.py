"""Documents lead to files that exist, and write commands as a person types them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_exist(document: Path) -> None:
    missing = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]

    assert missing == []


def test_the_readme_leads_to_the_documents() -> None:
    assert len(LINK.findall((ROOT / "README.md").read_text())) > 10


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_django_are_run_by_dev(document: Path) -> None:
    """`manage.py` alone lacks the servers and packages that `./dev manage` brings."""
    assert re.findall(r"python (?:\./)?manage\.py", document.read_text()) == []
