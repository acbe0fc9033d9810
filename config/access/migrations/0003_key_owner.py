"""Add the owner of a key, who is the author of its drafts; an existing key is owned by its issuer, if known."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ISSUERS_OWN = """
UPDATE access_apikey SET owner_id = created_by_id;
SET CONSTRAINTS ALL IMMEDIATE;  -- the index of the column cannot be created while checks are pending
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0002_roles"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.AddField(
            "apikey",
            "owner",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                help_text="the author of the key's drafts; without an owner it cannot draft",
            ),
        ),
        migrations.RunSQL(ISSUERS_OWN, migrations.RunSQL.noop),
    ]
