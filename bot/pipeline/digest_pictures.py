"""The picture of a digest with its words, for posts and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot import charts, render
from bot.records import Document, Picture
from bot.records.names import HIDDEN, NameMask


def draw_picture(document: Document, locale: str = "en", hidden: Sequence[str] = ()) -> Picture:
    """A digest's picture, titled with its finding, and its alt text, both in the language of `locale`."""
    document = _masked(document, hidden)
    return charts.draw_card(document, locale, *render.picture_words(document, locale, hidden))


def describe_picture(document: Document, locale: str = "en", hidden: Sequence[str] = ()) -> str:
    """The alt text of a digest's picture."""
    document = _masked(document, hidden)
    return charts.describe_picture(document, locale, render.picture_words(document, locale, hidden)[0])


def _masked(document: Document, hidden: Sequence[str]) -> Document:
    """The digest without hidden names among its most used models."""
    mask = NameMask.from_names(hidden)

    def row_of(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "model": HIDDEN} if mask.hides_model(row["model"], row["author"]) else row

    blocks = [{**block, "top": [row_of(row) for row in block["top"]]} for block in document["catalogues"]]
    return {**document, "catalogues": blocks}
