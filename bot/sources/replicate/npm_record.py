"""Replicate's public record: the npm package that kept its list and counters day by day, as snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from bot.clients.npm_tarball import Package, read_members
from bot.records import MAX_COUNT, Listing, Reading, Snapshot, SourceError, SourceRef, model_identity
from bot.records.messages import join_messages, message
from bot.records.periods import start_of_day

PACKAGE = Package(
    "all-the-public-replicate-models", "1.352.0", "372a6f1e6fc5a7939887319a2126d6bc1e1f999ebe8aa3bb3a3bb3077ca5b912"
)
"""https://www.npmjs.com/package/all-the-public-replicate-models/v/1.352.0; the hash is of its tarball."""

_MODELS, _STATS = "package/models.json", "package/stats.json"
CAPS = {_MODELS: 256 * 2**20, _STATS: 64 * 2**20}

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Word = Annotated[str, msgspec.Meta(min_length=1)]


class RecordModel(msgspec.Struct, gc=False):
    """A model as the API and `models.json` show it; everything else about it is skipped, unread."""

    owner: Word
    name: Word
    run_count: Count
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    visibility: str = "public"

    @property
    def key(self) -> str:
        return f"{self.owner}/{self.name}"


class _Entry(msgspec.Struct, gc=False, rename="camel"):
    """One model in one dated snapshot of `stats.json`."""

    date: date
    total_runs: Count
    daily_runs: Count


def model_listing(key: str, owner: str, created_at: datetime | None) -> Listing:
    return Listing(model_identity(key), model_identity(owner), created_at.astimezone(UTC) if created_at else None)


@dataclass(slots=True)
class _Record:
    """The two files of the package, read."""

    models: dict[str, RecordModel]
    entries: dict[str, list[_Entry]]
    refs: dict[str, str]
    """The sha256 of each file's bytes."""


def record_snapshots(path: Path, sha256: str, cure: str) -> Iterator[Snapshot]:
    """Every snapshot in the tarball at `path`, oldest first. Raises `SourceError`, with `cure` as its advice, if it is
    not the one with this sha256 or not what it should be."""
    record = _read_record(path, sha256, cure)
    at_date = _counts_by_date(record.entries)
    listings = cache(lambda key: _record_listing(record, key))
    lost = sum(1 for key, shown in record.entries.items() if not shown and key not in record.models)
    for day, counts in at_date.items():
        ref = SourceRef(f"npm:{PACKAGE.spec}/stats.json", start_of_day(day), record.refs[_STATS])
        unplaced = _unplaced_count(record, day) if day == max(at_date) else 0
        before, known = day - timedelta(days=1), len(counts)
        unplaced_note = message("listing_time_unknown", day=before, n=known, m=known + unplaced, models=unplaced)
        lost_note = message("single_snapshot_model" if lost == 1 else "single_snapshot_models", models=lost)
        note = join_messages([unplaced_note if unplaced else "", lost_note if lost else ""], "\n")
        snapshot = make_snapshot(start_of_day(day), ref, counts, listings)
        yield replace(snapshot, unplaced=unplaced, uncounted=lost, note=note)
    end = start_of_day(max(at_date) + timedelta(days=1))
    counts = {key: model.run_count for key, model in record.models.items()}
    yield make_snapshot(end, SourceRef(f"npm:{PACKAGE.spec}/models.json", end, record.refs[_MODELS]), counts, listings)


def _read_record(path: Path, sha256: str, cure: str) -> _Record:
    models: list[RecordModel] = []
    entries: dict[str, list[_Entry]] = {}
    refs = {}
    for member in read_members(path, sha256, CAPS, cure):
        refs[member.name] = member.sha256
        try:
            if member.name == _MODELS:
                models = msgspec.json.decode(member.content, type=list[RecordModel])
            else:
                entries = msgspec.json.decode(member.content, type=dict[str, list[_Entry]])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: {member.name} is not what it should be: {error}; {cure}") from error
    if not any(entries.values()):
        raise SourceError(f"{path}: {_STATS} holds no snapshot; {cure}")
    return _Record({model.key: model for model in models if model.visibility == "public"}, entries, refs)


def _counts_by_date(entries: Mapping[str, list[_Entry]]) -> dict[date, dict[str, int]]:
    """For each snapshot, oldest first, every model's counter. The package dropped each model's first counter; it is
    put back into the snapshot before the first one shown, and nowhere before the record begins."""
    at_date: dict[date, dict[str, int]] = {day: {} for day in sorted({e.date for es in entries.values() for e in es})}
    before = dict(zip(list(at_date)[1:], at_date, strict=False))
    for key, shown in entries.items():
        if shown and (earlier := before.get(shown[0].date)):
            at_date[earlier][key] = shown[0].total_runs - shown[0].daily_runs
        for entry in shown:
            at_date[entry.date][key] = entry.total_runs
    return at_date


def _unplaced_count(record: _Record, day: date) -> int:
    """Models whose only counter has no date, that are on offer right after the last dated snapshot and were made
    before it: they may have been on offer in it."""
    undated = (record.models[key] for key, shown in record.entries.items() if not shown and key in record.models)
    return sum(1 for model in undated if model.created_at is None or model.created_at < start_of_day(day))


def _record_listing(record: _Record, key: str) -> Listing:
    model = record.models.get(key)
    return model_listing(key, key.split("/", 1)[0], model.created_at if model else None)


def make_snapshot(
    at: datetime, ref: SourceRef, counts: Mapping[str, int], listings: Callable[[str], Listing]
) -> Snapshot:
    listed = tuple(map(listings, counts))
    readings = tuple(Reading(listing.model, count) for listing, count in zip(listed, counts.values(), strict=True))
    return Snapshot("replicate", "models", at, ref, listed, readings)
