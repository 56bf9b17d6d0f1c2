"""Every day of Replicate's record as a post, in every language: the news leads, is named, and fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot import findings, ledger
from bot.archive import Archive
from bot.cli.app_context import AppContext
from bot.i18n import LANGUAGES
from bot.records import Document, Period, Usage
from bot.render import PostRenderOptions, build_post
from bot.x_text import weighted_length

LARGE = 0.1
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


def test_no_day_with_a_large_mover_leaves_it_out(parts: AppContext, digests: dict[date, Document], posts: Told) -> None:
    """The mover is counted here from the usage of two days, not taken from the findings."""
    found = 0
    for day in digests:
        book = ledger.load_period_data(parts.store, parts.network_plan("replicate").catalogues[0], Period.for_day(day))
        if not isinstance(book.flow, Usage) or not isinstance(book.flow_before, Usage):
            continue
        now, then = book.flow.by_model, book.flow_before.by_model
        change = {model: now.get(model, 0) - then.get(model, 0) for model in {*now, *then}}
        mover = max(change, key=lambda model: abs(change[model]))
        if abs(change[mover]) < LARGE * book.flow.uses:
            continue
        found += 1
        assert isinstance(book.listed, tuple)
        name = next(str(model.name) for model in book.listed if model.id == mover)
        for spoken, text in posts[day].items():
            assert name in text, (day, spoken, text)
    assert found >= 2


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
    known = [day for day, document in digests.items() if findings.lead_of(document).form != "unknown"]
    for before, day in pairwise(known):
        for spoken in LANGUAGES:
            assert posts[day][spoken].split("\n")[0] != posts[before][spoken].split("\n")[0]
    forms = [findings.lead_of(digests[day]).form for day in known]
    assert forms.count("standing") + forms.count("ladder") <= len(forms) / 4
    assert len(set(forms)) >= 5
