"""Queries about models: one model, the most used, the idle, two compared, and those that moved a day's usage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from heapq import nsmallest

from bot import ledger
from bot.queries import paging
from bot.queries.context import ANSWER_ROWS, QueryContext, QueryError, WatchedNetwork
from bot.queries.entity_links import page_address
from bot.queries.network_queries import digest_heading
from bot.queries.paging import DEFAULT_LIMIT, page_document
from bot.records import Catalogue, Document, Model, Period, PeriodName, SafeName, Unknown, Usage, message
from bot.records.names import NameMask

ROWS = 25
"""Models in the answer of `top`: as many as a digest has."""
MOVERS = 5
MOST_IDLE_DAYS = 400
BY = ("uses", "rise", "fall")


def model(desk: QueryContext, model: str, network: str | None = None, day: date | None = None) -> Document:
    """One model: its use, rank and share, and its last 30 days."""
    watched, catalogue, known = desk.find_model(model, network)
    document = desk.find_digest(watched.network, "day", day)
    document_day = date.fromisoformat(document["day"])
    page = page_address(desk, "model", catalogue, known, document_day)
    return {
        "question": "model",
        **digest_heading(document),
        "site_page": page,
        **_model_card(desk, catalogue, known, document_day),
    }


def _model_card(desk: QueryContext, catalogue: Catalogue, name: SafeName, day: date) -> Document:
    """The data of a model at the end of a day."""
    standing = ledger.model_standing(desk.store, catalogue, name, day)
    seen, uses = standing.seen, None if isinstance(standing.uses, Unknown) else standing.uses
    days = ledger.history_of(desk.store, catalogue, name, day, 30)
    unknown = {"unknown": standing.uses.reason} if isinstance(standing.uses, Unknown) else {}
    return {
        "model": name,
        "catalogue": catalogue.key,
        "unit": catalogue.unit,
        "evidence": catalogue.evidence,
        "uses": {"value": uses, "unit": catalogue.unit, **unknown},
        "rank": standing.rank,
        "listed": None if isinstance(seen, Unknown) else seen is not None,
        "listed_models": standing.listed,
        "share": standing.share,
        **_model_dates(seen, day),
        "days": [{"day": when.isoformat(), "uses": count} for when, count in sorted(days.items())],
    }


def _model_dates(seen: Model | Unknown | None, day: date) -> Document:
    """When a listed model was first listed and last used; `null` if the list of the day is unknown."""
    first, last = (None, None) if seen is None or isinstance(seen, Unknown) else (seen.first_listed, seen.last_used)
    return {
        "first_listed": _iso_day(first),
        "last_used": _iso_day(last),
        "idle_days": (day - last).days if last else None,
    }


def top(
    desk: QueryContext, network: str | None, by: str = "uses", period: PeriodName = "day", day: date | None = None
) -> Document:
    """The most used models, or those whose use rose or fell most against the period before."""
    if by not in BY:
        raise QueryError(message("bad_by", name=SafeName(by), rest=", ".join(BY)))
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network, period, day)
    lead = document["catalogues"][0]
    answer = {
        "question": "top",
        **digest_heading(document),
        "by": by,
        "unit": lead["unit"],
        "evidence": lead["evidence"],
    }
    if by == "uses":
        uses = lead["figures"]["uses"]
        limits = {key: uses[key] for key in ("unknown", "reason") if key in uses}
        return {**answer, "models": lead["top"][:ROWS], **limits}
    moved = _usage_change(desk, watched, document)
    if isinstance(moved, Unknown):
        return {**answer, "models": [], "unknown": moved.reason}
    chosen = [m for m in moved.models if (m["change"] < 0) == (by == "fall")]
    return {**answer, "models": [{"rank": n, **m} for n, m in enumerate(chosen[:ROWS], 1)]}


def idle(desk: QueryContext, network: str | None, days: int = 7, day: date | None = None, page: int = 1) -> Document:
    """Models on offer that nobody used for so many days.

    Those of which no use was seen on a known day come first, then the longest idle; a page has 100 models, and one
    beyond the last is the last."""
    paging.require_number(page)
    answer, idle_rows = _idle_rows(desk, network, days, day)
    if "unknown" in answer:
        return {**answer, "models": []}
    place, before = paging.numbered_page(len(idle_rows), page)
    return {**answer, **place, "models": _idle_page(desk, idle_rows, ANSWER_ROWS, before)}


def idle_models(
    desk: QueryContext,
    network: str | None,
    days: int = 7,
    day: date | None = None,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> Document:
    """Models on offer that nobody used for so many days, from any place of the list: those without a use first."""
    answer, idle_rows = _idle_rows(desk, network, days, day)
    total = None if "unknown" in answer else len(idle_rows)
    return page_document(answer, "models", _idle_page(desk, idle_rows, limit, offset), limit, offset, total)


_IdleRow = tuple[bool, date, str, str]
"""Whether a use was seen on a known day, when last, its name and its author; sorted, the longest idle comes first."""


def _idle_rows(desk: QueryContext, network: str | None, days: int, day: date | None) -> tuple[Document, list[_IdleRow]]:
    """The answer without its models, and the idle models in no order."""
    if not 1 <= days <= MOST_IDLE_DAYS:
        raise QueryError(message("bad_days_range", name=f"{days:,}", n=1, m=MOST_IDLE_DAYS))
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network, "day", day)
    catalogue, document_day = watched.lead_catalogue_of(document), date.fromisoformat(document["day"])
    book = desk.day_listing(catalogue, document_day, days)
    answer = {"question": "idle", **digest_heading(document), "days": days, "unit": catalogue.unit}
    watched_days = (document_day - book.watched_since).days if book.watched_since else 0
    if isinstance(book.listed, Unknown):
        return {**answer, "unknown": book.listed.reason}, []
    if watched_days < days:
        return {**answer, "unknown": message("watched_days", n=watched_days, m=days)}, []
    edge = document_day - timedelta(days=days - 1)
    quiet: list[_IdleRow] = [
        (last is not None, last or date.min, name, author)
        for name, author, last in book.listed
        if not last or last < edge
    ]
    counts = {
        "count": len(quiet),
        "never_seen": sum(not seen for seen, *_ in quiet),
        "listed": len(book.listed),
        "watched_since": _iso_day(book.watched_since),
    }
    return {**answer, **counts}, quiet


def _idle_page(desk: QueryContext, idle_rows: list[_IdleRow], limit: int, offset: int) -> list[Document]:
    return [
        {"model": _public_name(desk, name, author), "last_used": last.isoformat() if seen else None}
        for seen, last, name, author in nsmallest(offset + limit, idle_rows)[offset:]
    ]


def why(desk: QueryContext, network: str | None, day: date | None = None) -> Document:
    """Which models moved usage against the day before; the parts add up to the whole."""
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network, "day", day)
    catalogue = watched.lead_catalogue_of(document)
    answer = {"question": "why", **digest_heading(document), "unit": catalogue.unit, "evidence": catalogue.evidence}
    moved = _usage_change(desk, watched, document)
    if isinstance(moved, Unknown):
        return {**answer, "unknown": moved.reason}
    change = moved.now - moved.before
    shown, rest = moved.models[:MOVERS], moved.models[MOVERS:]
    return {
        **answer,
        "uses": moved.now,
        "before": moved.before,
        "change": change,
        "movers": shown,
        "rest": {"models": len(rest), "change": sum(m["change"] for m in rest)},
        "unattributed": moved.unattributed,
        "without_largest": change - (shown[0]["change"] if shown else 0),
    }


@dataclass(frozen=True, slots=True)
class _Moved:
    """The change of a period's use since the period before."""

    now: int
    before: int
    models: list[Document]
    """Each model whose use differs, the largest difference first: `{"model", "uses", "before", "change", "ratio"}`;
    `before` is null for a model first seen since the period before began. With `unattributed` they
    add up to the whole change."""
    unattributed: int
    """The change of unnamed use."""


