"""The sample variance of outcomes of 1e9 R on either side passes 1e18 R squared: twice that, of two trades."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0005_lesson_history")]

    operations = [
        migrations.RemoveConstraint("cell", "cell_variance_is_finite"),
        migrations.AddConstraint(
            "cell",
            models.CheckConstraint(condition=models.Q(("variance__range", (0, 2e18))), name="cell_variance_is_finite"),
        ),
    ]
