"""Every day of Replicate's record as a post, in every language: the news leads, is named, and fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot import findings
from bot.archive import Archive
from bot.cli.app_context import AppContext
from bot.i18n import LANGUAGES
from bot.records import Document
from bot.render import PostRenderOptions, build_post
from bot.x_text import weighted_length
from docs import newsroom

LARGE_DAYS = [date(2024, 12, 21), date(2024, 12, 22)]
Told = dict[date, dict[str, str]]


@pytest.fixture(scope="module")
def parts(watched: Path) -> Iterator[AppContext]:
    opened = AppContext(watched / "config.yaml")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def digests(parts: AppContext) -> dict[date, Document]:
    archive = Archive(parts.store)
    days = [entry.day for entry in archive.list_digests("replicate")]
    return {day: document for day in days if (document := archive.find_digest("replicate", "day", day))}


@pytest.fixture(scope="module")
def posts(digests: dict[date, Document]) -> Told:
    return {
        day: {spoken: build_post(document, "x", PostRenderOptions(spoken)).parts[0] for spoken in LANGUAGES}
        for day, document in digests.items()
    }


def day_posts(digests: dict[date, Document], posts: Told) -> list[newsroom.DayPost]:
    return [newsroom.DayPost(document, posts[day]) for day, document in digests.items()]


def digits(text: str) -> str:
    return re.sub(r"[.,\u00a0\u202f\u2066-\u2069]", "", text)


def figure(document: Document, key: str) -> Any:
    return document["catalogues"][0]["figures"][key]["value"]


def test_every_post_fits_and_its_lead_survives_in_every_language(digests: dict[date, Document], posts: Told) -> None:
    for day, said in posts.items():
        lead = findings.lead_of(digests[day])
        for spoken, text in said.items():
            assert weighted_length(text) <= 280
            if lead.finding is None:
                continue
            for name in ("model", "uses", "used", "value"):
                value = lead.finding["values"].get(name)
                if value is not None and not (lead.finding["key"] == "breadth_change" and name == "used"):
                    shown = str(value).replace(".", "·") if isinstance(value, str) else str(value)
                    assert shown in digits(text) or str(value) in text, (day, spoken, name, text)


def test_every_post_of_a_known_day_says_how_many_were_on_offer_and_how_many_used(
    digests: dict[date, Document], posts: Told
) -> None:
    known = [day for day, document in digests.items() if figure(document, "models_used") is not None]
    assert len(known) == 27
    for day in known:
        for spoken, text in posts[day].items():
            for key in ("models_used", "models_listed"):
                assert str(figure(digests[day], key)) in digits(text), (day, spoken, text)


def test_no_day_with_a_large_mover_leaves_it_out(record: Path, digests: dict[date, Document], posts: Told) -> None:
    """The mover is counted from the counters of the record, not taken from the findings."""
    movers = newsroom.largest_movers(record)
    assert [day for day, mover in movers.items() if mover.share >= newsroom.LARGE] == LARGE_DAYS
    assert newsroom.missing_movers(day_posts(digests, posts), movers) == []


@pytest.mark.parametrize(
    ("day", "counts"),
    [(date(2024, 12, 21), ("744772", "2429713")), (date(2024, 12, 22), ("2429713", "170"))],
)
def test_the_largest_event_of_the_record_is_told_with_its_counts(
    posts: Told, day: date, counts: tuple[str, ...]
) -> None:
    for spoken, text in posts[day].items():
        assert "abiruyt/text-extract-ocr" in text.split("\n")[0], (spoken, text)
        assert all(count in digits(text) for count in counts), (spoken, text)


def test_openings_differ_from_day_to_day_and_few_are_the_standing_one(
    digests: dict[date, Document], posts: Told
) -> None:
    assert newsroom.repeated_openings(day_posts(digests, posts)) == []
    forms = [post.lead.form for post in newsroom.known_posts(day_posts(digests, posts))]
    assert forms.count("standing") + forms.count("ladder") <= len(forms) / 4
    assert len(set(forms)) >= 5
