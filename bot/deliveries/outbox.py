"""The deliveries of one database. Only this module writes them, and every method is one transaction.

An UPDATE names the state that the row must be in, so that of several workers one succeeds and the others see that they
did not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from bot.deliveries import _planning, poll_store
from bot.deliveries import _row_updates as moves
from bot.deliveries import delivery as changes
from bot.deliveries._planning import PostShape
from bot.deliveries.delivery import NOTICES, Delivery, DeliveryError, EditionKey, Otherwise, delivery_from_row
from bot.outlets import AccountRefused, Found, Outcome, Refused, Sent, redact_reason
from bot.process_locks import has_ended
from bot.records import Document, PeriodName, Poll, Receipt, message
from bot.store import Store, paused
from bot.store import deliveries as rows

Keep = Callable[[sa.Connection, EditionKey, Receipt], None]
"""Stores a receipt in the archive, in the transaction of the connection."""

CHECK_EVERY = timedelta(hours=1)
"""Time between two checks of a refused account."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PausedOutlet:
    """An outlet whose account is refused."""

    outlet: str
    reason: str
    since: datetime


_IN_ORDER = sa.select(rows).order_by(
    rows.c.day, rows.c.network, rows.c.outlet, rows.c.destination, rows.c.edition, rows.c.part, rows.c.id
)


