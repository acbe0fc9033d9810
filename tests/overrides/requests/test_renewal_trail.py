"""Approvals of renewals are compared with the audit trail by the nightly check."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from overrides.models import Mandate
from overrides.requests.mandate_terms import renew_mandate
from telemetry.audit.verify_trail import verify_trail
from tests.builders import DAY, NOW, make_spec, publish
from tests.bypass.ways.forgery import as_before

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE overrides_mandaterenewal SET reason = 'never said'", 'reason is "never said", and audit entry'),
        ("DELETE FROM overrides_mandaterenewal", "is not there, and audit entry"),
        (
            "UPDATE overrides_mandaterenewal SET voter_id = (SELECT id FROM auth_user WHERE username = 'somebody')",
            'voter is "somebody',
        ),
        ("UPDATE overrides_mandate SET renews_id = NULL WHERE renews_id IS NOT NULL", "renews"),
    ],
)
def test_a_rewritten_renewal_is_found(reviewer: User, statement: str, finding: str) -> None:
    publish(make_spec())
    renew_mandate(mandate_id=Mandate.objects.get().pk, by=reviewer, reason="it holds", at=NOW + 80 * DAY)
    assert not verify_trail(full=True).findings

    as_before(statement)

    assert any(finding in str(each) for each in verify_trail(full=True).findings)
