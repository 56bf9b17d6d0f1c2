"""Resolves what a query asks for: the network, the period, and a model from a partial name. `VersionedCache` keeps
answers until the data version changes."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar, get_args

from bot import ledger
from bot.archive import Archive
from bot.config import ScheduleEntry
from bot.queries.digest_masking import mask_digest
from bot.queries.near_names import did_you_mean
from bot.records import Catalogue, Document, FootfallError, Period, PeriodName, SafeName, Unknown
from bot.records.messages import join_messages, message
from bot.records.names import NameMask
from bot.store import Store

T = TypeVar("T")

ANSWER_ROWS = 100
"""Models on a page of an answer that has pages."""
NAMES_KEPT = 48
"""Lists of names: of models, authors and categories of sixteen networks."""
KEPT = 24
"""Values; the largest are the models of a list with their pages, about 6 MB at 10,000 models."""


class VersionedCache:
    """Values by key, each good for one mark. Two who ask for the same at once have it looked up once. Together the
    values weigh at most `kept`; by default each weighs one."""

    def __init__(self, kept: int = KEPT, weigh: Callable[[Any], int] = lambda _value: 1) -> None:
        self._kept, self._weigh, self._weight = kept, weigh, 0
        self._values = OrderedDict[Hashable, tuple[Hashable, Any]]()
        self._lock, self._key_locks = threading.Lock(), dict[Hashable, threading.Lock]()

    def get_or_compute(self, key: Hashable, mark: Hashable, look: Callable[[], T]) -> T:
        """The value of a key, looked up if that was not done under this mark. The mark must be read before."""
        with self._lock:
            turn = self._key_locks.setdefault(key, threading.Lock())
        with turn:
            try:
                with self._lock:
                    known = self._values.get(key)
                value: T = known[1] if known is not None and known[0] == mark else look()
                with self._lock:
                    self._forget(key)
                    self._values[key] = (mark, value)
                    self._weight += self._weigh(value)
                    while self._weight > self._kept:
                        self._forget(next(iter(self._values)))
            finally:
                with self._lock:
                    self._key_locks.pop(key, None)
            return value

    def find(self, key: Hashable, mark: Hashable) -> Any | None:
        """The value of a key if it was looked up under this mark; waits for nobody who looks it up now."""
        with self._lock:
            known = self._values.get(key)
            if known is None or known[0] != mark:
                return None
            self._values.move_to_end(key)
            return known[1]

    def _forget(self, key: Hashable) -> None:
        if key in self._values:
            self._weight -= self._weigh(self._values.pop(key)[1])


COLLECT = "run: python -m bot collect, or python -m bot demo, which needs no keys"
"""The advice for an empty ledger."""


class QueryError(FootfallError):
    """A query that cannot be answered; one line that says what is wrong and what would work."""

    exit_code = 2

    def __init__(self, text: str, cure: str = "") -> None:
        self.text = text
        """For the user of any interface."""
        self.cure = cure
        """What an operator can do about it on the command line; part of the line as a whole."""
        super().__init__(join_messages([text, cure]))


class NotFoundError(QueryError):
    """A query about a network, model, metric or digest that does not exist."""


@dataclass(frozen=True, slots=True)
class WatchedNetwork:
    """A network as the interfaces see it."""

    network: str
    title: str
    catalogues: tuple[Catalogue, ...]
    about: str
    """Its methodology page, the source's docstring."""
    headline: Mapping[str, str]
    closed: bool = False
    """Whether its record has ended."""

    @property
    def lead_catalogue(self) -> Catalogue:
        return next((c for c in self.catalogues if c.key == self.headline["catalogue"]), self.catalogues[0])

    def lead_catalogue_of(self, document: Document) -> Catalogue:
        """The lead catalogue of a digest, which may differ from the current one."""
        key = document["catalogues"][0]["catalogue"]
        return next((c for c in self.catalogues if c.key == key), self.lead_catalogue)


