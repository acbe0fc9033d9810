"""The certificate authority of the caller's network, for the installer: uv does not know where pip was told of it."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

# What uv itself reads; where one is set, the caller has decided.
_OF_UV = ("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS")
_OF_OTHERS = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
HINT = (
    "If your network has a certificate authority of its own, name its file: SSL_CERT_FILE=/path/to/ca.pem ./dev ...\n"
    "(PIP_CERT, REQUESTS_CA_BUNDLE and `cert` of pip.conf are read too). UV_SYSTEM_CERTS=1 takes the system's."
)


def with_authority(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an installer: the caller's, with its authority under the names of uv and of pip.

    Nothing changes where the caller names none, or names it to uv already.
    """
    file = environment.get("SSL_CERT_FILE") or _named_to_others(environment)
    if not file:
        return dict(environment)
    added = {} if any(environment.get(name) for name in _OF_UV) else {"SSL_CERT_FILE": file}
    return {"PIP_CERT": file, **environment, **added}


def _named_to_others(environment: Mapping[str, str]) -> str | None:
    """Return the first file that is named to pip or to requests, by a variable or in pip's configuration."""
    named = (environment.get(name) for name in _OF_OTHERS)
    return next(filter(None, named), None) or _in_pip_configuration(environment)


def _in_pip_configuration(environment: Mapping[str, str]) -> str | None:
    """Return `cert` of pip's configuration; of several files and sections, the one that pip prefers."""
    found = None
    for path in _pip_configurations(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip names the fault itself when it runs
        for section in ("global", "install"):
            found = parser.get(section, "cert", fallback=None) or found
    return found


def _pip_configurations(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's configuration files, the one that prevails last."""
    chosen = environment.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return
    home = Path(environment.get("HOME") or Path.home())
    for folder in reversed((environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    yield Path(sys.prefix, "pip.conf")
    if chosen:
        yield Path(chosen)
