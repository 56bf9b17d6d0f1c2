"""What the picture of a digest shows beside its figures: the days of the model that leads, and the periods before.

Pure: period data and documents in, JSON out. A day or period that is unknown is null or absent, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.findings.claim import model_name
from bot.findings.lead import lead_of
from bot.records import Document, PeriodData, each_day

LEAST_DAYS = 3
"""With fewer known days there is no series."""
MOST_PERIODS = 8
_FIGURES = ("models_used", "models_listed")


def lead_series(document: Document, books: Sequence[PeriodData]) -> list[dict[str, Any]]:
    """The uses of the model that leads a digest, by day, oldest first; empty if no model leads or too little is
    known."""
    lead, wanted = lead_of(document), document["headline"]["catalogue"]
    book = next((book for book in books if book.catalogue.key == wanted), None)
    if book is None or lead.form != "mover" or lead.protagonist is None:
        return []
    daily = next((days for model, days in book.daily_uses.items() if model_name(book, model) == lead.protagonist), {})
    if len(daily) < LEAST_DAYS:
        return []
    return [{"day": day.isoformat(), "uses": daily.get(day)} for day in each_day(min(daily), book.period.last)]


def period_series(document: Document, previous: Document | None) -> list[dict[str, Any]]:
    """Models used and listed in the last weeks or months, oldest first, the digest's own last. `previous`: the digest
    of the period before, which holds those before it."""
    if document["period"] == "day":
        return []
    earlier: list[dict[str, Any]] = []
    if previous is not None:
        earlier = previous.get("periods") or [_period_point(previous)]
    return [*earlier[1 - MOST_PERIODS :], _period_point(document)]


def _period_point(document: Document) -> dict[str, Any]:
    wanted = document["headline"]["catalogue"]
    block = next((block for block in document["catalogues"] if block["catalogue"] == wanted), None)
    figures = block["figures"] if block else {}
    # A lower bound is not drawn, because a bar would show it as exact.
    known = {key: figure["value"] for key, figure in figures.items() if not figure.get("at_least")}
    return {"day": document["day"], **{key: known.get(key) for key in _FIGURES}}
