"""Period data: what the ledger returns for one catalogue and period, and the only input of metrics."""

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

NOT_COMPARED = Unknown("not compared with the day 7 days before")

GroupKind = Literal["category", "author"]


@dataclass(frozen=True, slots=True)
class Model:
    """A listed model, as known at the end of a period."""

    id: int
    name: SafeName
    author: SafeName
    first_listed: date | None
    """The day it was first seen on offer; unknown for models of the first snapshot, unless the network tells it."""
    used_before_watch: bool
    """Its first counter was above zero, so it was used before, on an unknown day."""
    last_used: date | None
    """The last day with a use seen, at or before the end of the period."""
    last_used_from: date | None
    """The first day on which that use may have been: the same day, or earlier if a reading was missed."""
    first_used: date | None = None
    category: SafeName | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of one window in one evidence: in total and by model."""

    uses: int
    by_model: Mapping[int, int] = field(default_factory=dict)
    """Model id to uses, without models that had none; listed at the end or not."""
    newcomers: int = 0
    """Number of models whose use before their first reading is unknown and left out."""
    unattributed: int = 0
    """Uses that name no model; part of `uses`."""
    incomplete: str = ""
    """Why `uses` is a lower bound; empty if it is all use."""
    unknown_models: frozenset[int] | None = frozenset()
    """Models whose use on some of the days is unknown; `None`: any model may have had more than `by_model` says."""

    @property
    def total(self) -> int | AtLeast | Unknown:
        return at_least(self.uses, self.incomplete) if self.incomplete else self.uses


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One day of a catalogue's history, as counts; `None` if unknown."""

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
    """The category or author of each model, as the network told it when it first listed the model. Names are foreign;
    the empty name holds the models without one."""

    of: Mapping[int, str]
    """Group of every model in `flow` and `flow_before` that is no longer listed."""
    listed_before: Mapping[str, int] | Unknown
    """Models listed earlier, by group: 7 days before a day, or at the end of the period before."""
    total_7d: Mapping[str, int] | Unknown
    total_prior_7d: Mapping[str, int] | Unknown


@dataclass(frozen=True, slots=True)
class CallerStats:
    """Who used a model or paid for use in a window."""

    count: int
    """Distinct addresses."""
    whole: int
    """Their total: uses, or for payments the token's smallest units."""
    top: int | None
    """The largest caller's part of the total; `None` if unknown."""
    error: float = 0.0
    """Standard error of an estimated `count`, as a share of it; 0 for an exact count."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated count."""

    value: int
    error: float
    """Standard error, as a share of the count."""


@dataclass(frozen=True, slots=True)
class PeriodData:
    """Everything that the figures of one catalogue and period are computed from."""

    catalogue: Catalogue
    period: Period
    watched_since: date | None
    """The first day at whose end we saw the catalogue; `None` before that."""
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
    """Models first listed 30 to 59 days before the end, including those delisted since."""
    history: tuple[HistoryPoint, ...]
    """The days up to the period's last, oldest first, at most `ledger.HISTORY`; days before the watch are absent."""
    gaps: tuple[str, ...]
    refs: tuple[SourceRef, ...]
    names: Mapping[int, SafeName] = field(default_factory=dict)
    """Names of models in `flow` that are no longer listed."""
    authors: Mapping[int, SafeName] = field(default_factory=dict)
    """Authors of the models in `names`."""
    quiet: tuple[tuple[Model, int], ...] = ()
    """For a day: listed models that were used on each of the 7 days before and, by readings at both ends, not on
    this day, each with its uses of those 7 days; most used first."""
    uncounted: int = 0
    """Number of models that any day of the history may have listed as well; a record must lead by more."""
    evidence: Mapping[Evidence, int | AtLeast | Unknown] = field(default_factory=dict)
    """Uses of the period by evidence, never added up; only for catalogues that are read event by event."""
    callers: CallerStats | Unknown | None = None
    """The callers of the period; `None` if the catalogue has no callers."""
    callers_7d: CallerStats | Unknown | None = None
    """The callers of the 7 days that end with the period."""
    callers_30d: CallerStats | Unknown | None = None
    paid: Decimal | Unknown | None = None
    """Amount paid in whole tokens, exact; `None` if the catalogue has no payments."""
    gauges: Mapping[str, int | Decimal | AtLeast | Unknown] = field(default_factory=dict)
    """For a panel: the gauges of the period, by key."""
    woken: tuple[tuple[Model, date], ...] = ()
    """For a day: models used on it whose last use before was 14 days earlier or more, each with the day of that use.
    Readings cover every day since then."""
    unbroken: bool = True
    """Whether a first use can be recognised: if use is read event by event, every day since `watched_since` was
    read."""
    unnamed_7d: int = 0
    unnamed_30d: int = 0
    """The unnamed uses in `total_7d` and `total_30d`."""
    groups: Mapping[GroupKind, Grouping] = field(default_factory=dict)
    """The groupings of models that the network tells: category, author."""
    listed_in_part: tuple[Model, ...] = ()
    """The models that were certainly listed, if `listed` is unknown only because there may have been more."""
    flow_week_before: Usage | Unknown = NOT_COMPARED
    """For a day: the usage of the day 7 days before."""
    daily_uses: Mapping[int, Mapping[date, int]] = field(default_factory=dict)
    """For a day: the uses of the models whose use changed most, by day, over the 15 days that end with it. A day on
    which a model's use is unknown is absent."""
