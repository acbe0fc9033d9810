"""The command that attributes everything again says how much came out otherwise."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from telemetry.models import Attribution
from tests.telemetry.decisions.test_attribute_again import world

pytestmark = pytest.mark.django_db


def said() -> str:
    out = StringIO()
    call_command("attribute_again", stdout=out)
    return out.getvalue().strip()


def test_says_how_many_trades_came_out_otherwise() -> None:
    world(3)
    assert said() == "0 trades came out otherwise and were written anew"

    Attribution.objects.filter(trade__external_id="t1").update(total=7.0)

    assert said() == "1 trade came out otherwise and was written anew"
