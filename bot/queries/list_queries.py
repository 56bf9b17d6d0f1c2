"""Queries about a network's list and its past: the models that are new, and the record highs and lows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from bot import ledger
from bot.metrics import METRICS, value_document
from bot.queries import paging
from bot.queries.context import ANSWER_ROWS, QueryContext, QueryError
from bot.queries.network_queries import digest_heading, held_documents
from bot.queries.paging import DEFAULT_LIMIT, page_document
from bot.records import Catalogue, Document, HistoryPoint, Unknown, message
from bot.records.names import NameMask

NEW_DAYS = 7
MOST_NEW_DAYS = 60


def new(
    desk: QueryContext, network: str | None, days: int = NEW_DAYS, day: date | None = None, page: int = 1
) -> Document:
    """The models that came to the list in so many days, and whether they were used since.

    The most used come first; a page has 100 models, and one beyond the last is the last."""
    paging.require_number(page)
    answer, rows = _arrivals(desk, network, days, day)
    if "unknown" in answer:
        return {**answer, "models": []}
    place, before = paging.numbered_page(len(rows), page)
    shown = rows[before : before + ANSWER_ROWS]
    return {**answer, **place, "models": _new_rows(desk, shown, answer["unit"])}


def new_models(
    desk: QueryContext,
    network: str | None,
    days: int = NEW_DAYS,
    day: date | None = None,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> Document:
    """The models that came to the list in so many days, and whether they were used since: the most used first."""
    answer, rows = _arrivals(desk, network, days, day)
    total = None if "unknown" in answer else len(rows)
    shown = _new_rows(desk, rows[offset : offset + limit], answer["unit"])
    return page_document(answer, "models", shown, limit, offset, total)


def _arrivals(
    desk: QueryContext, network: str | None, days: int, day: date | None
) -> tuple[Document, list[ledger.NewModel]]:
    """The answer without its models, and these in order."""
    if not 1 <= days <= MOST_NEW_DAYS:
        raise QueryError(message("bad_days_range", name=f"{days:,}", n=1, m=MOST_NEW_DAYS))
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network, "day", day)
    catalogue, last = watched.lead_catalogue_of(document), date.fromisoformat(document["day"])
    first = last - timedelta(days=days - 1)
    key = ("new", watched.network, catalogue.key, first, last)
    arrivals = desk.until_ledger_changes(key, lambda: ledger.new_models(desk.store, catalogue, first, last))
    answer = {"question": "new", **digest_heading(document), "days": days, "first_day": first.isoformat()}
    answer |= {"unit": catalogue.unit, "evidence": catalogue.evidence}
    if isinstance(arrivals.models, Unknown):
        return {**answer, "unknown": arrivals.models.reason}, []
    rows = sorted(arrivals.models, key=_new_order)
    counts = {
        "count": len(rows),
        "used": sum(_was_used(row) is True for row in rows),
        "unused": sum(_was_used(row) is False for row in rows),
        "undecided": sum(_was_used(row) is None for row in rows),
        "gone": arrivals.gone,
        "unread": list(arrivals.unread),
    }
    return {**answer, **counts}, rows


def _new_rows(desk: QueryContext, rows: Sequence[ledger.NewModel], unit: str) -> list[Document]:
    hidden = NameMask.from_names(desk.hidden)
    return [
        {
            "model": hidden.masked_model(row.name, row.author),
            "first_listed": row.first_listed.isoformat(),
            "uses": value_document(row.uses, {"unit": unit}),
            "uses_before": row.uses_before,
        }
        for row in rows
    ]


def _was_used(row: ledger.NewModel) -> bool | None:
    """Whether a use was seen since it came; `None` if that is not known."""
    if isinstance(row.uses, int):
        return row.uses > 0
    return None if isinstance(row.uses, Unknown) else True


def _new_order(row: ledger.NewModel) -> tuple[Any, ...]:
    """Most used first, then unused, then unknown; the newest and the name decide among equals."""
    known = not isinstance(row.uses, Unknown)
    uses = 0 if isinstance(row.uses, Unknown) else row.uses if isinstance(row.uses, int) else int(row.uses.value)
    return not known, -uses, -row.first_listed.toordinal(), row.name


RECORDS = ("uses", "models_used", "models_listed", "models_added")
"""The figures with records: counts of a day."""
BOUNDED = ("uses", "models_used")
"""Those that are lower bounds on a day of which part is unknown."""


def records(desk: QueryContext, network: str | None, day: date | None = None) -> Document:
    """The highest and lowest days since the watch began, with their dates.

    Only days that are known exactly can be a record; how many are not is part of the answer."""
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network, "day", day)
    catalogue, last = watched.lead_catalogue_of(document), date.fromisoformat(document["day"])
    key = ("history", watched.network, catalogue.key, last)
    points = desk.until_ledger_changes(key, lambda: ledger.day_history(desk.store, catalogue, last))
    answer = {"question": "records", **digest_heading(document), "unit": catalogue.unit, "evidence": catalogue.evidence}
    if not points:
        return {**answer, "unknown": message("no_days_known"), "records": []}
    return {
        **answer,
        "first_day": points[0].day.isoformat(),
        "days": len(points),
        "records": [_record(key, points, catalogue) for key in RECORDS],
        "largest": _largest_use(desk, catalogue, points),
        "held": [held for held in held_documents(desk.store, catalogue) if held["day"] <= document["day"]],
    }


def _record(key: str, points: Sequence[HistoryPoint], catalogue: Catalogue) -> Document:
    """The record days of one figure. `beyond`: a day that is only known to have had at least so many, and more than
    the highest."""
    known = [(point.day, value) for point in points if (value := getattr(point, key)) is not None]
    bounded = {point.day for point in points if point.at_least} if key in BOUNDED else set()
    exact = [(day, value) for day, value in known if day not in bounded]
    most = max((value for _, value in exact), default=None)
    beyond = [(day, value) for day, value in known if day in bounded and most is not None and value > most]
    metric = METRICS[key]
    return {
        "metric": key,
        "label": catalogue.unit if key == "uses" else metric.label,
        "unit": catalogue.unit if key == "uses" else metric.unit,
        "high": _extreme(exact, max),
        "low": _extreme(exact, min) if key != "models_added" else None,
        "beyond": _extreme(beyond, max),
        "known_days": len(exact),
        "bounded_days": len(known) - len(exact),
        "unknown_days": len(points) - len(known),
    }


def _extreme(days: Sequence[tuple[date, int]], choose: Callable[..., int]) -> Document | None:
    """The highest or lowest value, and the first day that had it."""
    if not days:
        return None
    value = choose(count for _, count in days)
    same = [day for day, count in days if count == value]
    return {"value": value, "day": same[0].isoformat(), "times": len(same)}


def _largest_use(desk: QueryContext, catalogue: Catalogue, points: Sequence[HistoryPoint]) -> Document | None:
    """The largest use of one model on one day; a lower bound counts, because it is at least that."""
    tops = [(point.top_uses, point.day) for point in points if point.top_uses]
    if not tops:
        return None
    uses, day = max(tops, key=lambda top: (top[0], -top[1].toordinal()))
    leader = ledger.most_used_on(desk.store, catalogue, day)
    hidden = NameMask.from_names(desk.hidden)
    name = hidden.masked_model(leader[0], leader[1]) if leader else None
    return {"model": name, "uses": uses, "day": day.isoformat()}
