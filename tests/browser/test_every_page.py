"""Every page of the admin, as the owner sees it: the fixture `enter` inspects what is opened."""

from __future__ import annotations

import re

from tests.browser.conftest import Enter
from tests.browser.world import World

REFUSED = re.compile(r"_(add|delete|lower)$")  # facts are neither added nor deleted, a mode is lowered by POST


def test_is_there_and_passes_inspection(world: World, enter: Enter) -> None:
    page = enter("owner")

    for address in world.addresses:
        found = page.context.request.get(address.url)
        if found.status in (403, 405):
            assert REFUSED.search(address.name), address
        else:
            assert found.status == 200, address
            if found.headers["content-type"].startswith("text/html"):
                page.goto(address.url)
