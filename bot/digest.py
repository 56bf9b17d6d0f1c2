"""One network's figures, gaps and refs for one period, as the JSON document from which everything published is made.

Pure: period data in, a document out; `docs/digest.md` is its shape. `findings` adds the findings, the archive editions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Any, cast

from bot import document_rules, metrics
from bot.metrics import METRICS, FigureDocument, compute_figures
from bot.metrics.ranking import usage_ranking
from bot.records import (
    Document,
    Period,
    PeriodData,
    SourceRef,
    Unknown,
    catalogues_and_panels,
    collect_messages,
)
from bot.records.names import NameMask

SCHEMA = 2
"""The version of a document's shape. Documents without a number are of the first, which had no `reasons`."""
TOP = 25
"""Models in a document's table of the most used."""
HISTORY_DAYS = 30
"""Days in a document's history."""
AGREES = 3
"""Most standard errors between an estimate and an exact count that agree."""
SHARE = "top_caller_share"
CURVE_STEP = 1.25
"""Each point of the curve has about this many times the models of the one before: a few dozen points for any list."""


class DigestError(ValueError):
    """A digest that cannot be composed. One line."""


def compose_document(
    network: str,
    title: str,
    books: Sequence[PeriodData],
    headline: Mapping[str, str],
    hidden: Iterable[str],
    composed_at: datetime,
    panels: Sequence[PeriodData] = (),
) -> Document:
    """The digest of one network and period, a draft of edition 1. `books` are its catalogues, of the same period, and
    `panels` have neither models nor use; `headline` names the `catalogue` and `figure` of the headline.

    Raises `DigestError` if there is no book, if periods differ, or if the headline names none of their figures.
    """
    periods = {book.period for book in (*books, *panels)}
    if len(periods) != 1:
        raise DigestError(f"{network}: found books of {len(periods)} periods, wanted one period and at least one book")
    period = periods.pop()
    _check_headline(network, headline, books)
    refs = dict.fromkeys(ref for book in (*books, *panels) for ref in book.refs)
    places = {ref: place for place, ref in enumerate(refs)}
    ordered = sorted(books, key=lambda book: book.catalogue.key != headline["catalogue"])
    shown = NameMask.from_names(hidden)
    return draft_document(
        {"network": network, "title": title, "headline": dict(headline)},
        period,
        composed_at,
        [_catalogue_document(book, places, shown) for book in ordered],
        refs,
        panels=[_catalogue_document(book, places, shown) for book in panels],
    )


def draft_document(
    heading: Mapping[str, object],
    period: Period,
    composed_at: datetime,
    catalogues: list[dict[str, Any]],
    refs: Iterable[SourceRef],
    **more: object,
) -> Document:
    """The draft of edition 1 of a document. `heading` has its network, title and headline."""
    document: Document = {
        "schema": SCHEMA,
        **heading,
        "period": period.name,
        "day": period.first.isoformat(),
        "last_day": period.last.isoformat(),
        "edition": 1,
        "status": "draft",
        "rules": document_rules.RULES,
        "composed_at": composed_at.astimezone(UTC).isoformat(),
        "catalogues": catalogues,
        "panels": [],
        **more,
        "changes": [],
        "refs": [{"url": ref.url, "at": ref.at.astimezone(UTC).isoformat(), "sha256": ref.sha256} for ref in refs],
    }
    return {**document, "reasons": collect_messages(document)}


def headline_figure(document: Document) -> Mapping[str, Any] | None:
    """The headline of a digest; `None` if it has none."""
    headline = document["headline"]
    for block in document["catalogues"]:
        if block["catalogue"] == headline["catalogue"]:
            figure: Mapping[str, Any] | None = block["figures"].get(headline["figure"])
            return figure
    return None


