"""How many of the models on offer anyone used, and how much a used one is used."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from bot.metrics.inventory import models_listed
from bot.metrics.ranking import NONE_NAMED, usage_ranking, used_listed
from bot.metrics.registry import DAY_ONLY, NO_USE, NOTHING_LISTED, Value, exact_value, metric, value_ratio
from bot.metrics.usage import total_of
from bot.records import AtLeast, PeriodData, Unknown, Usage, at_least, few_named, message, unnamed_use_reason

SETTLED_DAYS = 30
"""A model must have been on offer this long before it can be called never used."""


@metric(unit="models", label="models used", unlisted_label="named models used")
def models_used(book: PeriodData) -> Value:
    """Models listed at the end of the period with at least one use in it. Where a network reports its use by model and
    no list of the period's end is known: models that the use names."""
    used = used_listed(book)
    if isinstance(used, Unknown):
        return used
    return at_least(len(used.models), used.reason) if used.reason else len(used.models)


@metric(unit="models", label="models used in 7 days", periods=DAY_ONLY)
def models_used_7d(book: PeriodData) -> Value:
    """Models listed at the end of this day with at least one use in the 7 days that end with it."""
    return _used_lately(book, book.total_7d, book.unnamed_7d, 7)


@metric(unit="models", label="models used in 30 days", periods=DAY_ONLY)
def models_used_30d(book: PeriodData) -> Value:
    """Models listed at the end of this day with at least one use in the 30 days that end with it."""
    return _used_lately(book, book.total_30d, book.unnamed_30d, 30)


@metric(unit="share", label="share of models used")
def share_used(book: PeriodData) -> Value:
    """Models used in the period, divided by models listed at its end."""
    return value_ratio(models_used(book), models_listed(book), NOTHING_LISTED)


@metric(unit="share", label="share of models used in 7 days", periods=DAY_ONLY)
def share_used_7d(book: PeriodData) -> Value:
    """Models used in the 7 days that end with this day, divided by models listed at its end."""
    return value_ratio(models_used_7d(book), models_listed(book), NOTHING_LISTED)


@metric(unit="share", label="share of models used in 30 days", periods=DAY_ONLY)
def share_used_30d(book: PeriodData) -> Value:
    """Models used in the 30 days that end with this day, divided by models listed at its end."""
    return value_ratio(models_used_30d(book), models_listed(book), NOTHING_LISTED)


@metric(unit="models", label="models never used")
def models_never_used(book: PeriodData) -> Value:
    """Models listed at the end of the period, and for 30 days or more by then, of which no use was ever seen. A first
    counter above 0 is a use seen. A model that was there when watching began counts as listed since then, unless its
    network says since when. Unknown until the catalogue has been watched for 30 days. Unknown where part of the use
    names no model."""
    if isinstance(book.listed, Unknown):
        return book.listed
    if isinstance(short := watched_for(book, SETTLED_DAYS), Unknown):
        return short
    if isinstance(missed := _missed_use_reason(book), Unknown):
        return missed
    latest = book.period.last - timedelta(days=SETTLED_DAYS)
    return sum(
        model.last_used is None
        and not model.used_before_watch
        and (model.first_listed is None or model.first_listed <= latest)
        for model in book.listed
    )


@metric(unit="ratio", label="{unit} per listed model")
def uses_per_listed(book: PeriodData) -> Value:
    """All use in the period, divided by models listed at its end."""
    return value_ratio(total_of(book.flow), models_listed(book), NOTHING_LISTED)


@metric(unit="uses", label="median {unit} of a used model")
def median_uses(book: PeriodData) -> Value:
    """Median of the uses of the models used in the period: half of them were used more, half less. Models used and
    removed before its end count too."""
    ranked = usage_ranking(book)
    if isinstance(ranked, Unknown):
        return ranked
    if not ranked.counts:
        return Unknown(NO_USE)
    middle = median(ranked.counts)
    return int(middle) if middle == int(middle) else middle


def _missed_use_reason(book: PeriodData) -> Unknown | None:
    """Why a use of a model may not have been seen where use is told event by event."""
    if not book.catalogue.evidences:
        return None
    total = exact_value(book.total_30d)
    if isinstance(total, Unknown):
        return total
    if total and not _names_models(book):
        return Unknown(NONE_NAMED)
    return unnamed_use_reason(book.unnamed_30d, int(total)) if book.unnamed_30d else None


def watched_for(book: PeriodData, days: int) -> int | Unknown:
    """Days watched by the end of the period; unknown where fewer than `days`."""
    since = book.watched_since
    watched = max(0, (book.period.last - since).days) if since else 0
    return watched if watched >= days else Unknown(message("watched_days", n=watched, m=days))


def _used_lately(book: PeriodData, total: int | AtLeast | Unknown, lost: int, days: int) -> Value:
    listed = book.listed_in_part or book.listed
    if isinstance(listed, Unknown):
        return listed
    if isinstance(total, Unknown):
        return total
    seen = int(total.value) if isinstance(total, AtLeast) else total
    if few := few_named(book.catalogue.evidence, lost, seen):
        return few
    first = book.period.last - timedelta(days=days - 1)
    used = sum(model.last_used_from is not None and model.last_used_from >= first for model in listed)
    if seen and not used and not _names_models(book):
        return Unknown(NONE_NAMED)
    why = _why_more(book, total, lost, seen) if used < len(listed) or isinstance(book.listed, Unknown) else ""
    return at_least(used, why) if why else used


def _why_more(book: PeriodData, total: int | AtLeast, lost: int, seen: int) -> str:
    """Why more models may have been used lately than were seen to be; empty where none were."""
    if isinstance(book.listed, Unknown):
        return book.listed.reason
    if isinstance(total, AtLeast):
        return total.reason
    return unnamed_use_reason(lost, seen).reason if lost else ""


def _names_models(book: PeriodData) -> bool:
    """Whether any use seen of this catalogue was put down to a model."""
    if isinstance(book.flow, Usage) and book.flow.by_model:
        return True
    return not isinstance(book.listed, Unknown) and any(model.last_used is not None for model in book.listed)
