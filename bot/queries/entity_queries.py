"""What the pages of models, authors and categories show: one document each, with its last days.

An `EntityIndex` holds everything in one catalogue that may have a page, by its address; hidden names are not in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from bot import ledger
from bot.archive import PublishedFigure
from bot.metrics import value_document
from bot.queries.context import QueryContext, WatchedNetwork
from bot.queries.entity_links import cached_links, days_in_digests, entity_names
from bot.records import AtLeast, Catalogue, Document, Period, Unknown, at_least, message
from bot.records.entity_pages import ENTITY_KINDS, EntityKind, entity_folder, entity_path
from bot.records.names import NameMask

SHOWN_DAYS = 90
"""Days on a page and in its files."""
MEMBERS = 100
"""Models on the page of an author or a category."""
WEEK = 7
REPEATS, MOST_FINDINGS = 3, 60


class IndexedEntity(NamedTuple):
    """A model, an author or a category."""

    kind: EntityKind
    name: str
    models: tuple[ledger.KnownModel, ...]
    """Its models, most used first; of a model itself alone."""

    @property
    def last_used(self) -> date | None:
        return max(filter(None, (model.last_used for model in self.models)), default=None)


@dataclass(frozen=True, slots=True)
class EntityIndex:
    """Everything in a catalogue that may have a page."""

    watched: WatchedNetwork
    catalogue: Catalogue
    last: date
    """The newest day in any digest."""
    entities: Mapping[str, IndexedEntity]
    """By address, in the order of their use: first models, then authors, then categories."""


def entity_index(desk: QueryContext, watched: WatchedNetwork, catalogue: Catalogue) -> EntityIndex | None:
    """The index of a catalogue, cached until the ledger changes; `None` if the network has no digest."""
    days = days_in_digests(desk, watched.network)
    if not days:
        return None
    key = ("entities", watched.network, catalogue.key, days[-1], tuple(desk.hidden))
    return desk.until_ledger_changes(key, lambda: _read_index(desk, watched, catalogue, days[-1]))


def _read_index(desk: QueryContext, watched: WatchedNetwork, catalogue: Catalogue, last: date) -> EntityIndex:
    hidden = NameMask.from_names(desk.hidden)
    known = ledger.known_models(desk.store, catalogue, last, 30)
    visible = [model for model in known if not hidden.hides_model(model.name, model.author)]
    groups: dict[EntityKind, dict[str, list[ledger.KnownModel]]] = {kind: defaultdict(list) for kind in ENTITY_KINDS}
    for model in visible:
        for kind, name in entity_names(model):
            if name and (kind == "model" or hidden.masked_group(kind, name) == name):
                groups[kind][name].append(model)
    entities = (IndexedEntity(kind, name, tuple(held)) for kind in ENTITY_KINDS for name, held in groups[kind].items())
    paths: dict[str, IndexedEntity] = {}
    for entity in entities:
        paths.setdefault(entity_path(entity.kind, watched.network, catalogue.key, entity.name), entity)
    return EntityIndex(watched, catalogue, last, paths)


def listed_pages(desk: QueryContext, index: EntityIndex) -> Sequence[str]:
    """The pages in the lists and the search: those that any digest links, in the order of their use."""
    pages = cached_links(desk, index.catalogue, days_in_digests(desk, index.watched.network))
    return [path for path in index.entities if pages.has_page(path)]


def entity_documents(desk: QueryContext, index: EntityIndex, paths: Sequence[str]) -> Iterator[Document]:
    """The documents of some pages of an index, in the order given."""
    chosen = [index.entities[path] for path in paths]
    models = [entity.models[0].id for entity in chosen if entity.kind == "model"]
    groups = {path: frozenset(model.id for model in entity.models)
              for path, entity in zip(paths, chosen, strict=True) if entity.kind != "model"}  # fmt: skip
    members = {model.id for entity in chosen if entity.kind != "model" for model in entity.models[:MEMBERS]}
    store, catalogue, last = desk.store, index.catalogue, index.last
    single = ledger.daily_use(store, catalogue, models, last, SHOWN_DAYS) if models else {}
    summed = ledger.daily_use_of_groups(store, catalogue, groups, last, SHOWN_DAYS) if groups else {}
    today = ledger.daily_use(store, catalogue, members, last, 1) if members else {}
    findings, digests = findings_by_name(desk, index), frozenset(desk.digest_days(index.watched.network)["day"])
    for path, entity in zip(paths, chosen, strict=True):
        days = summed[path] if entity.kind != "model" else single[entity.models[0].id]
        yield {
            **_heading(index, path, entity),
            **_dates(entity),
            **_recent_use(days, catalogue),
            "days": [_day_document(day, catalogue.unit, day.day in digests) for day in days],
            "findings": findings_until(findings.get((entity.kind, entity.name), ()), last),
            **({} if entity.kind == "model" else _members(index, entity, today)),
        }


def _heading(index: EntityIndex, path: str, entity: IndexedEntity) -> Document:
    network, catalogue = index.watched, index.catalogue
    groups = dict(entity_names(entity.models[0])[1:]) if entity.kind == "model" else {}
    shown = {
        k: n for k, n in groups.items() if n and entity_path(k, network.network, catalogue.key, n) in index.entities
    }
    return {
        "kind": entity.kind,
        "name": entity.name,
        "path": path,
        "network": network.network,
        "title": network.title,
        "catalogue": catalogue.key,
        "catalogue_title": catalogue.title,
        "unit": catalogue.unit,
        "evidence": catalogue.evidence,
        "day": index.last.isoformat(),
        **{str(kind): name for kind, name in shown.items()},
    }


def _dates(entity: IndexedEntity) -> Document:
    last = entity.last_used
    first = entity.models[0].first_listed if entity.kind == "model" else None
    return {"first_listed": first.isoformat() if first else None, "last_used": last.isoformat() if last else None}


def _day_document(day: ledger.DayUse, unit: str, digest: bool) -> Document:
    """`digest`: whether the day has a digest."""
    figures = {"uses": value_document(day.uses, {"unit": unit}), "rank": day.rank, "share": day.share}
    return {"day": day.day.isoformat(), **figures, "digest": digest}


def _recent_use(days: Sequence[ledger.DayUse], catalogue: Catalogue) -> Document:
    """The use of all days shown, of the last week, and its change against the week before."""
    week, before = days[-WEEK:], days[-2 * WEEK : -WEEK]
    now, then = total_of_days(week, WEEK, catalogue.breaks), total_of_days(before, WEEK, catalogue.breaks)
    return {
        "uses_shown": value_document(total_of_days(days, len(days), catalogue.breaks), {"unit": catalogue.unit}),
        "uses_7d": value_document(now, {"unit": catalogue.unit}),
        "uses_change_7d": value_document(_change(days[-2 * WEEK :], now, then, catalogue), {"unit": "ratio"}),
    }


def _change(
    days: Sequence[ledger.DayUse], now: int | AtLeast | Unknown, then: int | AtLeast | Unknown, catalogue: Catalogue
) -> float | Unknown:
    if broken := _method_break(days, catalogue.breaks):
        return broken
    if isinstance(now, int) and isinstance(then, int):
        return now / then - 1 if then else Unknown(message("no_use_week_before"))
    return Unknown(message("{n} of {m} days are known completely", n=_known_days(days), m=2 * WEEK))


def total_of_days(days: Sequence[ledger.DayUse], wanted: int, breaks: Sequence[date] = ()) -> int | AtLeast | Unknown:
    """The use of some days; a lower bound where one of them is unknown or missing, and unknown where use is counted in
    another way from one of `breaks` on."""
    if broken := _method_break(days, breaks):
        return broken
    known = sum(day.uses for day in days if isinstance(day.uses, int))
    known += sum(int(day.uses.value) for day in days if isinstance(day.uses, AtLeast))
    exact = _known_days(days)
    if exact == wanted:
        return known
    return at_least(known, message("{n} of {m} days are known completely", n=exact, m=wanted))


def _method_break(days: Sequence[ledger.DayUse], breaks: Sequence[date]) -> Unknown | None:
    changed = next((day for day in breaks if days and days[0].day < day <= days[-1].day), None)
    return Unknown(message("method_changed", day=changed)) if changed else None


def _known_days(days: Sequence[ledger.DayUse]) -> int:
    return sum(isinstance(day.uses, int) for day in days)


def _members(index: EntityIndex, entity: IndexedEntity, today: Mapping[int, Sequence[ledger.DayUse]]) -> Document:
    unit, network, key = index.catalogue.unit, index.watched.network, index.catalogue.key
    return {
        "models": len(entity.models),
        "members": [
            {
                "name": model.name,
                "path": entity_path("model", network, key, model.name),
                "uses": value_document(today[model.id][-1].uses, {"unit": unit}),
                "first_listed": model.first_listed.isoformat() if model.first_listed else None,
                "last_used": model.last_used.isoformat() if model.last_used else None,
            }
            for model in entity.models[:MEMBERS]
        ],
    }


def first_shown(last: date) -> date:
    """The first day of a page that goes up to a day."""
    return last - timedelta(days=SHOWN_DAYS - 1)


def findings_until(findings: Sequence[Document], last: date) -> list[Document]:
    """What the digests that end on the days of a page said of its name, newest first, no more than `REPEATS` of a kind:
    many say the same again each day."""
    first, until = first_shown(last).isoformat(), last.isoformat()
    seen: Counter[str] = Counter()
    shown: list[Document] = []
    for finding in findings:
        if first <= finding["d"]["last_day"] <= until:
            seen[finding["key"]] += 1
            if seen[finding["key"]] <= REPEATS and len(shown) < MOST_FINDINGS:
                shown.append(finding)
    return shown


def network_document(desk: QueryContext, watched: WatchedNetwork) -> Document | None:
    """The models used of a network by day, in the shape of the other documents; `None` before its first daily digest.
    The share is that of the list."""
    days = desk.digest_days(watched.network)["day"]
    if not days:
        return None
    catalogue = watched.lead_catalogue
    used, share = (
        desk.archive.figure_trend(watched.network, catalogue.key, key, last=SHOWN_DAYS)
        for key in ("models_used", "share_used")
    )
    shares = {figure.day: figure.value for figure in share if not figure.at_least}
    return {
        "kind": "network",
        "name": watched.title,
        "path": watched.network,
        "network": watched.network,
        "title": watched.title,
        "catalogue": catalogue.key,
        "unit": "models",
        "evidence": catalogue.evidence,
        "day": days[-1].isoformat(),
        "days": [
            {"day": figure.day.isoformat(), "uses": _published(figure), "rank": None, "share": shares.get(figure.day)}
            for figure in used
        ],
    }


def _published(figure: PublishedFigure) -> Document:
    """A figure of a digest, as it was published."""
    unknown = {"unknown": figure.unknown} if figure.value is None else {}
    return {"value": figure.value, "unit": "models", **unknown, **({"at_least": True} if figure.at_least else {})}


def findings_by_name(desk: QueryContext, index: EntityIndex) -> Mapping[tuple[EntityKind, str], Sequence[Document]]:
    """What the newest digests found about each model and about the models of each author, newest first."""
    network, key = index.watched.network, index.catalogue.key

    def look() -> Mapping[tuple[EntityKind, str], Sequence[Document]]:
        findings: dict[tuple[EntityKind, str], list[Document]] = defaultdict(list)
        for document in _newest_digests(desk, index):
            blocks = (block for block in document["catalogues"] if block["catalogue"] == key)
            for finding in (finding for block in blocks for finding in block["findings"]):
                heading = {name: document[name] for name in ("network", "title", "period", "day", "last_day")}
                values = finding["values"]
                for kind, name in (("model", values.get("model")), ("author", values.get("author"))):
                    if isinstance(name, str) and name:
                        findings[kind, name].append({"d": heading, "key": finding["key"], "text": finding["text"]})  # type: ignore[index]
        return findings

    return desk.recent.get_or_compute(("findings", network, key, tuple(desk.hidden)), desk.data_version(), look)


def _newest_digests(desk: QueryContext, index: EntityIndex) -> Sequence[Document]:
    """The digests whose findings a page shows, also one that goes up to a day of the last week; the newest first."""
    first = first_shown(index.last - timedelta(days=WEEK))
    documents = desk.archive.digests_since(index.watched.network, Period.for_day(first, "month").first)
    shown = [desk.mask_hidden(document) for document in documents if document["last_day"] >= first.isoformat()]
    return sorted(shown, key=lambda document: (document["last_day"], document["day"]), reverse=True)


def entity_folders(index: EntityIndex) -> Mapping[EntityKind, str]:
    """The folder of each kind of page."""
    return {kind: entity_folder(kind, index.watched.network, index.catalogue.key) for kind in ENTITY_KINDS}
