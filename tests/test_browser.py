"""The archive site in a real browser, served by the real server: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web as aiohttp_web
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, Route, sync_playwright

from bot import site_builder, web
from bot.records.entity_pages import entity_path
from bot.site_builder import OnDemandSite, open_build
from tests import query_contexts

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
SIZES = (320, 390, 768, 1280)
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
STYLES = Path(__file__).parents[1] / "templates" / "site"
BUDGET = 100_000
"""Bytes of a page with everything that it loads, each file compressed as `web` and most servers do (gzip)."""
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
MOST_PRINTED = 5
"""Sheets of A4 of a printed day."""
MODEL = entity_path("model", "replicate", "models", "owner1/model-1")
PAGES = (
    "/",
    "/about.html",
    "/health.html",
    "/404.html",
    "/replicate/",
    "/replicate/method.html",
    f"/replicate/{query_contexts.NEWEST}/",
    f"/replicate/{query_contexts.NEWEST}/models.html",
    f"/replicate/{query_contexts.MISSING}/",
    "/opengradient/2026-10-27/",
    "/networks/week/2025-03-03/",
    "/replicate/week/2025-03-03/",
    "/replicate/history/models/uses.html",
    f"/{MODEL}.html",
    f"/{entity_path('author', 'replicate', 'models', 'owner1')}.html",
    "/replicate/models/models/",
    "/search.html?q=owner1",
    f"/compare.html?item={MODEL}&item=owner2/model-2&item=owner3/model-3&item=nobody",
)


def frames_until(condition: str) -> str:
    """An expression that waits for a condition; `wait_for_function` needs `eval`, which the pages forbid."""
    return f"new Promise(done => {{ const look = () => {condition} ? done() : requestAnimationFrame(look); look(); }})"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the site of a small world with two networks."""
    folder = tmp_path_factory.mktemp("world")
    with query_contexts.two_networks(folder) as desk:
        site_builder.write_site(desk, folder / "site", lambda _line: None, query_contexts.NOW)
        pages = OnDemandSite(lambda: open_build(desk, query_contexts.NOW))
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        runner = aiohttp_web.AppRunner(web.make_application(desk, folder / "site", pages=pages), access_log=None)

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
        self.page.on("requestfailed", self._failed)

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is left stops loading, for example its icon
            self.wrong.append(f"failed: {request.url}")

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


def violations(page: Page, *tags: str) -> list[tuple[str, str]]:
    """What axe-core finds, of any weight; with tags, only by the rules that have one. Only the first rows of a long
    table are checked, because thousands of cells take minutes."""
    options = {"resultTypes": ["violations"], **({"runOnly": tags} if tags else {})}
    found = """options => axe.run({exclude: [["tbody tr:nth-child(n+6)"]]}, options)
        .then(results => results.violations.map(each => [each.id, each.nodes[0].html.slice(0, 200)]))"""
    return [(rule, html) for rule, html in page.evaluate(found, options)]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_every_screen_its_headings_are_in_order_and_axe_finds_nothing(
    browser: Browser, address: str, path: str
) -> None:
    visit = Visit(browser, address, color_scheme="light")
    page = visit.to(path)
    levels = page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), "one step at a time"
    page.evaluate(AXE.read_text("utf-8"))
    for width in SIZES:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme="light")
        wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1], width
        assert not violations(page), width
        page.emulate_media(color_scheme="dark")
        assert not violations(page, "cat.color"), f"{width}, dark"
    visit.context.close()
    assert not visit.wrong


def test_axe_finds_what_is_wrong_in_each_scheme(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, color_scheme="light")
    page = visit.to("/about.html")
    page.evaluate(AXE.read_text("utf-8"))
    page.evaluate("document.documentElement.removeAttribute('lang')")
    page.evaluate("document.querySelector('main p').style.color = '#333'")
    assert [rule for rule, _html in violations(page)] == ["html-has-lang"]
    page.emulate_media(color_scheme="dark")
    assert [rule for rule, _html in violations(page, "cat.color")] == ["color-contrast"]
    visit.context.close()


def test_dark_pages_differ_in_their_colours_only() -> None:
    """So the other rules of axe-core need not be tried on them."""
    style = "\n".join(path.read_text("utf-8") for path in sorted(STYLES.glob("*.css")))
    blocks = re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{([^{}]*)\}\s*\}", style)
    assert len(blocks) == style.count("prefers-color-scheme") > 0
    values = [line.partition(":") for block in blocks for line in block.split(";") if line.strip()]
    assert [
        name for name, _, value in values if not re.fullmatch(r"\s*--[\w-]+", name) or value.strip()[0] != "#"
    ] == []


