"""Books: one catalogue and one period, with everything that its figures are computed from.

What a book costs does not grow with the length of history: it reads the snapshots at the ends of its windows, the usage
of its own period, and one short row a day of the last `HISTORY` days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from bot.ledger import sleepers
from bot.ledger.snapshots import ONE
from bot.records import Book, Catalogue, Flow, Model, Name, Period, Point, Ref, Unknown, spoken
from bot.store import Store, catalogues, models, readings, refs, snapshots, stretches, usage

HISTORY = 400
"""Days of history in a book: enough for "highest in a year"."""

HOLE = sa.text("usage.hole")
"""As the partial index `usage_holes` has it: SQLAlchemy would write `hole = 1`, and SQLite would read all usage."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One catalogue of one database, being asked about its snapshots."""

    connection: sa.Connection
    catalogue: int
    unit: str
    since: date
    """The day that the first snapshot closes; `date.max` where none does."""
    closing: dict[date, Any]
    """Snapshots met so far, by the day that they close."""

    def stock(self, day: date) -> Any:
        """The snapshot that closes a day, or `None`."""
        if day not in self.closing:
            found = sa.select(snapshots).where(snapshots.c.catalogue == self.catalogue, snapshots.c.day == day)
            self.closing[day] = self.connection.execute(found).first()
        return self.closing[day]


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


@contextmanager
def asking(store: Store, catalogue: Catalogue, period: Period) -> Iterator[Asked | date | None]:
    """The catalogue, ready to be asked; the day that its watch begins where that is after the period, if ever."""
    with store.reading() as connection:
        named = (catalogues.c.network == catalogue.network, catalogues.c.name == catalogue.key)
        key = connection.scalar(sa.select(catalogues.c.id).where(*named))
        closed = sa.select(sa.func.min(snapshots.c.day)).where(snapshots.c.catalogue == key)
        since = connection.scalar(closed) if key else None
        if key is None or since is None or since > period.last:
            yield since
        else:
            yield Asked(connection, key, catalogue.unit, since, {})


def began(since: date | None) -> Unknown:
    """Why nothing is known of a catalogue whose watch begins later, if ever."""
    return Unknown(f"the watch began at the end of {spoken(since)}" if since else "nothing was collected yet")


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
    today = flow.by_model if period.name == "day" and isinstance(flow, Flow) else None
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
        total_7d=_total(asked, end - 6 * ONE, end),
        total_30d=_total(asked, end - 29 * ONE, end),
        total_prior_7d=_total(asked, end - 13 * ONE, end - 7 * ONE),
        newly_listed=newly_listed(asked, end),
        history=_history(asked, end),
        gaps=tuple(_gaps(asked, period)),
        refs=references(asked, [period.first - ONE, end, end - 7 * ONE, end - 14 * ONE, end - 30 * ONE]),
        names=names,
        authors=authors,
        quiet=sleepers.quiet(asked.connection, asked.catalogue, here, end) if today is not None else (),
        uncounted=uncounted(asked, end),
        woken=sleepers.woken(asked.connection, asked.catalogue, here, today, end) if today is not None else (),
    )


# --- stocks ------------------------------------------------------------------------------------------------------


def _no_reading(asked: Asked, day: date) -> Unknown:
    if asked.since == date.max:
        return Unknown("no list was read yet that closes a day")
    if day < asked.since:
        return Unknown(f"the watch began at the end of {spoken(asked.since)}")
    return Unknown(f"no reading at the end of {spoken(day)}")


def stock_at(asked: Asked, day: date) -> int | Unknown:
    """Models listed at the end of a day."""
    found = asked.stock(day)
    if found is None:
        return _no_reading(asked, day)
    if found.unplaced:
        low, high = found.listed, found.listed + found.unplaced
        return Unknown(f"between {low} and {high} models were listed at the end of {spoken(day)}")
    return int(found.listed)


