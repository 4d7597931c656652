"""The pages in Chromium: at 360 and 1,280 pixels, light and dark, by keyboard, and by axe's rules.

Screenshots of every page are written to the folder that RECSYS_SCREENSHOTS names, or to pytest's.
"""

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from recsys.db.connect import Connection
from recsys.serving.app import create_app
from recsys.settings import Settings
from stack.ports import free_port
from tests.serving.conftest import Keys
from tests.serving.pages_visits import value

pytestmark = pytest.mark.system

WIDTHS = (360, 1_280)
SCHEMES = ("light", "dark")
#: What axe calls an impact that keeps people out.
SERIOUS = {"serious", "critical"}


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """The API with its pages, in a thread of this process."""
    port = free_port()
    config = uvicorn.Config(create_app(settings), port=port, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("RECSYS_SCREENSHOTS", tmp_path / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def paths(conn: Connection) -> dict[str, str]:
    """Every page by its name."""
    user_id = value(conn, "SELECT min(user_id) FROM recommendations WHERE source = 'model'")
    movie_id = value(conn, "SELECT min(movie_id) FROM recommendations")
    as_of = value(conn, "SELECT as_of FROM publications WHERE is_live")
    return {
        "home": "/",
        "search": "/search?q=the",
        "user": f"/users/{user_id}?beside=last",
        "user-unknown": "/users/987654321",
        "movie": f"/movies/{movie_id}",
        "try": f"/try?rated={movie_id}-5",
        "weeks": "/weeks",
        "week": f"/weeks/{as_of}",
        "models": "/models",
        "experiments": "/experiments",
        "data": "/data",
        "operations": "/operations",
        "missing": "/movies/987654321",
    }


def signed_in(browser: Browser, address: str, key: str, **options: Any) -> Page:
    """A page of a browser that has signed in by its form."""
    page = browser.new_context(**options).new_page()
    page.goto(address)
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/$"))
    return page


def settle(page: Page, url: str) -> None:
    """Open a page, and wait for its slower parts."""
    page.goto(url)
    page.wait_for_load_state("networkidle")
    assert page.locator(".loading").count() == 0, f"{url}: a part did not come"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_and_keeps_nobody_out(
    address: str,
    chromium: Browser,
    keys: Keys,
    paths: dict[str, str],
    screenshots: Path,
    width: int,
    scheme: Any,
) -> None:
    page = signed_in(
        chromium,
        address,
        keys.admin,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    problems = []
    for name, path in paths.items():
        settle(page, address + path)
        page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True)
        across = page.evaluate("document.documentElement.scrollWidth")
        if across > width:
            problems.append(f"{name}: {across} px wide")
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in SERIOUS:
                nodes = [node["html"][:120] for node in violation["nodes"][:2]]
                problems.append(f"{name}: {violation['id']}: {nodes}")
    page.context.close()
    assert problems == []
    assert not [text for text in refused if "Content Security Policy" in text]


def test_the_sign_in_page_keeps_nobody_out(
    address: str, chromium: Browser, screenshots: Path
) -> None:
    page = chromium.new_page(viewport={"width": 360, "height": 700})
    page.goto(address)
    page.screenshot(path=screenshots / "sign-in-360-light.png")
    violations = Axe().run(page).response["violations"]
    page.close()
    assert [each["id"] for each in violations if each["impact"] in SERIOUS] == []


def test_a_list_and_its_reasons_are_reached_by_keyboard(
    address: str, chromium: Browser, keys: Keys, paths: dict[str, str]
) -> None:
    page = signed_in(chromium, address, keys.read)
    settle(page, address + paths["user"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.tagName + document.activeElement.className")
        )
    page.context.close()
    assert {"SELECT", "BUTTONplain", "Atitle"} <= reached


def test_a_title_is_found_while_it_is_typed(
    address: str, chromium: Browser, keys: Keys, conn: Connection
) -> None:
    title = value(
        conn, "SELECT title FROM catalogue JOIN recommendations USING (movie_id) ORDER BY 1 LIMIT 1"
    )
    word = max(re.findall(r"[A-Za-z]+", title), key=len)
    page = signed_in(chromium, address, keys.read)
    page.get_by_role("searchbox").press_sequentially(word)
    page.locator("#results .film").first.wait_for()
    page.context.close()


def test_a_rating_shows_a_list_without_another_page(
    address: str, chromium: Browser, keys: Keys
) -> None:
    page = signed_in(chromium, address, keys.predict)
    settle(page, f"{address}/try")
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="5 stars").first.click()
    page.locator("#list ~ ol .film").first.wait_for()
    assert page.evaluate("window.stayed") is True
    assert "rated=" in page.url
    page.context.close()
