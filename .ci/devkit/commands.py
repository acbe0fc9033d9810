"""One function per command of `./dev`: arguments in, exit code out."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from . import bars, checks, environment, locks, planted, services, state, supervise
from . import wheel as wheels
from .console import Refused, say, step
from .environment import BYTECODE, PYTHON, VENV
from .processes import Command, capture, end, run, spawn

WITHOUT_SERVERS = (["first_look"],)


def demo(arguments: list[str]) -> int:
    """Install, run the demo through a real worker, then start the processes unless `--headless`."""
    wanted = _take_port(arguments)
    _accept(arguments, "--headless", "--port N")
    is_headless = "--headless" in arguments
    environment.ensure("runtime")
    with _the_only_demo():
        if not is_headless:
            supervise.stop()
            port = supervise.choose_port(wanted)
        exports, started = services.start_lasting()
        try:
            env = _with(exports)
            _migrate(env)
            code = _run_demo(arguments, env)
        finally:
            if is_headless:
                services.stop_lasting(started)
        if code == 0 and not is_headless:
            _start_and_announce(env, port)
    return code


def start(arguments: list[str]) -> int:
    """Start web, stream, workers and beat over the existing data."""
    wanted = _take_port(arguments)
    _accept(arguments, "--port N")
    environment.ensure("runtime")
    with _the_only_demo():
        supervise.stop()
        port = supervise.choose_port(wanted)
        exports, _ = services.start_lasting()
        env = _with(exports)
        _migrate(env)
        _start_and_announce(env, port)
    return 0


def stop(arguments: list[str]) -> int:
    """Stop web, stream, workers, beat and the servers, of the second demo too; the data stays."""
    _accept(arguments)
    _of_planted("stop")
    supervise.stop()
    services.stop_lasting()
    return 0


def reset(arguments: list[str]) -> int:
    """Stop everything and remove data, secrets and logs, of the second demo too."""
    _accept(arguments)
    services.refuse_if_foreign()
    with _the_only_demo():
        _of_planted("reset")
        supervise.stop()
        services.remove_lasting()
    return 0


def test(arguments: list[str]) -> int:
    """Run pytest on throw-away servers.

    Connections may take long to make: where many tests share few cores, two seconds say nothing about the database.
    """
    environment.ensure("dev")
    with services.throw_away() as exports:
        return run([PYTHON, "-m", "pytest", *arguments], _with(exports) | {"DATABASE_CONNECT_SECONDS": "30"})


def bench(arguments: list[str]) -> int:
    """Run tests/bench/NAME.py on throw-away servers that write durably."""
    if not arguments:
        raise Refused("which one? ./dev bench NAME runs tests/bench/NAME.py")
    environment.ensure("dev")
    with services.throw_away(durable=True) as exports:
        env = _with(exports) | {"PYTHONPATH": str(state.ROOT / ".ci")}  # as in tests, benches may use these modules
        return run([PYTHON, "-m", f"tests.bench.{arguments[0]}", *arguments[1:]], env)


def check(arguments: list[str]) -> int:
    """Run the static checks."""
    _accept(arguments)
    environment.ensure("dev")
    with services.throw_away() as exports:
        return checks.run_all(_with(exports))


def screenshots(arguments: list[str]) -> int:
    """Take screenshots of the demo's pages and of an empty database's, with `tests/browser/screenshots.py`."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise Refused("into which directory? ./dev screenshots DIR")
    directory = Path(arguments[0]).absolute()
    environment.ensure("dev")
    missing = capture([PYTHON, "-m", "tests.browser.chromium"]).strip()
    if missing:
        raise Refused(missing)
    _picture_demo(directory)
    _picture_empty(directory)
    print(directory / "index.html")
    return 0


def wheel(arguments: list[str]) -> int:
    """Build the wheel of the bots' client and print its path."""
    if len(arguments) > 1 or (arguments and arguments[0].startswith("-")):
        raise Refused("into which directory? ./dev wheel [DIR]; without one, into .dev/wheel")
    state.prepare()
    print(wheels.build(Path(arguments[0]) if arguments else state.HOME / "wheel"))
    return 0


def manage(arguments: list[str]) -> int:
    """Run manage.py with the servers up, except for commands that need none."""
    environment.ensure("runtime")
    if bars.need_pyarrow(arguments):
        environment.ensure("bars")
    exports = services.absent() if arguments[:1] in WITHOUT_SERVERS else services.start_lasting()[0]
    return run([PYTHON, "manage.py", *arguments], _with(exports))


def shell(arguments: list[str]) -> int:
    """Open a Python shell with the models."""
    return manage(["shell", *arguments])


def print_services(arguments: list[str]) -> int:
    """Print the servers' variables for other tools."""
    _accept(arguments)
    environment.ensure("runtime")
    exports, _ = services.start_lasting()
    for name, value in exports.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def run_supervisor(arguments: list[str]) -> int:
    """Run the supervisor until it receives SIGTERM."""
    port, stream_port = arguments
    supervise.supervise(int(port), int(stream_port))
    return 0


