"""Queries beyond period data: full tables, the days of one model, names, and what the ledger covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from bot.ledger.catalogue_query import NAMED, ONE, name_of, of_catalogue
from bot.ledger.events import period_data as events_period_data
from bot.ledger.events.usage import complete_days
from bot.ledger.snapshots import period_data
from bot.ledger.snapshots.first_sight import NEVER_SEEN
from bot.ledger.snapshots.write import CHANGES
from bot.records import Catalogue, Period, SafeName, Unknown
from bot.store import Store, catalogues, cursors, models, snapshots, usage, verdicts

SEEN = sa.or_(models.c.first_seen < NEVER_SEEN, models.c.last_used.is_not(None))
"""Models that a list or their use has shown."""


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One model in the full table of a period."""

    rank: int | None
    """By uses; models with equal uses share a rank. `None` if the use of any model is unknown, because it may have been
    used more."""
    model: SafeName
    author: SafeName
    uses: int | None
    """`None` if unknown: it had no reading when the period began, or its counter fell."""
    share: float | None
    """`None` also if the use of any model is unknown."""
    first_listed: date | None
    last_used: date | None


@dataclass(frozen=True, slots=True)
class DateRange:
    """What the ledger has for one catalogue."""

    first: date
    """The day that the first snapshot closes."""
    last: date
    models: int


def model_rankings(store: Store, catalogue: Catalogue, period: Period) -> tuple[RankingRow, ...] | Unknown:
    """Every model listed at the end of a period, most used first. Unknown if the list or the usage is."""
    shelf = events_period_data.listing_and_usage if catalogue.evidences else period_data.listing_and_usage
    listing_and_usage = shelf(store, catalogue, period)
    if isinstance(listing_and_usage, Unknown):
        return listing_and_usage
    listed, flow, known = listing_and_usage
    if flow.unknown_models is None:
        return Unknown(flow.incomplete)
    uses = {model: count for model, count in flow.by_model.items() if model not in flow.unknown_models}
    total = 0 if flow.incomplete else flow.uses
    seen = {m.id for m in listed if m.id not in flow.unknown_models and (m.id in uses or m.id in known)}
    ordered = sorted(listed, key=lambda m: (m.id not in seen, -uses.get(m.id, 0), m.name))
    rows: list[RankingRow] = []
    for place, model in enumerate(ordered, 1):
        count = uses.get(model.id, 0) if model.id in seen else None
        rank = rows[-1].rank if rows and rows[-1].uses == count else place
        rank = None if flow.incomplete or count is None else rank
        share = count / total if count is not None and total else None
        rows.append(RankingRow(rank, model.name, model.author, count, share, model.first_listed, model.last_used))
    return tuple(rows)


def history_of(store: Store, catalogue: Catalogue, model: str, last: date, days: int) -> dict[date, int]:
    """The uses of one model by day over the `snapshot_days` up to `last`. A missing day had no use or is unknown; the
    catalogue's history tells which. Use over several days is left out."""
    with store.read_transaction() as connection:
        uses = sa.select(usage.c.last_day, usage.c.uses).join(models, models.c.id == usage.c.model)
        daily = (usage.c.first_day == usage.c.last_day, usage.c.last_day.between(last - (days - 1) * ONE, last))
        chosen = of_catalogue(uses, models, catalogue).where(models.c.name == model, *daily)
        return {day: int(uses) for day, uses in connection.execute(chosen)}


def most_used_on(store: Store, catalogue: Catalogue, day: date) -> tuple[SafeName, SafeName] | None:
    """Name and author of the model with the most use on one day."""
    with store.read_transaction() as connection:
        used = sa.select(models.c.name, models.c.author).join(usage, models.c.id == usage.c.model)
        daily = (usage.c.first_day == day, usage.c.last_day == day)
        chosen = of_catalogue(used, models, catalogue).where(*daily).order_by(usage.c.uses.desc(), models.c.name)
        row = connection.execute(chosen.limit(1)).first()
        return (row.name, row.author) if row else None


def known_names(store: Store, catalogue: Catalogue) -> tuple[SafeName, ...]:
    """Every model ever seen in a catalogue, the latest and most recently used first."""
    with store.read_transaction() as connection:
        seen = of_catalogue(sa.select(models.c.name), models, catalogue).where(SEEN)
        return tuple(connection.scalars(seen.order_by(models.c.last_used.desc().nulls_last(), models.c.name)))