def figure_differences(old: Document, new: Document) -> list[dict[str, Any]]:
    """The figures that both have in the same meaning and whose value, exact or a lower bound, differs: `{"catalogue",
    "figure", "published": <figure>, "now": <figure>}` in the order of the new digest. A figure that one lacks is left
    out, and unknown figures are equal whatever their reasons."""
    published, now = _figures_of(old), _figures_of(document_rules.restate_document(new, old))
    return [
        {"catalogue": place[0], "figure": place[1], "published": published[place], "now": figure}
        for place, figure in now.items()
        if place in published
        and _same_version(published[place], figure)
        # A number is the same whether JSON wrote 1 or 1.0, and differs from a lower bound.
        and (published[place]["value"], published[place].get("at_least", False))
        != (figure["value"], figure.get("at_least", False))
    ]


def incomparable_figures(old: Document, new: Document) -> list[str]:
    """The figures of the old digest that the new one lacks or defines differently: `catalogue.figure`."""
    now = _figures_of(new)
    return [
        f"{catalogue}.{key}"
        for (catalogue, key), figure in _figures_of(old).items()
        if (catalogue, key) not in now or not _same_version(figure, now[catalogue, key])
    ]


def redefined_figures(old: Document, new: Document) -> frozenset[str]:
    """The figures of a catalogue that two digests define differently, by key."""
    figures, now = old.get("figures", {}), new["figures"]
    return frozenset(key for key in figures.keys() & now.keys() if not _same_version(figures[key], now[key]))


def keep_exact_counts(old: Document, new: Document) -> Document:
    """A digest with the exact counts of an earlier one in place of estimates that agree with them: events are pruned in
    time, but their exact counts stay."""
    exact = _figures_of(old)
    parts = ("catalogues", "panels")
    return {**new, **{name: [_keep_exact_part(exact, part) for part in new[name]] for name in parts if name in new}}


def _keep_exact_part(exact: Mapping[tuple[str, str], FigureDocument], part: Document) -> Document:
    figures = dict(part["figures"])
    for key, figure in part["figures"].items():
        known = exact.get((part["catalogue"], key))
        if "error" not in figure or not known or known["value"] is None or "error" in known or known.get("at_least"):
            continue
        if abs(float(known["value"]) - figure["value"]) > AGREES * figure["error"] * figure["value"]:
            continue
        figures[key] = {**{name: kept for name, kept in figure.items() if name != "error"}, "value": known["value"]}
        share = exact.get((part["catalogue"], SHARE))
        if key == "callers" and share is not None and SHARE in figures and figures[SHARE]["value"] is None:
            figures[SHARE] = {**share, "refs": figures[SHARE]["refs"]}  # An estimate cannot give it.
    return {**part, "figures": figures}


def _catalogue_document(book: PeriodData, places: Mapping[SourceRef, int], hidden: NameMask) -> dict[str, Any]:
    refs = sorted({places[ref] for ref in book.refs})
    names = names_of(book)
    return {
        "catalogue": book.catalogue.key,
        "title": book.catalogue.title,
        "unit": book.catalogue.unit,
        "evidence": book.catalogue.evidence,
        "figures": {key: figure_document(figure, refs) for key, figure in compute_figures(book).items()},
        "top": _top_models(book, names, hidden),
        "curve": _usage_curve(book),
        "groups": [_group_table(book, table, hidden) for table in metrics.group_tables(book)],
        "history": [
            {
                "day": point.day.isoformat(),
                "uses": point.uses,
                "models_used": point.models_used,
                "models_listed": point.models_listed,
                "models_added": point.models_added,
                **({"at_least": True} if point.at_least else {}),
            }
            for point in book.history[-HISTORY_DAYS:]
        ],
        "gaps": [hidden.mask_text(gap, names.values()) for gap in book.gaps],
        "findings": [],
    }


