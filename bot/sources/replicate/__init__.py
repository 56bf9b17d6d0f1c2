"""Replicate hosts machine-learning models that anyone can run and pay for by the second. It publishes, for each public
model, one number: how often it has been run since it was made. Everything here is worked out from that number.

**What is counted.** A model is *on offer* at an instant if Replicate's public list names it at that instant. Its *runs*
over a stretch of time are the difference between its counter at the end and at the beginning. The counter is
Replicate's own statement and nobody outside can check it, so the evidence is *reported*. A run is one request,
whatever it cost and whoever sent it: the counter does not tell people from scripts, or customers from the model's
author. Private models, and runs of private copies, are not in the list at all.

**Where it comes from.** Two ways, one way of counting:

* *The record*, which needs no key: the npm package `all-the-public-replicate-models`, version 1.352.0, whose
  author kept the public list every night. It holds snapshots dated 18 December 2024 to 15 January 2025,
  and the whole list as of 16 January. A nightly job began each at 00:00 UTC, so a snapshot dated 18 December closes
  17 December.
* *Live*, with `REPLICATE_API_TOKEN` set: the same list from Replicate's API, page by page. The snapshot bears the
  instant at which the last page arrived, and the pages themselves are kept, so that every figure can be checked against
  them. If any page cannot be read there is no snapshot at all. The API only speaks of now: it can fill in no day past.

**What is not known.**

* No snapshot is dated 14 January 2025, so runs of 13 and 14 January are known together and not one by one.
* The record left out each model's first counter but kept the first difference, so we put it back: it stood one snapshot
  before the first one shown. (Had the model been missing from the list in between, it would have stood earlier; six
  models of 3,856 ever were.) For models shown in the very first snapshot there is nothing to put it back to.
* 37 models were seen only once before 16 January, and the record does not say when. 25 of them were on offer on
  16 January; 21 of those were made early enough to have been on offer on 15 January at 00:00 UTC. How many models were
  on offer at that instant is therefore known only as a range. The other 12 are not counted anywhere.
* Runs of a model before we first saw its counter belong to no known day and are left out.
* Each snapshot of the record is taken as one instant, though a long list is not read in one.
* When each model was made is known only for those still on offer on 16 January 2025.
* Live, a model that Replicate moves within its list while we read it may appear twice or hide from us. Where we see
  one twice we keep the later, larger counter and read the list again, until nothing new turns up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, field_validator

from bot.clients import raw_archive
from bot.clients.npm_tarball import fetch_tarball, member_checksum, open_verified
from bot.config import HeadlineConfig, NetworkConfig, on_this_machine
from bot.records import Catalogue, Period, Snapshot, start_of_day
from bot.sources.replicate.live_api import TOKEN, ModelsPage, live_snapshot
from bot.sources.replicate.npm_record import CAPS, PACKAGE, record_snapshots

TITLE = "Replicate"
CATALOGUES = (Catalogue("replicate", "models", "public models", "runs", "reported"),)
SECRETS = (TOKEN,)

API = "https://api.replicate.com/v1/models"
"""https://replicate.com/docs/reference/http#models.list"""


class ReplicateSettings(NetworkConfig):
    """What `config.yaml` may say under `networks.replicate`."""

    headline: HeadlineConfig = Field(
        HeadlineConfig(catalogue="models", figure="models_used"), description="the figure the post opens with"
    )
    record: Path | None = Field(None, description="the record's tarball on this machine; unset: fetched with npm")
    live: bool = Field(True, description="true: read the API when REPLICATE_API_TOKEN is set, else the record")
    api: str = Field(API, description="where the list of models is; https, or http on this machine")
    page_budget: int = Field(2000, ge=1, le=100_000, description="most pages that one live reading may take")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds one request to the API may take")
    download_timeout: float = Field(180.0, gt=0, le=3600, description="seconds the download of the record may take")

    @field_validator("api")
    @classmethod
    def _validate_api(cls, api: str) -> str:
        """The token travels to this address."""
        parts = urlsplit(api)
        if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("wanted https://host/path, with no user name in it")
        if parts.scheme != "https" and not (parts.scheme == "http" and on_this_machine(parts.hostname)):
            raise ValueError("wanted https; plain http is for this machine only")
        return api


Settings = ReplicateSettings


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
    return Replicate(settings, data, clock, secrets.get(SECRETS[0], ""))


def ref_checksum(settings: ReplicateSettings, data: Path, url: str, sha256: str) -> str | None:
    """The sha256 of the bytes that a ref points at, as this machine holds them: empty where its copy is damaged, `None`
    where it has none."""
    if not url.startswith(f"npm:{PACKAGE.spec}/"):
        return raw_archive.archived_checksum(_raw_folder(data), sha256)
    path = settings.record or data / PACKAGE.filename
    name = f"package/{url.rsplit('/', 1)[1]}"
    return member_checksum(path, PACKAGE.sha256, name, CAPS.get(name, 0))


def is_closed(settings: ReplicateSettings, secrets: Mapping[str, str]) -> bool:
    """Whether nothing new can come: the record has ended, and there is no token to read the list as it is now."""
    return not (settings.live and secrets.get(SECRETS[0]))


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
    with http.make_client(secrets[SECRETS[0]], manners) as asked:
        page = msgspec.json.decode(http.get_body(asked, settings.api, manners), type=ModelsPage)
    return f"{settings.api} answers, {len(page.results)} models on its first page"


def _raw_folder(data: Path) -> Path:
    return data / "lake" / "raw" / "replicate"


def _is_wanted(wanted: Period | None, at: datetime) -> bool:
    return wanted is None or start_of_day(wanted.first) <= at <= wanted.ends_at
