"""Replicate as a source: the record, or with a token the list as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from bot.clients import raw_archive
from bot.clients.npm_tarball import fetch_tarball, member_checksum, open_verified
from bot.records import Period, Snapshot, start_of_day
from bot.sources.replicate.live_api import TOKEN, ModelsPage, live_snapshot
from bot.sources.replicate.npm_record import CAPS, PACKAGE, record_snapshots
from bot.sources.replicate.settings import ReplicateSettings


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
        taken = self._live_snapshots(wanted) if self.settings.live and self.token else self._record_snapshots()
        return (snapshot for snapshot in taken if _is_wanted(wanted, snapshot.at))

    def _record_snapshots(self) -> Iterator[Snapshot]:
        path = self.settings.record
        if path:
            cure = f"set networks.replicate.record to the tarball of npm's {PACKAGE.spec}, or leave it out"
        else:
            path = fetch_tarball(PACKAGE, self.data, self.settings.download_timeout)
            cure = f"remove {path} and run again"
        yield from record_snapshots(path, PACKAGE.sha256, cure)

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
    if not url.startswith(f"npm:{PACKAGE.spec}/"):
        return raw_archive.archived_checksum(_raw_folder(data), sha256)
    path = settings.record or data / PACKAGE.filename
    name = f"package/{url.rsplit('/', 1)[1]}"
    return member_checksum(path, PACKAGE.sha256, name, CAPS.get(name, 0))


def is_closed(settings: ReplicateSettings, secrets: Mapping[str, str]) -> bool:
    """Whether nothing new can come: the record has ended, and there is no token to read the list as it is now."""
    return not (settings.live and secrets.get(TOKEN))


def check_reachable(settings: ReplicateSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """What `doctor` finds when it looks at the source. Raises `SourceError`."""
    if is_closed(settings, secrets):
        path = settings.record or data / PACKAGE.filename
        if not settings.record and not path.exists():
            return "the record, not downloaded yet; collect fetches it with npm"
        with open_verified(path, PACKAGE.sha256, f"remove {path} and run again"):
            return f"the record at {path}, intact"
    from bot.clients import http

    manners = http.HttpLimits(settings.timeout)
    with http.make_client(secrets[TOKEN], manners) as asked:
        page = msgspec.json.decode(http.get_body(asked, settings.api, manners), type=ModelsPage)
    return f"{settings.api} answers, {len(page.results)} models on its first page"


def _raw_folder(data: Path) -> Path:
    return data / "lake" / "raw" / "replicate"


def _is_wanted(wanted: Period | None, at: datetime) -> bool:
    return wanted is None or start_of_day(wanted.first) <= at <= wanted.ends_at
