"""The wheel `counterweight` for bots: the client and the engine under their own package, pure Python, numpy only.

It is written by hand, so that building needs no package and the same sources give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .console import Refused
from .state import ROOT

PACKAGE = "counterweight"
# Folders and modules of the repository and where they lie in the wheel; relative imports between them hold in both.
PARTS: Mapping[str, str] = {
    "overrides/client": "client",
    "overrides/core/engine": "core/engine",
    "telemetry/core/market_context": "market_context",
    "telemetry/core/pattern_names.py": "pattern_names.py",
}
OPENFEATURE = ">=0.10,<1"  # the releases of its SDK for which the provider in the client is written
_OURS = re.compile(r"^\s*(?:from|import)\s+(config|learning|overrides|telemetry)\b", re.MULTILINE)
_BEGIN = (1980, 1, 1, 0, 0, 0)  # the first date that a zip knows


def build(directory: Path) -> Path:
    """Write the wheel into `directory` and return its path. Raises Refused."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name = f"{PACKAGE}-{project['version']}"
    files = dict(_sources(project["version"])) | _metadata(project, f"{name}.dist-info")
    record = f"{name}.dist-info/RECORD"
    files[record] = "".join(f"{_recorded(path, content)}\n" for path, content in files.items()) + f"{record},,\n"
    directory.mkdir(parents=True, exist_ok=True)
    wheel = directory / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _BEGIN)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return wheel


def _sources(version: str) -> Iterator[tuple[str, str]]:
    """Yield path in the wheel and content of every module. Raises Refused if one needs what the wheel does not hold."""
    about = '"""Counterweight for bots: `counterweight.client` asks a server for levers and records closed trades."""\n'
    yield f"{PACKAGE}/__init__.py", f'{about}\n__version__ = "{version}"\n'
    yield f"{PACKAGE}/py.typed", ""
    yield f"{PACKAGE}/core/__init__.py", '"""The rules that bots share with the server."""\n'
    for folder, place in PARTS.items():
        part = ROOT / folder
        for file in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
            content = file.read_text()
            if foreign := _OURS.search(content):
                raise Refused(f"{file.relative_to(ROOT)} imports {foreign[1]}, which the wheel does not hold")
            yield f"{PACKAGE}/{Path(place) / file.relative_to(part)}", content


def _metadata(project: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the files of the wheel's dist-info folder, without RECORD."""
    numpy = re.search("^numpy[^#\n]*", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    if numpy is None:
        raise Refused("requirements.txt names no numpy, which the engine needs")
    metadata = [
        "Metadata-Version: 2.4",
        f"Name: {PACKAGE}",
        f"Version: {project['version']}",
        "Summary: Asks a Counterweight server for a bot's levers and records its closed trades",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {project['requires-python']}",
        f"Requires-Dist: {numpy[0].strip()}",
        "Provides-Extra: openfeature",
        f'Requires-Dist: openfeature-sdk{OPENFEATURE}; extra == "openfeature"',
    ]
    wheel = ["Wheel-Version: 1.0", "Generator: counterweight", "Root-Is-Purelib: true", "Tag: py3-none-any"]
    return {
        f"{folder}/METADATA": "\n".join(metadata) + "\n",
        f"{folder}/WHEEL": "\n".join(wheel) + "\n",
        f"{folder}/licenses/LICENSE": (ROOT / "LICENSE").read_text(),
    }


def _recorded(path: str, content: str) -> str:
    """Return a line of RECORD: path, hash and length."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content.encode())}"
