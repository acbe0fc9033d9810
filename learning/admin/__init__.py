"""The admin's pages of opinions: what was inferred, by which run. Read-only; a rebuild replaces them."""

from learning.admin import cells, lessons, walks

__all__ = ["cells", "lessons", "walks"]
