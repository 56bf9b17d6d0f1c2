"""The desk where questions arrive: what may be asked of which network, and who was meant by a name half remembered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from bot import ledger
from bot.archive import Archive
from bot.config import ScheduleEntry
from bot.queries.versioned_cache import VersionedCache
from bot.records import Catalogue, Document, FootfallError, Period, PeriodName, SafeName
from bot.records.messages import collect_messages, join_messages, message
from bot.records.name_mask import HIDDEN, HIDDEN_AUTHOR, NameMask
from bot.store import Store

T = TypeVar("T", bound=str)

SUGGESTIONS = 3
COLLECT = "run: python -m bot collect, or python -m bot demo, which needs no keys"
"""What to do about an empty ledger."""


class QueryError(FootfallError):
    """A question that cannot be answered as it was put; one line that says what would be."""

    exit_code = 2

    def __init__(self, text: str, cure: str = "") -> None:
        self.text = text
        """For whoever asks, on whichever face."""
        self.cure = cure
        """What an operator can do about it on the command line; part of the line as a whole."""
        super().__init__(join_messages([text, cure]))


class NotFoundError(QueryError):
    """A question about something that is not there: a network, a model, a metric, a digest."""


@dataclass(frozen=True, slots=True)
class WatchedNetwork:
    """A network as the faces know it."""

    network: str
    title: str
    catalogues: tuple[Catalogue, ...]
    about: str
    """Its methodology page: the source's docstring."""
    headline: Mapping[str, str]

    @property
    def lead_catalogue(self) -> Catalogue:
        """The catalogue that leads."""
        return next((c for c in self.catalogues if c.key == self.headline["catalogue"]), self.catalogues[0])

    def lead_catalogue_of(self, document: Document) -> Catalogue:
        """The catalogue that leads a digest: it may have been composed when another one was the headline's."""
        key = document["catalogues"][0]["catalogue"]
        return next((c for c in self.catalogues if c.key == key), self.lead_catalogue)


@dataclass(frozen=True, slots=True)
class QueryContext:
    """Everything that an answer is looked up in."""

    store: Store
    archive: Archive
    watched: Mapping[str, WatchedNetwork]
    hidden: Sequence[str]
    clock: Callable[[], datetime]
    entries: Sequence[ScheduleEntry] = ()
    """The regular posts."""
    recent: VersionedCache = field(default_factory=VersionedCache, repr=False, compare=False)

    def find_network(self, name: str | None) -> WatchedNetwork:
        """The network asked about; the first configured one where none is named."""
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
        """The digest asked about: of the period that holds `day`, or the newest."""
        if day is None:
            newest = self.archive.newest_digest(network, period)
            if newest is None:
                raise NotFoundError(
                    message(f"no_digest_yet_{period}", name=network), self._digest_cure(network, period)
                )
            return self.mask_hidden(newest)
        self.refuse_future(day)
        found = self.archive.find_digest(network, period, Period.for_day(day, period).first)
        if found is None:
            missing = message(f"no_digest_{period}", name=network, date=day.isoformat())
            raise NotFoundError(join_messages([missing, self._available_days(network, period)]))
        return self.mask_hidden(found)

    def mask_hidden(self, document: Document) -> Document:
        """A digest as it may be shown: a name hidden after it was composed stands in it no more."""
        hidden = NameMask.from_names(self.hidden)
        shown = {**document, "catalogues": [_mask_block(block, hidden) for block in document["catalogues"]]}
        return {**shown, "reasons": collect_messages(shown)} if "reasons" in document else shown

    def _digest_cure(self, network: str, period: PeriodName) -> str:
        spans = (ledger.closed_span(self.store, catalogue) for catalogue in self.find_network(network).catalogues)
        return f"run: python -m bot compose --period {period}" if any(spans) else COLLECT

    def refuse_future(self, day: date) -> None:
        """Refuse a day in the future."""
        if day > self.clock().date():
            today = self.clock().date().isoformat()
            raise QueryError(message("future_day", date=day.isoformat(), until=today))

    def _available_days(self, network: str, period: PeriodName) -> str:
        kept = self.archive.list_digests(network, period)
        if not kept:
            return message("there is none yet")
        return message("digests_there", n=len(kept), date=kept[0].day.isoformat(), until=kept[-1].day.isoformat())

    def find_model(self, name: str, network: str | None = None) -> tuple[WatchedNetwork, Catalogue, SafeName]:
        """The model meant by `name`, on the network named or on whichever has it: written exactly so, or in other case,
        or without its author where that leaves one. Near misses are suggested, not taken."""
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
        meaning = did_you_mean(name, [model for _, names in known for _, model in names.public])
        if several:
            meaning = message("several_of_name", n=len(several), name=several[0], rest=several[1])
        titles = ", ".join(watched.title for watched in networks)
        missing = message("{name}: no such model on {rest}", name=SafeName(name), rest=titles)
        raise NotFoundError(join_messages([missing, meaning]))

    def _known_models(self, watched: WatchedNetwork) -> _Known:
        """The models of a network by name, read anew when the ledger changed."""
        return self.recent.get_or_compute(
            ("names", watched.network), ledger.data_version(self.store), lambda: _Known.from_ledger(self, watched)
        )

    def data_version(self) -> tuple[object, ...]:
        """Changes whenever anything that an answer is looked up in does."""
        return (*ledger.data_version(self.store), *self.archive.data_version())

    def digest_days(self, network: str, period: PeriodName) -> tuple[date, ...]:
        """The first days of the periods with a digest, oldest first."""

        def look() -> tuple[date, ...]:
            return tuple(entry.day for entry in self.archive.list_digests(network, period))

        return self.recent.get_or_compute(("days", network, period), self.archive.data_version(), look)

    def usage_comparison(self, catalogue: Catalogue, period: Period) -> ledger.UsageComparison:
        """What a period's use is compared by, read anew when the ledger changed."""
        key = ("moves", catalogue.network, catalogue.key, period)
        return self.recent.get_or_compute(
            key, ledger.data_version(self.store), lambda: ledger.usage_comparison(self.store, catalogue, period)
        )

    def day_listing(self, catalogue: Catalogue, day: date, days: int) -> ledger.DayListing:
        """The list of a day and the use of the days up to it, read anew when the ledger changed."""
        key = ("offer", catalogue.network, catalogue.key, day, days if catalogue.evidences else 1)
        return self.recent.get_or_compute(
            key, ledger.data_version(self.store), lambda: ledger.day_listing(self.store, catalogue, day, days)
        )

    def is_hidden(self, model: str) -> bool:
        """Whether a model is hidden, by its own name or by its author's."""
        return NameMask.from_names(self.hidden).hides_model(model, model.partition("/")[0])

    def matching_models(self, watched: WatchedNetwork, fragment: str, limit: int = 25) -> list[SafeName]:
        """Names that complete what was typed, best first."""
        return closest_matches(SafeName(fragment), [name for _, name in self._known_models(watched).public], limit)