SHIFTS = """window.shifted = 0; new PerformanceObserver(list => {
    for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({type: "layout-shift", buffered: true});"""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_light_and_nothing_on_it_moves(browser: Browser, address: str, path: str) -> None:
    visit = Visit(browser, address, viewport=PHONE)
    loaded: list[Response] = []
    visit.page.on("response", lambda response: loaded.append(response))
    visit.page.add_init_script(SHIFTS)
    page = visit.to(path)
    for _ in range(3):
        page.mouse.wheel(0, 2000)
        page.evaluate(TWO_FRAMES)
    size = sum(len(gzip.compress(response.body(), 6)) for response in loaded)
    shifted = page.evaluate("window.shifted")
    page.evaluate("window.scrollTo(0, 0)")
    page.evaluate(TWO_FRAMES)  # what moves in the frame of the scrolling is no shift
    page.evaluate("document.querySelector('main').style.marginTop = '200px'")
    page.evaluate(frames_until("window.shifted > 0"))  # so a shift would have been seen
    visit.context.close()
    assert len(loaded) >= 2 and size <= BUDGET
    assert shifted == 0


def test_a_day_prints_on_few_sheets(browser: Browser, address: str) -> None:
    visit = Visit(browser, address)
    printed = visit.to(f"/replicate/{query_contexts.NEWEST}/").pdf(format="A4")
    visit.context.close()
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= MOST_PRINTED


def test_a_wide_table_scrolls_by_keyboard_and_shows_that_it_goes_on(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, viewport={"width": 320, "height": 844})
    page = visit.to(f"/replicate/{query_contexts.NEWEST}/")
    table = page.get_by_role("region", name="Most used: public models")
    hidden = "region => region.scrollWidth - region.clientWidth"
    assert table.evaluate(hidden) > 0
    shown = "region => [...region.querySelectorAll('th')].filter(h => h.getBoundingClientRect().right <= 320).length"
    assert table.locator("thead").evaluate(shown) >= 3, "rank, model and use need no scrolling"
    assert "linear-gradient" in table.evaluate("region => getComputedStyle(region).backgroundImage")
    table.focus()
    page.keyboard.press("ArrowRight")
    table.evaluate(f"region => {frames_until('region.scrollLeft > 0')}")
    visit.context.close()


