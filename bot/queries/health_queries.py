"""The state of the sources: how far each network was read, what is held, other counts of the same use, revisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bot import ledger
from bot.queries.context import QueryContext, WatchedNetwork
from bot.records import Catalogue, Document

OTHER_COUNTS = ("uses_claimed", "uses_backed", "uses_verified", "uses_reported")
"""Figures that count the same use by different evidence."""
MOST_REVISIONS = 50
MOST_VERDICTS = 30


def health(desk: QueryContext) -> Document:
    """The state of each source: last good reading, completeness, held days, other counts, revisions."""
    now = desk.clock()
    return {
        "question": "health",
        "as_of": now.isoformat(timespec="seconds"),
        "networks": [_network_health(desk, watched, now.date()) for watched in desk.watched.values()],
    }


def record_end(desk: QueryContext, watched: WatchedNetwork) -> date | None:
    """The last day of a network's record that has ended; `None` if new data can arrive."""
    spans = [ledger.read_span(desk.store, catalogue) for catalogue in watched.catalogues] if watched.closed else []
    return max((span.last for span in spans if span), default=None)


def _network_health(desk: QueryContext, watched: WatchedNetwork, today: date) -> Document:
    newest = desk.archive.newest_digest(watched.network)
    ended = record_end(desk, watched)
    revisions = desk.archive.revisions(watched.network, MOST_REVISIONS)
    return {
        "network": watched.network,
        "title": watched.title,
        "record_ended": ended.isoformat() if ended else None,
        "newest_digest": newest["day"] if newest else None,
        "catalogues": [_catalogue_health(desk, catalogue, newest, today) for catalogue in watched.catalogues],
        "revisions": [_revision(document) for document in revisions],
    }


def _catalogue_health(desk: QueryContext, catalogue: Catalogue, newest: Document | None, today: date) -> Document:
    state, span = ledger.reading_state(desk.store, catalogue), ledger.read_span(desk.store, catalogue)
    verdicts = ledger.held_days(desk.store, catalogue, ("held", "confirmed", "rejected"))[-MOST_VERDICTS:]
    listed = state.newest_list
    blocks = {block["catalogue"]: block for block in newest["catalogues"]} if newest else {}
    return {
        "catalogue": catalogue.key,
        "title": catalogue.title,
        "unit": catalogue.unit,
        "evidence": catalogue.evidence,
        "last_day": span.last.isoformat() if span else None,
        "days_behind": (today - span.last).days - 1 if span else None,
        "read_until": state.read_until.isoformat() if state.read_until else None,
        "list": {
            "at": listed.at.isoformat(),
            "day": listed.day.isoformat() if listed.day else None,
            "models": listed.listed,
            "complete": not listed.unplaced,
            "missing": listed.unplaced,
            "note": listed.note,
        }
        if listed
        else None,
        "verdicts": [
            {"day": each.day.isoformat(), "state": each.state, "reason": each.reason, "by_hand": each.by_hand}
            for each in reversed(verdicts)
        ],
        "counts": _other_counts(blocks.get(catalogue.key, {})),
    }


def _other_counts(block: Mapping[str, Any]) -> list[Document]:
    """The same use by different evidence, in the newest digest; none where there is only one kind."""
    figures = [figure for key, figure in block.get("figures", {}).items() if key in OTHER_COUNTS]
    return figures if len({figure["evidence"] for figure in figures}) > 1 else []


def _revision(document: Document) -> Document:
    """An edition after the first, with each changed figure as published and as known then."""
    kept = ("period", "day", "last_day", "edition", "status", "composed_at", "changes")
    return {key: document[key] for key in kept}
