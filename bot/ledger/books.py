"""Books: one catalogue and one period, with everything that its figures are computed from.

What a book costs does not grow with the length of history: it reads the snapshots at the ends of its windows, the usage
of its own period, and one short row a day of the last `HISTORY` days.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from bot.ledger import falls, sleepers
from bot.ledger.asking import Asked, asking, began
from bot.ledger.flows import flow_of, history, total
from bot.ledger.gaps import gaps, references
from bot.ledger.snapshots import ONE
from bot.ledger.stocks import ids_at, listed_at, listed_in_part, names_of, newly_listed, stock_at, uncounted
from bot.records import Book, Catalogue, Flow, Model, Period, Unknown
from bot.store import Store


def book(store: Store, catalogue: Catalogue, period: Period) -> Book:
    """The book of one catalogue and period. What is not known stands in it as `Unknown`, with the reason."""
    with asking(store, catalogue, period) as asked:
        return _filled(asked, catalogue, period) if isinstance(asked, Asked) else _empty(catalogue, period, asked)


def shelf(
    store: Store, catalogue: Catalogue, period: Period
) -> tuple[tuple[Model, ...], Flow, frozenset[int]] | Unknown:
    """Of a book only what a full table needs: the models listed at the period's end, its usage, and which models had a
    reading when it began."""
    with asking(store, catalogue, period) as asked:
        if not isinstance(asked, Asked):
            return began(asked)
        listed, flow = listed_at(asked, period.last), flow_of(asked, period.first, period.last)
        if isinstance(listed, Unknown):
            return listed
        if isinstance(flow, Unknown):
            return flow
        before = ids_at(asked, period.first - ONE)
        return listed, flow, frozenset() if isinstance(before, Unknown) else before


def _empty(catalogue: Catalogue, period: Period, since: date | None) -> Book:
    why = began(since)
    return Book(catalogue, period, None, why, why, why, why, why, why, why, why, why, why, (), (), ())


def _filled(asked: Asked, catalogue: Catalogue, period: Period) -> Book:
    end = period.last
    flow, flow_before = flow_of(asked, period.first, end), flow_of(asked, period.before.first, period.before.last)
    listed = listed_at(asked, end)
    here = () if isinstance(listed, Unknown) else listed
    used = {key for found in (flow, flow_before) if isinstance(found, Flow) for key in found.by_model}
    names, authors = names_of(asked, used - {m.id for m in here})
    today = flow if period.name == "day" and isinstance(flow, Flow) else None
    return Book(
        catalogue=catalogue,
        period=period,
        watched_since=asked.since,
        listed=listed,
        listed_before=ids_at(asked, period.first - ONE),
        listed_7d_before=stock_at(asked, end - 7 * ONE),
        listed_period_before=stock_at(asked, period.first - ONE),
        flow=flow,
        flow_before=flow_before,
        total_7d=total(asked, end - 6 * ONE, end),
        total_30d=total(asked, end - 29 * ONE, end),
        total_prior_7d=total(asked, end - 13 * ONE, end - 7 * ONE),
        newly_listed=newly_listed(asked, end),
        history=history(asked, end),
        gaps=tuple(gaps(asked, period)),
        refs=references(asked, [period.first - ONE, end, end - 7 * ONE, end - 14 * ONE, end - 30 * ONE]),
        names=names,
        authors=authors,
        **_asleep(asked, here, today, end),
        uncounted=uncounted(asked, end),
        listed_in_part=listed_in_part(asked, end) if isinstance(listed, Unknown) else (),
    )


def _asleep(asked: Asked, listed: Iterable[Model], flow: Flow | None, day: date) -> dict[str, Any]:
    """Which models fell asleep and woke up on a day; nothing is said of those whose counter fell."""
    if flow is None:
        return {}
    sure = [model for model in listed if model.id not in (flow.unknown_models or ())]
    woken = sleepers.woken(asked.connection, asked.catalogue, sure, flow.by_model, day)
    since = min((before for _, before in woken), default=day)
    fell = falls.unknown_models(asked.connection, asked.catalogue, since + ONE, day) if woken else frozenset()
    return {
        "quiet": sleepers.quiet(asked.connection, asked.catalogue, sure, day),
        "woken": tuple(one for one in woken if one[0].id not in fell),
    }