def lock(arguments: list[str]) -> int:
    """Compile requirements.txt into the lock files."""
    locks.compile_all(arguments)
    return 0


def _accept(arguments: list[str], *known: str) -> None:
    for argument in arguments:
        if argument not in known:
            raise Refused(f"unknown argument {argument}; known here: {', '.join(known) or 'none'}")


def _take_port(arguments: list[str]) -> int | None:
    """Take `--port N` out of the arguments and return N; None if it is not among them. Raises Refused."""
    if "--port" not in arguments:
        return None
    index = arguments.index("--port")
    taken = arguments[index : index + 2]
    del arguments[index : index + 2]
    if len(taken) < 2 or not taken[1].isdecimal() or not 1024 <= int(taken[1]) <= 65535:
        raise Refused("--port needs a number from 1024 to 65535")
    return int(taken[1])


def _of_planted(command: str) -> None:
    """Do the same with the second demo if it is there and this is the command of the first. Raises Refused."""
    if (state.HOME / state.PLANTED).exists():
        capture([sys.executable, state.ROOT / "dev", command, planted.OPTION])


def _the_only_demo() -> AbstractContextManager[None]:
    """Refuse a demo, start or reset while another of them runs in this checkout."""
    return state.alone("demo", "another ./dev demo, start or reset runs in this checkout; let it end, or stop it there")


def _with(exports: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment with the servers' variables and the tools of `.venv`.

    Compiled modules are kept in `.venv`, also where the caller's environment forbids to write them, as container images
    do: without them every process compiles all of Django before it does anything, which triples the time it takes to
    start.
    """
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    env = {
        **os.environ,
        **exports,
        "PATH": path,
        "VIRTUAL_ENV": str(VENV),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPYCACHEPREFIX": str(BYTECODE),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def _migrate(env: Mapping[str, str]) -> None:
    owner = ["--database", "owner"] if env.get("DATABASE_OWNER_URL") else []
    with step("checking the configuration, migrating the database"):
        output = capture([PYTHON, "manage.py", "migrate", "--no-input", *owner], env)
    warnings, _, _ = output.partition("Operations to perform:")
    if warnings:
        say(warnings.strip())


def _run_demo(arguments: list[str], env: Mapping[str, str]) -> int:
    """Run `manage.py demo` with a real worker behind the queue."""
    log = state.LOGS / "demo-worker.log"
    with log.open("wb") as output:
        worker = spawn(supervise.WORKER, env, output)
        try:
            code = run([PYTHON, "manage.py", _story(), *arguments, "--users-file", state.DEMO_USERS], env)
        finally:
            with step("stopping the demo's worker"):
                end(worker)
    if code != 0:
        say(f"the demo failed (exit code {code}); its worker wrote {log}")
    return code


def _story() -> str:
    """Return the command that runs the story of this demo."""
    return "planted_demo" if planted.is_planted() else "demo"


def _picture_demo(directory: Path) -> None:
    with _the_only_demo():
        _picture_story(directory)


def _picture_story(directory: Path) -> None:
    exports, started = services.start_lasting()
    try:
        env = _with(exports)
        _migrate(env)
        if _run_demo(["--headless"], env) != 0:
            raise Refused("without the demo there is nothing to picture")
        _picture(directory, "demo", env, state.DEMO_USERS)
    finally:
        services.stop_lasting(started)


def _picture_empty(directory: Path) -> None:
    with services.throw_away() as exports, tempfile.TemporaryDirectory() as home:
        env = _with(exports)
        _migrate(env)
        _picture(directory, "empty", env, Path(home, "users.json"))


def _picture(directory: Path, name: str, env: Mapping[str, str], users: Path) -> None:
    with supervise.web(env) as address, step(f"picturing every page, {name}"):
        options: Command = ["--state", name, "--address", address, "--users", users]
        capture([PYTHON, "-m", "tests.browser.screenshots", directory, *options], env)


def _start_and_announce(env: dict[str, str], port: int) -> None:
    """Start web, stream, workers and beat, and print their address and the demo's passwords."""
    address = supervise.start(env, port)
    say(f"\nCounterweight runs at {address}/admin/, its API at {address}/api/v1/docs/")
    say(f"Clients hear of changes at {supervise.stream_address()}")
    if state.DEMO_USERS.exists():
        for name, password in json.loads(state.DEMO_USERS.read_text()).items():
            say(f"  {name:<20} {password}")
    option = f" {planted.OPTION}" if planted.is_planted() else ""
    log = supervise.LOG.relative_to(state.ROOT)
    say(f"\nIts log: {log}   Stop it: ./dev stop{option}   Start afresh: ./dev reset{option}")
