"""The groups of facts, the cells of their scopes, and the rows that they were counted from."""

from __future__ import annotations

from django.db import models

from telemetry.foundation.models import finite
from telemetry.models import CATEGORIES, MODULES


class JsonHash(models.Func):
    """PostgreSQL's hash of a JSON value; equal values have equal hashes."""

    function = "jsonb_hash_extended"
    template = "%(function)s(%(expressions)s, 0)"
    output_field = models.BigIntegerField()


class CellGroup(models.Model):
    """One (module, pattern_key, action_category), the unit that `aggregate` rebuilds."""

    module = models.CharField(max_length=2, choices=MODULES)
    pattern_key = models.CharField(max_length=122)
    action_category = models.CharField(max_length=10, choices=CATEGORIES)
    cut = models.JSONField(help_text="dimensions in order, books, n_min and max_subset_size its cells were made under")
    n_outcomes = models.PositiveIntegerField()
    n_cells = models.PositiveIntegerField()
    aggregated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["module", "pattern_key", "action_category"], name="one_row_per_cell_group")
        ]

    def __str__(self) -> str:
        return f"{self.module} {self.pattern_key} {self.action_category}"

    @property
    def dimensions(self) -> list[str]:
        """The dimensions of its cells, in order."""
        dimensions: list[str] = self.cut["dimensions"]
        return dimensions


class Cell(models.Model):
    """Statistics of one scope subset of a group; n counts distinct trades (a cluster once). It has no baseline."""

    group = models.ForeignKey(CellGroup, models.CASCADE, related_name="cells", db_index=False)
    scope = models.JSONField()
    n_dims = models.PositiveSmallIntegerField()
    n = models.PositiveIntegerField()
    mean = models.FloatField()
    variance = models.FloatField()
    first_closed_at = models.DateTimeField()
    last_closed_at = models.DateTimeField()

    class Meta:
        db_table = "pattern_scope_stats"
        constraints = [
            models.CheckConstraint(condition=finite("mean"), name="cell_mean_is_finite"),
            models.CheckConstraint(condition=finite("variance", low=0, high=2e18), name="cell_variance_is_finite"),
            models.CheckConstraint(condition=models.Q(n__gte=1), name="cell_has_a_trade"),
        ]
        # Neither index covers a statistic, so that an update of a cell leaves all indexes alone.
        indexes = [
            models.Index(fields=["group", "n_dims"], name="cell_by_group_and_size"),
            models.Index("group", JsonHash("scope"), name="cell_by_scope"),
        ]

    def __str__(self) -> str:
        return f"cell {self.pk}"


class CountedRows(models.Model):
    """The rows that a group's cells were counted from, as columns (learning.readers.counted_rows)."""

    class Part(models.IntegerChoices):
        FULL = 0, "of the last full count"
        SINCE = 1, "changes since"

    group = models.ForeignKey(CellGroup, models.CASCADE, related_name="counted", db_index=False)
    part = models.PositiveSmallIntegerField(choices=Part)
    values = models.JSONField(help_text="for each dimension, the values that codes of this part add")
    columns = models.BinaryField(help_text="rows, and what their numbers stand for")

    class Meta:
        db_table = "learning_counted_rows"
        verbose_name_plural = "counted rows"
        constraints = [models.UniqueConstraint(fields=["group", "part"], name="one_row_per_counted_part")]

    def __str__(self) -> str:
        return f"counted rows of group {self.group_id}, {self.get_part_display()}"