def snapshot_days(store: Store, catalogue: Catalogue) -> tuple[date, ...]:
    """The days at whose end the catalogue was read, oldest first; also those whose reading is held or rejected."""
    with store.read_transaction() as connection:
        both = (of_catalogue(sa.select(table.c.day), table, catalogue) for table in (snapshots, verdicts))
        days = {day for chosen in both for day in connection.scalars(chosen) if day is not None}
        return tuple(sorted(days))


def _ends_of_lists(table: sa.Table) -> sa.Select[Any]:
    ends = sa.select(sa.func.min(table.c.day), sa.func.max(table.c.day))
    return ends.join(catalogues, catalogues.c.id == table.c.catalogue).where(*NAMED)


_ENDS = (_ends_of_lists(snapshots), _ends_of_lists(verdicts))
_SEEN_COUNT = (
    sa.select(sa.func.count()).join_from(models, catalogues, catalogues.c.id == models.c.catalogue).where(*NAMED, SEEN)
)


def _first_and_last_list(store: Store, catalogue: Catalogue) -> list[date]:
    """The first and the last of the `snapshot_days`."""
    with store.read_transaction() as connection:
        rows = [connection.execute(ends, name_of(catalogue)).one() for ends in _ENDS]
    days = [day for row in rows for day in row if day is not None]
    return [min(days), max(days)] if days else []


def listed_span(store: Store, catalogue: Catalogue) -> DateRange | None:
    """The first and the last day with a list, and how many models were ever seen; `None` before the first snapshot."""
    return _range_of(store, catalogue, _first_and_last_list(store, catalogue))


def closed_span(store: Store, catalogue: Catalogue) -> DateRange | None:
    """The first and the last day closed by a list, or by totals where the network reports these."""
    read = complete_days(store, catalogue) if catalogue.is_daily else ()
    return _range_of(store, catalogue, sorted({*_first_and_last_list(store, catalogue), *read}))


def _range_of(store: Store, catalogue: Catalogue, days: Sequence[date]) -> DateRange | None:
    return DateRange(days[0], days[-1], _seen_count(store, catalogue)) if days else None


def read_span(store: Store, catalogue: Catalogue) -> DateRange | None:
    """The first and the last day whose use was read completely. (A static listing is always known and does not show how
    recent the use is.)"""
    if not catalogue.evidences:
        return closed_span(store, catalogue)
    return _range_of(store, catalogue, complete_days(store, catalogue))


def _seen_count(store: Store, catalogue: Catalogue) -> int:
    """How many models were ever seen in a catalogue."""
    with store.read_transaction() as connection:
        return int(connection.scalar(_SEEN_COUNT, name_of(catalogue)) or 0)


def names_by_use(store: Store, catalogue: Catalogue, days: int = 30) -> tuple[SafeName, ...]:
    """Every model ever seen in a catalogue, the most used of the last `snapshot_days` days with a reading first."""
    recent = sa.func.coalesce(sa.func.sum(sa.case((usage.c.uses > 0, usage.c.uses), else_=0)), 0)
    with store.read_transaction() as connection:
        last = connection.scalar(of_catalogue(sa.select(sa.func.max(snapshots.c.day)), snapshots, catalogue))
        since = last - days * ONE if last else date.min
        of_late = sa.and_(usage.c.model == models.c.id, usage.c.last_day > since)
        chosen = (
            of_catalogue(sa.select(models.c.name), models, catalogue)
            .outerjoin(usage, of_late)
            .where(SEEN)
            .group_by(models.c.id, models.c.name, models.c.last_used)
            .order_by(recent.desc(), models.c.last_used.desc().nulls_last(), models.c.name)
        )
        return tuple(SafeName(name) for name in connection.scalars(chosen))


def data_version(store: Store) -> tuple[int, int]:
    """The data version: changes whenever a snapshot or an event batch is added; cheap enough for every query."""
    added = sa.select(sa.func.count()).select_from(snapshots).scalar_subquery()
    stmt = sa.select(sa.func.sum(sa.cast(cursors.c.text, sa.BigInteger))).where(cursors.c.name == CHANGES)
    with store.read_transaction() as connection:
        row = connection.execute(sa.select(added, stmt.scalar_subquery())).one()
    return int(row[0]), int(row[1] or 0)
