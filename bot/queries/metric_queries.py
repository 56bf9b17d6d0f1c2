"""Queries about a figure: its values over time and what it counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from bot.archive import PublishedFigure
from bot.metrics import METRICS, Metric
from bot.queries.context import NotFoundError, QueryContext, QueryError, WatchedNetwork
from bot.queries.near_names import did_you_mean
from bot.records import Document, SafeName, join_messages, message

MOST_DAYS = 3650


def trend(desk: QueryContext, metric: str, network: str | None, days: int = 30) -> Document:
    """One metric, day by day."""
    return trend_between(desk, metric, network, days)


def trend_between(
    desk: QueryContext,
    metric: str,
    network: str | None,
    days: int = 30,
    since: date | None = None,
    until: date | None = None,
) -> Document:
    """One metric, day by day: the newest days, those up to a day, or those from a day on."""
    known_metric = _find_day_metric(metric)
    _require_days(days, since, until)
    watched = desk.find_network(network)
    document = desk.find_digest(watched.network)
    catalogue = watched.lead_catalogue_of(document)
    figure_trend = desk.archive.figure_trend(
        watched.network, catalogue.key, metric, last=MOST_DAYS if since else days, since=since, until=until
    )
    if not (figure_trend or since or until):
        raise NotFoundError(
            message("no_digest_holds", name=watched.network, rest=metric),
            "run: python -m bot compose",
        )
    return _trend_document(watched, document, known_metric, figure_trend)


def _trend_document(
    watched: WatchedNetwork, document: Document, known_metric: Metric, figure_trend: Sequence[PublishedFigure]
) -> Document:
    """A figure of some days, with the label that the digest `document` has for it."""
    catalogue, metric = watched.lead_catalogue_of(document), known_metric.key
    unit = catalogue.unit if known_metric.unit == "uses" else known_metric.unit
    figure = document["catalogues"][0]["figures"].get(metric, {})
    label = figure.get("label", known_metric.label.replace("{unit}", catalogue.unit))
    return {
        "question": "trend",
        "network": watched.network,
        "title": watched.title,
        "catalogue": catalogue.key,
        "metric": metric,
        "label": label,
        "unit": unit,
        "evidence": known_metric.evidence or catalogue.evidence,
        "definition": known_metric.definition,
        "days": [
            {"day": t.day.isoformat(), "figure": {**_published_value(t), "unit": unit, "label": label}}
            for t in figure_trend
        ],
    }


def _find_day_metric(metric: str) -> Metric:
    known_metric = _find_metric(metric)
    if "day" not in known_metric.periods:
        raise QueryError(message("no_day_figure", name=metric))
    return known_metric


def _require_days(days: int, since: date | None, until: date | None) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise QueryError(message("bad_days_range", name=f"{days:,}", n=1, m=MOST_DAYS))
    if since and until and since > until:
        raise QueryError(f"since: found {since}, wanted a day no later than until, {until}")


def _published_value(figure: PublishedFigure) -> dict[str, Any]:
    return {"value": figure.value, "unknown": figure.unknown, **({"at_least": True} if figure.at_least else {})}


def method(desk: QueryContext, metric: str) -> Document:
    """What a metric counts, in words."""
    known_metric = _find_metric(metric)
    return {
        "question": "method",
        "metric": metric,
        "label": known_metric.label.format(unit="uses"),
        "unit": known_metric.unit,
        "definition": known_metric.definition,
        "periods": _metric_periods(known_metric),
    }


def metrics(_desk: QueryContext) -> Document:
    """Every metric there is, with its definition."""
    return {"question": "metrics", "metrics": metric_definitions()}


def metric_definitions() -> list[Document]:
    """Every metric there is, with its definition, as a list."""
    return [
        {"metric": m.key, "unit": m.unit, "label": m.label.format(unit="uses"), "definition": m.definition}
        for m in METRICS.values()
    ]


def _find_metric(key: str) -> Metric:
    if key not in METRICS:
        missing = message("{name}: no such metric", name=SafeName(key))
        raise NotFoundError(join_messages([missing, did_you_mean(key, METRICS)]), "all: python -m bot metrics")
    return METRICS[key]


def _metric_periods(metric: Metric) -> list[str]:
    return [name for name in ("day", "week", "month") if name in metric.periods]
