"""A platform with a ledger, and an outlet for it that can fail in every way; no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.archive import Archive
from bot.deliveries import Delivery, DeliveryContent, Outbox
from bot.outlets import (
    AccountRefused,
    Found,
    LookupInconclusive,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Part,
    Refused,
    RetryLater,
    Sent,
)
from bot.pipeline.digest_content import ContentError
from bot.records import CheckResult

HOWS = (
    "sent",
    "refused",
    "later",
    "stopped",
    "unsure, accepted",
    "unsure, not accepted",
    "accepted, shown late",
    "raises, accepted",
)
"""The possible ends of an attempt."""


class Crash(BaseException):
    """The process is killed: nothing after this point happens."""


@dataclass(frozen=True)
class Posted:
    destination: str
    marker: str
    text: str
    part: int
    edition: int
    reply_to: str | None
    platform_id: str
    shows_from: datetime


@dataclass
class Ledger:
    """The posts that the platform accepted, duplicates included."""

    posts: list[Posted] = field(default_factory=list)

    def accept(self, part: Part, destination: str, shows_from: datetime) -> str:
        number, edition = (int(word) for word in part.text.rpartition("#")[2].split("/"))
        name = str(len(self.posts) + 1)
        row = Posted(destination, part.marker, part.text, number, edition, part.reply_to, name, shows_from)
        self.posts.append(row)
        return name

    def replace(self, part: Part, destination: str, old: str) -> None:
        index = next(n for n, post in enumerate(self.posts) if post.platform_id == old)
        edition = int(part.text.rpartition("/")[2])
        was = self.posts[index]
        row = Posted(destination, part.marker, part.text, was.part, edition, was.reply_to, old, was.shows_from)
        self.posts[index] = row

    def find(self, destination: str, marker: str) -> str | None:
        platform_ids = [
            post.platform_id for post in self.posts if (post.destination, post.marker) == (destination, marker)
        ]
        return platform_ids[0] if platform_ids else None

    def twice(self) -> list[tuple[str, str]]:
        counted = Counter((post.destination, post.marker) for post in self.posts)
        return [key for key, times in counted.items() if times > 1]


class Fake:
    """One worker's outlet. `hows` are the results of its next attempts; after that, all succeed."""

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime], hows: Sequence[str]) -> None:
        self.ledger, self.clock, self.hows = ledger, clock, list(hows)
        self.crash_at: int | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.replaces = True
        self._steps = 0

    # --- the outlet

    def post(self, part: Part, destination: str) -> Outcome:
        self.step()
        how, now = self.hows.pop(0) if self.hows else "sent", self.clock()
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if how == "refused":
            return Refused("no")
        if how == "later":
            return RetryLater("busy", now + timedelta(minutes=2))
        if how == "stopped":
            return AccountRefused("the account is refused")
        if how == "the platform says that it has it":
            return OutcomeUnknown("a duplicate", accepted=True)
        if how == "unsure, not accepted":
            return OutcomeUnknown("no answer")
        late = timedelta(minutes=2) if how == "accepted, shown late" else timedelta()
        name = self.ledger.accept(part, destination, now + late)
        self.step()
        if how == "raises, accepted":
            raise ValueError("a bug")
        return Sent(name, f"https://x.example/{name}") if how == "sent" else OutcomeUnknown("no answer")

    def edit(self, part: Part, destination: str, platform_id: str) -> Outcome:
        self.step()
        if not self.replaces:
            return Refused("too old")
        if not any(post.platform_id == platform_id for post in self.ledger.posts):
            return Refused("no such post")
        self.ledger.replace(part, destination, platform_id)
        self.step()
        return Sent(platform_id, f"https://x.example/{platform_id}")

    def find(self, part: Part, destination: str) -> Found:
        self.step()
        now = self.clock()
        for post in self.ledger.posts:
            if (post.destination, post.marker) == (destination, part.marker) and post.shows_from <= now:
                return Sent(post.platform_id, f"https://x.example/{post.platform_id}")
        if self.hows[:1] == ["stopped"]:
            self.hows.pop(0)
            return LookupInconclusive("not now", now + timedelta(minutes=1))
        return NotFound()

    def check(self, polled: Collection[str] = ()) -> list[CheckResult]:
        return [
            CheckResult("account", True, "works"),
            CheckResult("channel one", False, "lacks a permission", place="one"),
        ]

    def close(self) -> None:
        pass

    # --- crashing

    def step(self) -> None:
        """A point where the process may be killed."""
        self._steps += 1
        if self._steps == self.crash_at:
            raise Crash

    def crashing(self, outbox: Outbox) -> Any:
        """The outbox of a process that may be killed before and after each of its transactions."""
        return _Crashing(outbox, self)

    def content(self, archive: Archive) -> Callable[[Delivery], DeliveryContent]:
        def said(delivery: Delivery) -> DeliveryContent:
            kept = archive.find_digest(delivery.network, delivery.period, delivery.day, delivery.edition)
            if kept is None:  # a draft that came out otherwise again before it was sent
                raise ContentError(f"{delivery.label}: the archive has no such edition")
            uses = kept["catalogues"][0]["figures"]["uses"]["value"]
            return DeliveryContent(kept, Part(f"{uses} uses #{delivery.part}/{delivery.edition}", delivery.marker))

        return said


class _Crashing:
    def __init__(self, outbox: Any, fake: Fake) -> None:
        self._outbox, self._fake = outbox, fake

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._outbox, name)
        if not callable(real):
            return _Crashing(real, self._fake)

        def call(*args: Any, **more: Any) -> Any:
            writes = name in (
                "claim",
                "settle",
                "record_lookup",
                "expire",
                "refuse",
                "lift_pause",
                "may_check",
                "record_crosspost",
                "record_votes",
                "told",
            )
            if writes:
                self._fake.step()
            result = real(*args, **more)
            if writes:
                self._fake.step()
            return result

        return call
