"""The types that walk through Footfall: what networks said, and what we make of it.

Records are never amended: every type here is frozen. Unknown is a value with a reason, never `None` alone, never zero.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import regex

Evidence = Literal["reported", "claimed", "backed", "verified"]
PeriodName = Literal["day", "week", "month"]

MAX_COUNT = 10**15
"""Counts above this are refused as implausible: senders choose them, and JSON readers lose digits beyond 2**53."""

_GRAPHEME = regex.compile(r"\X")
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


class FootfallError(Exception):
    """What Footfall itself raises: one line for whoever must act on it, and the exit code it ends a command with."""

    exit_code = 1


class Name(str):
    """A foreign string made safe to keep: NFC, no control, bidirectional, zero-width or private-use characters, white
    space collapsed, at most `limit` graphemes and 4 code points each. Escaping for an outlet is `render`'s work."""

    __slots__ = ()

    def __new__(cls, raw: str, limit: int = 100) -> Name:
        text = unicodedata.normalize("NFC", raw[: limit * 8])
        text = "".join(
            " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _DROPPED
        )
        clusters = [cluster[:4] for cluster in _GRAPHEME.findall(" ".join(text.split()))]
        if len(clusters) > limit:
            clusters = [*clusters[: limit - 1], "…"]
        return super().__new__(cls, "".join(clusters))


def identity(raw: str) -> Name:
    """The name a model is known by. A name that had to be cleaned gets a mark made from its raw form, so that no
    stranger's look-alike is ever counted as somebody else's model."""
    name = Name(raw)
    if name and str(name) == raw:
        return name
    mark = hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return Name(f"{Name(raw, 90)}~{mark}")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that is not known, and why. Reads well after "unknown: "."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ref:
    """Where anyone can look a record up."""

    url: str
    """A URL, `npm:package@version/file`, or a transaction, block range or blob in its network's own notation."""
    at: datetime
    """When it was read or, for a published record, the instant it describes (UTC)."""
    sha256: str = ""
    """Of the bytes read, hexadecimal; empty where there are none to hash."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A model is on offer at an instant, with what its network says of it."""

    model: Name
    author: Name
    created_at: datetime | None = None
    category: Name | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A cumulative counter of a model as shown at an instant; usage is the difference of two readings."""

    model: Name
    count: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one catalogue listed at one instant."""

    network: str
    catalogue: str
    at: datetime
    ref: Ref
    listings: tuple[Listing, ...]
    readings: tuple[Reading, ...] = ()
    unplaced: int = 0
    """Models that may have been listed as well, for reasons in `note`; above 0 the stock of this instant is unknown."""
    uncounted: int = 0
    """Models that were listed at some unknown instant, perhaps this one: no record of a stock may rest on fewer."""
    note: str = ""
    """Gaps in words, one a line, that every digest resting on this snapshot repeats; may be empty."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A list of models on offer and the usage that can be counted against that same list."""

    network: str
    key: str
    title: str
    unit: str
    """What one use is called, in the plural: runs, inferences, downloads."""
    evidence: Evidence


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A UTC day, an ISO week or a calendar month, as its first and last day."""

    first: date
    last: date
    name: PeriodName = "day"

    @classmethod
    def holding(cls, day: date, name: PeriodName = "day") -> Period:
        """The period of that name that holds a day."""
        if name == "day":
            return cls(day, day)
        if name == "week":
            first = day - timedelta(days=day.weekday())
            return cls(first, first + timedelta(days=6), "week")
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1), "month")

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period:
        """The period of the same name that ends the day before this one begins."""
        return Period.holding(self.first - timedelta(days=1), self.name)

    @property
    def ends(self) -> datetime:
        """The instant at which it is over (UTC)."""
        return instant(self.last + timedelta(days=1))


def instant(day: date) -> datetime:
    """00:00 UTC at the start of a day."""
    return datetime.combine(day, time(), UTC)


def spoken(day: date) -> str:
    """A day as reasons and gaps name it: 14 Jan 2025."""
    return f"{day.day} {day:%b %Y}"


# --- books: what the ledger answers with, and all that metrics may look at ---------------------------------------


@dataclass(frozen=True, slots=True)
class Model:
    """A listed model as known at the end of a period."""

    id: int
    name: Name
    author: Name
    first_listed: date | None
    """The day it was first seen on offer; unknown for the models of the first snapshot unless the network says."""
    used_before_watch: bool
    """Its first counter was above zero: a use was seen, on no known day."""
    last_used: date | None
    """The last day with a use seen, at or before the end of the period."""
    last_used_from: date | None
    """The first day of that use: the same day, or earlier where a reading was missed."""
    first_used: date | None = None
    category: Name | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The usage of one window, of one evidence: in total and by model."""

    uses: int
    by_model: Mapping[int, int] = field(default_factory=dict)
    """Model id to uses, models with none left out; listed or not at the end."""
    newcomers: int = 0
    """Models whose use before their first reading is unknown and left out."""
    unattributed: int = 0
    """Uses that name no model; part of `uses`."""


@dataclass(frozen=True, slots=True)
class Point:
    """One day of a catalogue's history: counts, each `None` where unknown."""

    day: date
    uses: int | None = None
    models_used: int | None = None
    models_listed: int | None = None
    models_added: int | None = None
    top_uses: int | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """One catalogue, one period: everything that its figures are computed from."""

    catalogue: Catalogue
    period: Period
    watched_since: date | None
    """The first day at whose end the catalogue was seen; `None` before that."""
    listed: tuple[Model, ...] | Unknown
    listed_before: frozenset[int] | Unknown
    """Ids listed at the end of the period before."""
    listed_7d_before: int | Unknown
    listed_period_before: int | Unknown
    flow: Flow | Unknown
    """Usage of the period."""
    flow_before: Flow | Unknown
    """Usage of the period before."""
    total_7d: int | Unknown
    total_30d: int | Unknown
    total_prior_7d: int | Unknown
    newly_listed: tuple[Model, ...] | Unknown
    """Models first listed 30 to 59 days before the end, also if delisted since."""
    history: tuple[Point, ...]
    """The days up to the period's last, oldest first, at most `ledger.HISTORY`; days before the watch are absent."""
    gaps: tuple[str, ...]
    refs: tuple[Ref, ...]
    names: Mapping[int, Name] = field(default_factory=dict)
    """Names of models in `flow` that are not listed any more."""
    authors: Mapping[int, Name] = field(default_factory=dict)
    """Authors of the models in `names`."""
    quiet: tuple[tuple[Model, int], ...] = ()
    """Of a day: listed models used on each of the 7 days before and, by readings at both its ends, not on this one,
    each with its uses of those 7 days together; most used first."""
    uncounted: int = 0
    """Models that any day of the history may have listed as well: a record of a list must be ahead by more."""
    woken: tuple[tuple[Model, date], ...] = ()
    """Of a day: models used on it whose last use before it was seen 14 days earlier or more, with the day of that use
    and by readings that cover every day since."""


# --- what comes out -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure: PNG or SVG bytes and the same facts in words."""

    name: str
    content: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Post:
    """What one outlet gets: parts of text in order, pictures with alt text, and for Discord an embed."""

    outlet: str
    parts: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    embed: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that one part reached one destination."""

    outlet: str
    destination: str
    part: int
    platform_id: str
    url: str
    at: datetime


Document = dict[str, Any]
"""A digest as JSON: what the archive keeps and every face shows. `docs/digest.md` holds its shape."""
