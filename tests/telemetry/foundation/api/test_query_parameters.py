from __future__ import annotations

import pytest

from telemetry.foundation.api.query_parameters import period
from telemetry.foundation.core.refusal import Refused


class TestTimes:
    @pytest.mark.parametrize("sent", ["2026-11-01T00:00:00 00:00", "2026-11-01T00:00:00 0530"])
    def test_with_an_offset_whose_plus_became_a_blank_are_refused_with_the_cure(self, sent: str) -> None:
        with pytest.raises(Refused, match=r"%2B00:00, or end the time with Z"):
            period("at", "made")["since"].read(sent)

    @pytest.mark.parametrize("sent", ["noon", "2026-11-01 00:00"])
    def test_that_are_none_are_refused_as_anywhere(self, sent: str) -> None:
        with pytest.raises(Refused) as refused:
            period("at", "made")["until"].read(sent)

        assert "%2B" not in str(refused.value)

    def test_with_a_plus_are_read(self) -> None:
        assert (
            period("at", "made")["since"].read("2026-11-01T02:00:00+02:00").isoformat() == "2026-11-01T00:00:00+00:00"
        )
