"""The types that walk through Footfall: what networks said, and what we make of it.

Records are never amended: every type here is frozen. Unknown is a value with a reason, never `None` alone, never zero.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import regex

Evidence = Literal["reported", "claimed", "backed", "verified"]
PeriodName = Literal["day", "week", "month"]
GroupKind = Literal["category", "author"]

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


def unnamed(lost: int, uses: int) -> Unknown:
    """Why nothing is said of single models, where part of the use may have been anyone's."""
    return Unknown(f"{lost} of {uses} uses name no model")


def few_named(evidence: str, lost: int, uses: int) -> Unknown | None:
    """Why nothing is counted by model, of verified use of which less than half names its model: who names a model
    chooses to, and a few of them speak for nobody else."""
    return unnamed(lost, uses) if evidence == "verified" and 2 * lost > uses else None


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
    closes: date | None = None
    """The day whose end it stands for although read later; `None`: only an instant near midnight closes a day."""


State = Literal["pending", "verdict", "expired", "stranger"]
"""Of a settlement: not judged to the end, judged, judged without its blob for ever, or of nobody we know."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """An on-chain log that attests uses; one may be many uses. What became of it is a `Judgement`."""

    place: str
    """Transaction hash, a colon, the log's index."""
    block: int
    at: datetime
    """Of its block (UTC): its uses belong to that day."""
    relay: str
    """The emitting contract, lower-case with 0x."""
    size: int
    """As its sender claims, any uint256."""
    blob: str = ""
    """Walrus blob id; empty where the log holds none."""
    root: str = ""
    """A batch's Merkle root, hexadecimal; empty for a single use."""
    attested: str = ""
    """A single use: enclave, hashes, signature and time as JSON of hexadecimal text; empty for a batch. Of the first
    relay: hashes alone, and the model that the log names."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules make of one settlement, as far as they could be applied."""

    place: str
    state: State
    claimed: int | Unknown
    backed: int | Unknown
    verified: int | Unknown
    signer: str = ""
    reason: str = ""
    standings: Mapping[str, int] = field(default_factory=dict)
    """How many of its leaves came to which end."""
    backs: tuple[bytes, ...] = ()
    """Keys of the leaves that it is the first to back."""
    verifies: tuple[bytes, ...] = ()
    """Keys of the leaves that it is the first to verify."""
    models: Mapping[Name, int] = field(default_factory=dict)
    """Uses by model: verified ones as their payloads name it, others as their sender does."""
    next_try: datetime | None = None
    """When to judge it again; `None`: never."""
    rules: str = ""
    """Mark of the rules applied (pinned relays and signers): under other rules it is judged again."""


@dataclass(frozen=True, slots=True)
class Use:
    """A model, or an unnamed one, was used `count` times."""

    place: str
    """Unique in its catalogue: a use offered twice is counted once."""
    block: int
    at: datetime
    count: int = 1
    model: Name | None = None
    """`None` where it names none, or one that no list has."""
    caller: str = ""
    content: str = ""
    """What the event itself names the model by, where a listing must say whose it is."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A token moved from a payer to an operator."""

    place: str
    block: int
    at: datetime
    payer: str
    amount: int
    """In the token's smallest unit, any uint256."""
    session: bool
    """Settled by a payment proxy in the same transaction; otherwise any transfer, told apart."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that a network showed for one day, as read; of several readings of a day `ledger` takes the newest or
    the highest, as its key says."""

    key: str
    day: date
    at: datetime
    value: int