def test_the_focus_can_be_seen_wherever_it_is(browser: Browser, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.to(f"/replicate/{query_contexts.NEWEST}/")
    for _ in range(20):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    visit.context.close()


def test_figures_are_cited_without_javascript(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, java_script_enabled=False)
    page = visit.to(f"/replicate/{query_contexts.NEWEST}/")
    page.get_by_text("Cite these figures").click()
    assert page.get_by_text("Footfall: Replicate, 10 March 2025, models used").is_visible()
    page.get_by_role("link", name="Link to this figure: models used", exact=True).click()
    page.wait_for_url("**/#models_used")
    visit.context.close()


def test_everything_can_be_read_without_javascript(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, java_script_enabled=False)
    page = visit.to("/")
    assert "proven on OpenGradient on 27 October 2026" in page.locator(".story").inner_text()
    card = page.locator("article", has_text="Replicate, 10 March 2025")
    assert "record ended 10 March 2025" in card.inner_text()
    card.get_by_role("link").click()
    page.wait_for_url(f"**/{query_contexts.NEWEST}/**")
    assert page.get_by_role("table").count() >= 2
    assert page.get_by_role("img", name="Models listed and used, by day").is_visible()
    visit.context.close()
    assert not visit.wrong


def test_no_hostile_name_runs_loads_or_leaves_its_cell(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, viewport=PHONE)
    page = visit.to(f"/replicate/{query_contexts.NEWEST}/models.html")
    page.on("dialog", lambda dialog: visit.wrong.append(dialog.message))
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
        page = visit.to(f"/replicate/{query_contexts.NEWEST}/")
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


def test_names_are_found_while_they_are_typed_and_reached_with_the_keyboard(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, viewport=PHONE)
    page = visit.to("/search.html")
    page.get_by_label("Model, author, category or network").fill("OWNER1 mod")
    page.get_by_role("link", name="owner1/model-1", exact=True).wait_for()
    assert "found" in page.get_by_role("status").inner_text()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "owner1/model-1"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{MODEL}.html")
    assert page.locator("h1").inner_text() == "owner1/model-1"
    visit.context.close()
    assert not visit.wrong


def test_nothing_and_hostile_names_are_found_as_text(browser: Browser, address: str) -> None:
    visit = Visit(browser, address)
    page = visit.to("/search.html?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    page.on("dialog", lambda dialog: visit.wrong.append(dialog.message))
    page.get_by_text("Nothing has such a name here.").wait_for()
    page.get_by_role("searchbox").fill("")
    page.get_by_role("searchbox").fill("replicate")
    page.locator("#results").get_by_role("link", name="Replicate").wait_for()
    assert page.locator("#results script, #results img").count() == 0
    visit.context.close()
    assert not visit.wrong


def serve_as_files(visit: Visit) -> None:
    """Answer as a plain web server would: with the file, whatever the query is."""
    plain = visit.context.request.get(f"{visit.address}/compare.html").text()
    query = re.compile(r"/compare\.html\?")
    visit.page.route(query, lambda route: route.fulfill(body=plain, content_type="text/html"))


def test_a_folder_that_no_program_serves_compares_and_searches_alike(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    """The figures that the script shows are those that the server shows."""
    other = entity_path("model", "replicate", "models", "owner2/model-2")
    shown: list[list[str]] = []
    for script in (False, True):
        visit = Visit(browser, address, java_script_enabled=script)
        if script:
            serve_as_files(visit)
        page = visit.to(f"/compare.html?item={MODEL}&item={other}")
        page.locator("#compared svg.chart").nth(1).wait_for()
        assert page.locator("form[data-answered]").count() == (0 if script else 1)
        lines = page.locator("#compared .key, #compared figcaption, #compared .figures tr, #compared .days tr")
        texts = [" ".join((text or "").split()) for text in lines.all_text_contents()]
        shown.append([*texts, *(t or "" for t in page.locator("#compared svg.chart > text").all_text_contents())])
        visit.context.close()
        assert not visit.wrong
    assert shown[0] == shown[1] and len(shown[0]) > 20


def test_names_are_suggested_and_compared_by_the_form(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, viewport=PHONE)
    page = visit.to("/compare.html")
    page.get_by_label("A", exact=True).fill("owner1")
    page.locator("#names-A option").first.wait_for(state="attached")
    page.get_by_label("A", exact=True).fill(page.locator("#names-A option").first.get_attribute("value") or "")
    page.get_by_label("B", exact=True).fill("owner2/model-2")
    page.get_by_label("C", exact=True).fill("no such thing")
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("no such thing: nothing has such a name here.").wait_for()
    assert page.locator("#compared .key li").count() == 2
    assert f"item={MODEL}" in page.url
    visit.context.close()
    assert not visit.wrong


def test_a_comparison_that_a_server_answered_goes_on_by_name_with_the_script(browser: Browser, address: str) -> None:
    """An author's name is a word like the key of a network."""
    visit = Visit(browser, address)
    page = visit.to(f"/compare.html?item={entity_path('author', 'replicate', 'models', 'owner0')}")
    assert page.get_by_label("A", exact=True).input_value() == "owner0"
    page.get_by_label("B", exact=True).fill("owner1")
    page.get_by_role("button", name="Compare").click()
    page.locator("#compared .key li").nth(1).wait_for()
    assert page.locator("#compared .key").inner_text().count("author") == 2
    visit.context.close()
    assert not visit.wrong


def test_search_and_comparison_need_no_script_where_the_server_answers(browser: Browser, address: str) -> None:
    visit = Visit(browser, address, java_script_enabled=False)
    page = visit.to("/search.html")
    page.get_by_role("searchbox").fill("owner1 model")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="owner1/model-1", exact=True).click()
    assert page.locator("h1").inner_text() == "owner1/model-1"
    page.get_by_role("link", name="Compare with another").click()
    assert page.get_by_label("A", exact=True).input_value() == "owner1/model-1", "its name, and not its address"
    page.get_by_label("B", exact=True).fill("owner2/model-2")
    page.get_by_role("button", name="Compare").click()
    assert page.locator("#compared svg.chart").count() == 2
    assert "2,000" in page.locator("#compared .figures").inner_text()
    visit.context.close()
    assert not visit.wrong