def ids_at(asked: Asked, day: date) -> frozenset[int] | Unknown:
    total = stock_at(asked, day)
    if isinstance(total, Unknown):
        return total
    rows = sa.select(readings.c.model).where(readings.c.snapshot == asked.stock(day).id)
    return frozenset(asked.connection.scalars(rows).all())


def listed_at(asked: Asked, day: date) -> tuple[Model, ...] | Unknown:
    total = stock_at(asked, day)
    if isinstance(total, Unknown):
        return total
    return _models_of(asked, listed_models(asked, day))


def listed_models(asked: Asked, day: date) -> sa.Select[Any]:
    """The rows of the models listed at the end of a day that has a snapshot."""
    here = readings.c.snapshot == asked.stock(day).id
    return _model_columns(day).join_from(models, readings, readings.c.model == models.c.id).where(here)


def model_at(asked: Asked, name: str, day: date) -> Model | Unknown | None:
    """One model as `listed_at` has it; `None` where it is not listed."""
    total = stock_at(asked, day)
    if isinstance(total, Unknown):
        return total
    named = (models.c.catalogue == asked.catalogue, models.c.name == name)
    return next(iter(_models_of(asked, listed_models(asked, day).where(*named))), None)


def first_listed(asked: Asked, seen: date, created: datetime | None) -> date | None:
    """When a model was first listed: where it stood in the first snapshot, only its network knows."""
    return seen if seen > asked.since else created.date() if created else None


def _model_columns(day: date) -> sa.Select[Any]:
    """What a `Model` is made from, as it was known at the end of `day`."""
    return sa.select(
        models.c.id,
        models.c.name,
        models.c.author,
        models.c.category,
        models.c.created_at,
        models.c.first_seen,
        models.c.first_counter,
        sa.case((models.c.first_used <= day, models.c.first_used)).label("first_used"),
        last_used_at(day),
        _as_of(day, usage.c.first_day, models.c.last_used_from).label("last_used_from"),
    )


def last_used_at(day: date) -> sa.Label[date]:
    """A model's last day of use, as it was known at the end of `day`."""
    return _as_of(day, usage.c.last_day, models.c.last_used).label("last_used")


def _as_of(day: date, column: sa.Column[date], latest: sa.Column[date]) -> sa.ColumnElement[date]:
    earlier = (usage.c.model == models.c.id, usage.c.last_day <= day, usage.c.uses > 0)
    last = sa.select(column).where(*earlier).order_by(usage.c.last_day.desc()).limit(1).scalar_subquery()
    return sa.case((models.c.last_used <= day, latest), (models.c.first_used > day, None), else_=last)


def _models_of(asked: Asked, chosen: sa.Select[Any]) -> tuple[Model, ...]:
    """Models from rows of `_model_columns`. There are thousands, so rows are unpacked and not asked by name."""
    return tuple(
        Model(
            key,
            name,
            author,
            first_listed(asked, seen, created),
            bool(counter),
            last_used,
            last_used_from,
            first_used,
            category,
        )
        for key, name, author, category, created, seen, counter, first_used, last_used, last_used_from in (
            asked.connection.execute(chosen).all()
        )
    )


def newly_listed(asked: Asked, end: date) -> tuple[Model, ...] | Unknown:
    """Models first seen 30 to 59 days before `end`; those of the first snapshot are left out."""
    if (end - asked.since).days < 60:
        return Unknown(f"watched for {(end - asked.since).days} of 60 days")
    seen = models.c.first_seen.between(end - 59 * ONE, end - 30 * ONE)
    chosen = _model_columns(end).where(models.c.catalogue == asked.catalogue, seen)
    return _models_of(asked, chosen)


# --- flows -------------------------------------------------------------------------------------------------------


