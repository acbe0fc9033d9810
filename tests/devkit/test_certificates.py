from __future__ import annotations

from pathlib import Path

import pytest
from devkit import environment
from devkit.certificates import with_authority
from devkit.console import Refused


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment that names no authority, with a home that is empty."""
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}


def configure(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class TestAuthority:
    @pytest.mark.parametrize("name", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_named_to_others_is_named_to_uv_and_pip(self, home: dict[str, str], name: str) -> None:
        found = with_authority(home | {name: "/ca.pem"})

        assert (found["SSL_CERT_FILE"], found["PIP_CERT"]) == ("/ca.pem", "/ca.pem")

    def test_named_to_uv_is_named_to_pip(self, home: dict[str, str]) -> None:
        assert with_authority(home | {"SSL_CERT_FILE": "/ca.pem"})["PIP_CERT"] == "/ca.pem"

    @pytest.mark.parametrize("name", ["SSL_CERT_DIR", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS"])
    def test_chosen_for_uv_otherwise_is_left_alone(self, home: dict[str, str], name: str) -> None:
        assert "SSL_CERT_FILE" not in with_authority(home | {name: "1", "PIP_CERT": "/ca.pem"})

    @pytest.mark.parametrize("where", [".pip/pip.conf", ".config/pip/pip.conf"])
    @pytest.mark.parametrize("section", ["global", "install"])
    def test_of_pips_configuration_is_found(
        self, home: dict[str, str], tmp_path: Path, where: str, section: str
    ) -> None:
        configure(tmp_path / where, f"[{section}]\ncert = /of/pip.pem\n")

        assert with_authority(home)["SSL_CERT_FILE"] == "/of/pip.pem"

    def test_of_the_file_that_pip_prefers_is_taken(self, home: dict[str, str], tmp_path: Path) -> None:
        configure(tmp_path / ".config/pip/pip.conf", "[global]\ncert = /of/the/person.pem\n")
        configure(tmp_path / "chosen.conf", "[global]\ncert = /chosen.pem\n")

        assert with_authority(home | {"PIP_CONFIG_FILE": str(tmp_path / "chosen.conf")})["PIP_CERT"] == "/chosen.pem"

    def test_is_not_looked_for_where_pip_reads_no_configuration(self, home: dict[str, str], tmp_path: Path) -> None:
        configure(tmp_path / ".config/pip/pip.conf", "[global]\ncert = /of/pip.pem\n")

        assert with_authority(home | {"PIP_CONFIG_FILE": "/dev/null"}) == home | {"PIP_CONFIG_FILE": "/dev/null"}

    @pytest.mark.parametrize("text", ["cert = no section", "[global]\n%%%", ""])
    def test_of_a_configuration_that_cannot_be_read_is_none(
        self, home: dict[str, str], tmp_path: Path, text: str
    ) -> None:
        configure(tmp_path / ".config/pip/pip.conf", "[global]\ncert = /of/the/person.pem\n")
        configure(tmp_path / "pip.conf", text)

        found = with_authority(home | {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")})

        assert found["SSL_CERT_FILE"] == "/of/the/person.pem"


class TestInstaller:
    def test_that_is_not_trusted_gets_a_hint(self) -> None:
        with pytest.raises(Refused, match=r"invalid peer certificate.*[\s\S]*SSL_CERT_FILE=/path/to/ca.pem"):
            environment.install(["sh", "-c", "echo invalid peer certificate: UnknownIssuer; exit 2"])

    def test_that_fails_for_another_reason_gets_none(self) -> None:
        with pytest.raises(Refused) as refusal:
            environment.install(["sh", "-c", "echo no such package; exit 1"])

        assert "SSL_CERT_FILE" not in str(refusal.value)
