from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0015_strengths_of_methods")]

    operations = [
        migrations.AddField(
            model_name="builderrun",
            name="n_other_universe",
            field=models.PositiveIntegerField(
                help_text="outcomes of learned books that were left out for their universe; empty for runs that did "
                "not count them",
                null=True,
            ),
        ),
    ]