def unknown_window(asked: Asked, first: date, last: date) -> Unknown | None:
    """Why the usage of these days is not known; `None` where it is."""
    wanted = (last - first).days + 1
    if first <= asked.since:
        watched = max((last - asked.since).days, 0)
        return Unknown(
            f"watched for {watched} of {wanted} days" if wanted > 1 else _no_reading(asked, first - ONE).reason
        )
    for day in (first - ONE, last):
        if asked.stock(day) is None:
            return _no_reading(asked, day)
    fallen = sum(int(asked.connection.scalar(part) or 0) for part in _falls(asked, first, last))
    if fallen:
        return Unknown(f"the counter of {_models(fallen)} fell, so part of the use is not known")
    return None


def _falls(asked: Asked, first: date, last: date) -> tuple[sa.Select[Any], ...]:
    """How many counters fell inside these days: between neighbouring snapshots, and across holes."""
    inside, hole = _inside(asked, first, last)
    return (
        sa.select(sa.func.sum(stretches.c.resets)).where(*inside),
        sa.select(sa.func.count()).select_from(usage).where(*hole, usage.c.uses < 0),
    )


def _inside(asked: Asked, first: date, last: date) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The stretches that lie inside these days, and the holes in models' readings that do."""
    # Bounding the last day from both sides keeps each question to its own days in the index.
    whole = (stretches.c.first_day >= first, stretches.c.last_day.between(first, last))
    holes = (HOLE, usage.c.first_day >= first, usage.c.last_day.between(first, last))
    return (stretches.c.catalogue == asked.catalogue, *whole), (usage.c.catalogue == asked.catalogue, *holes)


def _total(asked: Asked, first: date, last: date) -> int | Unknown:
    """Uses from the first to the last of these days: the stretches inside, and holes that lie inside whole."""
    unknown = unknown_window(asked, first, last)
    if unknown:
        return unknown
    inside, hole = _inside(asked, first, last)
    parts = (sa.select(sa.func.sum(stretches.c.uses)).where(*inside), sa.select(sa.func.sum(usage.c.uses)).where(*hole))
    return sum(int(asked.connection.scalar(part) or 0) for part in parts)


def flow_of(asked: Asked, first: date, last: date) -> Flow | Unknown:
    """Usage of these days in total and by model."""
    unknown = unknown_window(asked, first, last)
    if unknown:
        return unknown
    inside = (usage.c.catalogue == asked.catalogue, usage.c.last_day.between(first, last), usage.c.first_day >= first)
    found = sa.select(usage.c.model, sa.func.sum(usage.c.uses)).where(*inside).group_by(usage.c.model)
    if first == last:
        found = sa.select(usage.c.model, usage.c.uses).where(*inside)
    by_model = {model: int(uses) for model, uses in asked.connection.execute(found).all()}
    within, _ = _inside(asked, first, last)
    newcomers = asked.connection.scalar(sa.select(sa.func.sum(stretches.c.newcomers)).where(*within))
    return Flow(sum(by_model.values()), by_model, int(newcomers or 0))


def _history(asked: Asked, end: date) -> tuple[Point, ...]:
    """One point a day, from the first day watched or `HISTORY` days ago to `end`."""
    first = max(asked.since, end - (HISTORY - 1) * ONE)
    mine = (stretches.c.catalogue == asked.catalogue, stretches.c.last_day.between(first, end))
    flows = {row.last_day: row for row in asked.connection.execute(sa.select(stretches).where(*mine))}
    closed = sa.select(snapshots.c.day, snapshots.c.listed, snapshots.c.unplaced).where(
        snapshots.c.catalogue == asked.catalogue, snapshots.c.day.between(first - ONE, end)
    )
    stocks = {row.day: row for row in asked.connection.execute(closed)}
    return tuple(_point(first + n * ONE, flows, stocks) for n in range((end - first).days + 1))


def _point(day: date, flows: Mapping[date, Any], stocks: Mapping[date, Any]) -> Point:
    flow, stock, before = flows.get(day), stocks.get(day), stocks.get(day - ONE)
    listed = stock.listed if stock is not None and not stock.unplaced else None
    if flow is None or flow.first_day < day:
        return Point(day, models_listed=listed)
    added = flow.added if listed is not None and before is not None and not before.unplaced else None
    if flow.resets:
        return Point(day, models_listed=listed, models_added=added)
    return Point(day, flow.uses, flow.models_used, listed, added, flow.top_uses)


