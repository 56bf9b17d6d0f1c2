"""The deliveries of one database: the only place that writes them. Every method is one transaction.

A row changes by an UPDATE that names the state it is in, so that of several workers one succeeds and the others see
that they did not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from bot.deliveries import _planning, rules
from bot.deliveries.rows import NOTICES, Delivery, Edition, Otherwise, delivery
from bot.outlets import Found, Later, Outcome, Refused, Sent, Stopped, Unsure, redacted
from bot.records import Document, FootfallError, PeriodName, Receipt
from bot.store import Store, alone, digests, paused
from bot.store import deliveries as rows

Keep = Callable[[sa.Connection, Edition, Receipt], None]
"""Puts a receipt into the archive within the transaction of the connection."""

CHECK_EVERY = timedelta(hours=1)
"""How often the outlet of a refused account is asked whether it works again."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class DeliveryError(FootfallError):
    """Something was asked of a delivery that cannot be."""


@dataclass(frozen=True, slots=True)
class Paused:
    """An outlet whose account is refused."""

    outlet: str
    reason: str
    since: datetime


class Outbox:
    """The deliveries of one database. `keep` is the archive's."""

    def __init__(self, store: Store, keep: Keep) -> None:
        self._store, self._keep = store, keep

    # --- planning -------------------------------------------------------------------------------------------------

    def plan(
        self,
        edition: Edition,
        outlet: str,
        destination: str,
        parts: int,
        now: datetime,
        until: datetime | None,
        otherwise: Otherwise = "refuse",
    ) -> str:
        """Make sure that an edition is on its way to a destination: as a post or, where an earlier edition was sent,
        as its correction. Returns why it is not; empty where it is. Planning twice changes nothing."""
        target = _planning.Target(edition, outlet, destination, now, until)
        with self._store.writing() as connection:
            _alone(connection, edition)
            return _planning.plan(connection, target, parts, otherwise)

    def silence(
        self, edition: Edition, outlet: str, destination: str, now: datetime, until: datetime | None, reason: str
    ) -> None:
        """Record why nothing goes to a destination. Changes nothing where something is on its way already."""
        target = _planning.Target(edition, outlet, destination, now, until)
        with self._store.writing() as connection:
            _alone(connection, edition)
            _planning.silence(connection, target, reason)

    def told(self, edition: Edition, outlet: str, destination: str) -> int | None:
        """The newest edition before this one that was sent there."""
        wanted = sa.select(sa.func.max(rows.c.edition)).where(
            *_planning.there(edition, outlet, destination),
            *(rows.c.edition < edition.number, rows.c.state == "sent", rows.c.part == 0),
        )
        with self._store.reading() as connection:
            found: int | None = connection.scalar(wanted)
        return found

    # --- sending --------------------------------------------------------------------------------------------------

    def claim(
        self,
        one: Delivery,
        document: Document,
        text: str,
        cost: Decimal,
        budget: Decimal | None,
        worker: str,
        now: datetime,
        lease: timedelta,
    ) -> Delivery | None:
        """Take a planned delivery for sending; `None` where that cannot be: somebody else has it, it is not due, its
        outlet is paused, the part before it is not out, its digest was composed anew, or the month's money is spent."""
        with self._store.writing() as connection:
            _alone(connection, one.digest)
            if not _is_current(connection, one, document, now):
                return None
            if budget is not None and (reason := _over_budget(connection, one, cost, budget, now)):
                if _change(connection, one, rules.ended("refused", reason, now)):
                    _stop_thread(connection, one, "refused", now)
                return None
            change = {
                "state": "sending",
                "since": now,
                "reason": "",
                "claimed_by": worker,
                "lease_until": now + lease,
                "attempts": one.attempts + 1,
                "tried_at": now,
                "text": text,
                "cost": f"{cost:f}",
            }
            if not _change(connection, one, change, *_ready(now)):
                return None
            return _read(connection, one.id)

    def settle(self, claimed: Delivery, outcome: Outcome, now: datetime) -> None:
        """Record how the sending of a claimed delivery ended. That it is out is recorded whoever holds it by now;
        anything else only while the claim stands."""
        with self._store.writing() as connection:
            _alone(connection, claimed.digest)
            if isinstance(outcome, Stopped):
                _pause(connection, claimed.outlet, outcome.reason, now)
            change = rules.after_sending(claimed, _clean(outcome), now)
            if isinstance(outcome, Sent):
                self._sent(connection, claimed, change)
            elif _change(connection, claimed, change) and change["state"] in ("refused", "skipped"):
                _stop_thread(connection, claimed, str(change["state"]), now)

    def refuse(self, one: Delivery, reason: str, now: datetime) -> None:
        """Record that a planned delivery cannot be sent, before anything was."""
        with self._store.writing() as connection:
            if _change(connection, one, rules.ended("refused", redacted(reason), now)):
                _stop_thread(connection, one, "refused", now)

    def asked(self, one: Delivery, found: Found, asked_at: datetime, settle: timedelta) -> None:
        """Record what the outlet said about a delivery whose fate was unknown."""
        change = rules.after_asking(one, found, asked_at, settle)
        with self._store.writing() as connection:
            _alone(connection, one.digest)
            if isinstance(found, Sent):
                self._sent(connection, one, change)
            else:
                _change(connection, one, change)

    def expire(self, now: datetime) -> None:
        """What was being sent and was not reported back in time becomes unknown; what is no longer due is skipped."""
        lost = "the process that sent it did not report back"
        late = "no longer due: it could not be sent in time"
        with self._store.writing() as connection:
            gone = (rows.c.state == "sending", rows.c.lease_until <= now)
            connection.execute(rows.update().where(*gone).values(**rules.unknown(lost, now)))
            over = connection.execute(sa.select(rows).where(rows.c.state == "planned", rows.c.until <= now)).all()
            for one in map(delivery, over):
                why = f"{late}; last: {one.reason}" if one.reason else late
                _change(connection, one, rules.ended("skipped", why, now))

    def postpone(self, outlet: str, destination: str, until: datetime, reason: str) -> None:
        """Let the posts that are planned for a destination wait until an instant; corrections are not posts."""
        mine = (rows.c.outlet == outlet, rows.c.destination == destination, rows.c.kind == "post")
        early = (rows.c.state == "planned", rows.c.not_before < until)
        with self._store.writing() as connection:
            connection.execute(rows.update().where(*mine, *early).values(not_before=until, reason=reason))

    def give_up(self, outlet: str, destination: str, reason: str, now: datetime) -> None:
        """Skip what is planned for a destination that there is no more."""
        mine = (rows.c.outlet == outlet, rows.c.destination == destination, rows.c.state == "planned")
        with self._store.writing() as connection:
            connection.execute(rows.update().where(*mine).values(**rules.ended("skipped", redacted(reason), now)))

    def pause(self, outlet: str, now: datetime) -> bool:
        """Let nothing be sent to an outlet until an operator lifts that; a working check does not. Returns whether it
        was not paused before."""
        with self._store.writing() as connection:
            fresh = _pause(connection, outlet, "an operator paused it", now)
            connection.execute(paused.update().where(paused.c.outlet == outlet).values(checked_at=NEVER))
        return fresh

    # --- asking ---------------------------------------------------------------------------------------------------

    def ready(self, now: datetime, outlets: Collection[str]) -> tuple[Delivery, ...]:
        """Planned deliveries that may be claimed now."""
        return self._select(rows.c.state == "planned", rows.c.outlet.in_(outlets), *_ready(now))

    def doubtful(self, now: datetime, outlets: Collection[str]) -> tuple[Delivery, ...]:
        """Unknown deliveries whose outlet is to be asked now."""
        return self._select(rows.c.state == "unknown", rows.c.outlet.in_(outlets), rows.c.not_before <= now)

    def listed(self, states: Collection[str] = (), last: int | None = None) -> tuple[Delivery, ...]:
        """Every delivery, or those in some states; oldest first."""
        wanted = [rows.c.state.in_(states)] if states else []
        found = self._select(*wanted)
        return found[-last:] if last else found

    def of(self, edition: Edition) -> tuple[Delivery, ...]:
        """The deliveries of one edition."""
        same = (rows.c.network == edition.network, rows.c.period == edition.period, rows.c.day == edition.day)
        return self._select(*same, rows.c.edition == edition.number)

    def one(self, id: int) -> Delivery:
        """One delivery. Raises `DeliveryError` where there is none."""
        with self._store.reading() as connection:
            return _read(connection, id)

    def before(self, one: Delivery) -> Delivery | None:
        """The part before it in the thread."""
        wanted = (rows.c.edition == one.edition, rows.c.part == one.part - 1)
        found = self._select(*_planning.there(one.digest, one.outlet, one.destination), *wanted)
        return found[0] if found else None

    def planned(
        self, network: str, period: PeriodName, outlet: str, destination: str
    ) -> tuple[date | None, date | None]:
        """The first days of the oldest and of the newest period that a delivery to a destination was ever planned for;
        `None` where none was."""
        there = (rows.c.outlet == outlet, rows.c.destination == destination)
        ends = sa.select(sa.func.min(rows.c.day), sa.func.max(rows.c.day))
        with self._store.reading() as connection:
            found = connection.execute(ends.where(rows.c.network == network, rows.c.period == period, *there)).one()
        return found[0], found[1]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many deliveries there are by outlet and state."""
        wanted = sa.select(rows.c.outlet, rows.c.state, sa.func.count()).group_by(rows.c.outlet, rows.c.state)
        with self._store.reading() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(wanted)}

    def paused(self) -> tuple[Paused, ...]:
        """The outlets that are paused."""
        with self._store.reading() as connection:
            found = connection.execute(sa.select(paused).order_by(paused.c.outlet)).all()
        return tuple(Paused(row.outlet, row.reason, row.since) for row in found)

    # --- what lifts, and what a human says ---------------------------------------------------------------------------

    def may_check(self, outlet: str, now: datetime) -> bool:
        """Whether it is this process's turn to ask a paused outlet if it works again."""
        due = paused.update().where(paused.c.outlet == outlet, paused.c.checked_at <= now - CHECK_EVERY)
        with self._store.writing() as connection:
            return connection.execute(due.values(checked_at=now)).rowcount == 1

    def lift(self, outlet: str) -> bool:
        """Let an outlet post again. Returns whether it was paused."""
        with self._store.writing() as connection:
            return connection.execute(paused.delete().where(paused.c.outlet == outlet)).rowcount == 1

    def retry(self, id: int, now: datetime) -> Delivery:
        """Try a delivery again now: a planned, refused or skipped one is sent, an unknown one is asked about, never
        sent. Raises `DeliveryError` for any other."""
        with self._store.writing() as connection:
            one = _read(connection, id)
            _alone(connection, one.digest)
            if one.state == "unknown":
                _change(connection, one, {"not_before": now})
                return _read(connection, id)
            if one.state not in ("planned", "refused", "skipped"):
                raise DeliveryError(f"delivery {id}: is {one.state}; wanted one that is planned, refused or skipped")
            _planning.no_newer(connection, one, DeliveryError)
            _change(connection, one, {**rules.planned(one.reason, now, now), "until": None})
            _planning.revive_after(connection, one, now)
            return _read(connection, id)

    def resolve(self, id: int, url: str | None, now: datetime) -> Delivery:
        """A human looked: it is out at `url`, or (`None`) it is not and may be sent again. Raises `DeliveryError` for a
        delivery whose fate is known."""
        with self._store.writing() as connection:
            one = _read(connection, id)
            _alone(connection, one.digest)
            if one.state != "unknown":
                raise DeliveryError(f"delivery {id}: is {one.state}; wanted one that is unknown")
            if url is None:
                _change(connection, one, {**rules.planned("an operator says it is not out", now, now), "resent": 0})
            else:
                name = url.rstrip("/").rpartition("/")[2]
                self._sent(connection, one, rules.sent(Sent(name, url), now))
            return _read(connection, id)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _sent(self, connection: sa.Connection, one: Delivery, change: rules.Change) -> None:
        fresh = rows.update().where(rows.c.id == one.id, rows.c.state != "sent").values(**change)
        if connection.execute(fresh).rowcount and one.network != NOTICES:
            at = change["since"]
            assert isinstance(at, datetime)
            proof = (str(change["platform_id"]), str(change["url"]), at)
            self._keep(connection, one.digest, Receipt(one.outlet, one.destination, one.part, *proof))

    def _select(self, *wanted: sa.ColumnElement[bool]) -> tuple[Delivery, ...]:
        order = (rows.c.day, rows.c.network, rows.c.outlet, rows.c.destination, rows.c.edition, rows.c.part, rows.c.id)
        with self._store.reading() as connection:
            return tuple(map(delivery, connection.execute(sa.select(rows).where(*wanted).order_by(*order))))


