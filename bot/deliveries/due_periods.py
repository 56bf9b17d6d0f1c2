"""Which periods are due, and whether what is known of one may go out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.deliveries.poll_store import POLLS
from bot.records import Document, Period, PeriodName, catalogues_and_panels, short_date, start_of_day


@dataclass(frozen=True, slots=True)
class DuePeriods:
    """Periods, oldest first."""

    periods: tuple[Period, ...]
    """To be published."""
    missed: tuple[Period, ...] = ()
    """Over since the last publication and too old to be posted: to be archived, with that said."""


def periods_due(
    name: PeriodName, now: datetime, begins: date | None, published: date | None, max_age: timedelta
) -> DuePeriods:
    """What is due of one kind of period. `begins` is the first day that the ledger covers (`None`: none), `published`
    the first day of the newest period that any delivery was ever planned for.

    The newest period that is over is due until the next one is, older ones within `max_age`. After a first start only
    the newest is, and only within `max_age`, so that a new installation does not post last month."""
    if begins is None:
        return DuePeriods(())
    newest = Period.for_day(now.date(), name).previous_period
    found: list[Period] = []
    period = newest
    while period.last >= begins and (now < period.ends_at + max_age or (period == newest and published is not None)):
        found.insert(0, period)
        period = period.previous_period
        if published is None:
            break
    missed: list[Period] = []
    while published is not None and period.first > published and period.last >= begins:
        missed.insert(0, period)
        period = period.previous_period
    return DuePeriods(tuple(found), tuple(missed))


def expiry_time(period: Period, max_age: timedelta) -> datetime:
    """When a period is no longer due: once the next of its kind is over, and not within `max_age` of its end."""
    following = Period.for_day(period.last + timedelta(days=1), period.name)
    return max(period.ends_at + max_age, following.ends_at)


@dataclass(frozen=True, slots=True)
class PublishGate:
    """Whether a digest may go out now."""

    publish: bool
    reason: str = ""
    """Why not, or what is missing."""
    final: bool = False
    """It was waited for long enough: silence is the answer."""


def publish_gate(document: Document, now: datetime, deadline: timedelta) -> PublishGate:
    """Whether a digest may go out: when all is known that its headline rests on, or with its gaps said once `deadline`
    has passed since the period's end; never when nothing is known."""
    closes = start_of_day(date.fromisoformat(document["last_day"]) + timedelta(days=1)) + deadline
    missing, name = _missing_figure(document), short_date(date.fromisoformat(document["day"]))
    waiting = f"; waiting until {closes:%d %b %H:%M} UTC" if now < closes else ""
    measured = [block for block in catalogues_and_panels(document) if block["catalogue"] != POLLS]
    read = [block for block in measured if _rests_on_period(document, block)]
    if all(figure["value"] is None for block in read for figure in block["figures"].values()):
        why = f"nothing is known of {name}{': ' + missing if missing else ''}"
        return PublishGate(False, why + waiting, not waiting)
    if missing and waiting:
        return PublishGate(False, f"{name} is not complete: {missing}{waiting}")
    return PublishGate(True, missing)


def _rests_on_period(document: Document, block: Document) -> bool:
    """Whether anything was read for a catalogue since the period began. A list that stands in the code is older, and
    says nothing about the period."""
    places = {place for figure in block["figures"].values() for place in figure.get("refs", ())}
    return not places or max(document["refs"][place]["at"] for place in places) >= document["day"]


def _missing_figure(document: Document) -> str:
    """The first of the figures that the headline rests on which is unknown, with its reason; empty where none is. No
    other catalogue, which another chain or server tells, makes a post wait."""
    headline = document["headline"]
    for block in document["catalogues"]:
        leading = [headline["figure"], "models_listed", "uses"] if block["catalogue"] == headline["catalogue"] else []
        for key in leading:
            figure = block["figures"].get(key)
            if figure is not None and figure["value"] is None:
                return f"{figure['label']}: {figure.get('unknown')}"
    return ""
