"""What holds for every opened page: nothing failed, nothing came from elsewhere, it fits, and it is accessible."""

from __future__ import annotations

from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import ConsoleMessage, Page, Request, Response

from tests.browser.chromium import DESKTOP, NARROW, Scheme

GRAVE = ("serious", "critical")
AXE = Axe().axe_script
# Django's own pages of users and groups have dates without labels and an unnamed tooltip.
DJANGOS_OWN = "{exclude: ['.app-auth .datetime', '.app-auth .selector']}"
OPTIONS: dict[Scheme, dict[str, object]] = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},  # only colours differ
}
# A rule that states its impact states that of all it finds, so the rules of slight impact need not be run.
RUN = f"""options => {{
    const slight = axe._audit.rules.filter(rule => rule.impact && !{list(GRAVE)}.includes(rule.impact));
    const rules = Object.fromEntries(slight.map(rule => [rule.id, {{enabled: false}}]));
    return axe.run({DJANGOS_OWN}, {{resultTypes: ['violations'], preload: false, rules, ...options}})
        .then(found => found.violations);
}}"""


@dataclass
class Visit:
    """One person's page: records its messages, its requests, and the address of every page opened in it."""

    page: Page
    address: str
    who: str
    faults: list[str] = field(default_factory=list)
    opened: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.location['url']}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:")):
            self.faults.append(f"a request to another host: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the browser aborted it, because the page was left early
            self.faults.append(f"{request.url}: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.url}: {response.status}")
        elif response.request.is_navigation_request() and response.request.method == "GET" and response.status == 200:
            self.opened[response.url] = None


def faults_of_layout(page: Page) -> list[str]:
    """Return whether the open page is wider than the window, at a wide and a narrow size."""
    faults = []
    for viewport in (DESKTOP, NARROW):
        page.set_viewport_size(viewport)
        width: int = page.evaluate("document.documentElement.scrollWidth")
        if width > viewport["width"]:
            faults.append(f"{page.url}: {width} pixels wide in a window of {viewport['width']}")
    page.set_viewport_size(DESKTOP)
    return faults


def faults_of_access(page: Page) -> list[str]:
    """Return what axe-core finds serious in the open page, in light and dark mode.

    The page must come from a context that bypasses its Content-Security-Policy, which rightly forbids axe.
    """
    page.evaluate(AXE)
    faults = []
    for scheme, options in OPTIONS.items():
        page.emulate_media(color_scheme=scheme)
        faults += [
            f"{page.url}, {scheme}: {each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in page.evaluate(RUN, options)
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ]
    return faults
