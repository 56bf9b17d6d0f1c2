"""The conductor: collect, compose, render. Plain code that puts the pure parts between the ledger and the archive."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import zip_longest

from bot import charts, deliveries, digest, document_rules, findings, ledger, render
from bot.archive import Archive
from bot.dask_executor import ClusterError
from bot.lake import LakeError
from bot.pipeline import polls
from bot.pipeline.backfill import BackfillThrottle
from bot.pipeline.polls import NO_HABITS, PostOptions
from bot.records import (
    Catalogue,
    CompleteWindow,
    Document,
    EventBatch,
    Period,
    PeriodName,
    Post,
    SafeName,
    Snapshot,
    SourceError,
    catalogues_and_panels,
    start_of_day,
)
from bot.redaction import redact
from bot.sources import EventSource, Source
from bot.store import Store

log = logging.getLogger(__name__)

ADDED_UP_EVERY = 16
"""Hauls kept until their days are added up: several at a time, so that they can be done side by side."""
LATE = 3
"""Days after which nothing more comes to light of a network that is told event by event: its source reads the last
ones again."""

Tell = Callable[[str], None]
"""Takes one line about work that is going on."""


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """One network as it is to be composed."""

    network: str
    title: str
    catalogues: tuple[Catalogue, ...]
    headline: Mapping[str, str]
    hidden: Sequence[str] = ()
    panels: tuple[Catalogue, ...] = ()
    closed: bool = False
    """Its record ends: nothing of it is ever due."""


@dataclass(frozen=True, slots=True)
class CollectResult:
    """What came of asking one source."""

    network: str
    new: int
    """Snapshots and hauls that brought the ledger something."""
    known: int
    last_day: date | None
    error: str = ""
    """Why it ended early; what was added before stays."""


def collect(
    store: Store,
    network: str,
    source: Source | EventSource,
    wanted: Period | None,
    tell: Tell,
    executor: Executor | None = None,
    backfill: BackfillThrottle | None = None,
    reread: bool = False,
) -> CollectResult:
    """Ask one source and keep what it says. One network's failure is a value, not an exception. Days of events are
    added up side by side where there is an executor; a `backfill` leaves room to other writers and tells how far it is;
    `reread` reads days anew that were read already."""
    new = known = waiting = 0
    last: date | None = None
    wrong: list[str] = []
    read: dict[str, list[CompleteWindow]] = {}
    broken: dict[tuple[str, date], str] = {}
    late: list[str] = []
    try:
        for told in _read_source(store, network, source, wanted, reread):
            if isinstance(told, EventBatch):
                before = read.setdefault(told.catalogue, [])
                kept = _store_batch(store, told, tell, backfill, before)
                _extend_windows(before, told)
                fresh = kept.new > 0
                # Of a day that was read anew in several hauls the last one says nothing any more.
                broken = {
                    key: why for key, why in broken.items() if key[0] != told.catalogue or key[1] not in kept.days
                }
                broken |= {(told.catalogue, day): why for day, why in kept.broken.items()}
                waiting += 1
                if waiting >= ADDED_UP_EVERY:
                    late = list(_add_up_days(store, network, executor))
                    waiting = 0
            else:
                added = ledger.add_snapshot(store, told)
                fresh, last = added.new, max(filter(None, (last, added.closes)), default=None)
                tell(_snapshot_line(told, added))
            new, known = new + fresh, known + (not fresh)
    except SourceError as error:
        wrong.append(str(error))
        late = list(_add_up_days(store, network, executor, wanted if reread else None))
    except (LakeError, ClusterError) as error:
        wrong.append(str(error))
    except OSError as error:  # a full or read-only disk: the other networks and what is to be sent do not wait for it
        wrong.append(f"{network}: what it said cannot be kept: {error.filename or 'disk'}: {error.strerror or error}")
    else:
        late = list(_add_up_days(store, network, executor, wanted if reread else None))
    # A network may say anything, our own keys too: nothing of it is shown, logged or kept as it came.
    said = redact("\n".join(dict.fromkeys([*broken.values(), *wrong, *late])))
    return CollectResult(network, new, known, last, said)


def _extend_windows(read: list[CompleteWindow], batch: EventBatch) -> None:
    """Add what a haul brought to the stretches that a reading brought so far; after a fork those are not sure."""
    if batch.forget_from is not None:
        read.clear()
    if batch.window is None:
        return
    if read and read[-1].begins <= batch.window.begins <= read[-1].ends:
        read[-1] = CompleteWindow(read[-1].begins, max(read[-1].ends, batch.window.ends))
    else:
        read.append(batch.window)


def _add_up_days(
    store: Store, network: str, executor: Executor | None, reread_period: Period | None = None
) -> Iterator[str]:
    """Add up what is whole, and the days of a period once more; what went wrong. What a process that was killed left is
    added up here as well."""
    try:
        ledger.add_up(store, network, executor, reread_period)
    except (LakeError, ClusterError) as error:
        yield from str(error).splitlines()


def _store_batch(
    store: Store, batch: EventBatch, tell: Tell, backfill: BackfillThrottle | None, before: Sequence[CompleteWindow]
) -> ledger.IngestResult:
    """Keep a haul and tell of it."""
    began = time.perf_counter()
    kept = ledger.keep_event_batch(store, batch, before)
    far = backfill.rest_and_report(batch, time.perf_counter() - began) if backfill else ""
    tell(f"{batch.network}: {batch.catalogue}: read {batch.read}{f'; {far}' if far else ''}")
    if batch.alarm:
        tell(f"{batch.network}: ALARM: {batch.alarm}")
    return kept


def _read_source(
    store: Store, network: str, source: Source | EventSource, wanted: Period | None, reread: bool
) -> Iterator[Snapshot | EventBatch]:
    if isinstance(source, EventSource):
        return source.event_batches(wanted, ledger.SourceState(store, network, reread))
    return source.snapshots(wanted)


def store_static_listings(store: Store, snapshots: Sequence[Snapshot]) -> None:
    """Keep lists that nobody had to be asked for; those kept before stay."""
    for snapshot in snapshots:
        ledger.add_snapshot(store, snapshot)


def _snapshot_line(snapshot: Snapshot, added: ledger.SnapshotResult) -> str:
    late = "taken too late after midnight UTC to close a day"
    if added.closed_at:
        late = f"closes no day: the snapshot of {added.closed_at:%Y-%m-%d %H:%M} UTC closed that day before"
    closes = f"closes {added.closes}" if added.closes else late
    if added.held:
        closes = f"held, closes {added.closes} once it is confirmed; see: python -m bot confirm"
    verb = "kept" if added.new else "had"
    return f"{snapshot.network}: {verb} {snapshot.at:%Y-%m-%d %H:%M} UTC, {added.models} models, {closes}"


def compose_digest(store: Store, archive: Archive, plan: NetworkPlan, period: Period, at: datetime) -> Document:
    """Compose one network's digest for one period and keep it. Returns the digest as kept."""
    return archive.save_digest(build_digest(store, plan, period, at))


