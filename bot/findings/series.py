"""What the picture of a digest shows beside its figures: the days of the model that leads, the ranks of a week, and the
periods before.

Pure: period data and documents in, JSON out. A day or period that is unknown is null or absent, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.findings.claim import model_name
from bot.findings.lead import lead_of
from bot.records import Document, PeriodData, each_day
from bot.records.names import HIDDEN

LEAST_DAYS = 3
"""With fewer known days there is no series."""
MOST_PERIODS = 8
RANK_DAYS = 7
TOP = 10
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


def rank_series(document: Document, earlier: Sequence[Document | None]) -> list[dict[str, Any]]:
    """The ranks of the ten most used models and of the model that leads, over the days of `earlier`, which are the
    digests before this one, oldest first, and its own; empty if no ranking of an earlier day is known.

    A row names its model by its place in `top`, or by null for the model that leads where that is not among the ten. A
    rank is null if the day's ranking is not known or the model is below it."""
    days = [_ranks_by_model(digest) for digest in (*earlier, document)]
    if not days[-1] or not any(days[:-1]):
        return []
    wanted: list[tuple[int | None, str]] = [
        (place, row["model"])
        for place, row in enumerate(_headline_block(document)["top"][:TOP])
        if row["model"] != HIDDEN
    ]
    leader = lead_of(document).protagonist
    if leader not in (None, HIDDEN) and leader not in (name for _, name in wanted):
        wanted.append((None, leader))
    return [{"top": place, "ranks": [ranks.get(name) for ranks in days]} for place, name in wanted]


def _ranks_by_model(document: Document | None) -> dict[str, int]:
    """The ranks of the most used models; empty if they are not known. Without shares, a model whose use is unknown may
    have been used more."""
    rows = _headline_block(document)["top"] if document else []
    return {row["model"]: row["rank"] for row in rows if row["share"] is not None}


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
    figures = _headline_block(document)["figures"]
    # A lower bound is not drawn, because a bar would show it as exact.
    known = {key: figure["value"] for key, figure in figures.items() if not figure.get("at_least")}
    return {"day": document["day"], **{key: known.get(key) for key in _FIGURES}}


def _headline_block(document: Document) -> Mapping[str, Any]:
    wanted = document["headline"]["catalogue"]
    nothing: dict[str, Any] = {"figures": {}, "top": []}
    return next((block for block in document["catalogues"] if block["catalogue"] == wanted), nothing)
