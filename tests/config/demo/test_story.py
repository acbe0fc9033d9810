"""The parts of the demo run that need no worker."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, draft, make_spec, make_trade


@pytest.mark.django_db
class TestSomebodysDatabase:
    def test_is_left_alone_where_it_holds_trades(self) -> None:
        record_trades([make_trade()], now=NOW)

        with pytest.raises(CommandError, match="this database holds trades of your own"):
            call_command("demo")

        assert not User.objects.exists()

    def test_has_its_waiting_requests_approved_by_nobody(self) -> None:
        request = draft(make_spec())

        with pytest.raises(CommandError, match="this database holds change requests of your own"):
            call_command("demo")

        request.refresh_from_db()
        assert request.state == "in_review"
