"""`./dev manage switch_policy CHANNEL POLICY --by NAME --reason WHY`: draft a switch of a learning method."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from learning.proposals.switch_method import draft_switch
from overrides.core.engine.definitions.vocabulary import CHANNEL_MODULE, Channel, Combiner, LearningMethod
from overrides.core.governance.errors import GovernanceError


class Command(BaseCommand):
    help = "Drafts a request that switches a channel to a learning method, with its lines, for others to approve."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channel", choices=[each.value for each in Channel])
        parser.add_argument("policy", choices=[each.value for each in LearningMethod])
        parser.add_argument(
            "--combiner", choices=[each.value for each in Combiner], help="required if the method allows several"
        )
        parser.add_argument("--by", required=True, metavar="NAME", help="the author, who may not approve it")
        parser.add_argument("--reason", required=True, help="the reason, shown to reviewers")

    def handle(self, *args: Any, **options: Any) -> None:
        author = User.objects.filter(username=options["by"], is_active=True).first()
        if author is None:
            raise CommandError(f"--by: there is nobody named {options['by']}; ./dev manage add_person makes people")
        channel = Channel(options["channel"])
        try:
            request = draft_switch(
                module=CHANNEL_MODULE[channel],
                channel=channel,
                policy=LearningMethod(options["policy"]),
                combiner=None if options["combiner"] is None else Combiner(options["combiner"]),
                author=author,
                reason=options["reason"],
                at=datetime.now(UTC),
            )
        except GovernanceError as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"request {request.pk}: {request.title}; it waits for a reviewer")
