"""A day of a catalogue: a manifest and the Parquet files that it names.

A day changes by a new manifest, never in place: whoever holds the old one reads on. Which manifest is the day's is for
the ledger to say, in the same transaction as everything else that a haul brought. Within a day each event stands once.
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
"""Of the files and the manifest; a newer one is refused by name."""
MOST_PARTS = 24
"""Files of one kind in a day, above which they are made into one as the day grows."""


@dataclass(frozen=True, slots=True)
class DayUpdate:
    """What a haul says of one day."""

    uses: Sequence[Use] = ()
    payments: Sequence[Payment] = ()
    blocks: BlockRange | None = None
    forget_from: int | None = None
    owners: Mapping[str, SafeName] | None = None
    """Whose content ids are: uses that name one and no model learn their model."""
    renames: bool = False
    """Those of another model as well."""


def empty_manifest(day: DayRef) -> Manifest:
    """A day of which nothing is kept."""
    return Manifest(SCHEMA, day.network, day.catalogue, day.day.isoformat(), 0, ())


def read_manifest(day: DayRef) -> Manifest:
    """A day's manifest. Raises `LakeError` where it is not there, altered, of another day or of a newer version."""
    if not day.manifest:
        return empty_manifest(day)
    name = f"{day.folder}/{day.manifest}"
    stated = re.fullmatch(r"manifest-[0-9]+-([0-9a-f]{64})\.json", day.manifest)
    if stated is None:
        raise LakeError(f"{name}: is not the name of a manifest; wanted manifest-VERSION-SHA256.json")
    with day.storage.open_local(name, stated[1]) as path:
        try:
            found = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except msgspec.MsgspecError as error:
            raise LakeError(f"{name}: does not read: {error}; collect its day again") from error
    if found.schema != SCHEMA:
        raise LakeError(f"{name}: found schema {found.schema}, wanted {SCHEMA}; install the Footfall that wrote it")
    if (found.network, found.catalogue, found.day) != (day.network, day.catalogue, day.day.isoformat()):
        raise LakeError(f"{name}: is of {found.network} {found.catalogue} {found.day}; wanted {day.folder}")
    return found


def update_day(day: DayRef, update: DayUpdate) -> tuple[DayRef, int]:
    """A day with what a haul says of it, and how many events are new. The same day where nothing changes."""
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
    """A day as one file of each kind; the same day where it is that already."""
    old = read_manifest(day)
    parts = _merge_files(day, old.parts, most=1)
    if parts == old.parts:
        return day
    return _write_manifest(day, msgspec.structs.replace(old, version=old.version + 1, parts=parts))


def prune_day(day: DayRef) -> DayRef:
    """A day without its events: the manifest still says which blocks they came from."""
    old = read_manifest(day)
    return _write_manifest(day, msgspec.structs.replace(old, version=old.version + 1, parts=()))


def check_files(day: DayRef) -> None:
    """Read every file of a day. Raises `LakeError` where one is not what the manifest says."""
    for part in read_manifest(day).parts:
        with day.storage.open_local(f"{day.folder}/{part.name}", part.sha256):
            continue


def salvage_day(day: DayRef) -> DayRef:
    """A day with those of its files that are what its manifest says; an empty one where that does not read."""
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
    """Some of the uses that name a content id and no model: one of each content id, the most used first, since whoever
    uses one chooses how it sorts. `named`: of those that name a model as well, one of each content id and model."""
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
    """The ranges read, those that follow on each other joined."""
    kept = [one for one in known if update.forget_from is None or one.last < update.forget_from]
    if update.blocks is not None:
        kept = [one for one in kept if not (update.blocks.first <= one.first and one.last <= update.blocks.last)]
        kept.append(update.blocks)
    joined: list[BlockRange] = []
    for one in sorted(kept, key=lambda blocks: (blocks.first, blocks.last)):
        if joined and one.first <= joined[-1].last + 1:
            before = joined.pop()
            joined.append(replace(max(before, one, key=lambda blocks: blocks.last), first=before.first))
        else:
            joined.append(one)
    return tuple(joined)


# --- how the files of a day change ---------------------------------------------------------------------------------


def _drop_from_block(day: DayRef, parts: Sequence[ParquetFile], block: int) -> list[ParquetFile]:
    """Without what stood in a block or after it."""
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
    """With the models that content ids turned out to be, in the place of none or, with `renames`, of any other."""
    waiting = [part for part in parts if part.kind == "uses" and (part.nameless or renames)]
    if not waiting:
        return list(parts)
    told = parquet.make_columns({"cid": list(owners), "named": [str(name) for name in owners.values()]})
    learns = "model IS DISTINCT FROM named" if renames else "model IS NULL"
    some = f"SELECT 1 FROM {{old}} JOIN {{new}} ON content = cid WHERE {learns} LIMIT 1"
    if not parquet.query_rows(day, waiting, some, told):
        return list(parts)
    first = "n.named, o.model" if renames else "o.model, n.named"
    line = f"SELECT o.* REPLACE (coalesce({first}) AS model) FROM {{old}} o LEFT JOIN {{new}} n ON o.content = n.cid"
    return [part for part in parts if part not in waiting] + parquet.write_rows(day, KINDS["uses"], line, waiting, told)


def _add_events(
    day: DayRef, parts: Sequence[ParquetFile], kind: EventSchema, records: Sequence[Use] | Sequence[Payment]
) -> tuple[list[ParquetFile], int]:
    """With these events: those known already stay as they are, but for a model or a caller that they now learn."""
    new = parquet.event_columns(kind, {one.place: one for one in records}.values())
    first, last = min(one.block for one in records), max(one.block for one in records)
    near = [p for p in parts if p.kind == kind.name and p.first_block <= last and p.last_block >= first]
    if not near:
        made = parquet.write_rows(day, kind, "SELECT * FROM {new}", (), new)
        return [*parts, *made], sum(part.rows for part in made)
    old = f"(SELECT * FROM {{old}} WHERE block BETWEEN {first} AND {last})"
    learns = f"SELECT 1 FROM {old} o JOIN {{new}} n USING (place) WHERE {kind.learns} LIMIT 1"
    if kind.learns and parquet.query_rows(day, near, learns, new):
        before = sum(part.rows for part in near)
        made = parquet.write_rows(day, kind, kind.merged, near, new)
        return [p for p in parts if p not in near] + made, sum(part.rows for part in made) - before
    made = parquet.write_rows(day, kind, f"SELECT n.* FROM {{new}} n ANTI JOIN {old} o USING (place)", near, new)
    return [*parts, *made], sum(part.rows for part in made)


def _merge_files(day: DayRef, parts: Sequence[ParquetFile], most: int | None = None) -> tuple[ParquetFile, ...]:
    """The same events, those of a kind in one file where they are in too many."""
    merged: list[ParquetFile] = []
    for name, kind in KINDS.items():
        mine = [part for part in parts if part.kind == name]
        crowded = len(mine) > (MOST_PARTS if most is None else most)
        merged += parquet.write_rows(day, kind, "SELECT * FROM {old}", mine) if crowded else mine
    return tuple(merged)