@dataclass(frozen=True, slots=True)
class Window:
    """From one instant to another nothing is missing: what has no record there did not happen."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Blocks:
    """A range of blocks that was read, both ends included."""

    first: int
    last: int
    hash: str = ""
    """Of the last one; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Haul:
    """What one reading of an event source brought for one catalogue or panel: kept whole or not at all."""

    network: str
    catalogue: str
    read: str
    """What was read, in a few words: "blocks 10 to 20 of chain 10740"."""
    refs: tuple[Ref, ...] = ()
    days: tuple[date, ...] = ()
    """The days that the refs bear on."""
    window: Window | None = None
    cursors: Mapping[str, str] = field(default_factory=dict)
    """By name: how far each way of reading has come."""
    blocks: Blocks | None = None
    """Where it was read, on a chain."""
    forget_from: int | None = None
    """The chain was re-organised: forget all records from this block on first."""
    owners: Mapping[str, Name] = field(default_factory=dict)
    """Whose content ids turned out to be: uses of `days` that name one of them and no model were of that model."""
    renames: bool = False
    """Those uses that name another model as well: it was found wrong."""
    settlements: tuple[Settlement, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    uses: tuple[Use, ...] = ()
    payments: tuple[Payment, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    strangers: Mapping[str, int] | None = None
    """Logs of one day (the only one in `days`) by emitters that are not pinned; `None` where nobody looked."""
    evidence: Evidence = "claimed"
    """Of `uses`."""
    alarm: str = ""
    """One line for whoever runs this; empty where nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A list of models on offer and the usage that can be counted against that same list."""

    network: str
    key: str
    title: str
    unit: str
    """What one use is called, in the plural: runs, inferences, downloads."""
    evidence: Evidence
    """The evidence that its figures rest on."""
    evidences: tuple[Evidence, ...] = ()
    """Of a catalogue whose use is told event by event: every evidence it is counted in, each for itself. Empty where
    use is the difference of counters."""
    place: str = ""
    """Where those events are read, as reasons name it: "the settlement chain"."""
    panel: bool = False
    """True: it is no list of models but a panel, with metrics of its own."""
    token: tuple[str, int] = ("", 0)
    """What is paid in, and how many decimals its smallest unit has."""
    caveats: tuple[str, ...] = ()
    """What a reader of any of its figures could misread, in whole sentences."""


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
class Grouping:
    """What tells a book's models apart by category or by author, as the network said when it first listed each.
    Names are foreign; the empty one holds the models of which it says none."""

    of: Mapping[int, str]
    """Group of every model in `flow` and `flow_before` that is not listed any more."""
    listed_before: Mapping[str, int] | Unknown
    """Models listed, by group: of a day 7 days before, of a longer period at the end of the one before."""
    total_7d: Mapping[str, int] | Unknown
    total_prior_7d: Mapping[str, int] | Unknown


@dataclass(frozen=True, slots=True)
class Callers:
    """Who used a model or paid for use in a window."""

    count: int
    """Distinct addresses."""
    whole: int
    """What all of them did: uses, or where money is counted the token's smallest units."""
    top: int | None
    """The part of the largest one of them; `None` where it is not known."""
    error: float = 0.0
    """Of an estimated `count`: its standard error as a share of it. 0: counted one by one."""


@dataclass(frozen=True, slots=True)
class About:
    """A count that was estimated."""

    value: int
    error: float
    """Its standard error as a share of it."""


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
    evidence: Mapping[Evidence, int | Unknown] = field(default_factory=dict)
    """Uses of the period by evidence, never added up; only of catalogues that are told event by event."""
    callers: Callers | Unknown | None = None
    """Who called; `None` where the catalogue has no such thing."""
    callers_7d: Callers | Unknown | None = None
    """Who called in the 7 days that end with the period."""
    callers_30d: Callers | Unknown | None = None
    paid: Decimal | Unknown | None = None
    """In whole tokens, exact; `None` where the catalogue has no such thing."""
    gauges: Mapping[str, int | Decimal | Unknown] = field(default_factory=dict)
    """Of a panel: what it shows for the period, by key."""
    woken: tuple[tuple[Model, date], ...] = ()
    """Of a day: models used on it whose last use before it was seen 14 days earlier or more, with the day of that use
    and by readings that cover every day since."""
    unbroken: bool = True
    """Whether a first use may be told: of use told event by event, every day since `watched_since` was read whole."""
    unnamed_7d: int = 0
    unnamed_30d: int = 0
    """Of `total_7d` and `total_30d`, the uses that name no model."""
    groups: Mapping[GroupKind, Grouping] = field(default_factory=dict)
    """By what the network tells its models apart; a kind that it does not tell is absent."""


# --- what comes out -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure: PNG or SVG bytes and the same facts in words."""

    name: str
    content: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Poll:
    """A question put to readers, with its answers in order."""

    question: str
    answers: tuple[str, ...]
    lasts: timedelta
    name: str = ""
    """What the configuration calls it: the same from week to week, whatever numbers the question holds."""


@dataclass(frozen=True, slots=True)
class Post:
    """What one outlet gets: parts of text in order, pictures with alt text, and for Discord an embed."""

    outlet: str
    parts: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    embed: Mapping[str, object] | None = None
    poll: Poll | None = None
    """Goes with the last part."""


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
