"""A day of a catalogue: a manifest and the Parquet files that it names.

A day changes by a new manifest, never in place, so readers of the old one are not disturbed. The ledger stores which
manifest is the day's, in the same transaction as the rest of an event batch. Each event is in a day once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bot.lake import parquet
from bot.lake.layout import KINDS, DayRef, EventSchema, Manifest, ParquetFile
from bot.lake.storage import LakeError, sha256_of
from bot.records import BlockRange, Payment, SafeName, Use

SCHEMA = 1
"""Version of the files and the manifest; a newer one is refused."""
MOST_PARTS = 24
"""If a growing day has more files of one kind than this, they are merged."""


@dataclass(frozen=True, slots=True)
class DayUpdate:
    """The part of an event batch that belongs to one day."""

    uses: Sequence[Use] = ()
    payments: Sequence[Payment] = ()
    blocks: BlockRange | None = None
    forget_from: int | None = None
    owners: Mapping[str, SafeName] | None = None
    """Content id to model: the model of uses with this content id that name none."""
    renames: bool = False
    """True: uses that name another model are changed too."""


def empty_manifest(day: DayRef) -> Manifest:
    """A day without events."""
    return Manifest(SCHEMA, day.network, day.catalogue, day.day.isoformat(), 0, ())


def read_manifest(day: DayRef) -> Manifest:
    """Read a day's manifest. Raises `LakeError` if it is missing, altered, of another day or of a newer version."""
    if not day.manifest:
        return empty_manifest(day)
    name = f"{day.folder}/{day.manifest}"
    stated = re.fullmatch(r"manifest-[0-9]+-([0-9a-f]{64})\.json", day.manifest)
    if stated is None:
        raise LakeError(f"{name}: is not the name of a manifest; wanted manifest-VERSION-SHA256.json")
    with day.storage.open_local(name, stated[1]) as path:
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except msgspec.MsgspecError as error:
            raise LakeError(f"{name}: is invalid: {error}; collect its day again") from error
    if manifest.schema != SCHEMA:
        raise LakeError(f"{name}: found schema {manifest.schema}, wanted {SCHEMA}; install the Footfall that wrote it")
    if (manifest.network, manifest.catalogue, manifest.day) != (day.network, day.catalogue, day.day.isoformat()):
        raise LakeError(f"{name}: is of {manifest.network} {manifest.catalogue} {manifest.day}; wanted {day.folder}")
    return manifest


def update_day(day: DayRef, update: DayUpdate) -> tuple[DayRef, int]:
    """The day after an update, and the number of new events; the same day if nothing changes."""
    old = read_manifest(day)
    parts = list(old.parts)
    if update.forget_from is not None:
        parts = _drop_from_block(day, parts, update.forget_from)
    if update.owners:
        parts = _assign_owners(day, parts, update.owners, update.renames)
    new = 0
    for kind, records in ((KINDS["uses"], update.uses), (KINDS["payments"], update.payments)):
        if records:
            parts, fresh = _add_events(day, parts, kind, records)
            new += fresh
    merged = _merge_files(day, parts)
    if merged == old.parts:
        return day, 0
    blocks = _merge_blocks(old.blocks, update)
    manifest = msgspec.structs.replace(old, version=old.version + 1, parts=merged, blocks=blocks)
    return _write_manifest(day, manifest), new


def compact_day(day: DayRef) -> DayRef:
    """The day with one file of each kind; the same day if it already has."""
    old = read_manifest(day)
    parts = _merge_files(day, old.parts, most=1)
    if parts == old.parts:
        return day
    return _write_manifest(day, msgspec.structs.replace(old, version=old.version + 1, parts=parts))


def prune_day(day: DayRef) -> DayRef:
    """The day without its events; the manifest still names the blocks that were read."""
    old = read_manifest(day)
    return _write_manifest(day, msgspec.structs.replace(old, version=old.version + 1, parts=()))


def check_files(day: DayRef) -> None:
    """Read every file of a day. Raises `LakeError` if one differs from the manifest."""
    for part in read_manifest(day).parts:
        with day.storage.open_local(f"{day.folder}/{part.name}", part.sha256):
            continue


def salvage_day(day: DayRef) -> DayRef:
    """The day with only its sound files; an empty day if the manifest cannot be read."""
    try:
        old = read_manifest(day)
    except LakeError:
        return replace(day, manifest="")
    sound = tuple(part for part in old.parts if _is_intact(day, part))
    return _write_manifest(day, msgspec.structs.replace(old, version=old.version + 1, parts=sound))


def _is_intact(day: DayRef, part: ParquetFile) -> bool:
    try:
        with day.storage.open_local(f"{day.folder}/{part.name}", part.sha256):
            return True
    except LakeError:
        return False


def unnamed_uses(day: DayRef, limit: int, named: bool = False) -> list[Use]:
    """Some uses with a content id and no model: one per content id, the most used first, because senders choose how ids
    sort. `named`: uses that also name a model, one per content id and model."""
    parts = [part for part in read_manifest(day).parts if part.kind == "uses" and (part.nameless or named)]
    line = (
        'SELECT min(place), min(block), min("at"), sum(uses)::BIGINT, model, content FROM {old} '
        f"WHERE {'' if named else 'model IS NULL AND '}content <> '' "
        f"GROUP BY content, model ORDER BY sum(uses) DESC, content, model LIMIT {int(limit)}"
    )
    if not parts:
        return []
    rows = parquet.query_rows(day, parts, line)
    return [
        Use(place, block, datetime.fromtimestamp(at, UTC), int(n), SafeName(model) if model else None, "", cid)
        for place, block, at, n, model, cid in rows
    ]