def _change_ratio(moved: Document) -> float | None:
    """The change of a model's use as a share of the use before; `None` if that was nothing or is unknown."""
    return moved["change"] / moved["before"] if moved["before"] else None


def _usage_change(desk: QueryContext, watched: WatchedNetwork, document: Document) -> _Moved | Unknown:
    period = Period.for_day(date.fromisoformat(document["day"]), document["period"])
    usage_comparison = desk.usage_comparison(watched.lead_catalogue_of(document), period)
    now, before = usage_comparison.now, usage_comparison.before
    for flow in (now, before):
        if isinstance(flow, Unknown):
            return flow
        if flow.incomplete:
            return Unknown(flow.incomplete)
    assert isinstance(now, Usage) and isinstance(before, Usage)
    if document["catalogues"][0]["figures"]["uses"]["value"] != now.uses:
        return Unknown(message("ledger_changed"))
    names, new = _model_names(desk, usage_comparison), _first_seen(usage_comparison, period.previous_period.first)
    models: list[Document] = [
        {
            "model": names.get(key, "a model no longer listed"),
            "uses": now.by_model.get(key, 0),
            "before": None if key in new and key not in before.by_model else before.by_model.get(key, 0),
            "change": now.by_model.get(key, 0) - before.by_model.get(key, 0),
        }
        for key in now.by_model.keys() | before.by_model.keys()
        if now.by_model.get(key, 0) != before.by_model.get(key, 0)
    ]
    models = [{**m, "ratio": _change_ratio(m)} for m in models]
    models.sort(key=lambda m: (-abs(m["change"]), m["model"]))
    return _Moved(now.uses, before.uses, models, now.unattributed - before.unattributed)


def _first_seen(comparison: ledger.UsageComparison, since: date) -> frozenset[int]:
    """Listed models that were first seen on or after a day: their earlier use is unknown."""
    return frozenset(k for k, m in comparison.models.items() if m.first_listed is not None and m.first_listed >= since)


def _model_names(desk: QueryContext, comparison: ledger.UsageComparison) -> dict[int, str]:
    hidden = NameMask.from_names(desk.hidden)
    return {key: hidden.masked_model(model.name, model.author) for key, model in comparison.models.items()}


def _public_name(desk: QueryContext, name: str, author: str) -> str:
    return NameMask.from_names(desk.hidden).masked_model(name, author)


def _iso_day(day: date | None) -> str | None:
    return day.isoformat() if day else None
