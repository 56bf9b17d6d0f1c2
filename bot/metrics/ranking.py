"""The models of a period in order of their use: sorted once, used by every metric and table that needs the order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from bot.records import Model, PeriodData, Unknown, Usage, few_named, message, unnamed_use_reason

NONE_NAMED = message("no_use_named")


@dataclass(frozen=True, slots=True)
class UsageRanking:
    """The uses of the models used in a period, listed at its end or not."""

    uses: int
    """All use of the period, unnamed use included."""
    counts: tuple[int, ...]
    """Uses of each model, most used first."""
    running: tuple[int, ...]
    """Cumulative uses of the first 1, 2, ... models."""

    @property
    def named_uses(self) -> int:
        return self.running[-1] if self.running else 0


@dataclass(frozen=True, slots=True)
class SameData:
    """Period data as a cache key, compared by identity: comparing by value would cost more than ranking."""

    book: PeriodData

    def __hash__(self) -> int:
        return id(self.book)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameData) and other.book is self.book


def named_flow(book: PeriodData) -> Usage | Unknown:
    """The usage of the period; unknown if all of it is unnamed, or if it is verified use of which less than half names
    its model."""
    flow = book.flow
    if isinstance(flow, Unknown):
        return flow
    if flow.uses and not flow.by_model:
        return Unknown(NONE_NAMED)
    return few_named(book.catalogue.evidence, flow.unattributed, flow.uses) or flow


@dataclass(frozen=True, slots=True)
class Used:
    """The listed models with use in a period."""

    models: tuple[Model, ...]
    """Models that were certainly used."""
    possible: tuple[Model, ...] = ()
    """Listed models that may have been used as well."""
    reason: str = ""
    """Why there may be more of them; empty if there are not."""


def used_listed(book: PeriodData) -> Used | Unknown:
    """The models listed at the end of the period with at least one use in it."""
    flow = named_flow(book)
    if counts_named(book):
        return flow if isinstance(flow, Unknown) else _named_models(book, flow)
    listed = book.listed_in_part or book.listed
    if isinstance(listed, Unknown):
        return listed
    if isinstance(flow, Unknown):
        return flow
    used = tuple(model for model in listed if model.id in flow.by_model)
    if isinstance(book.listed, Unknown):
        return Used(used, (), book.listed.reason)
    possible, reason = _possibly_used(flow, listed)
    return Used(used, possible, reason) if possible else Used(used)


def counts_named(book: PeriodData) -> bool:
    """Whether "models used" counts the models that the use names, because the network reports its use by model and no
    list of the period's end is known."""
    return book.catalogue.is_daily and isinstance(book.listed, Unknown) and not book.listed_in_part


def _named_models(book: PeriodData, flow: Usage) -> Used:
    named = tuple(
        Model(key, book.names[key], book.authors[key], None, False, None, None) for key in sorted(flow.by_model)
    )
    lost = unnamed_use_reason(flow.unattributed, flow.uses).reason if flow.unattributed else ""
    return Used(named, named if lost else (), lost)


def _possibly_used(flow: Usage, listed: Iterable[Model]) -> tuple[tuple[Model, ...], str]:
    """Listed models without observed use that may have had some, and why."""
    if not flow.unattributed and not flow.incomplete:
        return (), ""
    unused = tuple(model for model in listed if model.id not in flow.by_model)
    if flow.unattributed:
        return unused, unnamed_use_reason(flow.unattributed, flow.uses).reason
    if flow.incomplete and flow.unknown_models is not None:
        unused = tuple(model for model in unused if model.id in flow.unknown_models)
    return unused, flow.incomplete


def usage_ranking(book: PeriodData) -> UsageRanking | Unknown:
    """Models used in the period, most used first; unknown if the usage is unknown or all of it is unnamed."""
    return _cached_ranking(SameData(book))


def listed_counts(book: PeriodData) -> tuple[int, ...] | Unknown:
    """Uses of each model listed at the end of the period, least used first, idle ones with 0."""
    return _listed_counts(SameData(book))


def _whole_flow(book: PeriodData) -> Usage | Unknown:
    """The usage, or unknown if it is a lower bound: rankings and shares need all of it."""
    flow = named_flow(book)
    return Unknown(flow.incomplete) if isinstance(flow, Usage) and flow.incomplete else flow


@lru_cache(maxsize=4)
def _cached_ranking(same: SameData) -> UsageRanking | Unknown:
    flow = _whole_flow(same.book)
    if isinstance(flow, Unknown):
        return flow
    counts = tuple(sorted(flow.by_model.values(), reverse=True))
    return UsageRanking(flow.uses, counts, tuple(accumulate(counts)))


@lru_cache(maxsize=4)
def _listed_counts(same: SameData) -> tuple[int, ...] | Unknown:
    listed, flow = same.book.listed, _whole_flow(same.book)
    if isinstance(listed, Unknown):
        return listed
    if isinstance(flow, Unknown):
        return flow
    return tuple(sorted(flow.by_model.get(model.id, 0) for model in listed))
