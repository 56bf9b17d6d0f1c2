"""Period data from snapshots: everything that the figures of one catalogue and period are computed from.

The cost does not grow with the length of the history: it reads the snapshots at the ends of the windows, the usage of
the period, and one short row per day of the last `HISTORY` days.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from bot.ledger import activity_changes
from bot.ledger.catalogue_query import ONE, CatalogueQuery, not_watched_reason, open_catalogue_query
from bot.ledger.snapshots import counter_falls, inventory
from bot.ledger.snapshots.gaps import snapshot_gaps, snapshot_references
from bot.ledger.snapshots.usage import flow_of, history_points, total_uses
from bot.records import Catalogue, Model, Period, PeriodData, Unknown, Usage
from bot.store import Store


def load_period_data(store: Store, catalogue: Catalogue, period: Period) -> PeriodData:
    """The period data of one catalogue and period. What is not known is an `Unknown` with the reason."""
    with open_catalogue_query(store, catalogue, period) as query:
        if isinstance(query, CatalogueQuery):
            return _filled_data(query, catalogue, period)
        return _empty_data(catalogue, period, query)


def listing_and_usage(
    store: Store, catalogue: Catalogue, period: Period
) -> tuple[tuple[Model, ...], Usage, frozenset[int]] | Unknown:
    """Only what a full table needs: the models listed at the period's end, its usage, and the models that had a reading
    when it began."""
    with open_catalogue_query(store, catalogue, period) as query:
        if not isinstance(query, CatalogueQuery):
            return not_watched_reason(query)
        listed, flow = inventory.listed_at(query, period.last), flow_of(query, period.first, period.last)
        if isinstance(listed, Unknown):
            return listed
        if isinstance(flow, Unknown):
            return flow
        before = inventory.ids_at(query, period.first - ONE)
        return listed, flow, frozenset() if isinstance(before, Unknown) else before


def _empty_data(catalogue: Catalogue, period: Period, since: date | None) -> PeriodData:
    why = not_watched_reason(since)
    return PeriodData(catalogue, period, None, why, why, why, why, why, why, why, why, why, why, (), (), ())


def _filled_data(query: CatalogueQuery, catalogue: Catalogue, period: Period) -> PeriodData:
    end, before = period.last, period.previous_period
    flow, flow_before = flow_of(query, period.first, end), flow_of(query, before.first, before.last)
    listed = inventory.listed_at(query, end)
    here = () if isinstance(listed, Unknown) else listed
    used = {key for found in (flow, flow_before) if isinstance(found, Usage) for key in found.by_model}
    names, authors = inventory.names_of(query, used - {m.id for m in here})
    today = flow if period.name == "day" and isinstance(flow, Usage) else None
    return PeriodData(
        catalogue=catalogue,
        period=period,
        watched_since=query.since,
        listed=listed,
        listed_before=inventory.ids_at(query, period.first - ONE),
        listed_7d_before=inventory.stock_at(query, end - 7 * ONE),
        listed_period_before=inventory.stock_at(query, period.first - ONE),
        flow=flow,
        flow_before=flow_before,
        total_7d=total_uses(query, end - 6 * ONE, end),
        total_30d=total_uses(query, end - 29 * ONE, end),
        total_prior_7d=total_uses(query, end - 13 * ONE, end - 7 * ONE),
        newly_listed=inventory.newly_listed(query, end),
        history=history_points(query, end),
        gaps=tuple(snapshot_gaps(query, period)),
        refs=snapshot_references(query, [period.first - ONE, end, end - 7 * ONE, end - 14 * ONE, end - 30 * ONE]),
        names=names,
        authors=authors,
        **_activity_fields(query, here, today, end),
        uncounted=inventory.uncounted_models(query, end),
        listed_in_part=inventory.listed_in_part(query, end) if isinstance(listed, Unknown) else (),
    )


def _activity_fields(query: CatalogueQuery, listed: Iterable[Model], flow: Usage | None, day: date) -> dict[str, Any]:
    """The models that went idle or became active on a day, without those whose counter fell."""
    if flow is None:
        return {}
    sure = [model for model in listed if model.id not in (flow.unknown_models or ())]
    woken = activity_changes.became_active(query.connection, query.catalogue, sure, flow.by_model, day)
    since = min((before for _, before in woken), default=day)
    fell = counter_falls.unknown_models(query.connection, query.catalogue, since + ONE, day) if woken else frozenset()
    return {
        "quiet": activity_changes.went_idle(query.connection, query.catalogue, sure, day),
        "woken": tuple(one for one in woken if one[0].id not in fell),
    }
