"""Held days: which they are and why, and the operator's decisions about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import sqlalchemy as sa

from bot.ledger.catalogue_query import key_of, of_catalogue
from bot.ledger.snapshots.comparison import RecentLists
from bot.ledger.snapshots.rollups import date_models
from bot.ledger.snapshots.verdicts import doubt_text, judge_again, store_decision
from bot.ledger.snapshots.write import COMPOSE_AGAIN, apply_verdicts, record_change
from bot.plausibility import State
from bot.records import Catalogue, Period, PeriodName, Unknown
from bot.store import Store, catalogues, cursors, snapshots, verdicts

Decision = Literal["confirmed", "rejected"]


@dataclass(frozen=True, slots=True)
class Hold:
    """A day whose list is, or was, implausible."""

    day: date
    state: State
    reason: str
    """What is implausible, and the outcome."""
    by_hand: bool


def held_days(store: Store, catalogue: Catalogue, states: Sequence[State] = ("held",)) -> tuple[Hold, ...]:
    """The days of a catalogue whose list is held, oldest first; those in other states where they are named."""
    chosen = of_catalogue(sa.select(verdicts), verdicts, catalogue).where(verdicts.c.state.in_(states))
    with store.read_transaction() as connection:
        rows = connection.execute(chosen.order_by(verdicts.c.day))
        return tuple(Hold(row.day, row.state, doubt_text(row), row.by_hand) for row in rows)


def hold_reason(store: Store, catalogue: Catalogue, period: Period) -> Unknown | None:
    """Why the list at the end of a period is held; `None` if it is not."""
    return next(
        (Unknown(held_day.reason) for held_day in held_days(store, catalogue) if held_day.day == period.last), None
    )


def record_decision(store: Store, catalogue: Catalogue, day: date, decision: Decision | None) -> bool:
    """Confirm or reject the list of a day by hand, or with `None` leave it to the readings again. Returns whether there
    was a list to decide about; a sound list that was never held can only be rejected."""
    with store.write_transaction() as connection:
        key = key_of(connection, catalogue)
        snapshot = _doubted_snapshot(connection, key, day, decision)
        if key is None or snapshot is None:
            return False
        connection.execute(sa.select(catalogues.c.id).where(catalogues.c.id == key).with_for_update())
        store_decision(connection, key, snapshot, day, decision)
        lists = RecentLists(connection)
        judged = judge_again(connection, key, day, lists)
        # The decision is already stored, so judging again does not count its own day as changed.
        since = min(day, judged.since or day)
        days = apply_verdicts(connection, catalogue.network, key, replace(judged, since=since), lists)
        date_models(connection, key, days)
        record_change(connection, catalogue.network)
        return True


def _doubted_snapshot(connection: sa.Connection, catalogue: int | None, day: date, decision: Decision | None) -> Any:
    """The snapshot of a day that an operator can decide about."""
    mine = (verdicts.c.catalogue == catalogue, verdicts.c.day == day)
    snapshot = connection.scalar(sa.select(verdicts.c.snapshot).where(*mine).order_by(verdicts.c.snapshot))
    if snapshot is None and decision == "rejected":
        closing = (snapshots.c.catalogue == catalogue, snapshots.c.day == day)
        snapshot = connection.scalar(sa.select(snapshots.c.id).where(*closing))
    return snapshot


def outdated_since(store: Store, network: str, name: PeriodName) -> date | None:
    """The first day whose verdict changed since a network's digests of one period name were composed."""
    with store.read_transaction() as connection:
        text = connection.scalar(sa.select(cursors.c.text).where(*_cursor_filter(network, name)))
    return date.fromisoformat(text) if text else None


def mark_recomposed(store: Store, network: str, name: PeriodName, since: date) -> None:
    """Record that digests from a day on were composed again, unless a verdict of an earlier day changed meanwhile."""
    with store.write_transaction() as connection:
        mine = (*_cursor_filter(network, name), cursors.c.text == since.isoformat())
        connection.execute(cursors.delete().where(*mine))


def _cursor_filter(network: str, name: PeriodName) -> Iterator[sa.ColumnElement[bool]]:
    yield cursors.c.network == network
    yield cursors.c.name == f"{COMPOSE_AGAIN}: {name}"
