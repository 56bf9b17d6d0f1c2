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

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, field_validator

from bot.config import Headline, Network
from bot.records import MAX_COUNT, Catalogue, Listing, Name, Period, Reading, Ref, Snapshot, identity, instant, spoken
from bot.sources import SourceError, _raw
from bot.sources._npm import Package, member_checksum, members, opened, tarball

TITLE = "Replicate"
CATALOGUES = (Catalogue("replicate", "models", "public models", "runs", "reported"),)
SECRETS = ("REPLICATE_API_TOKEN",)

PACKAGE = Package(
    "all-the-public-replicate-models", "1.352.0", "372a6f1e6fc5a7939887319a2126d6bc1e1f999ebe8aa3bb3a3bb3077ca5b912"
)
"""https://www.npmjs.com/package/all-the-public-replicate-models/v/1.352.0; the hash is of its tarball."""

API = "https://api.replicate.com/v1/models"
"""https://replicate.com/docs/reference/http#models.list"""

_MODELS, _STATS = "package/models.json", "package/stats.json"
_CAPS = {_MODELS: 256 * 2**20, _STATS: 64 * 2**20}
_WALKS = 3
"""How often a list that moves while it is read is read before we give up."""


class Settings(Network):
    """What `config.yaml` may say under `networks.replicate`."""

    headline: Headline = Field(
        Headline(catalogue="models", figure="models_used"), description="the figure the post opens with"
    )
    record: Path | None = Field(None, description="the record's tarball on this machine; unset: fetched with npm")
    live: bool = Field(True, description="true: read the API when REPLICATE_API_TOKEN is set, else the record")
    api: str = Field(API, description="where the list of models is; https, or http on this machine")
    page_budget: int = Field(2000, ge=1, le=100_000, description="most pages that one live reading may take")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds one request to the API may take")
    download_timeout: float = Field(180.0, gt=0, le=3600, description="seconds the download of the record may take")

    @field_validator("api")
    @classmethod
    def _guarded(cls, api: str) -> str:
        """The token travels to this address."""
        parts = urlsplit(api)
        if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("wanted https://host/path, with no user name in it")
        if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
            raise ValueError("wanted https; plain http is for this machine only")
        return api


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Replicate:
    """The network, asked."""

    chosen: Settings
    data: Path
    clock: Callable[[], datetime]
    token: str = field(default="", repr=False)

    def snapshots(self, wanted: Period | None) -> Iterator[Snapshot]:
        """The record's snapshots, or with a token one taken now; of those, the ones from the first instant of
        `wanted` to its last. Raises `SourceError`."""
        taken = self._live(wanted) if self.chosen.live and self.token else self._record()
        return (snapshot for snapshot in taken if _wants(wanted, snapshot.at))

    def _record(self) -> Iterator[Snapshot]:
        path = self.chosen.record
        if path:
            cure = f"set networks.replicate.record to the tarball of npm's {PACKAGE.spec}, or leave it out"
        else:
            path = tarball(PACKAGE, self.data, self.chosen.download_timeout)
            cure = f"remove {path} and run again"
        yield from recorded(path, PACKAGE.sha256, cure)

    def _live(self, wanted: Period | None) -> Iterator[Snapshot]:
        # The API knows no past: hundreds of requests for a day that is over would be for nothing.
        if _wants(wanted, self.clock()):
            yield live(self.chosen, _lake(self.data), self.token, self.clock)