def _alone(connection: sa.Connection, edition: Edition) -> None:
    """Nobody else plans, claims or composes this period until the transaction ends. The archive takes the same lock."""
    alone(connection, "digest", edition.network, edition.period, edition.day)


def _read(connection: sa.Connection, id: int) -> Delivery:
    row = connection.execute(sa.select(rows).where(rows.c.id == id)).first()
    if row is None:
        raise DeliveryError(f"delivery {id}: there is none; python -m bot deliveries list shows those there are")
    return delivery(row)


def _change(connection: sa.Connection, one: Delivery, change: rules.Change, *more: sa.ColumnElement[bool]) -> bool:
    """Change a row that is still as it was read; whether it was."""
    same = [rows.c.id == one.id, rows.c.state == one.state, rows.c.attempts == one.attempts]
    if one.state == "sending":
        same.append(rows.c.claimed_by == one.claimed_by)
    return connection.execute(rows.update().where(*same, *more).values(**change)).rowcount == 1


def _ready(now: datetime) -> Sequence[sa.ColumnElement[bool]]:
    earlier = rows.alias("earlier")
    same = [getattr(earlier.c, name) == getattr(rows.c, name) for name in _planning.THREAD]
    out = sa.exists().where(*same, earlier.c.part == rows.c.part - 1, earlier.c.state == "sent")
    return (
        rows.c.not_before <= now,
        sa.or_(rows.c.until.is_(None), rows.c.until > now),
        sa.or_(rows.c.part == 0, out),
        rows.c.outlet.not_in(sa.select(paused.c.outlet)),
    )


