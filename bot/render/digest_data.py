"""A digest's figures as data, for programs that get a post. It names no model and no author, so nothing has to be
hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.records import Document
from bot.records.names import NameMask

_HEAD = ("network", "title", "period", "day", "last_day", "edition", "composed_at", "headline")
_FIGURE = ("label", "unit", "value", "evidence", "at_least")


def figures_data(document: Document, locale: str = "en", hidden: Sequence[str] = ()) -> dict[str, Any]:
    """The digest's key, the language of its text, and the figures of each catalogue. An unknown figure has the value
    null and a reason, a lower bound `at_least: true`."""
    mask = NameMask.from_names(hidden)

    def public(figure: dict[str, Any]) -> dict[str, Any]:
        kept = {key: figure[key] for key in _FIGURE if key in figure}
        reasons = {key: mask.mask_text(str(figure[key]), ()) for key in ("unknown", "reason") if figure.get(key)}
        return {**kept, **reasons}

    catalogues = [
        {
            "catalogue": block["catalogue"],
            "title": block["title"],
            "unit": block["unit"],
            "figures": {key: public(figure) for key, figure in block["figures"].items()},
        }
        for block in document["catalogues"]
    ]
    return {**{key: document[key] for key in _HEAD if key in document}, "locale": locale, "catalogues": catalogues}
