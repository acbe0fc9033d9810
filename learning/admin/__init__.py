"""Admin pages of learned data and of the runs that produced it. Read-only, because a rebuild replaces the data."""

from learning.admin import (
    cell_admin,
    coefficient_admin,
    lesson_admin,
    lifetime_admin,
    significance_admin,
    walk_forward_admin,
)

__all__ = [
    "cell_admin",
    "coefficient_admin",
    "lesson_admin",
    "lifetime_admin",
    "significance_admin",
    "walk_forward_admin",
]
