"""Decides whether a change is worth a post: a digest to a channel with a threshold, a model to a member who watches it.
Pure. An unknown value is never a change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from bot.digest import headline_figure
from bot.records import Document, Model, PeriodData, Unknown
from bot.subscriptions.types import ModelWatch

NEWSWORTHY = 0.8
"""A finding with this score or more is posted even if the headline did not change."""


def stillness_reason(document: Document, before: Document | None, share: float) -> str:
    """Why a digest is not posted to a subscription with a threshold; empty if it is. `before` is the digest of the
    period before, as known now."""
    if any(finding["score"] >= NEWSWORTHY for block in document["catalogues"] for finding in block["findings"]):
        return ""
    figure, then = headline_figure(document), headline_figure(before) if before else None
    label = (figure or {}).get("label", "the headline")
    now, was = _exact_value(figure), _exact_value(then)
    if now is None or was is None:
        when = "now" if now is None else "of the period before"
        return f"nothing is known to have moved: {label} is not known exactly {when}"
    if now != was and (was == 0 or abs(now - was) / abs(was) > share):
        return ""
    return f"nothing moved by more than {share:.0%}: {label} {was:,} then, {now:,} now"


def _exact_value(figure: Mapping[str, Any] | None) -> float | None:
    value = figure["value"] if figure and not figure.get("at_least") else None
    return value if isinstance(value, int | float) else None


Kind = Literal["first", "woke", "quiet", "moved"]


@dataclass(frozen=True, slots=True)
class ModelChange:
    """What happened to a model on a day."""

    kind: Kind
    """First use, awake again, gone quiet (as in the findings), or changed."""
    uses: int
    before: int | None
    """Uses of the day before, or for a model gone quiet of the 7 days before; `None`: unknown."""
    last_used: date | None = None
    """For a model that is awake again: its last use before."""


def detect_change(
    watch: ModelWatch, book: PeriodData, uses: Mapping[str, int], before: Mapping[str, int]
) -> ModelChange | None:
    """The changes of a day that a watcher gets. `uses` and `before`: the known uses of each model by name, on the
    day and on the day before."""
    return next(_detect_changes(watch, book, uses, before), None)


def _detect_changes(
    watch: ModelWatch, book: PeriodData, known: Mapping[str, int], before: Mapping[str, int]
) -> Iterator[ModelChange]:
    model, uses, was = _listed_model(book, watch.model), known.get(watch.model), before.get(watch.model)
    if model is None or uses is None:
        return
    for woken, last in book.woken:
        if woken.id == model.id:
            yield ModelChange("woke", uses, was, last)
    first = model.first_used == model.last_used_from == book.period.last and not model.used_before_watch
    if uses and first and book.unbroken:
        yield ModelChange("first", uses, was)
    for silent, together in book.quiet:
        if silent.id == model.id:
            yield ModelChange("quiet", uses, together)
    if was is not None and uses != was and (was == 0 or abs(uses - was) / was > watch.share):
        yield ModelChange("moved", uses, was)


def _listed_model(book: PeriodData, name: str) -> Model | None:
    if isinstance(book.listed, Unknown):
        return None
    return next((model for model in book.listed if model.name == name), None)