def _is_current(connection: sa.Connection, one: Delivery, document: Document, now: datetime) -> bool:
    """Whether the document is still what the archive has for this delivery. One of an older edition is skipped."""
    if one.network == NOTICES:
        return True
    same = (digests.c.network == one.network, digests.c.period == one.period, digests.c.day == one.day)
    kept = connection.execute(sa.select(digests).where(*same).order_by(digests.c.edition.desc()).limit(1)).first()
    if kept is not None and kept.edition > one.edition and one.part == 0:
        reason = f"superseded by edition {kept.edition} before it was sent"
        if _change(connection, one, rules.ended("skipped", reason, now)):
            _stop_thread(connection, one, "skipped", now)
        return False
    if kept is None or kept.edition < one.edition:
        return False
    return kept.edition > one.edition or _planning.same_words(kept.document, document)


def _over_budget(connection: sa.Connection, one: Delivery, cost: Decimal, budget: Decimal, now: datetime) -> str | None:
    """Why a part cannot be paid this month. What is out and what may be counts, at the price of its last attempt."""
    alone(connection, "budget", one.outlet)
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    mine = (rows.c.outlet == one.outlet, rows.c.tried_at >= month, rows.c.id != one.id)
    counted = (*mine, rows.c.state.in_(("sent", "sending", "unknown")), rows.c.cost.is_not(None))
    spent = sum(map(Decimal, connection.execute(sa.select(rows.c.cost).where(*counted)).scalars()), Decimal(0))
    if spent + cost <= budget:
        return None
    return (
        f"{one.outlet}: over the monthly budget: ${spent:f} of ${budget:f} spent or under way since {month:%d %b}, this"
        f" costs ${cost:f}; raise outlets.{one.outlet}.monthly_budget, then deliveries retry {one.id}"
    )


