"""Rows in binary form reach their table in messages of some hundreds, as they are made."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import transaction

from telemetry.foundation import bulk_copy
from telemetry.foundation.bulk_copy import copy_binary
from telemetry.foundation.core.binary_copy import counted, raw, text
from telemetry.models import DecisionCredit

pytestmark = pytest.mark.django_db
COLUMNS = ("decision_id", "external_id")


@pytest.fixture(autouse=True)
def _two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_copy, "AT_A_TIME", 2)


def rows(count: int) -> Iterator[bytes]:
    return (b"".join((counted(2), raw(UUID(int=number).bytes), text(f"t{number}"))) for number in range(count))


def stored() -> list[tuple[int, str]]:
    found = DecisionCredit.objects.order_by("decision_id").values_list("decision_id", "external_id")
    return [(key.int, name) for key, name in found]


class TestCopyBinary:
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
    def test_stores_every_row_whatever_is_left_for_the_last_message(self, count: int) -> None:
        assert copy_binary(DecisionCredit, COLUMNS, rows(count)) == count
        assert stored() == [(number, f"t{number}") for number in range(count)]

    def test_stores_nothing_where_a_later_row_cannot_be_made(self) -> None:
        def failing() -> Iterator[bytes]:
            yield from rows(3)
            raise ValueError("the fourth")

        with pytest.raises(ValueError, match="the fourth"), transaction.atomic():
            copy_binary(DecisionCredit, COLUMNS, failing())
        assert stored() == []
