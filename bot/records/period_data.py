"""Books: what the ledger answers with, and all that metrics may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from bot.records.catalogues import Catalogue, Evidence
from bot.records.names import SafeName
from bot.records.periods import Period
from bot.records.snapshots import SourceRef
from bot.records.unknown import AtLeast, Unknown, at_least

GroupKind = Literal["category", "author"]


@dataclass(frozen=True, slots=True)
class Model:
    """A listed model as known at the end of a period."""

    id: int
    name: SafeName
    author: SafeName
    first_listed: date | None
    """The day it was first seen on offer; unknown for the models of the first snapshot unless the network says."""
    used_before_watch: bool
    """Its first counter was above zero: a use was seen, on no known day."""
    last_used: date | None
    """The last day with a use seen, at or before the end of the period."""
    last_used_from: date | None
    """The first day of that use: the same day, or earlier where a reading was missed."""
    first_used: date | None = None
    category: SafeName | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of one window, of one evidence: in total and by model."""

    uses: int
    by_model: Mapping[int, int] = field(default_factory=dict)
    """Model id to uses, models with none left out; listed or not at the end."""
    newcomers: int = 0
    """Models whose use before their first reading is unknown and left out."""
    unattributed: int = 0
    """Uses that name no model; part of `uses`."""
    incomplete: str = ""
    """Why `uses` is a lower bound; empty where it is all use."""
    unknown_models: frozenset[int] | None = frozenset()
    """Models whose use on some of the days is not known; `None`: any model may have had more than `by_model` says."""

    @property
    def total(self) -> int | AtLeast | Unknown:
        """All use of the window."""
        return at_least(self.uses, self.incomplete) if self.incomplete else self.uses


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One day of a catalogue's history: counts, each `None` where unknown."""

    day: date
    uses: int | None = None
    models_used: int | None = None
    models_listed: int | None = None
    models_added: int | None = None
    top_uses: int | None = None
    at_least: bool = False
    """Whether `uses`, `models_used` and `top_uses` are lower bounds."""


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
class CallerStats:
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
class Estimate:
    """A count that was estimated."""

    value: int
    error: float
    """Its standard error as a share of it."""


@dataclass(frozen=True, slots=True)
class PeriodData:
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
    flow: Usage | Unknown
    """Usage of the period."""
    flow_before: Usage | Unknown
    """Usage of the period before."""
    total_7d: int | AtLeast | Unknown
    total_30d: int | AtLeast | Unknown
    total_prior_7d: int | AtLeast | Unknown
    newly_listed: tuple[Model, ...] | Unknown
    """Models first listed 30 to 59 days before the end, also if delisted since."""
    history: tuple[HistoryPoint, ...]
    """The days up to the period's last, oldest first, at most `ledger.HISTORY`; days before the watch are absent."""
    gaps: tuple[str, ...]
    refs: tuple[SourceRef, ...]
    names: Mapping[int, SafeName] = field(default_factory=dict)
    """Names of models in `flow` that are not listed any more."""
    authors: Mapping[int, SafeName] = field(default_factory=dict)
    """Authors of the models in `names`."""
    quiet: tuple[tuple[Model, int], ...] = ()
    """Of a day: listed models used on each of the 7 days before and, by readings at both its ends, not on this one,
    each with its uses of those 7 days together; most used first."""
    uncounted: int = 0
    """Models that any day of the history may have listed as well: a record of a list must be ahead by more."""
    evidence: Mapping[Evidence, int | AtLeast | Unknown] = field(default_factory=dict)
    """Uses of the period by evidence, never added up; only of catalogues that are told event by event."""
    callers: CallerStats | Unknown | None = None
    """Who called; `None` where the catalogue has no such thing."""
    callers_7d: CallerStats | Unknown | None = None
    """Who called in the 7 days that end with the period."""
    callers_30d: CallerStats | Unknown | None = None
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
    listed_in_part: tuple[Model, ...] = ()
    """Where `listed` is unknown only because further models may have been listed: those that were for certain."""
