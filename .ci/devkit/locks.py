"""Compile `requirements.txt` into the lock files: universal lists with hashes and without index addresses."""

from __future__ import annotations

from . import environment
from .console import Refused, step
from .processes import Command
from .state import ROOT

_REQUIREMENTS = ROOT / "requirements.txt"
_DEVELOPMENT = ROOT / ".ci" / "dev-requirements.in"
_TESTS = "# tests"  # packages below this line of requirements.txt are not needed to run Counterweight
_OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes"]
_SILENT = ["--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]


def compile_all(arguments: list[str]) -> None:
    """Compile every lock file; locked versions stay unless the ranges or the arguments (`--upgrade`) require others."""
    environment.prepare()
    everything = _REQUIREMENTS.read_text()
    runtime, heading, _ = everything.partition(f"\n{_TESTS}\n")
    if not heading:
        raise Refused(f"requirements.txt has no line `{_TESTS}`")
    _compile("runtime", runtime, arguments)
    _compile("dev", f"{everything}\n{_DEVELOPMENT.read_text()}", [*_as_in("runtime"), *arguments])
    _compile("bars", "pyarrow", [*_as_in("dev"), *arguments])
    _compile("uv", "uv", [*_as_in("dev"), *arguments])


def _as_in(lock: str) -> list[str]:
    return ["--constraints", str(environment.LOCKS / f"{lock}.txt")]


def _compile(lock: str, requirements: str, arguments: list[str]) -> None:
    target = environment.LOCKS / f"{lock}.txt"
    with step(f"compiling {target.relative_to(ROOT)}"):
        options: Command = [*_OPTIONS, *_SILENT, *arguments, "--output-file", target]
        environment.install([environment.UV, "pip", "compile", "-", *options], requirements)
    if "://" in target.read_text():
        raise Refused(f"{target} names an address; a lock file must install from any index")
