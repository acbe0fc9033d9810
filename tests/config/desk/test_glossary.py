"""The glossary inside the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from config.desk.glossary import glossary
from tests.admin_pages import browser_of, page


class TestGlossary:
    def test_says_what_terms_mean_without_places_in_the_code(self) -> None:
        meanings = {term.name: term.meaning for term in glossary()}

        assert meanings["R"] == "The unit of outcomes: 1 R is the amount that a trade put at risk at its entry."
        assert meanings["lfsr"].startswith("Local false sign rate: the probability that")
        assert not [name for name, meaning in meanings.items() if ".py" in meaning or "](" in meaning or not meaning]

    def test_has_every_term_once(self) -> None:
        anchors = [term.anchor for term in glossary()]

        assert len(anchors) > 60
        assert len(set(anchors)) == len(anchors)

    @pytest.mark.django_db
    def test_is_linked_from_every_page(self, author: User) -> None:
        browser = browser_of(author)

        assert 'href="/admin/glossary/">Glossary</a>' in page(browser, "/admin/overrides/override/")
        assert '<dt id="term-mandate">mandate</dt>' in page(browser, "/admin/glossary/")
