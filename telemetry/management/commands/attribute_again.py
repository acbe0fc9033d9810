"""`./dev manage attribute_again`: attribute every attributed trade again, and write anew what comes out otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from telemetry.decisions.attribute_again import attribute_again
from telemetry.foundation.core.words import count_of


class Command(BaseCommand):
    help = (
        "Attribute all attributed trades again. Rows that come out the same are left as they are; after an upgrade "
        "that corrects attribution, or a restored backup, the others are written anew."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        changed = attribute_again(now=datetime.now(UTC))
        self.stdout.write(
            f"{count_of(changed, 'trade')} came out otherwise and {'was' if changed == 1 else 'were'} written anew"
        )
