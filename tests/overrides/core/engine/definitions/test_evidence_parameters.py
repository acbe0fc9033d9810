from __future__ import annotations

from typing import Any

import pytest

from overrides.core.engine.definitions.constants import words_of
from overrides.core.engine.definitions.evidence_parameters import EvidenceParameters


class TestEvidenceParameters:
    def test_default_to_what_was_measured(self) -> None:
        assert EvidenceParameters.from_document({}).to_document() == {
            "half_life_days": 360.0,
            "recent_days": 60.0,
            "n_min": 20,
            "winsor_sds": 3.0,
            "same_day": True,
            "effective_days": 8.0,
            "noise_prior": 10.0,
            "grid": [0.0, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8],
            "null_mass": [0.3, 0.7, 0.95],
            "null_counts": [1.0, 5.0, 10.0],
            "recent_factor": 0.3,
            "sweeps": 4,
            "kappa": 1.0,
            "verified_lfsr": 0.05,
            "likely_lfsr": 0.1,
            "lifetime_alpha": 0.1,
            "lifetime_wait_days": 10.0,
            "publish_proven_only": False,
            "cap_unverified": True,
            "unverified_cap": 0.02,
            "least_move": 0.002,
            "max_overrides": 500,
            "max_subset_size": 2,
            "cell_budget": 1_000_000,
            "index_budget": 400_000_000,
        }

    def test_survive_being_stored(self) -> None:
        parameters = EvidenceParameters(kappa=1.5, n_min=30, grid=(0, 0.1, 0.5), cap_unverified=False)

        assert EvidenceParameters.from_document(parameters.to_document()) == parameters

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("half_life_days", 0),
            ("half_life_days", float("nan")),
            ("recent_days", -1),
            ("n_min", 1),
            ("n_min", 20.5),
            ("winsor_sds", 0),
            ("same_day", "yes"),
            ("noise_prior", 0),
            ("grid", [0.0]),
            ("grid", [0.1, 0.2]),
            ("grid", [0.0, 0.2, 0.2]),
            ("grid", [0.0, -0.2]),
            ("grid", 0.2),
            ("grid", [0.0, "half"]),
            ("null_mass", [0.3, 0.7]),
            ("null_mass", [0.3, 0.7, 1.5]),
            ("null_counts", [1, 5, -1]),
            ("recent_factor", 1.1),
            ("sweeps", 0),
            ("kappa", 2.5),
            ("verified_lfsr", 0.6),
            ("likely_lfsr", 0.01),
            ("cap_unverified", 1),
            ("unverified_cap", -0.1),
            ("least_move", -0.001),
            ("max_overrides", 0),
            ("max_subset_size", 3),
            ("cell_budget", 0),
            ("index_budget", True),
        ],
    )
    def test_refuse_a_value_out_of_range_by_its_name(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match=rf"^{name}: "):
            EvidenceParameters(**{name: value})

    def test_name_the_place_of_a_value_in_a_document(self) -> None:
        with pytest.raises(ValueError, match=r"^evidence\.kappa: must be 1e-09 to 2"):
            EvidenceParameters.from_document({"kappa": 3}, "evidence")

    def test_say_of_each_what_it_means_and_its_range(self) -> None:
        words = words_of(EvidenceParameters)

        assert set(words) == set(EvidenceParameters().to_document())
        assert words["kappa"] == (
            "log of the multiplier per R of edge: the risk dial; a larger one moves every lever farther (method 5.10); "
            "above 0, at most 2"
        )
        assert words["verified_lfsr"].endswith("; 0 to 0.5")
        assert words["half_life_days"].endswith("; above 0")
        assert words["same_day"].endswith("and more overrides are verified (method 5.6)")

    def test_refuse_an_unknown_name(self) -> None:
        with pytest.raises(ValueError, match=r"^parameters\.halflife: unknown name; known are "):
            EvidenceParameters.from_document({"halflife": 30})
