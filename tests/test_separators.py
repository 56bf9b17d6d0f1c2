"""Counts in our own sentences carry separators; years and names do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot import i18n, number_format, render
from bot.archive import Archive
from bot.cli.app_context import AppContext
from tests.render import documents

BARE = re.compile(r"(?<![\w./:-])[1-9][0-9]{3,}(?![\w/-]|[.:][0-9])")
"""Four digits or more without a separator; a year follows its month."""
YEAR = re.compile(r"\b(?:[A-Z][a-z]{2,8}|in|of) (?:19|20)[0-9]{2}\b")


def bare(text: str) -> list[str]:
    return BARE.findall(YEAR.sub("", text))


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
    assert len(texts) > 100 and any(re.search(r"[0-9],[0-9]{3}", text) for text in texts)
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
    answer = {**document, "question": "usage", "catalogues": [{**block, "changes": {}}]}
    for line in render.render_template("text", "text/answers/usage.j2", hidden=(), answer=answer).splitlines():
        label, _, value = line.partition(": ")
        assert not (block["unit"] in label.split() and block["unit"] in value.split()), line
        assert not ("models" in label.split() and "models" in value.split() and "unknown" not in value), line
