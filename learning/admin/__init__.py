"""The admin's pages of opinions: what was inferred, by which run. Read-only; a rebuild replaces them."""

from learning.admin import cell_admin, coefficient_admin, lesson_admin, significance_admin, walk_forward_admin

__all__ = ["cell_admin", "coefficient_admin", "lesson_admin", "significance_admin", "walk_forward_admin"]
