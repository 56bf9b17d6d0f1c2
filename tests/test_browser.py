"""The archive site in a real browser, served by the real server: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web as aiohttp_web
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, sync_playwright

from bot import site_builder, web
from tests import query_contexts

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PAGES = (
    "/",
    "/replicate/",
    "/replicate/method.html",
    f"/replicate/{query_contexts.NEWEST}/",
    f"/replicate/{query_contexts.MISSING}/",
    f"/replicate/{query_contexts.ISSUED}/",
    "/replicate/week/2025-03-03/",
    "/replicate/history/models/uses.html",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the small world's site."""
    folder = tmp_path_factory.mktemp("world")
    with query_contexts.desk(folder) as desk:
        site_builder.write_site(desk, folder / "site", lambda _line: None, query_contexts.NOW)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        runner = aiohttp_web.AppRunner(web.make_application(desk, folder / "site"), access_log=None)

        async def begin() -> None:
            await runner.setup()
            await aiohttp_web.TCPSite(runner, "127.0.0.1", 0).start()

        asyncio.run_coroutine_threadsafe(begin(), loop).result(120)
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(120)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM}: no such file; install it: apt-get install chromium (`make test` does, as root)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


class Visit:
    """A page in its own browser context that records errors and sends nothing off this machine."""

    def __init__(self, browser: Browser, address: str, **chosen: object) -> None:
        self.context: BrowserContext = browser.new_context(**chosen)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.address = address
        self.wrong: list[str] = []
        self.context.route("**/*", self._let)
        self.page.on(
            "console", lambda worker: self.wrong.append(worker.text) if worker.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))

    def _hear(self, console_message: ConsoleMessage) -> None:
        if console_message.type in ("error", "warning"):
            self.wrong.append(console_message.text)

    def _let(self, route: Route) -> None:
        if route.request.url.startswith((self.address, "data:")):
            route.continue_()
        else:
            self.wrong.append(f"outside: {route.request.url}")
            route.abort()

    def to(self, path: str) -> Page:
        answer = self.page.goto(self.address + path, wait_until="load")
        assert answer is not None and answer.status == 200, path
        return self.page


@pytest.fixture(
    params=[(PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")],
    ids=["phone light", "phone dark", "desktop light", "desktop dark"],
)
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    size, scheme = request.param
    visit = Visit(browser, address, viewport=size, color_scheme=scheme)
    yield visit
    visit.context.close()


def serious(page: Page) -> list[tuple[str, str]]:
    """Serious or critical findings of axe-core. Only the first rows of a long table are checked, because thousands of
    cells take minutes."""
    violations = Axe().run(page, context={"exclude": [["tbody tr:nth-child(n+12)"]]}).response["violations"]
    return [(v["id"], v["nodes"][0]["html"][:200]) for v in violations if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_from_here_alone_fits_its_screen_and_axe_finds_nothing_serious(visit: Visit, path: str) -> None:
    page = visit.to(path)
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1]
    assert not serious(page)
    assert not visit.wrong


@pytest.mark.parametrize("path", PAGES)
def test_headings_go_down_one_step_at_a_time(browser: Browser, address: str, path: str) -> None:
    visit = Visit(browser, address)
    levels = visit.to(path).eval_on_selector_all("h1,h2,h3,h4", "all => all.map(h => Number(h.tagName[1]))")
    visit.context.close()
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_folded_tables_open_and_are_accessible_too(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, viewport=PHONE)
    page = visit.to(f"/replicate/{query_contexts.NEWEST}/")
    folded = page.locator("details")
    assert folded.count() >= 1
    for index in range(folded.count()):
        folded.nth(index).locator("summary").click()
        assert folded.nth(index).locator("table").is_visible()
    seriouses = serious(page)
    visit.context.close()
    assert not seriouses and not visit.wrong


def test_everything_can_be_read_without_javascript(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, java_script_enabled=False)
    page = visit.to("/")
    assert "were used on 10 March 2025" in page.locator(".lead").inner_text()
    page.get_by_role("link", name="All figures, gaps and records of 10 March 2025").click()
    page.wait_for_url(f"**/{query_contexts.NEWEST}/**")
    assert page.get_by_role("table").count() >= 2
    assert page.get_by_role("img", name="Models listed and used, by day").is_visible()
    visit.context.close()
    assert not visit.wrong


def test_no_hostile_name_runs_loads_or_leaves_its_cell(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, viewport=PHONE)
    page = visit.to(f"/replicate/{query_contexts.NEWEST}/")
    page.on("dialog", lambda dialog: visit.wrong.append(dialog.message))
    page.eval_on_selector_all("details", "all => all.forEach(d => d.open = true)")
    assert page.locator("script, iframe, object, embed, form").count() == 0
    outside = """cells => cells.filter(cell => {
        const name = cell.querySelector("bdi");
        return name && name.getBoundingClientRect().right > cell.getBoundingClientRect().right + 1;
    }).length"""
    assert page.eval_on_selector_all("th.name", outside) == 0
    visit.context.close()
    assert not visit.wrong


def test_the_keyboard_reaches_the_text_first(browser: Browser, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.to("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    visit.context.close()


def test_dark_and_light_differ_and_charts_follow(browser: Browser, address: str) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        visit = Visit(browser, address, color_scheme=scheme)
        page = visit.to("/")
        colour = "element => getComputedStyle(element).fill"
        colours[scheme] = (
            page.evaluate("getComputedStyle(document.body).backgroundColor"),
            page.eval_on_selector("svg.chart rect.used", colour),
            page.eval_on_selector("svg.chart text", colour),
        )
        visit.context.close()
    assert all(light != dark for light, dark in zip(colours["light"], colours["dark"], strict=True))


def test_the_site_also_reads_from_a_folder_without_a_server(browser: Browser, tmp_path: Path) -> None:
    with query_contexts.desk(tmp_path, query_contexts.DAYS[:3]) as desk:
        index = site_builder.write_site(desk, tmp_path / "site", lambda _line: None, query_contexts.NOW)
    visit = Visit(browser, "file:///", viewport=DESKTOP)
    visit.page.goto(index.as_uri())
    visit.page.get_by_role("link", name="Replicate", exact=True).first.click()
    visit.page.get_by_role("link", name="3 March 2025").first.click()
    assert visit.page.locator("h1").inner_text() == "Replicate, 3 March 2025"
    assert visit.page.evaluate("getComputedStyle(document.querySelector('.page')).maxWidth") != "none"
    visit.context.close()
    assert not visit.wrong
