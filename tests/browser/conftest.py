"""A browser at a served world. Every page that a test opens is inspected when the test ends."""

from __future__ import annotations

import faulthandler
import re
from collections.abc import Callable, Generator, Iterator
from tempfile import TemporaryFile
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.chromium import DESKTOP, HOW_TO_GET_IT, find_chromium, log_in, running_chromium
from tests.browser.inspection import Visit, faults_of_access, faults_of_layout
from tests.browser.world import PASSWORD, World, make_world, renewed

Enter = Callable[[str], Page]
LONGEST_WAIT = 30_000  # milliseconds, as for Playwright's clicks: 5 s are too few while other tests take every core
IDENTITY = re.compile(r"(?<=/)([0-9]+|[0-9a-f-]{36,64}|dm|pm)(?=/)")  # the id of the object that a page is about

expect.set_options(timeout=LONGEST_WAIT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failure where every thread was: a page that does not come may wait for the server."""
    report = yield
    if report.when == "call" and report.failed:
        with TemporaryFile("w+") as stacks:
            faulthandler.dump_traceback(stacks, all_threads=True)
            stacks.seek(0)
            report.sections.append(("Threads at the failure", stacks.read()))
    return report


@pytest.fixture
def world(transactional_db: None) -> World:
    return renewed(make_world)


@pytest.fixture
def browser(world: World, live_server: LiveServer) -> Iterator[Browser]:
    """A browser that is started once the world exists and closed before it is emptied.

    Playwright runs an event loop in this thread, in which Django refuses queries, so nothing queries in between.
    """
    if find_chromium() is None:
        pytest.skip(f"no Chromium: {HOW_TO_GET_IT}")
    with running_chromium() as started:
        yield started


@pytest.fixture(scope="session")
def inspected() -> set[tuple[str, str]]:
    """Who has seen which kind of page: a page of another object is not inspected again for the same person."""
    return set()


@pytest.fixture
def enter(browser: Browser, live_server: LiveServer, inspected: set[tuple[str, str]]) -> Iterator[Enter]:
    """Return a function that logs a person in by name and returns their page; at the end their pages are inspected."""
    visits: list[Visit] = []

    def enter_as(name: str) -> Page:
        page = browser.new_page(base_url=live_server.url, viewport=DESKTOP)
        visits.append(Visit(page, live_server.url, name))
        log_in(page, live_server.url, name, PASSWORD)
        return page

    yield enter_as
    faults = [fault for visit in visits for fault in [*visit.faults, *_inspect(browser, visit, inspected)]]
    assert not faults, "\n".join(faults)


def _inspect(browser: Browser, visit: Visit, inspected: set[tuple[str, str]]) -> list[str]:
    """Return what is wrong with the opened pages, reopened in a context that lets axe-core in."""
    with browser.new_context(
        storage_state=visit.page.context.storage_state(), bypass_csp=True, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        faults = []
        for url in visit.opened:
            kind = (visit.who, IDENTITY.sub("#", urlsplit(url).path))
            if kind not in inspected:
                inspected.add(kind)
                page.goto(url)
                faults += faults_of_layout(page) + faults_of_access(page)
    return faults