def build_digest(store: Store, plan: NetworkPlan, period: Period, at: datetime) -> Document:
    """A digest made from what the ledger has now, not kept."""
    books = [ledger.load_period_data(store, catalogue, period) for catalogue in plan.catalogues]
    panels = [ledger.load_panel_data(store, panel, period) for panel in plan.panels]
    document = digest.compose_document(plan.network, plan.title, books, plan.headline, plan.hidden, at, panels)
    if period.name == "week":
        begins, ends = start_of_day(period.first), period.ends_at
        polls.add_poll_panel(document, deliveries.poll_store.PollStore(store).closed_polls(plan.network, begins, ends))
    ranked = findings.rank_findings(books, document, plan.hidden)
    for block in document["catalogues"]:
        found = ranked.get(block["catalogue"], [])
        block["findings"] = [{**one, "text": render.finding_text(one, block)} for one in found]
    return document


def covered_periods(store: Store, plan: NetworkPlan, name: PeriodName) -> tuple[Period, ...]:
    """Every period that is over as far as the ledger goes, and that it covers at least in part; oldest first. The first
    day is one of them: at its end the list is known, and its use is unknown because the watch had not begun."""
    spans = [s for c in plan.catalogues if (s := ledger.closed_span(store, c)) is not None]
    if not spans:
        return ()
    day, last = min(s.first for s in spans), max(s.last for s in spans)
    periods: list[Period] = []
    while day <= last:
        period = Period.for_day(day, name)
        if period.last <= last:
            periods.append(period)
        day = period.last + timedelta(days=1)
    return tuple(periods)


