"""The outbox's updates of single rows inside its transaction: each applies only if the row is still as it was read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

import sqlalchemy as sa

from bot.deliveries import delivery as changes
from bot.deliveries.delivery import NOTICES, Delivery, DeliveryError, EditionKey, delivery_from_row
from bot.outlets import Outcome, Sent, redact_reason
from bot.records import Document, message
from bot.store import advisory_lock, digests, paused
from bot.store import deliveries as rows

THREAD = ("network", "period", "day", "edition", "outlet", "destination")
"""The columns that the parts of one post share."""


def lock_period(connection: sa.Connection, edition: EditionKey) -> None:
    """Until the transaction ends, nobody else plans, claims or composes this period. The archive uses this lock too."""
    advisory_lock(connection, "digest", edition.network, edition.period, edition.day)


def destination_rows(edition: EditionKey, outlet: str, destination: str) -> tuple[sa.ColumnElement[bool], ...]:
    period = (rows.c.network == edition.network, rows.c.period == edition.period, rows.c.day == edition.day)
    return (*period, rows.c.outlet == outlet, rows.c.destination == destination)


def load_delivery(connection: sa.Connection, id: int) -> Delivery:
    """Raises `DeliveryError` if there is none."""
    row = connection.execute(sa.select(rows).where(rows.c.id == id)).first()
    if row is None:
        raise DeliveryError(message("no_such_delivery", name=str(id)))
    return delivery_from_row(row)


def change_row(
    connection: sa.Connection, delivery: Delivery, values: changes.Change, *more: sa.ColumnElement[bool]
) -> bool:
    """changes.Change a row that is still as it was read; whether it was."""
    same = [rows.c.id == delivery.id, rows.c.state == delivery.state, rows.c.attempts == delivery.attempts]
    if delivery.state == "sending":
        same.append(rows.c.claimed_by == delivery.claimed_by)
    return connection.execute(rows.update().where(*same, *more).values(**values)).rowcount == 1


def end_delivery(connection: sa.Connection, delivery: Delivery, state: str, reason: str, now: datetime) -> None:
    """Refuse or skip a delivery and those that depend on it."""
    if change_row(connection, delivery, changes.ended_change(state, reason, now)):
        stop_thread(connection, delivery, state, now)


def has_come(column: sa.ColumnElement[datetime | None], now: datetime) -> sa.ColumnElement[bool]:
    """Whether an instant is reached, or was written by a clock that was ahead: it is too far away, or its state begins
    in the future."""
    unreal = sa.and_(column.is_not(None), rows.c.since > now + changes.CLOCKS_APART)
    return sa.or_(column <= now, column > now + changes.LONGEST_WAIT, unreal)


def may_claim(now: datetime) -> Sequence[sa.ColumnElement[bool]]:
    """The conditions under which a planned row may be claimed."""
    return (has_come(rows.c.not_before, now), sa.or_(rows.c.until.is_(None), rows.c.until > now), *_STANDING)


_EARLIER = rows.alias("earlier")
_OUT = sa.exists().where(
    *[getattr(_EARLIER.c, name) == getattr(rows.c, name) for name in THREAD],
    _EARLIER.c.part == rows.c.part - 1,
    _EARLIER.c.state == "sent",
)
_PAUSED = sa.select(paused.c.outlet)
_STANDING = (
    sa.or_(rows.c.part == 0, _OUT),
    rows.c.outlet.not_in(_PAUSED),
    (rows.c.outlet + " " + rows.c.destination).not_in(_PAUSED),
)
"""The part before it is out, and neither its outlet nor its destination is paused. Built once: building takes longer
than the query."""


def is_current(connection: sa.Connection, delivery: Delivery, document: Document, now: datetime) -> bool:
    """Whether the document is still the archive's for this delivery. A delivery of an older edition is skipped."""
    if delivery.network == NOTICES:
        return True
    same = (digests.c.network == delivery.network, digests.c.period == delivery.period, digests.c.day == delivery.day)
    wanted = sa.select(digests.c.edition, digests.c.document).where(*same)
    kept = connection.execute(wanted.order_by(digests.c.edition.desc()).limit(1)).first()
    if kept is not None and kept.edition > delivery.edition and delivery.part == 0:
        end_delivery(connection, delivery, "skipped", f"superseded by edition {kept.edition} before it was sent", now)
        return False
    if kept is None or kept.edition < delivery.edition:
        return False
    return kept.edition > delivery.edition or {**_parse_document(kept.document), "status": ""} == {
        **document,
        "status": "",
    }


@lru_cache(maxsize=2)
def _parse_document(kept: str) -> Document:
    """Cached, because one digest goes to many destinations in turn."""
    document: Document = json.loads(kept)
    return document


def over_budget(
    connection: sa.Connection, delivery: Delivery, cost: Decimal, budget: Decimal, now: datetime
) -> str | None:
    """Why a part exceeds this month's budget. Sent and possibly sent parts count, at the cost of their last attempt."""
    advisory_lock(connection, "budget", delivery.outlet)
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    mine = (rows.c.outlet == delivery.outlet, rows.c.tried_at >= month, rows.c.id != delivery.id)
    counted = (*mine, rows.c.state.in_(("sent", "sending", "unknown")), rows.c.cost.is_not(None))
    spent = sum(map(Decimal, connection.execute(sa.select(rows.c.cost).where(*counted)).scalars()), Decimal(0))
    if spent + cost <= budget:
        return None
    return (
        f"{delivery.outlet}: over the monthly budget: ${spent:f} of ${budget:f} spent or under way since {month:%d %b},"
        f" this costs ${cost:f}; raise outlets.{delivery.outlet}.monthly_budget, then deliveries retry {delivery.id}"
    )


def stop_thread(connection: sa.Connection, delivery: Delivery, state: str, now: datetime) -> None:
    """Do not send the parts after one that fails: the thread stays partial."""
    skip_after(connection, delivery, f"the thread is partial: its part {delivery.part + 1} was {state}", now)


def skip_after(
    connection: sa.Connection, delivery: Delivery, reason: str, now: datetime, *more: sa.ColumnElement[bool]
) -> None:
    later = rows.update().where(*later_parts(delivery), rows.c.state == "planned", *more)
    connection.execute(later.values(**changes.ended_change("skipped", reason, now)))


def later_parts(delivery: Delivery) -> tuple[sa.ColumnElement[bool], ...]:
    """Rows of the later parts of a thread."""
    there = destination_rows(delivery.edition_key, delivery.outlet, delivery.destination)
    return (*there, rows.c.edition == delivery.edition, rows.c.part > delivery.part)


def pause_outlet(connection: sa.Connection, outlet: str, reason: str, now: datetime) -> bool:
    """Pause an outlet until the pause is lifted; returns whether it was not paused before."""
    advisory_lock(connection, "paused", outlet)
    fresh = connection.execute(sa.select(paused).where(paused.c.outlet == outlet)).first() is None
    if fresh:
        row = {"outlet": outlet, "reason": redact_reason(reason), "since": now, "checked_at": now}
        connection.execute(paused.insert().values(row))
    return fresh


def clean_outcome(outcome: Outcome) -> Outcome:
    """An outcome whose reason is safe to store, whatever the outlet put there."""
    return outcome if isinstance(outcome, Sent) else replace(outcome, reason=redact_reason(outcome.reason))
