"""Plans the rows of one period, inside the outbox's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.deliveries import delivery as changes
from bot.deliveries._row_updates import THREAD, change_row, destination_rows, later_parts
from bot.deliveries.delivery import Delivery, DeliveryError, EditionKey, Kind, Otherwise, delivery_from_row
from bot.outlets import part_marker
from bot.records import message
from bot.store import deliveries as rows


@dataclass(frozen=True, slots=True)
class DeliveryTarget:
    """An edition and its destination."""

    edition: EditionKey
    outlet: str
    destination: str
    now: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PostShape:
    """The parts of a post."""

    parts: int = 1
    """Number of text parts."""
    poll: bool = False
    """Whether a poll follows as one more part."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One part as it should be sent."""

    part: int
    kind: Kind
    edits: str | None
    otherwise: Otherwise


def plan_parts(connection: sa.Connection, target: DeliveryTarget, shape: PostShape, otherwise: Otherwise) -> str:
    """See `Outbox.plan_parts`."""
    number, known = target.edition.number, _known_deliveries(connection, target)
    if newer := [delivery for delivery in known if delivery.edition > number]:
        return f"edition {newer[-1].edition} is on its way already"
    earlier = [delivery for delivery in known if delivery.edition < number]
    if open_ := [delivery for delivery in earlier if delivery.state in ("sending", "unknown")]:
        return f"what became of edition {open_[0].edition} is not known yet"
    for delivery in earlier:
        if delivery.state == "planned":
            change_row(
                connection,
                delivery,
                changes.ended_change("skipped", f"superseded by edition {number} before it was sent", target.now),
            )
    wanted = {want.part: want for want in _wanted_parts(earlier, shape, otherwise)}
    mine = {delivery.part: delivery for delivery in known if delivery.edition == number}
    for part, want in wanted.items():
        if part not in mine:
            _insert_part(connection, target, want)
    for delivery in mine.values():
        _renew_part(connection, target, delivery, list(mine.values()), wanted.get(delivery.part))
    return ""


def sent_parts(earlier: Sequence[Delivery]) -> list[Delivery]:
    """The text parts of earlier editions at a destination, in order, up to the first gap."""
    words = {delivery.part: delivery for delivery in earlier if delivery.state == "sent" and delivery.kind != "poll"}
    parts: list[Delivery] = []
    while len(parts) in words:
        parts.append(words[len(parts)])
    return parts


def _wanted_parts(earlier: Sequence[Delivery], shape: PostShape, otherwise: Otherwise) -> list[_Wanted]:
    """Every part that was sent is corrected; a poll that was posted is not posted again."""
    stand = sent_parts(earlier)
    follows: Otherwise = "refuse" if otherwise == "refuse" else "skip"
    parts = [
        _Wanted(n, "correction", delivery.platform_id, follows if n else otherwise) for n, delivery in enumerate(stand)
    ] or [_Wanted(n, "post", None, otherwise) for n in range(shape.parts)]
    has_poll = any(delivery.state == "sent" and delivery.kind == "poll" for delivery in earlier)
    return [*parts, _Wanted(len(parts), "poll", None, "refuse")] if shape.poll and not has_poll else parts


def record_skip(connection: sa.Connection, target: DeliveryTarget, reason: str) -> None:
    """See `Outbox.record_skip`."""
    known = _known_deliveries(connection, target)
    if any(delivery.state not in ("planned", "skipped") or delivery.attempts for delivery in known):
        return
    for delivery in known:
        change_row(connection, delivery, changes.ended_change("skipped", reason, target.now))
    if not any(delivery.edition == target.edition.number for delivery in known):
        _insert_part(connection, target, _Wanted(0, "post", None, "refuse"))
        for delivery in _known_deliveries(connection, target):
            if delivery.edition == target.edition.number:
                change_row(connection, delivery, changes.ended_change("skipped", reason, target.now))


def require_newest(connection: sa.Connection, delivery: Delivery) -> None:
    """Raises `DeliveryError` if there is a newer edition for the same destination."""
    newer = sa.select(sa.func.max(rows.c.edition)).where(
        *destination_rows(delivery.edition_key, delivery.outlet, delivery.destination)
    )
    newest = connection.scalar(newer) or 0
    if newest > delivery.edition:
        raise DeliveryError(message("delivery_superseded", name=str(delivery.id), n=delivery.edition, m=newest))


def revive_after(connection: sa.Connection, delivery: Delivery, now: datetime) -> None:
    """Plan later parts of a thread again that were never attempted."""
    untried = rows.update().where(*later_parts(delivery), rows.c.state == "skipped", rows.c.attempts == 0)
    connection.execute(untried.values(**changes.planned_change("", now, now), until=None))


def _known_deliveries(connection: sa.Connection, target: DeliveryTarget) -> list[Delivery]:
    wanted = destination_rows(target.edition, target.outlet, target.destination)
    delivery_rows = connection.execute(sa.select(rows).where(*wanted).order_by(rows.c.edition, rows.c.part)).all()
    return list(map(delivery_from_row, delivery_rows))


def _insert_part(connection: sa.Connection, target: DeliveryTarget, want: _Wanted) -> None:
    edition = target.edition
    key = (edition.network, edition.period, edition.day, edition.number, target.outlet, target.destination, want.part)
    row = dict(zip((*THREAD, "part"), key, strict=True))
    start = {"state": "planned", "since": target.now, "reason": "", "planned_at": target.now, "not_before": target.now}
    counts = {"attempts": 0, "resent": 0, "until": target.until, "edits": want.edits, "otherwise": want.otherwise}
    connection.execute(rows.insert().values(**row, **start, **counts, kind=want.kind, marker=part_marker(*key)))


def _renew_part(
    connection: sa.Connection, target: DeliveryTarget, delivery: Delivery, thread: list[Delivery], want: _Wanted | None
) -> None:
    """Update a planned row to the current plan."""
    if want is None:
        if delivery.state == "planned":
            change_row(
                connection, delivery, changes.ended_change("skipped", "the post has fewer parts now", target.now)
            )
        return
    broken = any(other.state == "refused" for other in thread)
    lapsed = delivery.until is not None and delivery.until <= delivery.since
    worth = delivery.kind == "correction" and delivery.otherwise == "skip" and want.otherwise == "post"
    untried = delivery.kind != "correction" and (delivery.attempts == 0 or lapsed)
    now_wanted = {"kind": delivery.kind if delivery.attempts else want.kind, "otherwise": want.otherwise}
    if delivery.state == "skipped" and not broken and (untried or worth):
        change: changes.Change = {
            **changes.planned_change("", target.now, target.now),
            "until": target.until,
            **now_wanted,
        }
    elif delivery.state == "planned":
        change = {"until": target.until if delivery.until else None, **now_wanted}
    else:
        return
    change_row(connection, delivery, change)
