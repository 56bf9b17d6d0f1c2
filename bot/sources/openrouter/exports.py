"""OpenRouter's dated exports: read by their manifest, and checked against its size and SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import Annotated

import msgspec

from bot.clients.daily_api import ApiStatusError, DailyApi
from bot.records import SafeName, SourceError, SourceRef
from bot.sources.openrouter.rankings import ONE, RankedUse, parse_export

OLDEST = date(2026, 9, 19)
"""The oldest dated export."""
COVERS = 30
"""Days that an export holds, ending with the day before its date."""
SETTLED = 3
"""Days after which a day stands still in later exports."""
MISSING = 3
"""Most dated exports in a row that may be missing."""


class _File(msgspec.Struct):
    bytes: int
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class _Files(msgspec.Struct):
    csv: _File


class ExportManifest(msgspec.Struct):
    """What the manifest of an export says."""

    dataset: str
    schema_version: str
    snapshot_date: date
    row_count: int
    files: _Files

    @property
    def days(self) -> list[date]:
        """The days that the export holds, oldest first."""
        return [self.snapshot_date - n * ONE for n in range(COVERS, 0, -1)]


Export = tuple[ExportManifest, dict[date, list[RankedUse]], SourceRef]


def read_manifest(api: DailyApi, base: str, dated: date | None = None) -> ExportManifest:
    """The newest manifest, or that of a date. Raises `SourceError`."""
    answer = api.get(f"{_folder(base)}/{dated or 'latest'}.manifest.json")
    try:
        found = msgspec.json.decode(answer.content, type=ExportManifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{answer.ref.url}: is not a manifest: {error}; run again later") from error
    if (found.dataset, found.schema_version) != ("rankings-daily", "v1") or dated not in (None, found.snapshot_date):
        what = SafeName(f"{found.dataset} {found.schema_version} of {found.snapshot_date}")
        raise SourceError(f"{answer.ref.url}: is of {what}, wanted rankings-daily v1 of {dated or 'any day'}")
    return found


def read_export(api: DailyApi, base: str, manifest: ExportManifest) -> Export:
    """The export that a manifest describes: the dated file, because `latest` may be of another day for an hour. Raises
    `SourceError`."""
    answer = api.get(f"{_folder(base)}/{manifest.snapshot_date}.csv")
    found, wanted = hashlib.sha256(answer.content).hexdigest(), manifest.files.csv
    if (len(answer.content), found) != (wanted.bytes, wanted.sha256):
        raise SourceError(
            f"{answer.ref.url}: has {len(answer.content)} bytes and SHA-256 {found}, wanted {wanted.bytes} and "
            f"{wanted.sha256}; refused, run again later"
        )
    days = parse_export(answer.content, answer.ref.url)
    rows = sum(map(len, days.values()))
    if rows != manifest.row_count:
        raise SourceError(f"{answer.ref.url}: has {rows} rows, wanted {manifest.row_count}; refused, run again later")
    return manifest, days, answer.ref


def older_exports(api: DailyApi, base: str, before: date, until: date) -> Iterator[Export]:
    """Exports that hold the days from `until` to the one before `before`, newest first, so that each day is in one
    where it stands still already."""
    missing = 0
    while before > until and missing <= MISSING:
        dated = min(max(before + SETTLED * ONE, OLDEST), before + (COVERS - 1) * ONE) - missing * ONE
        if dated < OLDEST:
            return
        try:
            manifest = read_manifest(api, base, dated)
        except ApiStatusError as error:
            if error.status != 404:
                raise
            missing += 1
            continue
        yield read_export(api, base, manifest)
        if manifest.days[0] >= before:
            return
        before, missing = manifest.days[0], 0


def _folder(base: str) -> str:
    return f"{base}/v1/datasets/exports/rankings-daily"
