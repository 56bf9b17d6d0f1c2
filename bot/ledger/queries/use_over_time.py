"""The models of one author or of one category, or one model alone, period by period: listed, used, and their use.

The counts equal those of the digests' tables by category and author; tests compare them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, CatalogueQuery, key_of, not_watched_reason, of_catalogue
from bot.ledger.events import usage as event_usage
from bot.ledger.queries.rankings import SEEN
from bot.ledger.snapshots import counter_falls, inventory, period_data
from bot.ledger.snapshots.write import NEVER_SEEN
from bot.records import AtLeast, Catalogue, Period, SafeName, Unknown, at_least, few_named, message, unnamed_use_reason
from bot.store import Store, models, readings, snapshots, usage

SelectedBy = Literal["author", "category", "model"]
Count: TypeAlias = int | AtLeast | Unknown
MOST_USED = 10
"""Models that an answer names."""
_COLUMNS: Mapping[SelectedBy, sa.Column[str]] = {
    "author": models.c.author,
    "category": models.c.category,
    "model": models.c.name,
}


@dataclass(frozen=True, slots=True)
class PeriodUse:
    """Some models of a catalogue in one period."""

    period: Period
    listed: int | Unknown
    """On offer at its end."""
    used: Count
    """Of these, with a use."""
    uses: Count
    """Of all of them, listed at the end or not."""


@dataclass(frozen=True, slots=True)
class UseOverTime:
    """Some models of a catalogue over several periods."""

    periods: tuple[PeriodUse, ...]
    """Oldest first, without those before the watch began; at least the last."""
    total: Count
    """All use of the catalogue in the last period."""
    most_used: tuple[tuple[SafeName, SafeName, int], ...]
    """Name, author and uses of the most used of the models in the last period."""
    first_listed: date | None = None
    """The day on which the first of the models came to the list; `None` if it was there when the watch began."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Why the use of some models is a lower bound; empty if it is not."""

    reason: str = ""
    models: frozenset[int] | None = frozenset()
    """`None`: any model may have had more."""
    unnamed: Unknown | None = None
    """Why no use seen is not known to be none: part of all use names no model."""


@dataclass(frozen=True, slots=True)
class _Series:
    """The models that a name selects, in one catalogue of one database."""

    query: CatalogueQuery
    catalogue: Catalogue
    store: Store
    members: sa.Select[int]

    def period_use(self, period: Period) -> PeriodUse:
        """The models in one period."""
        listed, doubt = self._listed_at(period.last), self._doubt_of(period)
        if isinstance(doubt, Unknown):
            return PeriodUse(period, listed, doubt, doubt)
        uses, named, used = self._sums(period)
        doubtful = self._doubtful_count(doubt, period) if doubt.reason else 0
        whole = at_least(uses, doubt.reason) if doubtful else uses
        if not uses and doubt.unnamed:
            return PeriodUse(period, listed, doubt.unnamed, doubt.unnamed)
        if isinstance(listed, Unknown):
            return PeriodUse(period, listed, named if self.catalogue.is_daily else listed, whole)
        possible = min(doubtful, listed - used)
        return PeriodUse(period, listed, at_least(used, doubt.reason) if possible else used, whole)

    def total(self, period: Period) -> Count:
        """All use of the catalogue."""
        if self.catalogue.evidences:
            return event_usage.total_uses(self._events(), period.first, period.last)
        return period_data.total_uses(self.query, period.first, period.last)

    def most_used(self, period: Period) -> tuple[tuple[SafeName, SafeName, int], ...]:
        """The most used of the models, if the use of the period is known."""
        if isinstance(self._doubt_of(period), Unknown):
            return ()
        uses = sa.func.sum(usage.c.uses)
        chosen = (
            sa.select(models.c.name, models.c.author, uses)
            .join_from(usage, models, models.c.id == usage.c.model)
            .where(*self._inside(period))
            .group_by(models.c.id, models.c.name, models.c.author)
            .having(uses > 0)
            .order_by(uses.desc(), models.c.name)
            .limit(MOST_USED)
        )
        return tuple((name, author, int(count)) for name, author, count in self.query.connection.execute(chosen))

    def first_listed(self) -> date | None:
        """When the first of the models came to the list, if that was after the watch began."""
        earliest = self.members.with_only_columns(sa.func.min(models.c.first_seen, type_=sa.Date()))
        day: date | None = self.query.connection.scalar(earliest)
        return day if day is not None and self.query.since < day < NEVER_SEEN else None

    def _events(self) -> event_usage.EventCatalogueQuery:
        return event_usage.EventCatalogueQuery(self.query.connection, self.query.catalogue, self.catalogue, self.store)

    def _inside(self, period: Period) -> tuple[sa.ColumnElement[bool], ...]:
        """The use that lies inside a period."""
        days = (usage.c.last_day.between(period.first, period.last), usage.c.first_day >= period.first)
        return (usage.c.catalogue == self.query.catalogue, *days, usage.c.model.in_(self.members))

    def _sums(self, period: Period) -> tuple[int, int, int]:
        """Uses, models used, and those of them that are listed at the end."""
        stock = self.query.closing_snapshot(period.last)
        here = sa.and_(readings.c.model == usage.c.model, readings.c.snapshot == (stock.id if stock else -1))
        sums = (
            sa.func.coalesce(sa.func.sum(usage.c.uses), 0),
            sa.func.count(usage.c.model.distinct()),
            sa.func.count(readings.c.model.distinct()),
        )
        used = (*self._inside(period), usage.c.uses > 0)
        row = self.query.connection.execute(
            sa.select(*sums).join_from(usage, readings, here, isouter=True).where(*used)
        ).one()
        return int(row[0]), int(row[1]), int(row[2])

    def _listed_at(self, day: date) -> int | Unknown:
        stock = inventory.stock_at(self.query, day)
        if isinstance(stock, Unknown):
            return stock
        here = (readings.c.snapshot == self.query.closing_snapshot(day).id, readings.c.model.in_(self.members))
        return int(self.query.connection.scalar(sa.select(sa.func.count()).select_from(readings).where(*here)) or 0)

    def _doubt_of(self, period: Period) -> _Doubt | Unknown:
        if self.catalogue.evidences:
            return self._event_doubt(period)
        if unknown := period_data.unknown_window(self.query, period.first, period.last):
            return unknown
        fell = counter_falls.unknown_models(self.query.connection, self.query.catalogue, period.first, period.last)
        return _Doubt(period_data.fallen_reason(len(fell)), fell) if fell else _Doubt()

    def _event_doubt(self, period: Period) -> _Doubt | Unknown:
        total = self.total(period)
        if isinstance(total, Unknown):
            return total
        seen = int(total.value) if isinstance(total, AtLeast) else total
        named = sum(
            period_data.use_by_model(self.query.connection, self.query.catalogue, period.first, period.last).values()
        )
        if seen and not named:
            return Unknown(message("no_use_named"))
        if few := few_named(self.catalogue.evidence, seen - named, seen):
            return few
        unnamed = unnamed_use_reason(seen - named, seen) if seen > named else None
        return _Doubt(total.reason, None, unnamed) if isinstance(total, AtLeast) else _Doubt(unnamed=unnamed)

    def _doubtful_count(self, doubt: _Doubt, period: Period) -> int:
        """How many of the models may have been used more than is known."""
        chosen = self.members.with_only_columns(sa.func.count())
        if doubt.models is not None:
            chosen = chosen.where(models.c.id.in_(doubt.models))
        return int(self.query.connection.scalar(chosen) or 0)


