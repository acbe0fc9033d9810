"""Screenshots of every page, light and dark, wide and narrow, and a sheet that shows them side by side.

`./dev screenshots DIR` runs this against the demo and against an empty database, each behind a web process.
"""

from __future__ import annotations

import argparse
import html
import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from playwright.sync_api import Error, FloatRect, Page

from tests.browser.chromium import DESKTOP, NARROW, SCHEMES, log_in, running_chromium

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

SIZES = {"desktop": DESKTOP, "narrow": NARROW}
LOOKING = ("reviewer", "operator")  # people of the demo; a page is opened by the first of them who may see it
OUTSIDE = {"login": "/admin/login/"}  # for people who are not logged in
INSIDE = {"not_found": "/admin/nothing/here/"}
TALLEST = 6000  # height of a screenshot in pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="where the pictures and index.html go")
    parser.add_argument("--state", required=True, help="what the database holds: the name of a folder in the directory")
    parser.add_argument("--address", required=True, help="of the web process")
    parser.add_argument("--users", required=True, type=Path, help="passwords by name, as the demo writes them")
    arguments = parser.parse_args()

    folder = arguments.directory / arguments.state
    folder.mkdir(parents=True, exist_ok=True)
    pages = _pages(arguments.users)
    passwords = json.loads(arguments.users.read_text())
    with running_chromium() as browser, ExitStack() as contexts:
        outside, *inside = (
            contexts.enter_context(browser.new_context(reduced_motion="reduce")).new_page()
            for _ in range(1 + len(LOOKING))
        )
        for page, name in zip(inside, LOOKING, strict=True):
            log_in(page, arguments.address, name, passwords[name])
        for name, path in pages.items():
            for page in [outside] if name in OUTSIDE else inside:
                if _is_shown(page, arguments.address + path):
                    _picture(page, folder / name)
                    break
    _write_sheet(arguments.directory)


def _pages(users: Path) -> dict[str, str]:
    """Return name and path of every page; create the people who look at them if they are missing."""
    django.setup()
    from config.demo.people import create_people
    from tests.browser.addresses import page_addresses

    create_people(lambda: datetime.now(UTC), users)
    unchanging = {f"{each.opts.app_label}_{each.opts.model_name}_history" for each in _read_only()}
    shown = {each.name: each.url for each in page_addresses() if each.name not in unchanging}
    return shown | OUTSIDE | INSIDE


def _read_only() -> list[ModelAdmin[Any]]:
    """Return the read-only admins, whose pages of manual changes would be empty."""
    from django.contrib import admin

    from telemetry.foundation.admin.read_only import ReadOnly

    return [each for each in admin.site._registry.values() if isinstance(each, ReadOnly)]


def _is_shown(page: Page, url: str) -> bool:
    """Open the address; return False if this person may not see it, or if it is not a page."""
    try:
        response = page.goto(url)
    except Error:  # the address is a download
        return False
    return response is not None and response.status in (200, 404)


def _picture(page: Page, path: Path) -> None:
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            height: int = page.evaluate("document.documentElement.scrollHeight")
            seen = FloatRect(x=0, y=0, width=viewport["width"], height=min(height, TALLEST))
            page.screenshot(path=f"{path}.{size}.{scheme}.png", full_page=True, clip=seen)


def _write_sheet(directory: Path) -> None:
    """Write index.html with a row per page and its four screenshots side by side."""
    pages: dict[str, list[str]] = {}
    for path in sorted(directory.glob("*/*.png")):
        pages.setdefault(f"{path.parent.name}: {path.name.split('.')[0]}", []).append(str(path.relative_to(directory)))
    rows = "\n".join(
        f"<h2>{html.escape(name)}</h2>\n<p>"
        + " ".join(f'<a href="{each}"><img src="{each}" alt="{each}" loading="lazy"></a>' for each in pictures)
        + "</p>"
        for name, pictures in pages.items()
    )
    (directory / "index.html").write_text(
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>Counterweight: every page</title>\n'
        "<style>body { font: 14px sans-serif; margin: 24px } p { display: flex; gap: 12px; align-items: flex-start }\n"
        "a { max-height: 420px; overflow: hidden; border: 1px solid #ccc } img { display: block; width: 100% }\n"
        'a:has([src*="desktop"]) { width: 36% } a:has([src*="narrow"]) { width: 11% }</style>\n'
        f"<h1>Counterweight: every page</h1>\n{rows}\n</html>\n"
    )


if __name__ == "__main__":
    main()
