"""The distribution's Chromium, driven by Playwright; nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_IT = "install the distribution's Chromium, such as: sudo apt-get install chromium"
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

DESKTOP: ViewportSize = {"width": 1360, "height": 860}
NARROW: ViewportSize = {"width": 390, "height": 844}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


def find_chromium() -> str | None:
    """Return the program, by the names that distributions give it."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a browser. Meanwhile this thread has a running event loop, in which Django rightly refuses queries."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, address: str, name: str, password: str) -> None:
    """Log in through the form."""
    page.goto(f"{address}/admin/login/?next=/admin/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}/admin/")


if __name__ == "__main__":  # prints what is missing, for `./dev screenshots` to report before it runs the demo
    if find_chromium() is None:
        print(f"no Chromium is found (looked for {', '.join(NAMES)}): {HOW_TO_GET_IT}")