def source(
    chosen: Settings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> Replicate:
    """The network, ready to be asked."""
    return Replicate(chosen, data, clock, secrets.get(SECRETS[0], ""))


def checksum(chosen: Settings, data: Path, url: str, sha256: str) -> str | None:
    """The sha256 of the bytes that a ref points at, as this machine holds them: empty where its copy is damaged, `None`
    where it has none."""
    if not url.startswith(f"npm:{PACKAGE.spec}/"):
        return _raw.checksum(_lake(data), sha256)
    path = chosen.record or data / PACKAGE.filename
    name = f"package/{url.rsplit('/', 1)[1]}"
    return member_checksum(path, PACKAGE.sha256, name, _CAPS.get(name, 0))


def closed(chosen: Settings, secrets: Mapping[str, str]) -> bool:
    """Whether nothing new can come: the record has ended, and there is no token to read the list as it is now."""
    return not (chosen.live and secrets.get(SECRETS[0]))


def reachable(chosen: Settings, data: Path, secrets: Mapping[str, str]) -> str:
    """What `doctor` finds when it looks at the source. Raises `SourceError`."""
    if closed(chosen, secrets):
        path = chosen.record or data / PACKAGE.filename
        if not chosen.record and not path.exists():
            return "the record, not downloaded yet; collect fetches it with npm"
        with opened(path, PACKAGE.sha256, f"remove {path} and run again"):
            return f"the record at {path}, intact"
    from bot.sources import _http

    manners = _http.Manners(chosen.timeout)
    with _http.client(secrets[SECRETS[0]], manners) as asked:
        page = msgspec.json.decode(_http.body(asked, chosen.api, manners), type=_Page)
    return f"{chosen.api} answers, {len(page.results)} models on its first page"


def _lake(data: Path) -> Path:
    return data / "lake" / "raw" / "replicate"


def _wants(wanted: Period | None, at: datetime) -> bool:
    return wanted is None or instant(wanted.first) <= at <= wanted.ends


# --- what Replicate says -----------------------------------------------------------------------------------------

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Word = Annotated[str, msgspec.Meta(min_length=1)]


class _Model(msgspec.Struct, gc=False):
    """A model as the API and `models.json` show it; everything else about it is skipped, unread."""

    owner: Word
    name: Word
    run_count: Count
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    visibility: str = "public"

    @property
    def key(self) -> str:
        return f"{self.owner}/{self.name}"


class _Page(msgspec.Struct):
    """One answer of the API. Both keys must be there: without `next`, a list cut short would pass for a whole one."""

    next: str | None
    results: list[_Model]


class _Entry(msgspec.Struct, gc=False, rename="camel"):
    """One model in one dated snapshot of `stats.json`."""

    date: date
    total_runs: Count
    daily_runs: Count


def _listing(key: str, owner: str, created_at: datetime | None) -> Listing:
    return Listing(identity(key), identity(owner), created_at.astimezone(UTC) if created_at else None)


# --- the record --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Record:
    """The two files of the package, read."""

    models: dict[str, _Model]
    entries: dict[str, list[_Entry]]
    refs: dict[str, str]
    """The sha256 of each file's bytes."""


def recorded(path: Path, sha256: str, cure: str) -> Iterator[Snapshot]:
    """Every snapshot in the tarball at `path`, oldest first. Raises `SourceError`, with `cure` as its advice, if it is
    not the one with this sha256 or not what it should be."""
    record = _read(path, sha256, cure)
    at_date = _by_date(record.entries)
    listings = cache(lambda key: _listed(record, key))
    lost = sum(1 for key, shown in record.entries.items() if not shown and key not in record.models)
    for day, counts in at_date.items():
        ref = Ref(f"npm:{PACKAGE.spec}/stats.json", instant(day), record.refs[_STATS])
        unplaced = _unplaced(record, day) if day == max(at_date) else 0
        note = "\n".join(filter(None, [_range(day, len(counts), unplaced) if unplaced else "", _once(lost)]))
        yield replace(_snapshot(instant(day), ref, counts, listings), unplaced=unplaced, uncounted=lost, note=note)
    end = instant(max(at_date) + timedelta(days=1))
    counts = {key: model.run_count for key, model in record.models.items()}
    yield _snapshot(end, Ref(f"npm:{PACKAGE.spec}/models.json", end, record.refs[_MODELS]), counts, listings)


def _read(path: Path, sha256: str, cure: str) -> _Record:
    models: list[_Model] = []
    entries: dict[str, list[_Entry]] = {}
    refs = {}
    for member in members(path, sha256, _CAPS, cure):
        refs[member.name] = member.sha256
        try:
            if member.name == _MODELS:
                models = msgspec.json.decode(member.content, type=list[_Model])
            else:
                entries = msgspec.json.decode(member.content, type=dict[str, list[_Entry]])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: {member.name} is not what it should be: {error}; {cure}") from error
    if not any(entries.values()):
        raise SourceError(f"{path}: {_STATS} holds no snapshot; {cure}")
    return _Record({model.key: model for model in models if model.visibility == "public"}, entries, refs)


def _by_date(entries: Mapping[str, list[_Entry]]) -> dict[date, dict[str, int]]:
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


def _unplaced(record: _Record, day: date) -> int:
    """Models whose only counter has no date, that are on offer right after the last dated snapshot and were made
    before it: they may have been on offer in it."""
    undated = (record.models[key] for key, shown in record.entries.items() if not shown and key in record.models)
    return sum(1 for model in undated if model.created_at is None or model.created_at < instant(day))


def _range(day: date, known: int, unplaced: int) -> str:
    return (
        f"At the end of {spoken(day - timedelta(days=1))} between {known} and {known + unplaced} models were listed: "
        f"the record does not say when it saw {_models(unplaced)} with a single reading."
    )


def _once(lost: int) -> str:
    verb = "is" if lost == 1 else "are"
    return f"{_models(lost)} that appeared in one snapshot only, of unknown date, {verb} not counted." if lost else ""


def _models(count: int) -> str:
    return "1 model" if count == 1 else f"{count} models"


def _listed(record: _Record, key: str) -> Listing:
    model = record.models.get(key)
    return _listing(key, key.split("/", 1)[0], model.created_at if model else None)


def _snapshot(
    at: datetime,
    ref: Ref,
    counts: Mapping[str, int],
    listings: Callable[[str], Listing],
) -> Snapshot:
    listed = tuple(map(listings, counts))
    readings = tuple(Reading(listing.model, count) for listing, count in zip(listed, counts.values(), strict=True))
    return Snapshot("replicate", "models", at, ref, listed, readings)


# --- live --------------------------------------------------------------------------------------------------------


def live(chosen: Settings, folder: Path, token: str, clock: Callable[[], datetime]) -> Snapshot:
    """One snapshot of the list as it is now, its pages kept in `folder` under the sha256 in its `ref`. Raises
    `SourceError` if any page cannot be had; then nothing is kept."""
    from bot.sources import _http

    if not (token.isascii() and token.isprintable()) or " " in token:
        raise SourceError(f"{SECRETS[0]}: holds a character that no token has; copy it again, or unset it")
    manners = _http.Manners(chosen.timeout)
    with _raw.keeping(folder) as raw, _http.client(token, manners) as asked:
        models = _everything(chosen, lambda url: _page(_http.body(asked, url, manners), url, raw))
    at = clock()
    counts = {key: model.run_count for key, model in models.items()}
    return _snapshot(
        at,
        Ref(chosen.api, at, raw.sha256),
        counts,
        lambda key: _listing(key, models[key].owner, models[key].created_at),
    )


def _everything(chosen: Settings, page: Callable[[str], _Page]) -> dict[str, _Model]:
    """Every public model by `owner/name`. A model met twice shows that the list moved while it was read, so that
    another may have slipped past: the list is then read again, until a reading meets nothing new."""
    models: dict[str, _Model] = {}
    budget = iter(range(chosen.page_budget))
    for _ in range(_WALKS):
        known = len(models)
        moved = _walk(chosen, page, budget, models)
        if not models:
            raise SourceError(f"{chosen.api}: found no public model, wanted thousands; run again later")
        if not moved or len(models) == known:
            return models
    raise SourceError(f"{chosen.api}: the list kept changing while it was read, {_WALKS} times; run again later")


def _walk(chosen: Settings, page: Callable[[str], _Page], budget: Iterator[int], models: dict[str, _Model]) -> bool:
    """One reading of the list, into `models`; of two counters the larger, which is the later, stays. True if it met a
    model twice."""
    from bot.sources._http import following

    met: set[str] = set()
    asked: set[str] = set()
    moved = False
    url: str | None = chosen.api
    while url is not None:
        if url in asked:
            raise SourceError(f"{chosen.api}: its pages run in a circle, after {len(asked)}; run again later")
        if next(budget, None) is None:
            most = chosen.page_budget
            raise SourceError(f"{chosen.api}: goes on after {most} pages; raise networks.replicate.page_budget")
        asked.add(url)
        answer = page(url)
        for model in answer.results:
            if model.visibility == "public":
                moved = moved or model.key in met
                met.add(model.key)
                _keep_larger(models, model)
        url = None if answer.next is None else following(chosen.api, answer.next)
    return moved


def _keep_larger(models: dict[str, _Model], model: _Model) -> None:
    held = models.get(model.key)
    if held is None or held.run_count <= model.run_count:
        models[model.key] = model


def _page(content: bytes, url: str, raw: _raw.Raw) -> _Page:
    try:
        page = msgspec.json.decode(content, type=_Page)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{Name(url, 200)}: is not a page of models: {error}; run again later") from error
    raw.add(content)
    return page
