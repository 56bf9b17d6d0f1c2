"""What an outlet is: what it gets, what it answers, the methods that it has, and what time it is on its platform.

Its posts bear the platform's own time, so a look-back asks by that and never by ours: two clocks are never compared,
only their distance is measured and shown.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import SecretStr

from bot import redaction
from bot.records import CheckResult, FootfallError, Picture, Poll, SafeName


class OutletError(FootfallError):
    """An outlet cannot be made ready. One line: which thing, what was found, what was wanted, what to do."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a post on its way to one destination."""

    text: str
    marker: str
    """Names this part at this destination for ever (see `part_marker`): Discord's nonce, the hidden mark of a
    look-back."""
    pictures: tuple[Picture, ...] = ()
    embed: Mapping[str, object] | None = None
    poll: Poll | None = None
    reply_to: str | None = None
    """Platform id of the part before it in the thread."""
    since: datetime | None = None
    """It cannot have been posted before this instant of the platform's own clock (UTC), which bounds a look-back;
    `None` where that is not known."""


def part_marker(*key: object) -> str:
    """A mark of 24 characters that is the same for the same key (network, period, edition, outlet, destination, part)
    in every process and year. It fits Discord's nonce (25)."""
    return hashlib.sha256("\x1f".join(map(str, key)).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Sent:
    """It is out, and this proves it."""

    word: ClassVar[str] = "sent"
    platform_id: str
    url: str
    passed: bool | None = None
    """Whether it was passed on to those who follow the destination (see `CrosspostOutlet`); `None`: there is nobody."""
    pass_at: datetime | None = None
    """Where it was not: when to try again (UTC); `None`: never."""
    age: timedelta = field(default=timedelta(), compare=False)
    """How long it has been out already, by the platform's own clock."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not out, and trying the same again will not help."""

    word: ClassVar[str] = "refused"
    reason: str
    gone: bool = False
    """Nothing gets through to the destination: it is not there, or not for us. An outage or a permission withdrawn by
    mistake looks the same: only days of it mean that it is over."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It is not out; nothing was accepted. May be tried again, not before an instant (UTC)."""

    word: ClassVar[str] = "later"
    reason: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """It may or may not be out. Never to be tried again before `find` has said that it is not."""

    word: ClassVar[str] = "unsure"
    reason: str
    accepted: bool = False
    """The platform itself says that it has it: not to be tried again at all, unless a human says that it is not out."""


@dataclass(frozen=True, slots=True)
class AccountRefused:
    """It is not out: the account itself is refused. Pauses the outlet until an operator or a working check lifts it."""

    word: ClassVar[str] = "stopped"
    reason: str


Outcome = Sent | Refused | RetryLater | OutcomeUnknown | AccountRefused


@dataclass(frozen=True, slots=True)
class NotFound:
    """Looked for, and not there. To be trusted once `SETTLE` has passed since the attempt."""

    word: ClassVar[str] = "not found"


@dataclass(frozen=True, slots=True)
class LookupInconclusive:
    """The look-back gave no answer."""

    word: ClassVar[str] = "cannot tell"
    reason: str
    retry_at: datetime | None
    """Ask again no earlier than this (UTC); `None`: it will never know, a human must."""


Found = Sent | NotFound | LookupInconclusive


@dataclass(frozen=True, slots=True)
class Votes:
    """A poll as it stands: votes by answer in the order of the question, and whether the count is final."""

    counts: tuple[int, ...]
    final: bool


class Outlet(Protocol):
    """One platform, ready to post. Every method may be called from several threads at once and raises nothing for
    what the platform or the network does: that is what the outcomes are for. No reason ever holds a secret."""

    def post(self, part: Part, destination: str) -> Outcome:
        """Send one part to one destination, once."""
        ...

    def find(self, part: Part, destination: str) -> Found:
        """Look back whether a part is out already."""
        ...

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        """Put `part` in the place of what was sent as `platform_id`. `Sent` may carry a new id. An outlet that cannot
        edit it (any more) answers `Refused`."""
        ...

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        """Ask the platform whether keys and permissions work, without posting. `polled`: destinations that are to get
        polls, where that takes a permission of its own."""
        ...

    def close(self) -> None:
        """Let go of connections. Afterwards the outlet is of no use."""
        ...


@runtime_checkable
class PollOutlet(Protocol):
    """An outlet whose polls can be read back."""

    def votes(self, destination: str, platform_id: str) -> Votes | LookupInconclusive:
        """How a poll stands."""
        ...


@runtime_checkable
class CrosspostOutlet(Protocol):
    """An outlet some of whose destinations pass a post on to their followers, in a step of its own."""

    def crosspost(self, destination: str, platform_id: str) -> Outcome:
        """Pass a post on that is out. Doing it twice does nothing."""
        ...


@runtime_checkable
class Timed(Protocol):
    """An outlet whose platform says what time it is there."""

    def platform_time(self) -> datetime | None:
        """The platform's own time (UTC), from its last answer or from one that is asked for and costs nothing; `None`
        where it cannot be known."""
        ...

    def clock_offset(self) -> timedelta | None:
        """How far this machine's clock is ahead of the platform's by its last answer. Asks nobody."""
        ...


Job = tuple[Part, str]
"""A part and its destination."""


@runtime_checkable
class BulkOutlet(Protocol):
    """An outlet that sends to many destinations faster than one after the other."""

    def post_many(self, jobs: Iterable[Job], seen: Mapping[str, str]) -> Iterator[tuple[str, Outcome]]:
        """Send each part once; its marker and its outcome as it lands. `jobs` is drawn from only as places become
        free, in the caller's thread, so that each can be claimed as it is drawn. `seen`: destination to the link of a
        post of ours that it took before."""
        ...


REASON_LIMIT = 300


def redact_reason(text: str, secrets: Iterable[SecretStr] = ()) -> str:
    """A text made fit for a reason: one clean line of at most `REASON_LIMIT` graphemes, each secret taken out, those
    that are known and these. Outlets pass everything that a platform says through here."""
    text = redaction.redact(SafeName(text, 10 * REASON_LIMIT))
    return str(SafeName(redaction.make_redactor(secrets)(text), REASON_LIMIT))


LEEWAY = timedelta(minutes=1)
"""A platform has many machines: how far the time in an answer and that of a post may be apart."""
TOLERATED = timedelta(minutes=2)
"""A clock this far off a platform's closes days too early or too late, and gets signatures refused sooner or later (X
allows some 5 minutes)."""


def instant_of(date: str | None) -> datetime | None:
    """The instant of a `Date` header; `None` where it is missing or not a date."""
    try:
        at = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


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
