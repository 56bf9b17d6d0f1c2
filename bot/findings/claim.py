"""Claims: findings without their words, which can be checked again, and their score.

A claim's fields are the values that its text may use. It is made from the period data of one period, and can be checked
against any data of the same period, also with a longer history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import ClassVar, Literal, Protocol

from bot.metrics import FigureDocument
from bot.metrics.ranking import SameData
from bot.records import AtLeast, HistoryPoint, Model, PeriodData, PeriodName, Unknown, Usage
from bot.records.names import HIDDEN

ONE = timedelta(days=1)
LEAST_USES = 1000
"""On a day with less use, changes are no findings: they would be large by chance."""

WEIGHT: Mapping[str, float] = {"uses": 1.0, "models_used": 0.9, "models_added": 0.7, "models_listed": 0.35}
"""How newsworthy a series is. A list that grows every day sets a record every day."""


class FindingClaim(Protocol):
    """A sentence about one catalogue and period, without its words."""

    key: ClassVar[str]
    """Name of the template that words it."""

    def holds(self, book: PeriodData) -> bool:
        """Whether the claim holds in the period data, by counting again."""
        ...


@dataclass(frozen=True, slots=True)
class ScoredClaim:
    """A claim with its score, 0 to 1."""

    score: float
    claim: FindingClaim


@dataclass(frozen=True, slots=True)
class FindingInput:
    """What claims are made from: period data and the figures of its digest."""

    book: PeriodData
    figures: Mapping[str, FigureDocument]

    def figure_value(self, key: str) -> int | float | None:
        """A figure's value; `None` if it is unknown, a lower bound, or not a figure of this period."""
        figure = self.figures.get(key)
        value = figure["value"] if figure and not figure.get("at_least") else None
        return None if isinstance(value, str) else value

    def figure_count(self, key: str) -> int | None:
        """A counted figure's value."""
        value = self.figure_value(key)
        return value if isinstance(value, int) else None


Candidates = Callable[[FindingInput], Iterator[ScoredClaim]]

CANDIDATES: list[tuple[frozenset[PeriodName], Candidates]] = []
"""Every function that looks for findings, with its periods."""


def looks_at(periods: frozenset[PeriodName]) -> Callable[[Candidates], Candidates]:
    """Register a function that looks for findings."""

    def register(candidates: Candidates) -> Candidates:
        CANDIDATES.append((periods, candidates))
        return candidates

    return register


def exact_part(book: PeriodData) -> PeriodData:
    """The period data for claims: every lower bound becomes unknown, because it is no record, rank or change."""
    flow, before, week_before = (
        Unknown(flow.incomplete) if isinstance(flow, Usage) and flow.incomplete else flow
        for flow in (book.flow, book.flow_before, book.flow_week_before)
    )
    totals = (book.total_7d, book.total_30d, book.total_prior_7d)
    week, month, prior = (Unknown(total.reason) if isinstance(total, AtLeast) else total for total in totals)
    return replace(
        book,
        flow=flow,
        flow_before=before,
        flow_week_before=week_before,
        total_7d=week,
        total_30d=month,
        total_prior_7d=prior,
        history=tuple(map(_exact_point, book.history)),
        quiet=() if isinstance(flow, Unknown) else book.quiet,
        woken=() if isinstance(flow, Unknown) else book.woken,
    )


def _exact_point(point: HistoryPoint) -> HistoryPoint:
    if not point.at_least:
        return point
    return HistoryPoint(point.day, models_listed=point.models_listed, models_added=point.models_added)


def unit_of(book: PeriodData, metric: str) -> str:
    """The unit of a counted series."""
    if metric != "uses":
        return "models"
    return "proven answers" if book.catalogue.evidence == "verified" else book.catalogue.unit


def known_values(book: PeriodData, metric: str) -> dict[date, int]:
    """The known days of the history; `metric` is a field of `records.HistoryPoint`."""
    return {point.day: value for point in book.history if (value := getattr(point, metric)) is not None}


def series_start(book: PeriodData, metric: str) -> date | None:
    """The first day on which a series could be known; usage needs a reading at both ends of the day."""
    if book.watched_since is None:
        return None
    return book.watched_since if metric == "models_listed" else book.watched_since + ONE


def use_by_name(book: PeriodData) -> Mapping[str, int]:
    """Uses of the period by model name, only models listed at its end; empty if unknown."""
    return _use_by_name(SameData(book))


@lru_cache(maxsize=4)
def _use_by_name(same: SameData) -> Mapping[str, int]:
    book = same.book
    if isinstance(book.flow, Unknown) or isinstance(book.listed, Unknown):
        return {}
    used = book.flow.by_model
    return {str(model.name): used[model.id] for model in book.listed if model.id in used}


def listed_models(book: PeriodData) -> tuple[Model, ...]:
    """The models listed at the end of the period; none if unknown."""
    return () if isinstance(book.listed, Unknown) else book.listed


def is_still_listed(book: PeriodData, model: int) -> bool:
    """Whether a model is on the list at the end of the period."""
    return any(listed.id == model for listed in listed_models(book))


def model_name(book: PeriodData, model: int) -> str:
    """A model's name; empty if the period data lacks it."""
    return str(next((here.name for here in listed_models(book) if here.id == model), book.names.get(model, "")))


def author_of(book: PeriodData, model: int) -> str:
    """A model's author; empty if the period data lacks it."""
    return str(next((here.author for here in listed_models(book) if here.id == model), book.authors.get(model, "")))


def uses_on(book: PeriodData, model: int, day: date) -> int | None:
    """A model's use on the day or the day before; `None` if it is unknown, which is not the same as no use."""
    flow = book.flow if day == book.period.last else book.flow_before
    if isinstance(flow, Usage) and model in flow.by_model:
        return flow.by_model[model]
    if isinstance(flow, Usage) and book.catalogue.evidences and not flow.unattributed:
        return 0
    return book.daily_uses.get(model, {}).get(day)


def usage_rank(flow: Usage, uses: int) -> int:
    """The rank that this many uses have, or would have, in a usage; 1 is the most used."""
    return 1 + sum(count > uses for count in flow.by_model.values())


def is_named(claimed_name: str, possible: Iterable[str]) -> bool:
    """Whether a claim names one of these models; a hidden model is never named."""
    return claimed_name == HIDDEN or claimed_name in set(possible)


def changes_by_model(flows: tuple[Usage, Usage]) -> dict[int, int]:
    """By how much the use of each model changed from the second usage to the first."""
    now, before = (flow.by_model for flow in flows)
    return {model: now.get(model, 0) - before.get(model, 0) for model in now.keys() | before.keys()}


def step_between(used: int, before: int) -> tuple[Literal["more", "fewer", "same"], int]:
    """The direction of a change and its size without a sign."""
    return ("more" if used > before else "fewer" if used < before else "same"), abs(used - before)


def named_flows(book: PeriodData) -> tuple[Usage, Usage] | None:
    """The usage of the day and of the day before, if both are known and all use names its model."""
    now, then = book.flow, book.flow_before
    if not isinstance(now, Usage) or not isinstance(then, Usage) or now.unattributed or then.unattributed:
        return None
    return (now, then) if now.uses >= LEAST_USES and then.uses >= LEAST_USES else None
