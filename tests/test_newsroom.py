"""The whole bundled record as posts: the page that shows them is current, and every day follows the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from docs import newsroom
from docs.newsroom import DayPost, Mover

KNOWN_DAYS = 541


@pytest.fixture(scope="module")
def posts() -> Iterator[list[DayPost]]:
    with newsroom.composed_record() as documents:
        yield newsroom.render_posts(documents)


@pytest.fixture(scope="module")
def movers() -> dict[date, Mover]:
    return newsroom.largest_movers()


def test_every_day_of_the_record_follows_the_rules(posts: list[DayPost], movers: dict[date, Mover]) -> None:
    assert len(newsroom.known_posts(posts)) == KNOWN_DAYS
    assert newsroom.broken_rules(posts, movers) == []


def test_the_page_is_current(posts: list[DayPost], movers: dict[date, Mover]) -> None:
    assert newsroom.PAGE.read_text(encoding="utf-8") == newsroom.page(posts, movers), "run: python -m docs.newsroom"


def test_a_post_that_breaks_a_rule_is_noticed(posts: list[DayPost], movers: dict[date, Mover]) -> None:
    """Otherwise the tests above could not fail."""
    place = next(n for n, post in enumerate(posts) if post.day == date(2024, 12, 21))
    before, post = posts[place - 1 : place + 1]
    silent = replace(post, texts={**post.texts, "es-ES": before.texts["es-ES"].replace("abiruyt", "someone")})
    assert [line.split(":")[0] for line in newsroom.broken_rules([before, silent], movers)] == [
        "does not name its mover",
        "does not say how many of how many models were used",
    ]
    assert newsroom.repeated_openings([before, replace(post, texts=before.texts)])