def _stop_thread(connection: sa.Connection, one: Delivery, state: str, now: datetime) -> None:
    """The parts after one that will not be out are not sent either: the thread stays partial."""
    reason = f"the thread is partial: its part {one.part + 1} was {state}"
    same = (*_planning.there(one.digest, one.outlet, one.destination), rows.c.edition == one.edition)
    later = rows.update().where(*same, rows.c.part > one.part, rows.c.state == "planned")
    connection.execute(later.values(**rules.ended("skipped", reason, now)))


def _pause(connection: sa.Connection, outlet: str, reason: str, now: datetime) -> bool:
    alone(connection, "paused", outlet)
    fresh = connection.execute(sa.select(paused).where(paused.c.outlet == outlet)).first() is None
    if fresh:
        row = {"outlet": outlet, "reason": redacted(reason), "since": now, "checked_at": now}
        connection.execute(paused.insert().values(row))
    return fresh


def _clean(outcome: Outcome) -> Outcome:
    """An outcome whose reason is fit to be kept, whatever the outlet put there."""
    match outcome:
        case Sent():
            return outcome
        case Later(reason, not_before):
            return Later(redacted(reason), not_before)
        case Refused(reason):
            return Refused(redacted(reason))
        case Unsure(reason):
            return Unsure(redacted(reason))
        case Stopped(reason):
            return Stopped(redacted(reason))


__all__ = ["DeliveryError", "Outbox", "Paused"]