class Outbox:
    """The deliveries of one database. `keep` stores receipts in the archive."""

    def __init__(self, store: Store, keep: Keep) -> None:
        self._store, self._keep = store, keep
        self.polls = poll_store.PollStore(store)

    # --- planning -------------------------------------------------------------------------------------------------

    def plan(
        self,
        edition: EditionKey,
        outlet: str,
        destination: str,
        shape: PostShape | int,
        now: datetime,
        until: datetime | None,
        otherwise: Otherwise = "refuse",
    ) -> str:
        """Plan an edition for a destination: as a post (`shape`, or so many parts) or, if an earlier edition was sent,
        as the correction of each of its parts. Returns why it is not planned; empty if it is. Planning twice changes
        nothing."""
        target = _planning.DeliveryTarget(edition, outlet, destination, now, until)
        parts = shape if isinstance(shape, PostShape) else PostShape(shape)
        with self._period_transaction(edition) as connection:
            return _planning.plan_parts(connection, target, parts, otherwise)

    def record_skip(
        self, edition: EditionKey, outlet: str, destination: str, now: datetime, until: datetime | None, reason: str
    ) -> None:
        """Record why nothing goes to a destination. Changes nothing if there is a delivery already."""
        target = _planning.DeliveryTarget(edition, outlet, destination, now, until)
        with self._period_transaction(edition) as connection:
            _planning.record_skip(connection, target, reason)

    def last_sent_edition(self, edition: EditionKey, outlet: str, destination: str) -> int | None:
        """The newest earlier edition that was sent there."""
        wanted = sa.select(sa.func.max(rows.c.edition)).where(
            *moves.destination_rows(edition, outlet, destination),
            *(rows.c.edition < edition.number, rows.c.state == "sent", rows.c.part == 0),
        )
        with self._store.read_transaction() as connection:
            newest: int | None = connection.scalar(wanted)
        return newest

    def sent_part_count(self, edition: EditionKey, outlet: str, destination: str) -> int:
        """The number of text parts of earlier editions there."""
        wanted = (*moves.destination_rows(edition, outlet, destination), rows.c.edition < edition.number)
        return len(
            _planning.sent_parts(sorted(self._select_deliveries(*wanted), key=lambda delivery: delivery.edition))
        )

    # --- sending --------------------------------------------------------------------------------------------------

    def claim(
        self,
        delivery: Delivery,
        document: Document,
        text: str,
        cost: Decimal,
        budget: Decimal | None,
        worker: str,
        now: datetime,
        lease: timedelta,
        poll: Poll | None = None,
        platform_at: datetime | None = None,
    ) -> Delivery | None:
        """Claim a planned delivery; `None` if that is impossible: another worker has it, it is not due, its outlet is
        paused, the part before it is not out, its digest was composed again, or the month's budget is spent.
        `platform_at`: the platform's own time; that of the first claim stays."""
        with self._period_transaction(delivery.edition_key) as connection:
            if not moves.is_current(connection, delivery, document, now):
                return None
            if budget is not None and (reason := moves.over_budget(connection, delivery, cost, budget, now)):
                moves.end_delivery(connection, delivery, "refused", reason, now)
                return None
            change = {
                "state": "sending",
                "since": now,
                "reason": "",
                "claimed_by": worker,
                "lease_until": now + lease,
                "attempts": delivery.attempts + 1,
                "tried_at": now,
                "text": text,
                "cost": f"{cost:f}",
                "platform_at": delivery.platform_at or platform_at,
            }
            if not moves.change_row(connection, delivery, change, *moves.may_claim(now)):
                return None
            if poll is not None or delivery.attempts:
                poll_store.record_poll(connection, delivery.id, poll)
            return moves.load_delivery(connection, delivery.id)

    def settle(self, claimed: Delivery, outcome: Outcome, now: datetime) -> None:
        """Record the outcome of a claimed delivery. A success is recorded even if the claim is lost; anything else only
        while the claim is valid."""
        with self._period_transaction(claimed.edition_key) as connection:
            if isinstance(outcome, AccountRefused):
                moves.pause_outlet(connection, claimed.outlet, outcome.reason, now)
            if isinstance(outcome, Refused) and outcome.ended:
                moves.pause_outlet(connection, f"{claimed.outlet} {claimed.destination}", outcome.reason, now)
            change = changes.after_sending(claimed, moves.clean_outcome(outcome), now)
            if isinstance(outcome, Sent):
                self._record_sent(connection, claimed, change, outcome.age)
            elif not moves.change_row(connection, claimed, change):
                return
            elif change["state"] in ("refused", "skipped"):
                moves.stop_thread(connection, claimed, str(change["state"]), now)
            elif "edits" in change:
                # The parts after one that is corrected by a post of its own are not edited either.
                corrections = rows.c.kind == "correction"
                moves.skip_after(connection, claimed, "corrected by a post of its own", now, corrections)

    def refuse(self, delivery: Delivery, reason: str, now: datetime) -> None:
        """Record that a planned delivery cannot be sent; nothing was sent."""
        with self._store.write_transaction() as connection:
            moves.end_delivery(connection, delivery, "refused", redact_reason(reason), now)

    def record_lookup(self, delivery: Delivery, result: Found, asked_at: datetime, settle: timedelta) -> None:
        """Record the result of a look-back for a delivery of unknown state."""
        change = changes.after_asking(delivery, result, asked_at, settle)
        with self._period_transaction(delivery.edition_key) as connection:
            if isinstance(result, Sent):
                self._record_sent(connection, delivery, change, result.age)
            else:
                moves.change_row(connection, delivery, change)

    def record_crosspost(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        """Record the outcome of a crosspost."""
        change = changes.after_passing(delivery, moves.clean_outcome(outcome), now)
        still = rows.update().where(rows.c.id == delivery.id, rows.c.state == "sent")
        with self._store.write_transaction() as connection:
            connection.execute(still.values(**change))

    def expire(self, now: datetime) -> tuple[Delivery, ...]:
        """Set deliveries whose sending was not reported in time to unknown, and skip those that are no longer due.
        Returns the changed deliveries."""
        lost = "the process that sent it did not report back"
        late = "no longer due: it could not be sent in time"
        changed = []
        with self._store.write_transaction() as connection:
            sending = connection.execute(sa.select(rows).where(rows.c.state == "sending")).all()
            for delivery in map(delivery_from_row, sending):
                ended = changes.has_run_out(delivery, now) or has_ended(self._store, delivery.claimed_by or "")
                if ended and moves.change_row(connection, delivery, changes.unknown_change(lost, now)):
                    changed.append(delivery.id)
            over = connection.execute(sa.select(rows).where(rows.c.state == "planned", rows.c.until <= now)).all()
            for delivery in map(delivery_from_row, over):
                why = f"{late}; last: {delivery.reason}" if delivery.reason else late
                if moves.change_row(connection, delivery, changes.ended_change("skipped", why, now)):
                    changed.append(delivery.id)
            return tuple(moves.load_delivery(connection, id) for id in changed)

    def postpone(self, outlet: str, destination: str, until: datetime, reason: str, now: datetime) -> None:
        """Postpone the planned posts of a destination; corrections are not postponed."""
        posts = (rows.c.outlet == outlet, rows.c.destination == destination, rows.c.kind == "post")
        early = sa.or_(rows.c.not_before < until, rows.c.since > now + changes.CLOCKS_APART)
        waiting = rows.update().where(*posts, rows.c.state == "planned", early)
        with self._store.write_transaction() as connection:
            connection.execute(waiting.values(not_before=until, reason=reason, since=now))

    def skip_destination(self, outlet: str, destination: str, reason: str, now: datetime) -> None:
        """Skip the planned deliveries of a destination that no longer exists."""
        there = (rows.c.outlet == outlet, rows.c.destination == destination, rows.c.state == "planned")
        change = changes.ended_change("skipped", redact_reason(reason), now)
        with self._store.write_transaction() as connection:
            connection.execute(rows.update().where(*there).values(**change))

    def pause_outlet(self, outlet: str, now: datetime) -> bool:
        """Pause an outlet until an operator lifts it; a successful check does not. Returns whether it was not paused
        before."""
        with self._store.write_transaction() as connection:
            fresh = moves.pause_outlet(connection, outlet, message("an operator paused it"), now)
            connection.execute(paused.update().where(paused.c.outlet == outlet).values(checked_at=NEVER))
        return fresh

    # --- queries --------------------------------------------------------------------------------------------------

    def claimable_deliveries(self, now: datetime, outlets: Collection[str]) -> tuple[Delivery, ...]:
        return self._select_deliveries(rows.c.state == "planned", rows.c.outlet.in_(outlets), *moves.may_claim(now))

    def deliveries_to_look_up(self, now: datetime, outlets: Collection[str]) -> tuple[Delivery, ...]:
        """Unknown deliveries whose look-back is due."""
        due = moves.has_come(rows.c.not_before, now)
        return self._select_deliveries(rows.c.state == "unknown", rows.c.outlet.in_(outlets), due)

    def deliveries_to_crosspost(self, now: datetime, outlets: Collection[str]) -> tuple[Delivery, ...]:
        """Sent deliveries whose crosspost is due."""
        due = moves.has_come(rows.c.pass_at, now)
        return self._select_deliveries(rows.c.state == "sent", rows.c.outlet.in_(outlets), due)

    def known_destinations(self, outlet: str) -> dict[str, str]:
        """Destinations that have received a post and have no followers, each with its last link."""
        newest = sa.select(sa.func.max(rows.c.id)).where(rows.c.outlet == outlet, rows.c.state == "sent")
        newest = newest.group_by(rows.c.destination).having(sa.func.count(rows.c.passed) == 0)
        wanted = sa.select(rows.c.destination, rows.c.url).where(rows.c.id.in_(newest), rows.c.url.is_not(None))
        with self._store.read_transaction() as connection:
            return {row.destination: row.url for row in connection.execute(wanted)}

    def list_deliveries(self, states: Collection[str] = (), last: int | None = None) -> tuple[Delivery, ...]:
        """All deliveries, or those in some states; oldest first."""
        wanted = [rows.c.state.in_(states)] if states else []
        deliveries = self._select_deliveries(*wanted)
        return deliveries[-last:] if last else deliveries

    def edition_deliveries(self, edition: EditionKey) -> tuple[Delivery, ...]:
        same = (rows.c.network == edition.network, rows.c.period == edition.period, rows.c.day == edition.day)
        return self._select_deliveries(*same, rows.c.edition == edition.number)

    def get_delivery(self, id: int) -> Delivery:
        """One delivery. Raises `DeliveryError` if there is none."""
        with self._store.read_transaction() as connection:
            return moves.load_delivery(connection, id)

    def parent_part(self, delivery: Delivery) -> Delivery | None:
        """The part that it replies to in the thread. A replacement replies to the same part as the original."""
        there = moves.destination_rows(delivery.edition_key, delivery.outlet, delivery.destination)
        while delivery.edits:
            original = self._select_deliveries(
                *there, rows.c.platform_id == delivery.edits, rows.c.edition < delivery.edition
            )
            if not original:
                break
            delivery = original[-1]
        deliveries = self._select_deliveries(
            *there, rows.c.edition == delivery.edition, rows.c.part == delivery.part - 1
        )
        return deliveries[0] if deliveries else None

    def corrected_post(self, delivery: Delivery) -> str | None:
        """The platform's id of the first part of the newest earlier edition that was sent there."""
        there = moves.destination_rows(delivery.edition_key, delivery.outlet, delivery.destination)
        earlier = (rows.c.edition < delivery.edition, rows.c.part == 0, rows.c.state == "sent")
        sent = self._select_deliveries(*there, *earlier)
        return sent[-1].platform_id if sent else None

    def planned_days(
        self, network: str, period: PeriodName, outlet: str, destination: str
    ) -> tuple[date | None, date | None]:
        """The first days of the oldest and the newest period for which a delivery to a destination was ever planned;
        `None` if there is none."""
        there = (rows.c.outlet == outlet, rows.c.destination == destination)
        ends = sa.select(sa.func.min(rows.c.day), sa.func.max(rows.c.day))
        with self._store.read_transaction() as connection:
            row = connection.execute(ends.where(rows.c.network == network, rows.c.period == period, *there)).one()
        return row[0], row[1]

    def state_counts(self) -> dict[tuple[str, str], int]:
        """The number of deliveries by outlet and state."""
        wanted = sa.select(rows.c.outlet, rows.c.state, sa.func.count()).group_by(rows.c.outlet, rows.c.state)
        with self._store.read_transaction() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(wanted)}

    def last_refused(self) -> dict[str, datetime]:
        """The time of the newest delivery in state refused, by outlet."""
        newest = sa.func.max(rows.c.since, type_=rows.c.since.type)
        wanted = sa.select(rows.c.outlet, newest.label("at")).where(rows.c.state == "refused")
        with self._store.read_transaction() as connection:
            return {row.outlet: row.at for row in connection.execute(wanted.group_by(rows.c.outlet))}

    def paused_outlets(self) -> tuple[PausedOutlet, ...]:
        with self._store.read_transaction() as connection:
            paused_rows = connection.execute(sa.select(paused).order_by(paused.c.outlet)).all()
        return tuple(PausedOutlet(row.outlet, row.reason, row.since) for row in paused_rows)

    # --- pauses, and an operator's decisions ---------------------------------------------------------------------

    def may_check(self, outlet: str, now: datetime) -> bool:
        """Whether this process should check now whether a paused outlet works again."""
        ahead = sa.and_(paused.c.checked_at > now, paused.c.checked_at < NEVER)  # written by a wrong clock
        turn = sa.or_(paused.c.checked_at <= now - CHECK_EVERY, ahead)
        due = paused.update().where(paused.c.outlet == outlet, turn)
        with self._store.write_transaction() as connection:
            return connection.execute(due.values(checked_at=now)).rowcount == 1

    def lift_pause(self, outlet: str) -> bool:
        """Let an outlet post again. Returns whether it was paused."""
        with self._store.write_transaction() as connection:
            return connection.execute(paused.delete().where(paused.c.outlet == outlet)).rowcount == 1

    def retry(self, id: int, now: datetime) -> Delivery:
        """Try a delivery again now: a planned, refused or skipped one is sent, an unknown one is looked up, never sent.
        Raises `DeliveryError` for any other."""
        with self._store.write_transaction() as connection:
            delivery = moves.load_delivery(connection, id)
            moves.lock_period(connection, delivery.edition_key)
            if delivery.state == "unknown":
                moves.change_row(connection, delivery, {"not_before": now})
                return moves.load_delivery(connection, id)
            if delivery.state not in ("planned", "refused", "skipped"):
                raise DeliveryError(message("delivery_state", name=str(id), word=delivery.state))
            _planning.require_newest(connection, delivery)
            moves.change_row(connection, delivery, {**changes.planned_change(delivery.reason, now, now), "until": None})
            _planning.revive_after(connection, delivery, now)
            return moves.load_delivery(connection, id)

    def resolve(self, id: int, url: str | None, now: datetime) -> Delivery:
        """An operator's answer: it is out at `url`, or (`None`) it is not and may be sent again. Raises `DeliveryError`
        for a delivery whose state is known."""
        with self._store.write_transaction() as connection:
            delivery = moves.load_delivery(connection, id)
            moves.lock_period(connection, delivery.edition_key)
            if delivery.state != "unknown":
                raise DeliveryError(message("delivery_not_unknown", name=str(id), word=delivery.state))
            if url is None:
                change = changes.planned_change(message("an operator says it is not out"), now, now)
                moves.change_row(connection, delivery, {**change, "resent": 0, "accepted": False})
            else:
                name = url.rstrip("/").rpartition("/")[2]
                self._record_sent(connection, delivery, changes.sent_change(Sent(name, url), now))
            return moves.load_delivery(connection, id)

    # --- inside ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _period_transaction(self, edition: EditionKey) -> Iterator[sa.Connection]:
        with self._store.write_transaction() as connection:
            moves.lock_period(connection, edition)
            yield connection

    def _record_sent(
        self, connection: sa.Connection, delivery: Delivery, change: changes.Change, age: timedelta = timedelta()
    ) -> None:
        """Record that it is out, and has been for `age`."""
        fresh = rows.update().where(rows.c.id == delivery.id, rows.c.state != "sent").values(**change)
        if connection.execute(fresh).rowcount and delivery.network != NOTICES:
            since = change["since"]
            assert isinstance(since, datetime)
            poll_store.open_poll(connection, delivery.id, since - age)
            proof = (str(change["platform_id"]), str(change["url"]), since - age)
            receipt = Receipt(delivery.outlet, delivery.destination, delivery.part, *proof)
            self._keep(connection, delivery.edition_key, receipt)

    def _select_deliveries(self, *wanted: sa.ColumnElement[bool]) -> tuple[Delivery, ...]:
        with self._store.read_transaction() as connection:
            return tuple(map(delivery_from_row, connection.execute(_IN_ORDER.where(*wanted))))
