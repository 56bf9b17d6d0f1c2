"""Looks a catalogue up in the database and finds its snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any, TypeVar, TypeVarTuple

import sqlalchemy as sa

from bot.records import Catalogue, Period, Unknown, message
from bot.store import Store, catalogues, snapshots

# Statements with parameters are built once. Building one anew for each question takes longer than most answers.
CATALOGUE: sa.BindParameter[Any] = sa.bindparam("catalogue")
DAY: sa.BindParameter[Any] = sa.bindparam("day", type_=sa.Date)
FIRST: sa.BindParameter[Any] = sa.bindparam("first", type_=sa.Date)
LAST: sa.BindParameter[Any] = sa.bindparam("last", type_=sa.Date)
IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_CLOSING = sa.select(snapshots).where(snapshots.c.catalogue == CATALOGUE, snapshots.c.day == DAY)
NAMED = (catalogues.c.network == sa.bindparam("network"), catalogues.c.name == sa.bindparam("name"))
"""The condition that selects a catalogue's row by the parameters of `name_of`."""
_KEY = sa.select(catalogues.c.id).where(*NAMED)
_SINCE = sa.select(sa.func.min(snapshots.c.day)).where(snapshots.c.catalogue == CATALOGUE)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

ONE = timedelta(days=1)
HISTORY = 400
"""Days of history in period data: enough for "highest in a year"."""


@dataclass(frozen=True, slots=True)
class CatalogueQuery:
    """One catalogue of one database, for queries on its snapshots."""

    connection: sa.Connection
    catalogue: int
    unit: str
    since: date
    """The day that the first snapshot closes; `date.max` if none does."""
    closing: dict[date, Any]
    """Cache: snapshots by the day that they close."""

    def closing_snapshot(self, day: date) -> Any:
        """The snapshot that closes a day, or `None`."""
        if day not in self.closing:
            place = {"catalogue": self.catalogue, "day": day}
            self.closing[day] = self.connection.execute(_CLOSING, place).first()
        return self.closing[day]


def catalogue_filter(network: str, catalogue: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """The condition that selects a catalogue's row in `catalogues`."""
    return catalogues.c.network == network, catalogues.c.name == catalogue


def of_catalogue(stmt: sa.Select[*Ts], table: sa.Table, catalogue: Catalogue) -> sa.Select[*Ts]:
    """A question to a table that has a row's catalogue, about one catalogue alone."""
    joined = stmt.join(catalogues, catalogues.c.id == table.c.catalogue)
    return joined.where(*catalogue_filter(catalogue.network, catalogue.key))


def in_chunks(items: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """Values for `IN (...)`, as many at a time as one question may name: databases have limits."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def key_of(connection: sa.Connection, catalogue: Catalogue) -> int | None:
    """The id of a catalogue; `None` if nothing was collected for it yet."""
    key: int | None = connection.scalar(_KEY, name_of(catalogue))
    return key


def name_of(catalogue: Catalogue) -> dict[str, str]:
    """The parameters of a statement about a catalogue by its name."""
    return {"network": catalogue.network, "name": catalogue.key}


@contextmanager
def open_catalogue_query(store: Store, catalogue: Catalogue, period: Period) -> Iterator[CatalogueQuery | date | None]:
    """The catalogue; or, if the watch begins after the period, the day on which it begins (`None`: it has not
    begun)."""
    with store.read_transaction() as connection:
        key = key_of(connection, catalogue)
        since = connection.scalar(_SINCE, {"catalogue": key}) if key else None
        if key is None or since is None or since > period.last:
            yield since
        else:
            yield CatalogueQuery(connection, key, catalogue.unit, since, {})


def not_watched_reason(since: date | None) -> Unknown:
    """Why nothing is known of a catalogue whose watch begins later or has not begun."""
    return Unknown(message("watch_began", day=since) if since else message("nothing_collected"))
