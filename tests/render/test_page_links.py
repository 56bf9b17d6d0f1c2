"""The link to a page of the site, in posts and answers on Discord: with an address, without one, with a hostile one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot import i18n
from bot.discord_bot.chart_cache import ChartCache
from bot.discord_bot.presenter import Query, render_answer
from bot.pipeline import PostOptions, render_post
from bot.records.entity_pages import entity_path
from bot.render.page_addresses import page_url
from tests import query_contexts
from tests.discord_bot.test_commands import QUESTIONS
from tests.render import documents

MODEL = "owner0/model-0"
SITE = "https://a.example/archive/"
PAGES = {
    "usage": "replicate/2025-03-10",
    "inventory": "replicate/2025-03-10",
    "model": f"{entity_path('model', 'replicate', 'models', MODEL)}.html",
    "author": f"{entity_path('author', 'replicate', 'models', 'owner0')}.html",
    "category": f"{entity_path('category', 'replicate', 'models', 'image')}.html",
    "new": "replicate/2025-03-10",
    "records": "replicate/2025-03-10",
    "top": "replicate/2025-03-10",
    "compare": "replicate/2025-03-10",
    "idle": "replicate/2025-03-10",
    "digest": "replicate/2025-03-10",
    "why": "replicate/2025-03-10",
    "trend": "replicate/history/models/uses.html",
}
"""The page of an answer about the newest day; others have the site's first page."""


@pytest.mark.parametrize("stem", documents.STEMS)
def test_a_post_links_to_the_page_of_its_digest(stem: str) -> None:
    digest = documents.recorded(stem)
    period = "" if digest["period"] == "day" else f"{digest['period']}/"
    address = f"https://a.example/archive/replicate/{period}{digest['day']}/index.html"
    embed = render_post(digest, "discord", habits=PostOptions(site_url=SITE)).embed
    assert embed is not None and embed["url"] == address
    assert embed["description"].endswith(f"\n\n[All figures, and what is not known]({address})")


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_without_an_address_nothing_links(language: str) -> None:
    embed = render_post(documents.recorded("day-2025-01-12"), "discord", locale=language).embed
    assert embed is not None and "url" not in embed
    assert "](" not in embed["description"] and "http" not in embed["description"]


def test_a_post_on_x_has_no_link() -> None:
    digest = documents.recorded("day-2025-01-12")
    assert render_post(digest, "x", habits=PostOptions(site_url=SITE)).parts == render_post(digest, "x").parts


@pytest.mark.parametrize(
    "evil", ["https://a.example/x)[evil](https://b.example", 'https://a.example/"><b>`**', "https://a.example/\\)"]
)
def test_a_hostile_address_cannot_leave_its_link(evil: str) -> None:
    address = page_url(evil, documents.recorded("day-2025-01-12"))
    assert address.startswith("https://a.example/") and not set(address) & set('()<>"\\` ')
    embed = render_post(documents.recorded("day-2025-01-12"), "discord", habits=PostOptions(site_url=evil)).embed
    assert embed is not None and embed["description"].count("](") == 1
    assert embed["description"].endswith(f"]({address})")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("linked")


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name, options in QUESTIONS if "period" not in options]
)
def test_an_answer_links_to_its_page_where_there_is_one(folder: Path, name: str, options: dict[str, object]) -> None:
    given = {key: str(value) for key, value in options.items()}
    with query_contexts.desk(folder) as desk:
        plain = render_answer(desk, ChartCache(), Query(name, given), "en").embed
        embed = render_answer(replace(desk, site_url=SITE), ChartCache(), Query(name, given), "en").embed
    assert "url" not in plain and "](http" not in plain["description"]
    page = PAGES.get(name, "")
    if "day" in options:
        page = f"replicate/{options['day']}"
    tail = "" if page.endswith(".html") else "/index.html" if page else "index.html"
    assert embed["url"] == f"https://a.example/archive/{page}{tail}"
    assert embed["description"].endswith(f"]({embed['url']})")
