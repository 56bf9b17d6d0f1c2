"""Counts in our own sentences carry separators, those that were kept without any included; years and names do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bot.render._translatable_messages import SENTENCES

from bot import i18n, number_format, render
from bot.archive import Archive
from bot.cli.app_context import AppContext
from bot.render import document_translation, escaping
from tests.render import documents

BARE = re.compile(r"(?<![\w./:-])[1-9][0-9]{3,}(?![\w/-]|[.:][0-9])")
"""Four digits or more that nothing parts; a year stands behind its month."""
YEAR = re.compile(r"\b(?:[A-Z][a-z]{2,8}|in|of) (?:19|20)[0-9]{2}\b")
KEPT = (
    "between 3781 and 3802 models were listed at the end of 17 Dec 2024",
    "At the end of 17 Dec 2024 between 3781 and 3802 models were listed: the record does not say when it saw 1200 "
    "models with a single reading.",
    "13 Jan 2025 to 14 Jan 2025 taken together: 9954 runs, 1012 models used; not known by day.",
    "1234 of 5678 uses name no model",
    "The counter of 1234 models fell: a reset, so what their use was is not known.",
    "1234 settlements: claims 1234 inferences where its blob holds 5678.",
    "1234 of 5678 settlements have no verdict yet, for one because it is new",
    "6 Jan 2025: 1234 of 5678 uses name no model",
)


def bare(text: str) -> list[str]:
    return BARE.findall(YEAR.sub("", text))


@pytest.mark.parametrize("text", KEPT)
def test_what_was_kept_without_separators_is_shown_with_them_in_every_language(text: str) -> None:
    assert bare(text)
    assert not bare(escaping.escape_text(text, "text"))
    for language in i18n.LANGUAGES:
        assert set(bare(escaping.escape_text(text, "text", locale=language))) <= {"2024", "2025"}, language


def test_every_sentence_with_a_count_shows_it_with_separators() -> None:
    held = {"n": "1234", "m": "5678", "models": "1234 models", "settlements": "1234 settlements"}
    held |= {"leaves": "1234 leaves", "transfers": "1234 transfers", "unit": "runs", "name": "x", "rest": "y"}
    held |= {"day": "7 Jan 2025", "first": "7 Jan 2025", "last": "8 Jan 2025", "date": "7 Jan 2025", "time": "10:00"}
    held |= {
        "until": "8 Jan 2025",
        "other": "z",
        "reason": "not closed yet",
        "place": "Base",
        "word": "runs",
        "percent": "10%",
    }
    for sentence in SENTENCES:
        text = re.sub(r"\{(\w+)\}", lambda brace: held[brace[1]], sentence)
        assert not bare(document_translation.with_separators(text)), text


def test_years_and_names_keep_their_digits() -> None:
    for text in ("the counter of acme/model-2024 fell", "no reading at the end of 14 Jan 2025", "in 2024 of 1812"):
        assert document_translation.with_separators(text) == text


def test_no_digest_of_the_real_record_holds_a_count_without_separators(watched: Path) -> None:
    parts = AppContext(watched / "config.yaml")
    try:
        archive = Archive(parts.store)
        texts = [
            text
            for entry in archive.list_digests("replicate")
            for block in (archive.find_digest("replicate", "day", entry.day) or {})["catalogues"]
            for text in (
                *block["gaps"],
                *(figure["unknown"] for figure in block["figures"].values() if figure["value"] is None),
                *(finding["text"] for finding in block["findings"]),
            )
        ]
    finally:
        parts.close()
    assert len(texts) > 100 and any("between 3," in text for text in texts)
    assert [text for text in texts if bare(text)] == []


@pytest.mark.parametrize("number", [9_954_233, 1_951_000, 999_960_000, 99_950_000, 8_692_748, 9_999_999, 1_234_567_890])
def test_a_rounded_number_begins_as_the_exact_one_beside_it(number: int) -> None:
    for language in i18n.LANGUAGES:
        short, whole = number_format.format_compact(number, language), number_format.format_count(number, language)
        digits = re.sub(r"\D", "", re.split(r"[.,](?=\d+\D*$)", short)[0] if short != whole else whole)
        assert re.sub(r"\D", "", whole).startswith(digits), (short, whole)


def test_a_unit_is_not_said_again_behind_a_label_that_names_it() -> None:
    document = documents.recorded("day-2025-01-12")
    block = document["catalogues"][0]
    answer = {**document, "question": "usage", "catalogues": [block]}
    for line in render.render_template("text", "text/answers/usage.j2", hidden=(), answer=answer).splitlines():
        label, _, value = line.partition(": ")
        assert not (block["unit"] in label.split() and block["unit"] in value.split()), line
        assert not ("models" in label.split() and "models" in value.split() and "unknown" not in value), line
