"""Questions about a whole network: its use, its inventory, a figure over time, and what we know of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from bot import ledger
from bot.answers.desk import AnswerError, Desk, meant
from bot.metrics import METRICS
from bot.records import Document, PeriodName

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


def usage(desk: Desk, network: str | None, period: PeriodName = "day", day: date | None = None) -> Document:
    """How much a network's models were used, by how many of them."""
    return _figures(desk, "usage", USAGE, network, period, day)


def inventory(desk: Desk, network: str | None, day: date | None = None) -> Document:
    """How many models a network has on offer, and how that changed."""
    return _figures(desk, "inventory", INVENTORY, network, "day", day)


def digest(desk: Desk, network: str | None, period: PeriodName = "day", day: date | None = None) -> Document:
    """One digest as published, or the newest."""
    return desk.document(desk.network(network).network, period, day)


def _figures(
    desk: Desk, question: str, keys: Iterable[str], network: str | None, period: PeriodName, day: date | None
) -> Document:
    watched = desk.network(network)
    document = desk.document(watched.network, period, day)
    catalogues = [
        {**block, "figures": {key: block["figures"][key] for key in keys if key in block["figures"]}}
        for block in document["catalogues"]
    ]
    return {"question": question, **heading(document), "catalogues": [_told(block) for block in catalogues]}


def heading(document: Document) -> Document:
    """What every answer taken from a digest says of it."""
    kept = ("network", "title", "period", "day", "last_day", "edition", "status", "composed_at")
    return {key: document[key] for key in kept}


def _told(block: dict[str, Any]) -> dict[str, Any]:
    return {key: block[key] for key in ("catalogue", "title", "unit", "evidence", "figures", "gaps")}


def trend(desk: Desk, metric: str, network: str | None, days: int = 30) -> Document:
    """One figure day by day."""
    if metric not in METRICS:
        raise AnswerError(f"{metric}: no such metric{meant(metric, METRICS)}; all: python -m bot metrics")
    watched = desk.network(network)
    told = desk.archive.trend(watched.network, watched.first.key, metric, last=days)
    if not told:
        raise AnswerError(f"{watched.network}: no day digest holds {metric}; run: python -m bot compose")
    figure = desk.document(watched.network)["catalogues"][0]["figures"].get(metric, {})
    return {
        "question": "trend",
        "network": watched.network,
        "title": watched.title,
        "catalogue": watched.first.key,
        "metric": metric,
        "label": figure.get("label", METRICS[metric].label),
        "unit": figure.get("unit", METRICS[metric].unit),
        "definition": METRICS[metric].definition,
        "days": [
            {"day": t.day.isoformat(), "figure": {"value": t.value, "unknown": t.unknown, "unit": figure.get("unit")}}
            for t in told
        ],
    }


def method(desk: Desk, metric: str) -> Document:
    """What a metric counts, in words."""
    if metric not in METRICS:
        raise AnswerError(f"{metric}: no such metric{meant(metric, METRICS)}; all: python -m bot metrics")
    found = METRICS[metric]
    periods = [name for name in ("day", "week", "month") if name in found.periods]
    return {
        "question": "method",
        "metric": metric,
        "label": found.label.format(unit="uses"),
        "unit": found.unit.format(unit="uses"),
        "definition": found.definition,
        "periods": periods,
    }


def status(desk: Desk) -> Document:
    """How fresh what we have of each network is."""
    now = desk.clock()
    rows = []
    for watched in desk.watched.values():
        newest = desk.archive.newest(watched.network)
        for catalogue in watched.catalogues:
            span = ledger.span(desk.store, catalogue)
            rows.append(
                {
                    "network": watched.network,
                    "catalogue": catalogue.key,
                    "first_day": span.first.isoformat() if span else None,
                    "last_day": span.last.isoformat() if span else None,
                    "days_behind": (now.date() - span.last).days - 1 if span else None,
                    "models": span.models if span else None,
                    "newest_digest": newest["day"] if newest else None,
                    "edition": newest["edition"] if newest else None,
                    "digest_status": newest["status"] if newest else None,
                }
            )
    return {"question": "status", "as_of": now.isoformat(timespec="seconds"), "catalogues": rows}


def about(desk: Desk) -> Document:
    """What Footfall is, and which networks it watches."""
    networks = [{"network": w.network, "title": w.title, "about": w.about} for w in desk.watched.values()]
    return {"question": "about", "networks": networks, "metrics": len(METRICS)}
