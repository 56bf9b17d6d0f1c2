"""The models of one author or of one category, or one model alone, period by period: listed, used, and their use.

The counts equal those of the digests' tables by category and author; tests compare them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from bot.ledger.catalogue_query import ONE, CatalogueQuery, key_of, not_watched_reason, of_catalogue
from bot.ledger.events import usage as event_usage
from bot.ledger.queries.rankings import SEEN
from bot.ledger.snapshots import counter_falls, inventory, period_data
from bot.ledger.snapshots.first_sight import NEVER_SEEN
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
class _Sums:
    """Counts of use in a period."""

    uses: int = 0
    named: int = 0
    """Models used."""
    used: int = 0
    """Those of them that are listed at its end."""


@dataclass(frozen=True, slots=True)
class _Series:
    """The models that a name selects, over consecutive periods of one catalogue. Each kind of row is read at once for
    all periods."""

    query: CatalogueQuery
    catalogue: Catalogue
    store: Store
    members: sa.Select[int]
    periods: Sequence[Period]

    def period_uses(self) -> list[PeriodUse]:
        """The models in each period."""
        listed, sums, doubts = self._listed_counts(), self._sums(), self._doubts()
        fell = any(isinstance(doubt, _Doubt) and doubt.reason for doubt in doubts.values())
        ids = frozenset(self.query.connection.scalars(self.members)) if fell else frozenset[int]()
        return [
            self._period_use(period, listed[period], sums.get(period.last, _Sums()), doubts[period], ids)
            for period in self.periods
        ]

    def _period_use(
        self, period: Period, listed: int | Unknown, sums: _Sums, doubt: _Doubt | Unknown, ids: frozenset[int]
    ) -> PeriodUse:
        if isinstance(doubt, Unknown):
            return PeriodUse(period, listed, doubt, doubt)
        if not sums.uses and doubt.unnamed:
            return PeriodUse(period, listed, doubt.unnamed, doubt.unnamed)
        doubtful = ids if doubt.models is None else ids & doubt.models
        uses = at_least(sums.uses, doubt.reason) if doubtful else sums.uses
        if isinstance(listed, Unknown):
            return PeriodUse(period, listed, sums.named if self.catalogue.is_daily else listed, uses)
        possible = listed - sums.used if doubt.models is None else self._possibly_used(period, doubtful)
        return PeriodUse(period, listed, at_least(sums.used, doubt.reason) if possible else sums.used, uses)

    def _possibly_used(self, period: Period, doubtful: Collection[int]) -> int:
        """How many of these are listed at a period's end without a use that is known."""
        if not doubtful:
            return 0
        inside = (usage.c.last_day.between(period.first, period.last), usage.c.first_day >= period.first)
        used = sa.select(usage.c.model).where(usage.c.model.in_(doubtful), *inside, usage.c.uses > 0)
        here = (readings.c.snapshot == self.query.closing_snapshot(period.last).id, readings.c.model.in_(doubtful))
        chosen = sa.select(sa.func.count()).select_from(readings).where(*here, readings.c.model.not_in(used))
        return int(self.query.connection.scalar(chosen) or 0)

    def total(self, period: Period) -> Count:
        """All use of the catalogue."""
        if self.catalogue.evidences:
            return event_usage.total_uses(self._events(), period.first, period.last)
        return period_data.total_uses(self.query, period.first, period.last)

    def most_used(self) -> tuple[tuple[SafeName, SafeName, int], ...]:
        """The most used of the models in the last period."""
        uses, last = sa.func.sum(usage.c.uses), self.periods[-1]
        chosen = (
            sa.select(models.c.name, models.c.author, uses)
            .join_from(usage, models, models.c.id == usage.c.model)
            .where(*self._of_members(last.first, last.last), usage.c.first_day >= last.first)
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

    def _of_members(self, first: date, last: date) -> tuple[sa.ColumnElement[bool], ...]:
        days = usage.c.last_day.between(first, last)
        return usage.c.catalogue == self.query.catalogue, days, usage.c.model.in_(self.members)

    def _sums(self) -> dict[date, _Sums]:
        """The use inside each period, by the last day of the period."""
        begins, ends = self._period_bounds()
        closing = sa.and_(snapshots.c.catalogue == usage.c.catalogue, snapshots.c.day == ends)
        here = sa.and_(readings.c.model == usage.c.model, readings.c.snapshot == snapshots.c.id)
        counts = (sa.func.count(usage.c.model.distinct()), sa.func.count(readings.c.model.distinct()))
        chosen = (
            sa.select(sa.type_coerce(ends, sa.Date()).label("end"), sa.func.sum(usage.c.uses), *counts)
            .join_from(usage, snapshots, closing, isouter=True)
            .join(readings, here, isouter=True)
            .where(*self._of_members(self.periods[0].first, self.periods[-1].last))
            .where(usage.c.first_day >= begins, usage.c.uses > 0)
            .group_by(sa.text("1"))
        )
        return {end: _Sums(int(uses), named, used) for end, uses, named, used in self.query.connection.execute(chosen)}

    def _period_bounds(self) -> tuple[sa.ColumnElement[date], sa.ColumnElement[date]]:
        """The first and the last day of the period that a row of use ends in."""
        if self.periods[0].name == "day":
            return usage.c.last_day, usage.c.last_day
        begins = sa.case(*((usage.c.last_day <= period.last, period.first) for period in self.periods))
        return begins, sa.case(*((usage.c.last_day <= period.last, period.last) for period in self.periods))

    def _listed_counts(self) -> dict[Period, int | Unknown]:
        stocks = {period: inventory.stock_at(self.query, period.last) for period in self.periods}
        ids = {period: self.query.closing_snapshot(period.last).id for period in self.periods if _known(stocks[period])}
        here = (readings.c.snapshot.in_(set(ids.values())), readings.c.model.in_(self.members))
        chosen = sa.select(readings.c.snapshot, sa.func.count()).where(*here).group_by(readings.c.snapshot)
        counts: dict[int, int] = dict(self.query.connection.execute(chosen).all())
        return {period: counts.get(ids[period], 0) if period in ids else stocks[period] for period in self.periods}

    def _doubts(self) -> dict[Period, _Doubt | Unknown]:
        if self.catalogue.evidences:
            return {period: self._event_doubt(period) for period in self.periods}
        falls = counter_falls.overlapping_falls(
            self.query.connection, self.query.catalogue, self.periods[0].first, self.periods[-1].last
        )
        return {period: self._counter_doubt(period, falls) for period in self.periods}

    def _counter_doubt(self, period: Period, falls: Sequence[Any]) -> _Doubt | Unknown:
        if unknown := period_data.unknown_window(self.query, period.first, period.last):
            return unknown
        fell = counter_falls.unknown_among(falls, period.first, period.last)
        return _Doubt(period_data.fallen_reason(len(fell)), fell) if fell else _Doubt()

    def _event_doubt(self, period: Period) -> _Doubt | Unknown:
        total = self.total(period)
        if isinstance(total, Unknown):
            return total
        seen = int(total.value) if isinstance(total, AtLeast) else total
        inside = (usage.c.last_day.between(period.first, period.last), usage.c.first_day >= period.first)
        every = sa.select(sa.func.sum(usage.c.uses)).where(usage.c.catalogue == self.query.catalogue, *inside)
        named = int(self.query.connection.scalar(every) or 0)
        if seen and not named:
            return Unknown(message("no_use_named"))
        if few := few_named(self.catalogue.evidence, seen - named, seen):
            return few
        unnamed = unnamed_use_reason(seen - named, seen) if seen > named else None
        return _Doubt(total.reason, None, unnamed) if isinstance(total, AtLeast) else _Doubt(unnamed=unnamed)


def _known(stock: int | Unknown) -> bool:
    return not isinstance(stock, Unknown)


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
        shown = [period for period in periods if period.first >= begins] or [last]
        query = _query_with_snapshots(connection, key, catalogue, shown)
        members = sa.select(models.c.id).where(models.c.catalogue == key, _COLUMNS[by] == name)
        series = _Series(query, catalogue, store, members, shown)
        uses = series.period_uses()
        most_used = () if isinstance(uses[-1].uses, Unknown) else series.most_used()
        known = list(dropwhile(_is_unwatched, uses)) or uses[-1:]
        return UseOverTime(tuple(known), series.total(last), most_used, series.first_listed())


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
