"""Which periods are due, and whether a digest may be published. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot import comparison
from bot.deliveries.poll_store import POLLS
from bot.records import Document, Period, PeriodName, catalogues_and_panels, short_date, start_of_day


@dataclass(frozen=True, slots=True)
class DuePeriods:
    """Periods, oldest first."""

    periods: tuple[Period, ...]
    """To publish."""
    missed: tuple[Period, ...] = ()
    """Over since the last publication, but too old to post: archived, with a note."""


def periods_due(
    name: PeriodName, now: datetime, begins: date | None, published: date | None, max_age: timedelta
) -> DuePeriods:
    """The due periods of one kind. `begins` is the first day that the ledger covers (`None`: none), `published` the
    first day of the newest period that any delivery was ever planned for.

    The newest complete period is due until the next is complete, older ones within `max_age`. After a first start, only
    the newest is due, and only within `max_age`, so that a new installation does not post last month."""
    if begins is None:
        return DuePeriods(())
    newest = Period.for_day(now.date(), name).previous_period
    periods: list[Period] = []
    period = newest
    while period.last >= begins and (now < period.ends_at + max_age or (period == newest and published is not None)):
        periods.insert(0, period)
        period = period.previous_period
        if published is None:
            break
    missed: list[Period] = []
    while published is not None and period.first > published and period.last >= begins:
        missed.insert(0, period)
        period = period.previous_period
    return DuePeriods(tuple(periods), tuple(missed))


def expiry_time(period: Period, max_age: timedelta) -> datetime:
    """When a period is no longer due: when the next of its kind is over, and never within `max_age` of its end."""
    following = Period.for_day(period.last + timedelta(days=1), period.name)
    return max(period.ends_at + max_age, following.ends_at)


@dataclass(frozen=True, slots=True)
class PublishGate:
    """Whether a digest may be published now."""

    publish: bool
    reason: str = ""
    """Why not, or what is missing."""
    final: bool = False
    """The deadline has passed: the period is not published."""


def publish_gate(document: Document, now: datetime, deadline: timedelta) -> PublishGate:
    """Whether a digest may be published: when everything is known that its headline rests on, or with gaps once
    `deadline` has passed since the period's end; never if nothing is known."""
    closes = start_of_day(date.fromisoformat(document["last_day"]) + timedelta(days=1)) + deadline
    few = comparison.too_few_known(document) if "compared" in document else ""
    missing, name = few or _missing_figure(document), short_date(date.fromisoformat(document["day"]))
    waiting = f"; waiting until {closes:%d %b %H:%M} UTC" if now < closes else ""
    measured = [block for block in catalogues_and_panels(document) if block["catalogue"] != POLLS]
    read = [block for block in measured if _rests_on_period(document, block)]
    if few or all(figure["value"] is None for block in read for figure in block["figures"].values()):
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
    """The first unknown figure that the headline rests on, with its reason; empty if there is none. No other
    catalogue, which another chain or server provides, delays a post."""
    headline = document["headline"]
    for block in document["catalogues"]:
        leading = [headline["figure"], "models_listed", "uses"] if block["catalogue"] == headline["catalogue"] else []
        for key in leading:
            figure = block["figures"].get(key)
            if figure is not None and figure["value"] is None:
                return f"{figure['label']}: {figure.get('unknown')}"
    return ""
