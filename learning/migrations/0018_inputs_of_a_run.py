from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0017_cells_change_in_place")]

    operations = [
        migrations.AddField(
            model_name="builderrun",
            name="inputs",
            field=models.CharField(
                blank=True,
                default="",
                max_length=64,
                help_text="hash of what it read (learning.lessons.build_inputs); empty for runs that kept none",
            ),
        ),
        migrations.AddField(
            model_name="builderrun",
            name="confirmed_at",
            field=models.DateTimeField(
                null=True, help_text="when a later run last found nothing new, and so left this one standing"
            ),
        ),
    ]