@dataclass(frozen=True, slots=True)
class QueryContext:
    """Everything that answers are read from."""

    store: Store
    archive: Archive
    watched: Mapping[str, WatchedNetwork]
    hidden: Sequence[str]
    clock: Callable[[], datetime]
    entries: Sequence[ScheduleEntry] = ()
    """The scheduled posts."""
    site_url: str = ""
    """The public address of the site, for links to its pages; may be empty."""
    model_pages: int = 100
    """The most used models of a day whose pages the written site has."""
    every_model: bool = False
    """Whether every model has a page, because `python -m bot web` serves those that are not written."""
    recent: VersionedCache = field(default_factory=VersionedCache, repr=False, compare=False)
    documents: VersionedCache = field(default_factory=VersionedCache, repr=False, compare=False)
    names: VersionedCache = field(default_factory=lambda: VersionedCache(NAMES_KEPT), repr=False, compare=False)
    """Models, authors and categories by network."""

    def find_network(self, name: str | None) -> WatchedNetwork:
        """A network by name; without a name, the first configured one."""
        if not self.watched:
            raise QueryError(
                message("no network is watched here"), message("config.yaml: networks: none is configured")
            )
        if name is None:
            return next(iter(self.watched.values()))
        if name not in self.watched:
            known = message("known: {rest}", rest=", ".join(self.watched))
            missing = message("{name}: no such network", name=SafeName(name))
            raise NotFoundError(join_messages([missing, known, did_you_mean(name, self.watched)]))
        return self.watched[name]

    def find_digest(self, network: str, period: PeriodName = "day", day: date | None = None) -> Document:
        """The digest of the period that holds `day`, or the newest; cached until the archive changes."""
        if day is not None:
            self.refuse_future(day)
        first = Period.for_day(day, period).first if day else None
        digest = self._cached_digest(network, period, first)
        if digest is not None:
            return digest
        if day is None:
            raise NotFoundError(message(f"no_digest_yet_{period}", name=network), self._digest_cure(network, period))
        missing = message(f"no_digest_{period}", name=network, date=day.isoformat())
        raise NotFoundError(join_messages([missing, self._available_days(network, period)]))

    def _cached_digest(self, network: str, period: PeriodName, first: date | None) -> Document | None:
        key, mark = (network, period, first), self.archive.data_version()
        return self.documents.get_or_compute(key, mark, lambda: self._read_digest(*key))

    def _read_digest(self, network: str, period: PeriodName, first: date | None) -> Document | None:
        if first is None:
            digest = self.archive.newest_digest(network, period)
        else:
            digest = self.archive.find_digest(network, period, first)
        return digest and self.mask_hidden(digest)

    def mask_hidden(self, document: Document) -> Document:
        """A digest as it may be shown, without names that were hidden after it was composed."""
        return mask_digest(document, NameMask.from_names(self.hidden)) if self.hidden else document

    def _digest_cure(self, network: str, period: PeriodName) -> str:
        spans = (ledger.closed_span(self.store, catalogue) for catalogue in self.find_network(network).catalogues)
        return f"run: python -m bot compose --period {period}" if any(spans) else COLLECT

    def refuse_future(self, day: date) -> None:
        if day > self.clock().date():
            today = self.clock().date().isoformat()
            raise QueryError(message("future_day", date=day.isoformat(), until=today))

    def _available_days(self, network: str, period: PeriodName) -> str:
        kept = self.archive.list_digests(network, period)
        if not kept:
            return message("there is none yet")
        return message("digests_there", n=len(kept), date=kept[0].day.isoformat(), until=kept[-1].day.isoformat())

    def find_model(self, name: str, network: str | None = None) -> tuple[WatchedNetwork, Catalogue, SafeName]:
        """The model called `name`, on the given network or on any: an exact match, a match in other case, or an
        unambiguous match without the author. Near misses are suggested, not used."""
        networks = [self.find_network(network)] if network or not self.watched else list(self.watched.values())
        known = [(watched, self._known_models(watched)) for watched in networks]
        for watched, names in known:
            if exact := names.exact.get(name) or names.folded.get(name.casefold()):
                if self.is_hidden(exact[1]):
                    raise QueryError(message("this name is hidden here"))
                return watched, *exact
        endings = [(watched, names.endings.get(name.casefold(), ())) for watched, names in known]
        for watched, ending in endings:
            if len(ending) == 1:
                return watched, *ending[0]
        several = [model for _, ending in endings for _, model in ending]
        public = dict.fromkeys(model for _, names in known for _, model in names.public)
        meaning = did_you_mean(name, list(dict.fromkeys([*self._most_used(networks, public), *public])))
        if several:
            meaning = message("several_of_name", n=len(several), name=several[0], rest=several[1])
        titles = ", ".join(watched.title for watched in networks)
        missing = message("{name}: no such model on {rest}", name=SafeName(name), rest=titles)
        raise NotFoundError(join_messages([missing, meaning]))

    def _most_used(self, networks: Iterable[WatchedNetwork], public: Container[str]) -> list[str]:
        """The most used models of the newest days: of names that are equally near, such a one was meant."""
        newest = (self._cached_digest(watched.network, "day", None) for watched in networks)
        blocks = (block for document in newest if document for block in document["catalogues"])
        return [row["model"] for block in blocks for row in block["top"] if row["model"] in public]

    def _known_models(self, watched: WatchedNetwork) -> _Known:
        """The models of a network by name, cached until the ledger changes."""
        key = ("model", watched.network)
        return self.names.get_or_compute(
            key, ledger.data_version(self.store), lambda: _Known.from_ledger(self, watched)
        )

    def data_version(self) -> tuple[object, ...]:
        """Changes whenever the data that answers are read from change."""
        return (*ledger.data_version(self.store), *self.archive.data_version())

    def digest_days(self, network: str) -> Mapping[PeriodName, tuple[date, ...]]:
        """The first days of the days, weeks and months with a digest, oldest first."""

        def look() -> dict[PeriodName, tuple[date, ...]]:
            periods: tuple[PeriodName, ...] = get_args(PeriodName)
            return {name: tuple(entry.day for entry in self.archive.list_digests(network, name)) for name in periods}

        return self.recent.get_or_compute(("days", network), self.archive.data_version(), look)

    def usage_comparison(self, catalogue: Catalogue, period: Period) -> ledger.UsageComparison:
        """The data to compare a period's use with, cached until the ledger changes."""
        key = ("moves", catalogue.network, catalogue.key, period)
        return self.until_ledger_changes(key, lambda: ledger.usage_comparison(self.store, catalogue, period))

    def day_listing(self, catalogue: Catalogue, day: date, days: int) -> ledger.DayListing:
        """The list of a day and the use of the days up to it, cached until the ledger changes."""
        key = ("offer", catalogue.network, catalogue.key, day, days if catalogue.evidences else 1)
        return self.until_ledger_changes(key, lambda: ledger.day_listing(self.store, catalogue, day, days))

    def model_rankings(self, catalogue: Catalogue, period: Period) -> tuple[ledger.RankingRow, ...] | Unknown:
        """Every listed model of a period, most used first, cached until the ledger changes."""
        key = ("rankings", catalogue.network, catalogue.key, period)
        return self.until_ledger_changes(key, lambda: ledger.model_rankings(self.store, catalogue, period))

    def until_ledger_changes(self, key: Hashable, look: Callable[[], T]) -> T:
        """What `look` returns, cached until the ledger changes."""
        return self.recent.get_or_compute(key, ledger.data_version(self.store), look)

    def is_hidden(self, model: str) -> bool:
        """Whether a model is hidden, by its name or its author."""
        return NameMask.from_names(self.hidden).hides_model(model, model.partition("/")[0])


@dataclass(frozen=True, slots=True)
class _Known:
    """The models of a network by all their names; if several share one, the most recently used."""

    exact: Mapping[str, tuple[Catalogue, SafeName]]
    folded: Mapping[str, tuple[Catalogue, SafeName]]
    endings: Mapping[str, Sequence[tuple[Catalogue, SafeName]]]
    """Visible models by the part of their name after the author."""
    public: Sequence[tuple[Catalogue, SafeName]]

    @classmethod
    def from_ledger(cls, desk: QueryContext, watched: WatchedNetwork) -> _Known:
        known = [(c, n) for c in watched.catalogues for n in ledger.known_names(desk.store, c)]
        hidden, endings = NameMask.from_names(desk.hidden), defaultdict[str, list[tuple[Catalogue, SafeName]]](list)
        public = [pair for pair in known if not hidden.hides_model(pair[1], pair[1].partition("/")[0])]
        for pair in public:
            endings[pair[1].casefold().rpartition("/")[2]].append(pair)
        exact = {str(pair[1]): pair for pair in reversed(known)}
        return cls(exact, {pair[1].casefold(): pair for pair in reversed(known)}, dict(endings), public)