def periods_to_recompose(archive: Archive, plan: NetworkPlan, name: PeriodName, at: datetime) -> tuple[Period, ...]:
    """Periods that have a digest and of which more may have come to light since; oldest first."""
    if not any(catalogue.evidences for catalogue in plan.catalogues):
        return ()
    holding = {Period.for_day(at.date() - timedelta(days=n), name) for n in range(1, LATE + 1)}
    kept = {entry.day for entry in archive.list_digests(plan.network, name)}
    return tuple(sorted(period for period in holding if period.ends_at <= at and period.first in kept))


def outdated_periods(store: Store, archive: Archive, plan: NetworkPlan, name: PeriodName) -> tuple[Period, ...]:
    """Periods that have a digest and rest on a list whose verdict changed since: it was held, confirmed or rejected.
    Oldest first."""
    since = ledger.outdated_since(store, plan.network, name)
    if since is None:
        return ()
    kept = (Period.for_day(entry.day, name) for entry in archive.list_digests(plan.network, name))
    return tuple(period for period in kept if period.last >= since)


def compose_outdated(
    store: Store, archive: Archive, plan: NetworkPlan, name: PeriodName, at: datetime
) -> list[Document]:
    """Compose those again: a draft in its place, what was issued as a new edition. Returns the digests as kept."""
    since = ledger.outdated_since(store, plan.network, name)
    documents = [
        compose_digest(store, archive, plan, period, at) for period in outdated_periods(store, archive, plan, name)
    ]
    if since is not None:
        ledger.mark_recomposed(store, plan.network, name, since)
    return documents


def render_post(
    document: Document,
    outlet: str,
    hidden: Sequence[str] = (),
    locale: str = "en",
    habits: PostOptions | None = None,
    parts_to_replace: int = 0,
) -> Post:
    """What one outlet gets for a digest, with its picture, and with a poll where `habits` have one. `parts_to_replace`:
    of how many parts the post is that it takes the place of; no poll is asked twice."""
    chosen = habits or NO_HABITS
    thread = (
        range(parts_to_replace, parts_to_replace + 1)
        if parts_to_replace > 1
        else None
        if parts_to_replace
        else chosen.thread_range(outlet)
    )
    pictures = (charts.draw_card(document, locale),) if outlet in ("x", "discord") else ()
    options = render.PostRenderOptions(
        locale, tuple(hidden), pictures, None if parts_to_replace else chosen.poll_for(document, outlet), thread
    )
    try:
        return render.build_post(document, outlet, options)
    except (render.PollSkippedError, render.TooLongError) as error:
        if options.poll is None:
            raise
        log.warning("%s: posted without its poll: %s", outlet, error)
        return render.build_post(document, outlet, replace(options, poll=None))


def find_mismatches(store: Store, plan: NetworkPlan, document: Document) -> Iterator[str]:
    """Recompute a digest from the ledger: its `mismatches_with` that."""
    yield from mismatches_with(recompute_digest(store, plan, document), document)


