"""How unevenly use is spread over models."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import ceil, exp, floor, fsum, log

from bot.metrics.ranking import UsageRanking, listed_counts, usage_ranking
from bot.metrics.registry import NO_USE, Value, metric
from bot.records import AtLeast, PeriodData, Unknown, Usage, message, unnamed_use_reason


@metric(unit="share", label="share of the most used model")
def top_1_share(book: PeriodData) -> Value:
    """Share of all use in the period that the most used model carries. Unknown where part of the use
    names no model, or a lower bound if that part belongs to models used less than each named one."""
    return _top_share(book, 1)


@metric(unit="share", label="share of the 5 most used models")
def top_5_share(book: PeriodData) -> Value:
    """Share of all use in the period that the 5 most used models carry together. Unknown where part of the use
    names no model, or a lower bound if that part belongs to models used less than each named one."""
    return _top_share(book, 5)


@metric(unit="share", label="share of the 10 most used models")
def top_10_share(book: PeriodData) -> Value:
    """Share of all use in the period that the 10 most used models carry together. Unknown where part of the use
    names no model, or a lower bound if that part belongs to models used less than each named one."""
    return _top_share(book, 10)


@metric(unit="models", label="models that carry half of all {unit}")
def models_for_half(book: PeriodData) -> Value:
    """Fewest models that together carry 50% or more of all use in the period. Unknown where less than that share of
    use names its model."""
    return _models_for(book, 50)


@metric(unit="models", label="models that carry 90% of all {unit}")
def models_for_90(book: PeriodData) -> Value:
    """Fewest models that together carry 90% or more of all use in the period. Unknown where less than that share of
    use names its model."""
    return _models_for(book, 90)


@metric(unit="models", label="least used models that the most used one outweighs")
def models_outweighed(book: PeriodData) -> Value:
    """How many of the least used listed models, taken together, were used less in the period than the single most
    used listed model. Models without use count among them. Unknown where part of the use names no model."""
    counts = listed_counts(book)
    if isinstance(counts, Unknown):
        return counts
    if lost := _unnamed_reason(book):
        return lost
    if not counts or not counts[-1]:
        return Unknown(NO_USE)
    return bisect_left(list(accumulate(counts)), counts[-1])


@metric(unit="index", label="inequality over listed models (Gini)")
def gini_listed(book: PeriodData) -> Value:
    """Gini coefficient of the uses in the period over all models listed at its end, models without use included:
    0 where all are used alike, near 1 where one has all the use. Unknown where part of the use names no model."""
    counts = listed_counts(book)
    if isinstance(counts, Unknown):
        return counts
    return _unnamed_reason(book) or _gini_coefficient(counts)


@metric(unit="index", label="inequality over used models (Gini)")
def gini_used(book: PeriodData) -> Value:
    """Gini coefficient of the uses in the period over the models used in it: 0 where all are used alike, near 1 where
    one has nearly all the use."""
    ranked = usage_ranking(book)
    return ranked if isinstance(ranked, Unknown) else _gini_coefficient(ranked.counts[::-1])


@metric(unit="index", label="concentration (Herfindahl-Hirschman)")
def hhi(book: PeriodData) -> Value:
    """Herfindahl-Hirschman index: the sum of the squared shares of the models in the use that names its model. 1 where
    one model has it all, 1/n where n models share it evenly."""
    ranked = _used_ranking(book)
    if isinstance(ranked, Unknown):
        return ranked
    return sum(count * count for count in ranked.counts) / ranked.named_uses**2


@metric(unit="models", label="effective number of models")
def effective_models(book: PeriodData) -> Value:
    """The number of equally used models that would be as diverse as this period's use: e to the power of the Shannon
    entropy of the models' shares in the use that names its model (the Hill number of order 1). Where the rest
    belongs to models used less than each named one: at least this many, with the rest as one model."""
    ranked = _used_ranking(book)
    if isinstance(ranked, Unknown):
        return ranked
    rest = ranked.uses - ranked.named_uses
    if not rest or not book.catalogue.ranked:
        return _effective_number(ranked.counts)
    low = _effective_number((*ranked.counts, rest))
    parts = -(-rest // ranked.counts[-1])
    high = _effective_number((*ranked.counts, *[rest / parts] * parts))
    return AtLeast(low, message("rest_as_models", n=floor(low), m=ceil(high)))


def _effective_number(counts: Sequence[float]) -> float:
    """The Hill number of order 1."""
    total = fsum(counts)
    return exp(-fsum(count / total * log(count / total) for count in counts))


def _used_ranking(book: PeriodData) -> UsageRanking | Unknown:
    ranked = usage_ranking(book)
    return ranked if isinstance(ranked, Unknown) or ranked.counts else Unknown(NO_USE)


def _top_share(book: PeriodData, models: int) -> Value:
    ranked = _used_ranking(book)
    if isinstance(ranked, Unknown):
        return ranked
    share = ranked.running[:models][-1] / ranked.uses
    lost = _unnamed_reason(book)
    if lost and book.catalogue.ranked and models <= len(ranked.counts):
        return AtLeast(share, lost.reason)
    return lost or share


def _unnamed_reason(book: PeriodData) -> Unknown | None:
    """Why shares of all use and counts of unused models are not known: the rest may have been any model's."""
    flow = book.flow
    return unnamed_use_reason(flow.unattributed, flow.uses) if isinstance(flow, Usage) and flow.unattributed else None


def _models_for(book: PeriodData, percent: int) -> Value:
    ranked = _used_ranking(book)
    if isinstance(ranked, Unknown):
        return ranked
    wanted = -(-ranked.uses * percent // 100)
    if ranked.named_uses < wanted:
        return Unknown(message("share_unnamed"))
    return bisect_left(ranked.running, wanted) + 1


def _gini_coefficient(ascending: tuple[int, ...]) -> Value:
    """G = 2·Σ i·x_i /(n·Σ x) − (n+1)/n over x ascending, with i from 1; whole numbers until the one division."""
    size, total = len(ascending), sum(ascending)
    if not total:
        return Unknown(NO_USE)
    weighted = sum(place * count for place, count in enumerate(ascending, 1))
    return (2 * weighted - (size + 1) * total) / (size * total)