# --- what is not known, and where it was read ----------------------------------------------------------------------


def _gaps(asked: Asked, period: Period) -> Iterable[str]:
    """What a reader of this period could misread, in words."""
    for day in (period.first - ONE, period.last):
        found = asked.stock(day)
        if found is not None and found.unplaced and not found.note:
            low, high = found.listed, found.listed + found.unplaced
            yield f"At the end of {spoken(day)} between {low} and {high} models were listed."
    yield from _stretch_gaps(asked, period)
    yield from notes(asked, period)


def notes(asked: Asked, period: Period) -> Iterable[str]:
    """What the snapshots at a period's ends say of themselves."""
    stocks = [found for day in (period.first - ONE, period.last) if (found := asked.stock(day)) is not None]
    yield from dict.fromkeys(line for found in stocks for line in found.note.splitlines())


def _stretch_gaps(asked: Asked, period: Period) -> Iterable[str]:
    overlapping = sa.select(stretches).where(
        stretches.c.catalogue == asked.catalogue,
        stretches.c.last_day >= period.first,
        stretches.c.first_day <= period.last,
    )
    found = asked.connection.execute(overlapping.order_by(stretches.c.last_day)).all()
    for row in found:
        if row.first_day < row.last_day and not row.resets:
            days = f"{spoken(row.first_day)} to {spoken(row.last_day)}"
            yield f"{days} taken together: {row.uses} {asked.unit}, {row.models_used} models used; not known by day."
    fallen = sum(row.resets for row in found)
    if fallen:
        yield f"The counter of {_models(fallen)} fell: a reset, so what {_it(fallen)} use was is not known."
    late = sum(row.newcomers for row in found)
    if late:
        yield f"{_models(late)} appeared with {asked.unit} already counted; those are on no known day and left out."
    ending = usage.c.last_day.between(period.first, period.last)
    hole = (usage.c.catalogue == asked.catalogue, HOLE, usage.c.uses > 0, ending)
    spanning = asked.connection.execute(sa.select(sa.func.count(), sa.func.min(usage.c.first_day)).where(*hole)).one()
    if spanning[0]:
        since = spoken(spanning[1])
        yield f"{_models(spanning[0])} came back after missed readings; use since {since} is in no single day."


def _models(count: int) -> str:
    return f"{count} {'model' if count == 1 else 'models'}"


def _it(count: int) -> str:
    return "its" if count == 1 else "their"


def references(asked: Asked, days: Iterable[date]) -> tuple[Ref, ...]:
    chosen = (
        sa.select(refs.c.url, refs.c.at, refs.c.sha256)
        .join(snapshots, snapshots.c.ref == refs.c.id)
        .where(snapshots.c.catalogue == asked.catalogue, snapshots.c.day.in_(set(days)))
        .order_by(snapshots.c.day)
    )
    return tuple(Ref(row.url, row.at, row.sha256) for row in asked.connection.execute(chosen))


def names_of(asked: Asked, ids: Iterable[int]) -> tuple[Mapping[int, Name], Mapping[int, Name]]:
    """Names and authors of models by id."""
    wanted = list(ids)
    if not wanted:
        return {}, {}
    chosen = sa.select(models.c.id, models.c.name, models.c.author).where(models.c.id.in_(wanted))
    found = asked.connection.execute(chosen).all()
    return {row.id: row.name for row in found}, {row.id: row.author for row in found}


def uncounted(asked: Asked, end: date) -> int:
    """The most models that any snapshot of the history may have listed beside those it shows."""
    days = snapshots.c.day.between(end - HISTORY * ONE, end)
    most = sa.select(sa.func.max(snapshots.c.uncounted)).where(snapshots.c.catalogue == asked.catalogue, days)
    return int(asked.connection.scalar(most) or 0)