@dataclass(frozen=True, slots=True)
class _Known:
    """The models of a network, by everything that they may be called; of several the most recently used one."""

    exact: Mapping[str, tuple[Catalogue, SafeName]]
    folded: Mapping[str, tuple[Catalogue, SafeName]]
    endings: Mapping[str, Sequence[tuple[Catalogue, SafeName]]]
    """Those not hidden, by their part after the author."""
    public: Sequence[tuple[Catalogue, SafeName]]

    @classmethod
    def from_ledger(cls, desk: QueryContext, watched: WatchedNetwork) -> _Known:
        known = [(c, n) for c in watched.catalogues for n in ledger.known_names(desk.store, c)]
        hidden, endings = NameMask.from_names(desk.hidden), defaultdict[str, list[tuple[Catalogue, SafeName]]](list)
        public = [one for one in known if not hidden.hides_model(one[1], one[1].partition("/")[0])]
        for one in public:
            endings[one[1].casefold().rpartition("/")[2]].append(one)
        exact = {str(one[1]): one for one in reversed(known)}
        return cls(exact, {one[1].casefold(): one for one in reversed(known)}, dict(endings), public)


def _mask_block(block: Document, hidden: NameMask) -> Document:
    """A catalogue of a digest with hidden names replaced, in its table and in its words."""
    named = {(row["model"], row["author"]) for row in block["top"]}

    def row(model: str, author: str) -> Document:
        return {"model": hidden.masked_model(model, author), "author": hidden.masked_author(model, author)}

    return {
        **block,
        "top": [{**one, **row(one["model"], one["author"])} for one in block["top"]],
        "groups": [_mask_table(table, hidden) for table in block.get("groups", [])],
        "gaps": [hidden.mask_text(gap, named) for gap in block["gaps"]],
        "findings": [_mask_finding(found, block, hidden) for found in block["findings"]],
    }


def _mask_table(table: Document, hidden: NameMask) -> Document:
    shown = [{**row, "name": row["name"] and hidden.masked_group(table["by"], row["name"])} for row in table["rows"]]
    return {**table, "rows": shown}


def _mask_finding(finding: Document, block: Document, hidden: NameMask) -> Document:
    """A finding that names no hidden model; said again where it did."""
    values = dict(finding["values"])
    for key in ("model", "before"):
        name = values.get(key)
        author = values.get("author", "") if key == "model" else ""
        if isinstance(name, str) and hidden.hides_model(name, author):
            values |= {key: HIDDEN, **({"author": HIDDEN_AUTHOR} if key == "model" else {})}
    if values == finding["values"]:
        return finding
    from bot import render

    told = {**finding, "values": values}
    return {**told, "text": render.finding_text(told, block)}


def did_you_mean(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """What may have been meant by an unknown name; empty where nothing is near."""
    close = closest_matches(SafeName(name), list(known), SUGGESTIONS, cutoff=60)
    names = dict(zip(("name", "other", "rest"), close, strict=False))
    return message(("did_you_mean", "did_you_mean_2", "did_you_mean_3")[len(close) - 1], **names) if close else ""


def closest_matches(fragment: str, known: Sequence[T], limit: int, cutoff: int = 30) -> list[T]:
    from rapidfuzz import fuzz, process

    if not fragment:
        return list(known[:limit])
    found = process.extract(
        fragment.casefold(), known, scorer=fuzz.WRatio, processor=str.casefold, limit=limit, score_cutoff=cutoff
    )
    return [choice for choice, _score, _place in found]
