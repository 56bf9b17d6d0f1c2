"""Questions about single models: one of them, the most used, the idle, two side by side, and which ones moved a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from bot import ledger
from bot.answers.desk import AnswerError, Desk, Watched
from bot.answers.networks import heading
from bot.records import Book, Catalogue, Document, Flow, Name, Period, PeriodName, Unknown

HIDDEN = "a hidden model"
ROWS = 10
MOVERS = 5


def model(desk: Desk, name: str, network: str | None = None, day: date | None = None) -> Document:
    """One model: its use, rank and share on the newest day, and its last 30 days."""
    watched = desk.network(network)
    catalogue, known = desk.model(watched, name)
    document = desk.document(watched.network, "day", day)
    asked = date.fromisoformat(document["day"])
    return {"question": "model", **heading(document), **_card(desk, catalogue, known, asked)}


def _card(desk: Desk, catalogue: Catalogue, name: Name, day: date) -> Document:
    """What is known of a model at the end of a day."""
    rows = ledger.ranking(desk.store, catalogue, Period(day, day))
    row = next((r for r in rows if r.model == name), None) if not isinstance(rows, Unknown) else None
    reason = rows.reason if isinstance(rows, Unknown) else "not listed on this day"
    if row is not None and row.uses is None:
        reason = "it had no reading when the day began"
    uses = row.uses if row else None
    days = ledger.history_of(desk.store, catalogue, name, day, 30)
    return {
        "model": name,
        "catalogue": catalogue.key,
        "unit": catalogue.unit,
        "evidence": catalogue.evidence,
        "uses": {"value": uses, "unit": catalogue.unit, **({"unknown": reason} if uses is None else {})},
        "rank": row.rank if row and row.uses else None,
        "listed_models": len(rows) if not isinstance(rows, Unknown) else None,
        "share": row.share if row else None,
        "first_listed": _iso(row.first_listed) if row else None,
        "last_used": _iso(row.last_used) if row else None,
        "idle_days": (day - row.last_used).days if row and row.last_used else None,
        "days": [{"day": when.isoformat(), "uses": count} for when, count in sorted(days.items())],
    }


def top(
    desk: Desk, network: str | None, by: str = "uses", period: PeriodName = "day", day: date | None = None
) -> Document:
    """The most used models, or those whose use rose or fell most against the period before."""
    watched = desk.network(network)
    document = desk.document(watched.network, period, day)
    lead = document["catalogues"][0]
    answer = {"question": "top", **heading(document), "by": by, "unit": lead["unit"], "evidence": lead["evidence"]}
    if by == "uses":
        unknown = lead["figures"]["uses"].get("unknown")
        return {**answer, "models": lead["top"][:ROWS], **({"unknown": unknown} if unknown else {})}
    moved = _moves(desk, watched, _period(document))
    if isinstance(moved, Unknown):
        return {**answer, "models": [], "unknown": moved.reason}
    falling = by == "fall"
    chosen = sorted((m for m in moved if (m["change"] < 0) == falling), key=lambda m: -abs(m["change"]))
    return {**answer, "models": [{"rank": n, **m} for n, m in enumerate(chosen[:ROWS], 1)]}


def idle(desk: Desk, network: str | None, days: int = 7, day: date | None = None) -> Document:
    """Listed models with no use seen for so many days, the longest idle first; those never seen in use after them."""
    watched = desk.network(network)
    document = desk.document(watched.network, "day", day)
    asked = date.fromisoformat(document["day"])
    book = ledger.book(desk.store, watched.first, Period(asked, asked))
    answer = {"question": "idle", **heading(document), "days": days, "unit": watched.first.unit}
    watched_days = (asked - book.watched_since).days if book.watched_since else 0
    if isinstance(book.listed, Unknown):
        return {**answer, "unknown": book.listed.reason, "models": []}
    if watched_days < days:
        return {**answer, "unknown": f"watched for {watched_days} of {days} days", "models": []}
    edge = asked - timedelta(days=days - 1)
    quiet = [m for m in book.listed if m.last_used is None or m.last_used < edge]
    ordered = sorted(quiet, key=lambda m: (m.last_used is None, m.last_used or date.min, m.name))
    return {
        **answer,
        "count": len(quiet),
        "never_seen": sum(1 for m in quiet if m.last_used is None),
        "listed": len(book.listed),
        "watched_since": _iso(book.watched_since),
        "models": [{"model": _public(desk, m.name), "last_used": _iso(m.last_used)} for m in ordered[:ROWS]],
    }


def compare(desk: Desk, a: str, b: str, network: str | None = None) -> Document:
    """Two networks or two models side by side; numbers of different units are never set against each other."""
    if a in desk.watched and b in desk.watched:
        sides = [_network_side(desk, desk.watched[name]) for name in (a, b)]
    else:
        sides = [_model_side(desk, name, network) for name in (a, b)]
    units = [side["unit"] for side in sides]
    return {"question": "compare", "sides": sides, "comparable": units[0] == units[1], "units": units}


def _network_side(desk: Desk, watched: Watched) -> Document:
    document = desk.document(watched.network)
    lead = document["catalogues"][0]
    keys = ("models_listed", "models_used", "share_used", "uses", "models_for_half", "top_1_share", "gini_listed")
    figures = {key: lead["figures"][key] for key in keys}
    return {"name": watched.title, **heading(document), "unit": lead["unit"], "figures": figures}


def _model_side(desk: Desk, name: str, network: str | None) -> Document:
    asked = [desk.network(network)] if network else list(desk.watched.values())
    for place, watched in enumerate(asked):
        try:
            found = model(desk, name, watched.network)
        except AnswerError:
            if place == len(asked) - 1:
                raise
            continue
        share = found["share"]
        unknown = {} if share is not None else {"unknown": found["uses"].get("unknown", "not defined: no use")}
        figures = {
            "uses": {"label": "uses", **found["uses"]},
            "share": {"label": "share of all use", "unit": "share", "value": share, **unknown},
        }
        return {"name": found["model"], **heading(found), "unit": found["unit"], "figures": figures}
    raise AnswerError(f"{name}: no network is configured")


def why(desk: Desk, network: str | None, day: date | None = None) -> Document:
    """What moved usage against the day before: an exact sum over models, with and without the largest mover."""
    watched = desk.network(network)
    document = desk.document(watched.network, "day", day)
    period = _period(document)
    answer = {"question": "why", **heading(document), "unit": watched.first.unit, "evidence": watched.first.evidence}
    moved = _moves(desk, watched, period)
    if isinstance(moved, Unknown):
        return {**answer, "unknown": moved.reason}
    now = document["catalogues"][0]["figures"]["uses"]["value"]
    before = now - sum(m["change"] for m in moved)
    largest = sorted(moved, key=lambda m: -abs(m["change"]))
    shown, rest = largest[:MOVERS], largest[MOVERS:]
    without = now - before - (largest[0]["change"] if largest else 0)
    return {
        **answer,
        "uses": now,
        "before": before,
        "change": now - before,
        "movers": shown,
        "rest": {"models": len(rest), "change": sum(m["change"] for m in rest)},
        "without_largest": without,
    }


def _moves(desk: Desk, watched: Watched, period: Period) -> list[dict[str, Any]] | Unknown:
    """How much each model's use differs from the period before; the differences add up to the whole change."""
    book: Book = ledger.book(desk.store, watched.first, period)
    if not isinstance(book.flow, Flow):
        return book.flow
    if not isinstance(book.flow_before, Flow):
        return book.flow_before
    now, before = book.flow.by_model, book.flow_before.by_model
    names = _names(desk, book, period)
    return [
        {
            "model": names.get(key, "a model no longer listed"),
            "uses": now.get(key, 0),
            "before": before.get(key, 0),
            "change": now.get(key, 0) - before.get(key, 0),
        }
        for key in now.keys() | before.keys()
        if now.get(key, 0) != before.get(key, 0)
    ]


def _names(desk: Desk, book: Book, period: Period) -> dict[int, str]:
    listed = () if isinstance(book.listed, Unknown) else book.listed
    known = {**book.names, **{m.id: m.name for m in listed}}
    return {key: _public(desk, name) for key, name in known.items()}


def _public(desk: Desk, name: Name) -> str:
    hidden: Sequence[str] = desk.hidden
    return HIDDEN if name in hidden or name.partition("/")[0] in hidden else name


def _period(document: Document) -> Period:
    return Period.holding(date.fromisoformat(document["day"]), document["period"])


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
