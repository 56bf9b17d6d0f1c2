"""Queries about a network: its use, its inventory, its digests, and the state of its data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from bot import ledger, schedule_times
from bot.findings import figure_changes
from bot.metrics import METRICS
from bot.queries.context import NotFoundError, QueryContext
from bot.records import COMPARISON, Catalogue, Document, Period, PeriodName, message
from bot.store import Store

USAGE = (
    "uses",
    "uses_7d",
    "uses_30d",
    "uses_change_7d",
    "uses_change",
    "models_used",
    "share_used",
    "models_used_7d",
    "models_used_30d",
    "models_for_half",
    "models_for_90",
    "top_1_share",
    "models_outweighed",
)
INVENTORY = (
    "models_listed",
    "models_added",
    "models_removed",
    "authors_listed",
    "inventory_change_7d",
    "inventory_change",
    "demand_gap_7d",
    "demand_gap",
    "models_never_used",
    "activation_30d",
)


def usage(desk: QueryContext, network: str | None, period: PeriodName = "day", day: date | None = None) -> Document:
    """How much a network was used, by how many of its models."""
    return _figures_answer(desk, "usage", USAGE, network, period, day)


def inventory(desk: QueryContext, network: str | None, day: date | None = None) -> Document:
    """How many models are on offer, and how that changed; also by category and author."""
    return _figures_answer(desk, "inventory", INVENTORY, network, "day", day, also=("groups",))


MOST_EDITIONS = 1000


def digest(
    desk: QueryContext,
    network: str | None,
    period: PeriodName = "day",
    day: date | None = None,
    edition: int | None = None,
) -> Document:
    """A digest: every figure of one network and period, with gaps and findings."""
    name = desk.find_network(network).network
    newest = desk.find_digest(name, period, day)
    if edition is None or edition == newest["edition"]:
        return newest
    document = desk.archive.find_digest(name, period, date.fromisoformat(newest["day"]), edition)
    if document is None:
        raise NotFoundError(message("no_edition", name=name, date=newest["day"], n=edition, m=newest["edition"]))
    return desk.mask_hidden(document)


def _figures_answer(
    desk: QueryContext,
    question: str,
    keys: Iterable[str],
    network: str | None,
    period: PeriodName,
    day: date | None,
    also: tuple[str, ...] = (),
) -> Document:
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network, period, day)
    catalogues = [
        {**block, "figures": {key: block["figures"][key] for key in keys if key in block["figures"]}}
        for block in document["catalogues"]
    ]
    return {
        "question": question,
        **digest_heading(document),
        "catalogues": [
            {**_catalogue_answer(block, also), "changes": shown_changes(document, block)} for block in catalogues
        ],
    }


def digest_heading(document: Document) -> Document:
    """The heading of every answer from a digest."""
    kept = ("network", "title", "period", "day", "last_day", "edition", "status", "composed_at")
    return {key: document[key] for key in kept}


def shown_changes(document: Document, block: Document) -> Document:
    """The changes of the shown figures against the period before, by key."""
    changes = figure_changes(document, block)
    return {key: changes[key] for key in block["figures"] if key in changes}


def _catalogue_answer(block: dict[str, Any], also: tuple[str, ...]) -> dict[str, Any]:
    kept = ("catalogue", "title", "unit", "evidence", "figures", *also, "gaps")
    # Digests composed before there were groups have none.
    return {key: block.get(key, []) for key in kept}


def networks(desk: QueryContext, day: date | None = None) -> Document:
    """All networks side by side for one week: how much of each list was used, and what grew."""
    if day is None:
        document = desk.archive.newest_digest(COMPARISON, "week")
    else:
        desk.refuse_future(day)
        document = desk.archive.find_digest(COMPARISON, "week", Period.for_day(day, "week").first)
    blocks = document["catalogues"] if document else []
    titles = {block["catalogue"]: block["title"] for block in blocks}
    return {
        "question": "networks",
        **(digest_heading(document) if document else {"day": None}),
        "comparable": len({block["unit"] for block in blocks}) < 2,
        "catalogues": [_catalogue_answer(block, ()) for block in blocks],
        "compared": {
            key: [titles[name] for name in names] for key, names in (document["compared"] if document else {}).items()
        },
        "networks": [
            {
                "network": watched.network,
                "title": watched.title,
                "headline": dict(watched.headline),
                "catalogues": [
                    {"catalogue": c.key, "title": c.title, "unit": c.unit, "evidence": c.evidence}
                    for c in watched.catalogues
                ],
            }
            for watched in desk.watched.values()
        ],
    }


def kept_digests(desk: QueryContext, network: str | None, period: PeriodName = "day") -> Document:
    """Every digest of a network that the archive keeps, oldest first."""
    watched = desk.find_network(network)
    kept = desk.archive.list_digests(watched.network, period)
    return {
        "question": "digests",
        "network": watched.network,
        "title": watched.title,
        "period": period,
        "digests": [{"day": e.day.isoformat(), "edition": e.edition, "status": e.status} for e in kept],
    }


def status(desk: QueryContext) -> Document:
    """How fresh what we have of each network is, and what is posted next."""
    now = desk.clock()
    rows = []
    for watched in desk.watched.values():
        newest = desk.archive.newest_digest(watched.network)
        for catalogue in watched.catalogues:
            span = ledger.read_span(desk.store, catalogue)
            rows.append(
                {
                    "network": watched.network,
                    "title": watched.title,
                    "catalogue": catalogue.key,
                    "lists": catalogue.title,
                    "first_day": span.first.isoformat() if span else None,
                    "last_day": span.last.isoformat() if span else None,
                    "days_behind": (now.date() - span.last).days - 1 if span else None,
                    "models": span.models if span else None,
                    "newest_digest": newest["day"] if newest else None,
                    "edition": newest["edition"] if newest else None,
                    "digest_status": newest["status"] if newest else None,
                    "held": held_documents(desk.store, catalogue),
                }
            )
    return {
        "question": "status",
        "as_of": now.isoformat(timespec="seconds"),
        "catalogues": rows,
        "next": _next_runs(desk),
    }


def held_documents(store: Store, catalogue: Catalogue) -> list[Document]:
    """The days whose list is held as implausible, and why."""
    return [{"day": held.day.isoformat(), "unknown": held.reason} for held in ledger.held_days(store, catalogue)]


def _next_runs(desk: QueryContext) -> list[Document]:
    """The next run of each scheduled post, the soonest first."""
    runs = sorted((schedule_times.next_runs(entry, desk.clock(), 1)[0], entry.name, entry) for entry in desk.entries)
    return [
        {"name": name, "period": entry.period, "at": at.isoformat(), "seconds": int(at.timestamp())}
        for at, name, entry in runs
    ]


def about(desk: QueryContext) -> Document:
    """What Footfall is and which networks it watches."""
    networks = [
        {"network": w.network, "title": w.title, "about": w.about, "opening": opening_paragraph(w.about)}
        for w in desk.watched.values()
    ]
    return {"question": "about", "networks": networks, "metrics": len(METRICS)}


def opening_paragraph(text: str) -> str:
    """The first paragraph of a methodology page as plain text, because not every interface renders Markdown."""
    return re.sub(r"[*`]", "", " ".join(text.strip().partition("\n\n")[0].split()))