def mismatches_with(recomputed: Document, document: Document) -> Iterator[str]:
    """One line for each figure, table and list of refs that comes out otherwise than the document says. Compared is
    what both know: a digest of an earlier version lacks figures, tables and columns of this one. Names that it hides
    stay hidden; those that are hidden only now are no mismatch."""
    for change in digest.figure_differences(document, recomputed):
        where = SafeName(f"{change['catalogue']}.{change['figure']}")
        yield f"{where}: says {_figure_text(change['published'])}, is {_figure_text(change['now'])}"
    said = {block["catalogue"]: block for block in document["catalogues"]}
    for block in recomputed["catalogues"]:
        old = said.get(block["catalogue"], {})
        redefined = digest.redefined_figures(old, block)
        for table in ("history",) if "uses" in redefined else ("top", "curve", "history"):
            if table in old:
                yield from _first_difference(f"{block['catalogue']}.{table}", old[table], block[table], redefined)
        tables = {table["by"]: table["rows"] for table in block["groups"]}
        for table in old.get("groups", []):
            if table["by"] in tables:
                name = f"{block['catalogue']}.groups.{table['by']}"
                yield from _first_difference(name, table["rows"], tables[table["by"]], redefined)
    yield from _first_difference("refs", _shared_refs(document, recomputed), _shared_refs(recomputed, document))


def recompute_digest(store: Store, plan: NetworkPlan, document: Document) -> Document:
    """A digest's period composed from the ledger as it is now, with the exact counts and
    by the rules that the digest has."""
    period = Period.for_day(date.fromisoformat(document["day"]), document["period"])
    again: Document = json.loads(json.dumps(build_digest(store, replace(plan, hidden=()), period, period.ends_at)))
    return document_rules.restate_document(digest.keep_exact_counts(document, again), document)


def _shared_refs(document: Document, other: Document) -> list[object]:
    """The records of a digest that rest under what both have; `None` for one that is pointed at and not there."""
    refs, names = document["refs"], {block["catalogue"] for block in catalogues_and_panels(other)}
    if names == {block["catalogue"] for block in catalogues_and_panels(document)}:
        return list(refs)
    figures = [
        f for block in catalogues_and_panels(document) if block["catalogue"] in names for f in block["figures"].values()
    ]
    places = sorted({place for figure in figures for place in figure.get("refs", ())})
    return [refs[place] if place < len(refs) else None for place in places]


def _first_difference(
    table: str, published: Sequence[object], now: Sequence[object], redefined: Collection[str] = ()
) -> Iterator[str]:
    """The first row that two tables differ in, over the columns that both have in the same meaning."""
    for place, (old, new) in enumerate(zip_longest(published, now), 1):
        if isinstance(old, dict) and isinstance(new, dict) and old.get("model") == digest.HIDDEN:
            new = {**new, "model": old.get("model"), "author": old.get("author")}
        if isinstance(old, dict) and isinstance(new, dict) and old.get("name") in digest.HIDDEN_GROUPS:
            new = {**new, "name": old["name"]}
        if _shared_columns(old, new, redefined) != _shared_columns(new, old, redefined):
            yield f"{table}: row {place} says {json.dumps(old)}, is {json.dumps(new)}"
            return


def _shared_columns(row: object, other: object, redefined: Collection[str]) -> object:
    """A row without the columns that the other lacks or means otherwise, and without reasons of what is unknown."""
    if not isinstance(row, dict) or not isinstance(other, dict):
        return row
    keys = [key for key in row if key in other and key != "unknown" and key not in redefined]
    return {key: _shared_columns(row[key], other[key], redefined) for key in keys}


def _figure_text(figure: Mapping[str, object] | None) -> str:
    if figure is None:
        return "nothing"
    return f"unknown ({SafeName(str(figure.get('unknown')), 300)})" if figure["value"] is None else _value_text(figure)


def _value_text(figure: Mapping[str, object]) -> str:
    return f"{'at least ' if figure.get('at_least') else ''}{figure['value']}"
