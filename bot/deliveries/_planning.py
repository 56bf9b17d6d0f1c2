"""What planning does to the rows of one period, inside the outbox's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.deliveries import rules
from bot.deliveries.rows import Delivery, Edition, Otherwise, delivery
from bot.outlets import marker
from bot.records import Document, FootfallError
from bot.store import deliveries as rows

THREAD = ("network", "period", "day", "edition", "outlet", "destination")
"""What the parts of one post have in common."""


@dataclass(frozen=True, slots=True)
class Target:
    """An edition and where it is to go."""

    edition: Edition
    outlet: str
    destination: str
    now: datetime
    until: datetime | None


def there(edition: Edition, outlet: str, destination: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Rows of a period, of any edition, at a destination."""
    period = (rows.c.network == edition.network, rows.c.period == edition.period, rows.c.day == edition.day)
    return (*period, rows.c.outlet == outlet, rows.c.destination == destination)


def plan(connection: sa.Connection, target: Target, parts: int, otherwise: Otherwise) -> str:
    """See `Outbox.plan`."""
    number, known = target.edition.number, _known(connection, target)
    if newer := [one for one in known if one.edition > number]:
        return f"edition {newer[-1].edition} is on its way already"
    earlier = [one for one in known if one.edition < number]
    if open_ := [one for one in earlier if one.state in ("sending", "unknown")]:
        return f"what became of edition {open_[0].edition} is not known yet"
    for one in earlier:
        if one.state == "planned":
            skip(connection, one, f"superseded by edition {number} before it was sent", target.now)
    sent = [one for one in earlier if one.state == "sent" and one.part == 0]
    mine = {one.part: one for one in known if one.edition == number}
    for part in range(1 if sent else parts):
        if part not in mine:
            _insert(connection, target, part, sent[-1].platform_id if sent else None, otherwise)
    for one in mine.values():
        _renew(connection, target, one, list(mine.values()), 1 if sent else parts, otherwise)
    return ""


def silence(connection: sa.Connection, target: Target, reason: str) -> None:
    """See `Outbox.silence`."""
    known = _known(connection, target)
    if any(one.state not in ("planned", "skipped") or one.attempts for one in known):
        return
    for one in known:
        skip(connection, one, reason, target.now)
    if not any(one.edition == target.edition.number for one in known):
        _insert(connection, target, 0, None, "refuse")
        for one in _known(connection, target):
            if one.edition == target.edition.number:
                skip(connection, one, reason, target.now)


def no_newer(connection: sa.Connection, one: Delivery, error: Callable[[str], FootfallError]) -> None:
    """Raises where a newer edition went or is going the same way."""
    newer = sa.select(sa.func.max(rows.c.edition)).where(*there(one.digest, one.outlet, one.destination))
    found = connection.scalar(newer) or 0
    if found > one.edition:
        raise error(f"delivery {one.id}: is of edition {one.edition}; edition {found} takes its place there")


def revive_after(connection: sa.Connection, one: Delivery, now: datetime) -> None:
    """Plan the later parts of a thread again that were never tried."""
    same = (*there(one.digest, one.outlet, one.destination), rows.c.edition == one.edition)
    later = rows.update().where(*same, rows.c.part > one.part, rows.c.state == "skipped", rows.c.attempts == 0)
    connection.execute(later.values(**rules.planned("", now, now), until=None))


def same_words(kept: str, document: Document) -> bool:
    """Whether a document is the one kept, its status aside."""
    return {**json.loads(kept), "status": ""} == {**document, "status": ""}


def skip(connection: sa.Connection, one: Delivery, reason: str, now: datetime) -> None:
    same = (rows.c.id == one.id, rows.c.state == one.state)
    connection.execute(rows.update().where(*same).values(**rules.ended("skipped", reason, now)))


def _known(connection: sa.Connection, target: Target) -> list[Delivery]:
    wanted = there(target.edition, target.outlet, target.destination)
    found = connection.execute(sa.select(rows).where(*wanted).order_by(rows.c.edition, rows.c.part)).all()
    return list(map(delivery, found))


def _insert(connection: sa.Connection, target: Target, part: int, edits: str | None, otherwise: Otherwise) -> None:
    edition = target.edition
    key = (edition.network, edition.period, edition.day, edition.number, target.outlet, target.destination, part)
    row = dict(zip((*THREAD, "part"), key, strict=True))
    start = {"state": "planned", "since": target.now, "reason": "", "planned_at": target.now, "not_before": target.now}
    counts = {"attempts": 0, "resent": 0, "until": target.until, "edits": edits, "otherwise": otherwise}
    kind = "correction" if edits else "post"
    connection.execute(rows.insert().values(**row, **start, **counts, kind=kind, marker=marker(*key)))


def _renew(
    connection: sa.Connection, target: Target, one: Delivery, thread: list[Delivery], parts: int, otherwise: Otherwise
) -> None:
    """Bring a row that was planned before to what is wanted now."""
    if one.part >= parts:
        if one.state == "planned":
            skip(connection, one, "the post has fewer parts now", target.now)
        return
    broken = any(other.state == "refused" for other in thread)
    lapsed = one.until is not None and one.until <= one.since
    worth = one.kind == "correction" and one.otherwise == "skip" and otherwise == "post"
    untried = one.kind == "post" and (one.attempts == 0 or lapsed)
    if one.state == "skipped" and not broken and (untried or worth):
        change = {**rules.planned("", target.now, target.now), "until": target.until, "otherwise": otherwise}
    elif one.state == "planned":
        change = {"until": target.until if one.until else None, "otherwise": otherwise}
    else:
        return
    connection.execute(rows.update().where(rows.c.id == one.id, rows.c.state == one.state).values(**change))