def _write_manifest(day: DayRef, manifest: Manifest) -> DayRef:
    content = msgspec.json.encode(manifest)
    with TemporaryDirectory(prefix="footfall-lake-") as folder:
        path = Path(folder) / "manifest.json"
        path.write_bytes(content)
        name = f"manifest-{manifest.version:06d}-{sha256_of(path)}.json"
        day.storage.put(f"{day.folder}/{name}", path)
    return replace(day, manifest=name)


def _merge_blocks(known: Sequence[BlockRange], update: DayUpdate) -> tuple[BlockRange, ...]:
    """The ranges that were read, with consecutive ones merged."""
    kept = [block_range for block_range in known if update.forget_from is None or block_range.last < update.forget_from]
    if update.blocks is not None:
        kept = [
            block_range
            for block_range in kept
            if not (update.blocks.first <= block_range.first and block_range.last <= update.blocks.last)
        ]
        kept.append(update.blocks)
    joined: list[BlockRange] = []
    for block_range in sorted(kept, key=lambda blocks: (blocks.first, blocks.last)):
        if joined and block_range.first <= joined[-1].last + 1:
            before = joined.pop()
            joined.append(replace(max(before, block_range, key=lambda blocks: blocks.last), first=before.first))
        else:
            joined.append(block_range)
    return tuple(joined)


def _drop_from_block(day: DayRef, parts: Sequence[ParquetFile], block: int) -> list[ParquetFile]:
    """Remove the events of a block and of all later ones."""
    before = f"SELECT * FROM {{old}} WHERE block < {int(block)}"
    left: list[ParquetFile] = []
    for part in parts:
        if part.last_block < block:
            left.append(part)
        elif part.first_block < block:
            left += parquet.write_rows(day, KINDS[part.kind], before, [part])
    return left


def _assign_owners(
    day: DayRef, parts: Sequence[ParquetFile], owners: Mapping[str, SafeName], renames: bool
) -> list[ParquetFile]:
    """The day with models set by content id, where none is set or, with `renames`, in place of any other."""
    waiting = [part for part in parts if part.kind == "uses" and (part.nameless or renames)]
    if not waiting:
        return list(parts)
    columns = parquet.make_columns({"cid": list(owners), "named": [str(name) for name in owners.values()]})
    learns = "model IS DISTINCT FROM named" if renames else "model IS NULL"
    some = f"SELECT 1 FROM {{old}} JOIN {{new}} ON content = cid WHERE {learns} LIMIT 1"
    if not parquet.query_rows(day, waiting, some, columns):
        return list(parts)
    first = "n.named, o.model" if renames else "o.model, n.named"
    line = f"SELECT o.* REPLACE (coalesce({first}) AS model) FROM {{old}} o LEFT JOIN {{new}} n ON o.content = n.cid"
    return [part for part in parts if part not in waiting] + parquet.write_rows(
        day, KINDS["uses"], line, waiting, columns
    )


def _add_events(
    day: DayRef, parts: Sequence[ParquetFile], kind: EventSchema, records: Sequence[Use] | Sequence[Payment]
) -> tuple[list[ParquetFile], int]:
    """The day with these events added; known events only gain a missing model or caller."""
    new = parquet.event_columns(kind, {record.place: record for record in records}.values())
    first, last = min(record.block for record in records), max(record.block for record in records)
    near = [p for p in parts if p.kind == kind.name and p.first_block <= last and p.last_block >= first]
    if not near:
        rows = parquet.write_rows(day, kind, "SELECT * FROM {new}", (), new)
        return [*parts, *rows], sum(part.rows for part in rows)
    old = f"(SELECT * FROM {{old}} WHERE block BETWEEN {first} AND {last})"
    learns = f"SELECT 1 FROM {old} o JOIN {{new}} n USING (place) WHERE {kind.learns} LIMIT 1"
    if kind.learns and parquet.query_rows(day, near, learns, new):
        before = sum(part.rows for part in near)
        rows = parquet.write_rows(day, kind, kind.merged, near, new)
        return [p for p in parts if p not in near] + rows, sum(part.rows for part in rows) - before
    rows = parquet.write_rows(day, kind, f"SELECT n.* FROM {{new}} n ANTI JOIN {old} o USING (place)", near, new)
    return [*parts, *rows], sum(part.rows for part in rows)


def _merge_files(day: DayRef, parts: Sequence[ParquetFile], most: int | None = None) -> tuple[ParquetFile, ...]:
    """The same events; kinds with too many files are merged into one."""
    merged: list[ParquetFile] = []
    for name, kind in KINDS.items():
        mine = [part for part in parts if part.kind == name]
        crowded = len(mine) > (MOST_PARTS if most is None else most)
        merged += parquet.write_rows(day, kind, "SELECT * FROM {old}", mine) if crowded else mine
    return tuple(merged)
