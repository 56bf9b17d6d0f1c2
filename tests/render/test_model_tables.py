"""Pages of models: none is larger than a phone should load, and no model is lost between them."""

from __future__ import annotations

import gzip
import random
from datetime import date, timedelta

from bot.render import model_tables
from bot.render.model_tables import PAGE_ROWS, RankedRow

BUDGET = 60_000
"""Bytes of one page's rows, compressed. What else a page loads takes less than 10 KB."""


def rows(count: int, unused: int = 0, unknown: int = 0) -> list[RankedRow]:
    """Models with names and numbers that compress badly."""
    chance = random.Random(7)
    made: list[RankedRow] = []
    for number in range(count):
        name = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789-", k=30))
        uses = None if number >= count - unknown else 0 if number >= count - unknown - unused else 10**9 - number
        first = date(2023, 1, 1) + timedelta(days=chance.randrange(1000))
        made.append(RankedRow(number + 1, f"author/{name}", "author", uses, chance.random(), first, first))
    return made


DOCUMENT = {
    "catalogues": [
        {"catalogue": "models", "title": "public models", "unit": "runs"},
        {"catalogue": "hub", "title": "Hub models", "unit": "runs"},
    ]
}


def test_a_page_of_models_stays_small_however_many_there_are() -> None:
    pages = model_tables.ranking_pages({"models": rows(4 * PAGE_ROWS + 1)})
    assert len(pages) == 5
    for page in pages:
        assert len(gzip.compress(model_tables.ranking_html(page, DOCUMENT).encode(), 6)) < BUDGET


def test_every_model_is_on_one_page_in_the_order_of_the_ranking() -> None:
    ranked = {"models": rows(PAGE_ROWS + 30, unused=20, unknown=5), "hub": rows(40, unused=40)}
    pages = model_tables.ranking_pages(ranked)
    assert [(part.catalogue, part.kind, len(part.rows)) for part in pages[1]] == [
        ("models", "used", 5),
        ("models", "idle", 20),
        ("models", "unknown", 5),
        ("hub", "idle", 40),
    ]
    assert [row for page in pages for part in page for row in part.rows] == ranked["models"] + ranked["hub"]
    assert model_tables.ranking_links(ranked) == {
        "models": "models.html#models-models",
        "hub": "models-2.html#models-hub",
    }


def test_a_catalogue_that_goes_on_has_its_heading_on_each_page_and_no_name_twice() -> None:
    first, second = model_tables.ranking_pages({"models": rows(PAGE_ROWS + 1)})
    for page in (first, second):
        assert model_tables.ranking_html(page, DOCUMENT).count('<h2 id="models-models">Public models</h2>') == 1
    both = model_tables.ranking_html(model_tables.ranking_pages({"models": rows(3, 1), "hub": rows(3, 1)})[0], DOCUMENT)
    labels = [part.partition('"')[0] for part in both.split('aria-label="')[1:]]
    assert len(labels) == len(set(labels)) == 4


def test_the_days_own_page_has_the_twenty_most_used() -> None:
    html = model_tables.top_html(rows(100, unused=90), DOCUMENT, "models")
    assert html.count("<tr><td") == 10
    assert model_tables.top_html(rows(100), DOCUMENT, "models").count("<tr><td") == model_tables.TOP == 20
    assert model_tables.top_html(rows(5, unused=5), DOCUMENT, "models") == "<p>No listed model had any runs.</p>"
