"""Queries about the models of one author or one category: their use, period by period, and who carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from bot import ledger
from bot.queries.context import NotFoundError, QueryContext, QueryError, WatchedNetwork
from bot.queries.entity_links import page_address
from bot.queries.near_names import did_you_mean
from bot.queries.network_queries import digest_heading
from bot.queries.use_documents import group_changes, group_figures, period_rows
from bot.records import Catalogue, Document, GroupKind, Period, PeriodName, SafeName, join_messages, message
from bot.records.names import NameMask

PERIODS: Mapping[PeriodName, int] = MappingProxyType({"day": 30, "week": 12, "month": 12})
"""How many periods an answer has."""


@dataclass(frozen=True, slots=True)
class _Group:
    """An author or a category of one catalogue."""

    watched: WatchedNetwork
    catalogue: Catalogue
    name: SafeName


def author(
    desk: QueryContext,
    author: str,
    network: str | None = None,
    period: PeriodName = "day",
    day: date | None = None,
) -> Document:
    """The models of one author over time: listed, used, and their use."""
    return _group_answer(desk, "author", author, network, period, day)


def category(
    desk: QueryContext,
    category: str,
    network: str | None = None,
    period: PeriodName = "day",
    day: date | None = None,
) -> Document:
    """The models of one category over time: listed, used, and their use."""
    return _group_answer(desk, "category", category, network, period, day)


def _group_answer(
    desk: QueryContext, by: GroupKind, name: str, network: str | None, period: PeriodName, day: date | None
) -> Document:
    group = _find_group(desk, by, name, network)
    document = desk.find_digest(group.watched.network, period, day)
    periods = last_periods(Period.for_day(date.fromisoformat(document["day"]), period), PERIODS[period])
    catalogue, hidden = group.catalogue, NameMask.from_names(desk.hidden)
    use = ledger.use_over_time(desk.store, catalogue, by, group.name, periods)
    return {
        "question": by,
        **digest_heading(document),
        "name": group.name,
        "site_page": page_address(desk, by, catalogue, group.name, periods[-1].last),
        "catalogue": catalogue.key,
        "unit": catalogue.unit,
        "evidence": catalogue.evidence,
        "figures": group_figures(use, catalogue),
        "changes": group_changes(use.periods),
        "first_listed": use.first_listed.isoformat() if use.first_listed else None,
        "periods": period_rows(_since_first_listed(use), catalogue.unit),
        "models": [{"model": hidden.masked_model(model, owner), "uses": uses} for model, owner, uses in use.most_used],
    }


def _since_first_listed(use: ledger.UseOverTime) -> Sequence[ledger.PeriodUse]:
    """The periods since one of the models was on the list; at least the last."""
    return [part for part in use.periods if not use.first_listed or part.period.last >= use.first_listed] or [
        use.periods[-1]
    ]


def last_periods(last: Period, count: int) -> list[Period]:
    """A period and those before it, oldest first."""
    periods = [last]
    while len(periods) < count:
        periods.append(periods[-1].previous_period)
    return periods[::-1]


def group_names(desk: QueryContext, by: GroupKind, watched: WatchedNetwork) -> Sequence[tuple[Catalogue, SafeName]]:
    """The authors or categories of a network that may be shown, cached until the ledger changes."""

    def look() -> list[tuple[Catalogue, SafeName]]:
        named = [(c, name) for c in watched.catalogues for name in ledger.group_names(desk.store, c, by)]
        return [pair for pair in named if not is_hidden_group(desk, by, pair[1])]

    return desk.names.get_or_compute((by, watched.network), ledger.data_version(desk.store), look)


def is_hidden_group(desk: QueryContext, by: GroupKind, name: str) -> bool:
    """Whether the operator hides an author or a category."""
    return NameMask.from_names(desk.hidden).masked_group(by, name) != name


def _find_group(desk: QueryContext, by: GroupKind, name: str, network: str | None) -> _Group:
    """The author or category of this name on the given network or on any: exact, or in another case. Near misses are
    suggested, not used."""
    if is_hidden_group(desk, by, SafeName(name)):
        raise QueryError(message("this name is hidden here"))
    networks = [desk.find_network(network)] if network or not desk.watched else list(desk.watched.values())
    known = [(watched, *pair) for watched in networks for pair in group_names(desk, by, watched)]
    for form in (str, str.casefold):
        for watched, catalogue, group in known:
            if form(group) == form(name):
                return _Group(watched, catalogue, group)
    titles = ", ".join(watched.title for watched in networks)
    if not known and by == "category":
        raise NotFoundError(message("no_categories", rest=titles))
    missing = message(f"no_such_{by}", name=SafeName(name), rest=titles)
    raise NotFoundError(join_messages([missing, did_you_mean(name, [group for *_, group in known])]))
