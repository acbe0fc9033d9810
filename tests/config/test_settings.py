"""The settings that result from a deployment's environment, checked by Django's deployment checks."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOYED = {
    "ALLOWED_HOSTS": "counterweight.example",
    "CSRF_TRUSTED_ORIGINS": "https://counterweight.example",
    "DATABASE_URL": "postgres://application:password@127.0.0.1:5432/counterweight",
    "DATABASE_OWNER_URL": "postgres://owner:password@127.0.0.1:5432/counterweight",
    "DEBUG": "false",
    "HTTPS": "true",
    "PYTHONWARNINGS": "error",
}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | DEPLOYED | {"SECRET_KEY": secrets.token_urlsafe(64)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class TestDeployment:
    def test_has_nothing_that_the_checks_warn_of(self) -> None:
        done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")

        assert done.stdout.strip() == "System check identified no issues (0 silenced)."
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize(
        ("variable", "value", "message"),
        [
            ("HTTPS", "false", "security.W012"),
            ("DEBUG", "true", "security.W018"),
            ("SECRET_KEY", "short", "security.W009"),
            ("DATABASE_OWNER_URL", "", "telemetry.W001"),
        ],
    )
    def test_that_is_unsafe_is_told_so(self, variable: str, value: str, message: str) -> None:
        done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **{variable: value})

        assert done.returncode != 0
        assert message in done.stderr

    @pytest.mark.parametrize(("https", "proxies"), [("true", "1"), ("false", "0")])
    def test_over_https_is_behind_one_proxy_unless_it_says_otherwise(self, https: str, proxies: str) -> None:
        done = run("-c", "from config.settings import TRUSTED_PROXIES; print(TRUSTED_PROXIES)", HTTPS=https)

        assert done.stdout.strip() == proxies