def group_names(store: Store, catalogue: Catalogue, by: SelectedBy) -> tuple[SafeName, ...]:
    """Every author or category ever seen in a catalogue, the one with the most recently used model first."""
    column, newest = _COLUMNS[by], sa.func.max(models.c.last_used)
    with store.read_transaction() as connection:
        named = of_catalogue(sa.select(column), models, catalogue).where(SEEN, column.is_not(None), column != "")
        ordered = named.group_by(column).order_by(newest.desc().nulls_last(), sa.func.count().desc(), column)
        return tuple(SafeName(name) for name in connection.scalars(ordered))


def use_over_time(
    store: Store, catalogue: Catalogue, by: SelectedBy, name: str, periods: Sequence[Period]
) -> UseOverTime:
    """The use of some models in consecutive periods, oldest first. Periods before a method break are left out."""
    last = periods[-1]
    begins = max((day for day in catalogue.breaks if day <= last.last), default=date.min)
    with store.read_transaction() as connection:
        key = key_of(connection, catalogue)
        if key is None:
            why = not_watched_reason(None)
            return UseOverTime((PeriodUse(last, why, why, why),), why, ())
        query = _query_with_snapshots(connection, key, catalogue, periods)
        members = sa.select(models.c.id).where(models.c.catalogue == key, _COLUMNS[by] == name)
        series = _Series(query, catalogue, store, members)
        uses = [series.period_use(period) for period in periods if period.first >= begins or period == last]
        known = list(dropwhile(_is_unwatched, uses)) or uses[-1:]
        return UseOverTime(tuple(known), series.total(last), series.most_used(last), series.first_listed())


def _is_unwatched(use: PeriodUse) -> bool:
    return isinstance(use.listed, Unknown) and isinstance(use.uses, Unknown)


def _query_with_snapshots(
    connection: sa.Connection, key: int, catalogue: Catalogue, periods: Sequence[Period]
) -> CatalogueQuery:
    """A query that has the snapshots at both ends of all periods already."""
    mine, days = snapshots.c.catalogue == key, {day for p in periods for day in (p.first - ONE, p.last)}
    since = connection.scalar(sa.select(sa.func.min(snapshots.c.day)).where(mine))
    chosen = sa.select(snapshots).where(mine, snapshots.c.day.in_(days))
    closing: dict[date, Any] = dict.fromkeys(days)
    closing |= {row.day: row for row in connection.execute(chosen)}
    return CatalogueQuery(connection, key, catalogue.unit, since or date.max, closing)
