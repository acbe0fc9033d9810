"""The admin's pages of opinions: what was inferred, by which run. Read-only; a rebuild replaces them."""

from learning.admin import cells, coefficients, lessons

__all__ = ["cells", "coefficients", "lessons"]
