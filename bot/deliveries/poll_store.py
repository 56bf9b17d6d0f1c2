"""The polls of deliveries: as they were posted, when they close, and the votes after that.

Votes that cannot be read are unknown, with the reason; a count that is not final is never stored.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.deliveries.delivery import Delivery, delivery_from_row
from bot.outlets import LookupInconclusive, Votes, redact_reason
from bot.records import PeriodName, Poll, message
from bot.store import Store
from bot.store import deliveries as rows
from bot.store import polls as table

POLLS = "polls"
"""The name of a digest's panel with the votes."""
AGAIN = timedelta(minutes=15)
"""Time to the next read of a poll that should be closed but is still open."""
LONGEST = timedelta(days=40)
"""No poll is open for longer (Discord's limit is 32 days); a read further ahead was planned by a wrong clock."""
GIVEN_UP = timedelta(days=3)
"""Time after a poll's end at which a platform without a final count is given up."""


@dataclass(frozen=True, slots=True)
class PollRecord:
    """One poll at one destination."""

    outlet: str
    destination: str
    day: date
    """First day of the period of its digest."""
    period: PeriodName
    poll: Poll
    closes: datetime
    votes: tuple[int, ...] | None
    """By answer; `None`: unknown."""
    read_at: datetime | None
    reason: str
    """Why the votes are unknown."""
    url: str


class PollStore:
    """The polls of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def delivery_poll(self, id: int) -> Poll | None:
        """The poll of a delivery's last attempt."""
        with self._store.read_transaction() as connection:
            row = connection.execute(sa.select(table).where(table.c.delivery == id)).first()
        return _poll_from_row(row) if row else None

    def due_polls(self, now: datetime, outlets: Collection[str]) -> tuple[Delivery, ...]:
        """Deliveries whose poll is due to be read."""
        time = sa.or_(table.c.ask_at <= now, table.c.ask_at > now + LONGEST)
        wanted = (time, rows.c.state == "sent", rows.c.outlet.in_(outlets))
        chosen = sa.select(rows).join(table, table.c.delivery == rows.c.id).where(*wanted).order_by(rows.c.id)
        with self._store.read_transaction() as connection:
            return tuple(map(delivery_from_row, connection.execute(chosen)))

    def record_votes(self, delivery: Delivery, result: Votes | LookupInconclusive, now: datetime) -> None:
        """Record what the outlet returned for a poll."""
        with self._store.write_transaction() as connection:
            row = connection.execute(sa.select(table).where(table.c.delivery == delivery.id)).one()
            change = _votes_change(result, len(json.loads(row.answers)), row.closes, now)
            still = (table.c.delivery == delivery.id, table.c.ask_at.is_not(None))
            connection.execute(table.update().where(*still).values(**change))

    def closed_polls(self, network: str, begins: datetime, ends: datetime) -> tuple[PollRecord, ...]:
        """The polls of a network's digests that closed at or after `begins` and before `ends`; oldest first."""
        span = (rows.c.network == network, table.c.closes >= begins, table.c.closes < ends)
        kept = (rows.c.outlet, rows.c.destination, rows.c.day, rows.c.period, rows.c.url)
        chosen = sa.select(table, *kept).join(rows, table.c.delivery == rows.c.id).where(*span)
        order = (rows.c.day, rows.c.outlet, rows.c.destination, rows.c.id)
        with self._store.read_transaction() as connection:
            return tuple(map(_poll_record, connection.execute(chosen.order_by(*order))))


def record_poll(connection: sa.Connection, id: int, poll: Poll | None) -> None:
    """Store the poll of a delivery before it is sent; `None`: no poll."""
    connection.execute(table.delete().where(table.c.delivery == id))
    if poll is not None:
        row = {"name": poll.name, "question": poll.question, "answers": json.dumps(poll.answers, ensure_ascii=False)}
        english = json.dumps(poll.english, ensure_ascii=False) if poll.english else None
        minutes = int(poll.lasts.total_seconds() // 60)
        values = {**row, "english": english, "minutes": minutes, "reason": message("poll_not_closed")}
        connection.execute(table.insert().values(delivery=id, **values))


def open_poll(connection: sa.Connection, id: int, at: datetime) -> None:
    """Record that a delivery is out, and its poll, if any, is open from now on."""
    row = connection.execute(sa.select(table).where(table.c.delivery == id, table.c.closes.is_(None))).first()
    if row is not None:
        closes = at + timedelta(minutes=row.minutes)
        first = closes + timedelta(minutes=1)  # times are stored to the second, and platforms need a moment to count
        connection.execute(table.update().where(table.c.delivery == id).values(closes=closes, ask_at=first))


def _votes_change(
    result: Votes | LookupInconclusive, answers: int, closes: datetime, now: datetime
) -> dict[str, object]:
    last = now >= closes + GIVEN_UP
    if isinstance(result, LookupInconclusive):
        again = None if last or result.retry_at is None else max(result.retry_at, now + timedelta(minutes=1))
        return {"reason": redact_reason(result.reason), "ask_at": again}
    if len(result.counts) != answers:
        return {"reason": message("poll_answers_differ", n=len(result.counts), m=answers), "ask_at": None}
    if not result.final:
        reason = message("poll_never_final" if last else "poll_being_counted")
        return {"reason": reason, "ask_at": None if last else now + AGAIN}
    # A final count means that the poll has closed, even if a wrong clock set its end.
    change = {"votes": json.dumps(result.counts), "closes": min(closes, now)}
    return {**change, "read_at": now, "reason": "", "ask_at": None}


def _poll_from_row(row: Any) -> Poll:
    english = tuple(json.loads(row.english)) if row.english else ()
    return Poll(row.question, tuple(json.loads(row.answers)), timedelta(minutes=row.minutes), row.name, english)


def _poll_record(row: Any) -> PollRecord:
    votes = tuple(json.loads(row.votes)) if row.votes else None
    place = (row.outlet, row.destination, row.day, row.period)
    return PollRecord(*place, _poll_from_row(row), row.closes, votes, row.read_at, row.reason, row.url or "")
