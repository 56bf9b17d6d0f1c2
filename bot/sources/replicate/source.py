"""Replicate as a source: the record, or with a token the list as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from bot.clients import raw_archive
from bot.clients.git_clone import GitClone
from bot.records import Period, Snapshot, SourceError, short_date, start_of_day
from bot.sources.replicate import git_record, record_files
from bot.sources.replicate.live_api import ListedModel, ModelsPage, live_snapshot
from bot.sources.replicate.settings import TOKEN, ReplicateSettings, is_closed


@dataclass(frozen=True, slots=True)
class Replicate:
    """The network, asked."""

    settings: ReplicateSettings
    data: Path
    clock: Callable[[], datetime]
    token: str = field(default="", repr=False)

    @property
    def settles_for(self) -> timedelta:
        """No time: a counter that was read stands as it was read."""
        return timedelta()

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        """The record's snapshots, or with a token one taken now; of those, the ones from the first instant of
        `wanted` to its last. Raises `SourceError`."""
        if self.settings.live and self.token:
            yield from self._live_snapshots(wanted)
        else:
            folder = self.settings.record or record_files.BUNDLED
            yield from record_files.record_snapshots(folder, lambda at: _is_wanted(wanted, at))
            yield from self._history_snapshots(folder, wanted)

    def _history_snapshots(self, folder: Path, wanted: Period | None) -> Iterator[Snapshot]:
        """The nights after the record, where a history is to be read and may hold wanted ones."""
        clone, nights = _history(self.settings, self.data), record_files.record_nights(folder)
        if clone is None or not nights:
            return
        last = nights[max(nights)]
        if wanted is None or wanted.ends_at > last.at:
            yield from git_record.history_snapshots(clone, last, lambda at: _is_wanted(wanted, at), self.clock())

    def _live_snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        # The API knows no past: hundreds of requests for a day that is over would be for nothing.
        if _is_wanted(wanted, self.clock()):
            yield live_snapshot(self.settings, _raw_folder(self.data), self.token, self.clock)


def make_source(
    settings: ReplicateSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> Replicate:
    """The network, ready to be asked."""
    return Replicate(settings, data, clock, secrets.get(TOKEN, ""))


def ref_checksum(settings: ReplicateSettings, data: Path, url: str, sha256: str, day: date | None = None) -> str | None:
    """The sha256 of the bytes that a ref points at, as this machine holds them: empty where its copy is damaged, `None`
    where it has none."""
    if url.startswith(record_files.REFS):
        checksum = record_files.night_checksum(settings.record or record_files.BUNDLED, url)
        clone = _history(settings, data)
        return git_record.night_checksum(clone, url) if checksum is None and clone is not None else checksum
    return raw_archive.archived_checksum(_raw_folder(data), sha256, day)


def public_checksum(url: str) -> str | None:
    """The checksum of a night's list as the public repository has it, read with git; `None` for other refs. Raises
    `SourceError`."""
    if not url.startswith(record_files.REFS):
        return None
    from bot.clients import git_history

    commit, _, name = url.removeprefix(record_files.REFS).partition("/")
    content = git_history.read_commit_file(record_files.REPOSITORY, commit, name)
    try:
        listed = msgspec.json.decode(content, type=list[ListedModel])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{url}: is not a list of models: {error}") from error
    return record_files.list_checksum((model.key, model.run_count) for model in listed)


def check_reachable(settings: ReplicateSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """What `doctor` finds when it looks at the source. Raises `SourceError`."""
    if is_closed(settings, secrets):
        folder = settings.record or record_files.BUNDLED
        days = [snapshot.at for snapshot in record_files.record_snapshots(folder)]
        text = f"the record in {folder}, intact: {len(days)} nights, {short_date(days[0])} to {short_date(days[-1])}"
        clone = _history(settings, data)
        return f"{text}; {git_record.probe(clone)}" if clone is not None else text
    from bot.clients import http

    manners = http.HttpLimits(settings.timeout)
    with http.make_client(secrets[TOKEN], manners) as client:
        page = msgspec.json.decode(http.get_body(client, settings.api, manners), type=ModelsPage)
    return f"{settings.api} answers, {len(page.results)} models on its first page"


def _history(settings: ReplicateSettings, data: Path) -> GitClone | None:
    """The clone whose history goes on after the record; `None` if none is to be read."""
    return git_record.history_clone(settings.history, data, settings.history_timeout) if settings.history else None


def _raw_folder(data: Path) -> Path:
    return data / "lake" / "raw" / "replicate"


def _is_wanted(wanted: Period | None, at: datetime) -> bool:
    return wanted is None or start_of_day(wanted.first) <= at <= wanted.ends_at
