"""The types of outlets: their input, their results, their methods, and the platform's clock.

Posts carry the platform's time, so a look-back uses that and never ours. Two clocks are never compared; only their
difference is measured and shown.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import SecretStr

from bot import redaction
from bot.records import CheckResult, FootfallError, Link, Picture, Poll, SafeName


class OutletError(FootfallError):
    """An outlet that cannot be set up. One line: which thing, what was found, what was wanted, what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a post on its way to one destination."""

    text: str
    marker: str
    """Identifies this part at this destination for ever (see `part_marker`): Discord's nonce, the hidden mark of a
    look-back."""
    pictures: tuple[Picture, ...] = ()
    embed: Mapping[str, object] | None = None
    poll: Poll | None = None
    link: Link | None = None
    data: Mapping[str, object] | None = None
    reply_to: str | None = None
    """Platform id of the part before it in the thread, or of the post that it corrects."""
    since: datetime | None = None
    """The earliest possible time of the post on the platform's own clock (UTC), which bounds a look-back; `None` if
    unknown."""
    day: date | None = None
    """The first day of the period; `None` for a test."""
    attempts: int = 0
    """How often it was tried before."""


def part_marker(*key: object) -> str:
    """A marker of 24 characters, always the same for the same key (network, period, edition, outlet, destination,
    part), which fits Discord's nonce (25)."""
    return hashlib.sha256("\x1f".join(map(str, key)).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Sent:
    """It is out, with proof."""

    word: ClassVar[str] = "sent"
    platform_id: str
    url: str
    passed: bool | None = None
    """Whether it was crossposted to followers of the destination (see `CrosspostOutlet`); `None`: there are none."""
    pass_at: datetime | None = None
    """If it was not: when to try again (UTC); `None`: never."""
    age: timedelta = field(default=timedelta(), compare=False)
    """How long it has been out, by the platform's own clock."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not out, and a retry will not help."""

    word: ClassVar[str] = "refused"
    reason: str
    gone: bool = False
    """The destination is unreachable: it does not exist, or not for us. An outage or a permission withdrawn by mistake
    looks the same, so only several days of it count as an end."""
    ended: bool = False
    """The destination asks for nothing more: it is paused until an operator lifts the pause."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It is not out; nothing was accepted. A retry is allowed from an instant (UTC) on. Where a part may arrive more
    than once (`PostFormat.exactly_once`), it may be out all the same."""

    word: ClassVar[str] = "later"
    reason: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """It may be out. No retry before `find` has said that it is not."""

    word: ClassVar[str] = "unsure"
    reason: str
    accepted: bool = False
    """The platform says that it has it: no retry at all, unless an operator says that it is not out."""


@dataclass(frozen=True, slots=True)
class AccountRefused:
    """It is not out: the account is refused. Pauses the outlet until an operator or a successful check lifts it."""

    word: ClassVar[str] = "stopped"
    reason: str


Outcome = Sent | Refused | RetryLater | OutcomeUnknown | AccountRefused


@dataclass(frozen=True, slots=True)
class NotFound:
    """The look-back did not find it. Can be trusted once `SETTLE` has passed since the attempt."""

    word: ClassVar[str] = "not found"


@dataclass(frozen=True, slots=True)
class LookupInconclusive:
    """The look-back gave no result."""

    word: ClassVar[str] = "cannot tell"
    reason: str
    retry_at: datetime | None
    """Try again no earlier than this (UTC); `None`: no look-back can tell, an operator must."""


Found = Sent | NotFound | LookupInconclusive


@dataclass(frozen=True, slots=True)
class Votes:
    """A poll's current votes, in the order of its answers, and whether the count is final."""

    counts: tuple[int, ...]
    final: bool


class Outlet(Protocol):
    """One platform, ready to post. Every method may be called from several threads at once and raises nothing for
    failures of the platform or the network, which are outcomes. No reason ever holds a secret."""

    def post(self, part: Part, destination: str) -> Outcome:
        """Send one part to one destination, once."""
        ...

    def find(self, part: Part, destination: str) -> Found:
        """Look back whether a part is out."""
        ...

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        """Replace what was sent as `platform_id` with `part`. `Sent` may carry a new id. An outlet that cannot edit it
        (any more) returns `Refused`."""
        ...

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        """Check keys and permissions, without posting. `polled`: destinations that get polls, if those need a
        permission of their own."""
        ...

    def close(self) -> None:
        """Close the connections. Afterwards the outlet cannot be used."""
        ...


@runtime_checkable
class PollOutlet(Protocol):
    """An outlet whose polls can be read."""

    def votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        """The votes of a poll."""
        ...


@runtime_checkable
class CrosspostOutlet(Protocol):
    """An outlet where some destinations pass a post on to followers, in a separate step."""

    def crosspost(self, destination: str, platform_id: str) -> Outcome:
        """Crosspost a post that is out. Doing it twice has no effect."""
        ...


@runtime_checkable
class Timed(Protocol):
    """An outlet whose platform reports its time."""

    def platform_time(self) -> datetime | None:
        """The platform's own time (UTC), from its last response or from a free request; `None` if it is unknown."""
        ...

    def clock_offset(self) -> timedelta | None:
        """How far this machine's clock is ahead of the platform's last response. Sends no request."""
        ...


Job = tuple[Part, str]
"""A part and its destination."""


@runtime_checkable
class BulkOutlet(Protocol):
    """An outlet that sends to many destinations concurrently."""

    def post_many(self, jobs: Iterable[Job], seen: Mapping[str, str]) -> Iterator[tuple[str, Outcome]]:
        """Send each part once; yields its marker and outcome when it is done. `jobs` is consumed in the caller's thread
        and only when a job can start, so that each can be claimed then. `seen`: destination to the link of an earlier
        post of ours."""
        ...


@runtime_checkable
class ReceiptShowingOutlet(Protocol):
    """An outlet that shows the receipts of what was posted, its own too, which are stored only after it has posted."""

    def refresh(self) -> None:
        """Show the receipts that were stored since it posted. A failure is logged; the next post shows them as well."""
        ...


REASON_LIMIT = 300


def redact_reason(text: str, secrets: Iterable[SecretStr] = ()) -> str:
    """A text that is safe as a reason: one line of at most `REASON_LIMIT` graphemes, without known secrets and without
    these. Outlets pass all text of a platform through here."""
    text = redaction.redact(SafeName(text, 10 * REASON_LIMIT))
    return str(SafeName(redaction.make_redactor(secrets)(text), REASON_LIMIT))


LEEWAY = timedelta(minutes=1)
"""A platform has many machines: how far the time in an answer and that of a post may be apart."""
TOLERATED = timedelta(minutes=2)
"""A clock this far off a platform's closes days too early or too late, and gets signatures refused sooner or later (X
allows some 5 minutes)."""


def instant_of(date: str | None) -> datetime | None:
    """The instant of a `Date` header; `None` where it is missing, not a date, or one that nobody can calculate with."""
    try:
        at = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    if at.year not in _YEARS:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_YEARS = range(1971, 9999)
"""Instants near the ends of the calendar overflow when something is added to them."""


def running_seconds() -> float:
    """A stopwatch that also runs while the machine sleeps, where there is one (Linux)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class PlatformClock:
    """A platform's clock as its last answer showed it, carried on by this machine's stopwatch: setting this machine's
    clock changes nothing here."""

    def __init__(self, stopwatch: Callable[[], float] = running_seconds) -> None:
        self._stopwatch = stopwatch
        self._last: tuple[datetime, float] | None = None

    def observe(self, date: str | None) -> None:
        """Take over the `Date` of an answer."""
        if (at := instant_of(date)) is not None:
            self._last = at, self._stopwatch()

    def now(self) -> datetime | None:
        """The platform's time now (UTC); `None` before its first answer."""
        if self._last is None:
            return None
        at, seen = self._last
        return at + timedelta(seconds=self._stopwatch() - seen)

    def offset(self, ours: datetime) -> timedelta | None:
        """How far our time is ahead of the platform's; `None` before its first answer."""
        theirs = self.now()
        return ours - theirs if theirs else None


def clock_check(name: str, platform: str, offset: timedelta | None) -> CheckResult:
    """What `doctor` says of this machine's clock."""
    if offset is None:
        return CheckResult(name, None, f"{platform} sent no Date to compare with", "look again later")
    side = "ahead of" if offset > timedelta() else "behind"
    text = f"this machine's clock is {abs(offset).total_seconds():.0f} s {side} {platform}'s"
    return CheckResult(
        name, abs(offset) <= TOLERATED, text, "set the clock (NTP): days are closed and requests signed by it"
    )