def _top_models(book: PeriodData, names: Mapping[int, tuple[str, str]], hidden: NameMask) -> list[dict[str, object]]:
    """The most used models of the period, equally used ones by name. If part of the use is unknown, they are those
    whose use is known, without a share; if any model may have had it, each count is a lower bound."""
    flow = book.flow
    if isinstance(flow, Unknown):
        return []
    known = {model: uses for model, uses in flow.by_model.items() if model not in (flow.unknown_models or ())}
    bound = {"at_least": True} if flow.unknown_models is None else {}
    leaders = nsmallest(TOP, known.items(), key=lambda use: (-use[1], names[use[0]]))
    return [
        {
            "rank": rank,
            "model": hidden.masked_model(*names[model]),
            "author": hidden.masked_author(*names[model]),
            "uses": uses,
            "share": None if flow.incomplete else uses / flow.uses,
            **bound,
        }
        for rank, (model, uses) in enumerate(leaders, 1)
    ]


def _group_table(book: PeriodData, table: metrics.GroupTable, hidden: NameMask) -> dict[str, object]:
    """A catalogue by category or by author, one row a group."""

    def cells(amounts: Mapping[str, metrics.Amount]) -> dict[str, object]:
        """Figures of a row: the column has the label, the catalogue has evidence and refs."""
        units = {key: metrics.metric_unit(METRICS[key], book.catalogue) for key in amounts}
        return {key: metrics.value_document(value, {"unit": units[key]}) for key, value in amounts.items()}

    return {
        "by": table.by,
        "named": table.named,
        "columns": [
            {"figure": metric.key, "label": metrics.metric_label(metric, book.catalogue)} for metric in table.columns
        ],
        "rows": [
            {"name": hidden.masked_group(table.by, group.name) or None, "figures": cells(group.figures)}
            for group in table.groups
        ],
        "rest": table.rest
        and {
            "groups": table.named - sum(bool(group.name) for group in table.groups),
            "figures": cells(table.rest.figures),
        },
        "outside": metrics.value_document(table.outside, {"unit": book.catalogue.unit}),
    }


def _usage_curve(book: PeriodData) -> list[list[int | float]]:
    ranked = usage_ranking(book)
    if isinstance(ranked, Unknown) or not ranked.counts:
        return []
    return [[models, ranked.running[models - 1] / ranked.uses] for models in _curve_steps(len(ranked.counts))]


def _curve_steps(models: int) -> list[int]:
    """1, 2, 3, ... in growing steps, up to the number of models."""
    steps, step = [1], 1
    while step < models:
        step = min(models, max(step + 1, round(step * CURVE_STEP)))
        steps.append(step)
    return steps


def names_of(book: PeriodData) -> dict[int, tuple[str, str]]:
    """Name and author of every model of a book, listed or not; empty if the book does not name it."""
    used = () if isinstance(book.flow, Unknown) else book.flow.by_model
    names: dict[int, tuple[str, str]] = dict.fromkeys(used, ("", ""))
    names |= {model: (name, book.authors.get(model, "")) for model, name in book.names.items()}
    listed = () if isinstance(book.listed, Unknown) else book.listed
    names |= {model.id: (model.name, model.author) for model in listed}
    return names


def _check_headline(network: str, headline: Mapping[str, str], books: Sequence[PeriodData]) -> None:
    known = [book.catalogue.key for book in books]
    where = f"networks.{network}.headline"
    if headline["catalogue"] not in known:
        wanted = ", ".join(sorted(known))
        raise DigestError(f"{where}.catalogue: found {headline['catalogue']!r}, wanted one of {wanted}")
    if headline["figure"] not in METRICS:
        raise DigestError(f"{where}.figure: found {headline['figure']!r}, wanted one of {', '.join(METRICS)}")


def _figures_of(document: Document) -> dict[tuple[str, str], FigureDocument]:
    return {
        (part["catalogue"], key): cast(FigureDocument, figure)
        for part in catalogues_and_panels(document)
        for key, figure in part["figures"].items()
    }


def _same_version(old: FigureDocument, new: FigureDocument) -> bool:
    return old.get("version", 1) == new.get("version", 1)


def figure_document(figure: metrics.Figure, refs: list[int]) -> FigureDocument:
    """A figure as JSON, with the version of its meaning from the second on."""
    document, version = figure.to_document(refs), METRICS[figure.key].version
    return {**document, "version": version} if version > 1 else document
