"""Docker Hub's namespace `ai` as a source: the list with its counters, once a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from bot.clients.daily_api import ApiAnswer, DailyApi
from bot.clients.daily_reading import read_counted_list, read_parts
from bot.clients.raw_archive import archived_checksum
from bot.records import (
    MAX_COUNT,
    EventBatch,
    Listing,
    Period,
    Reading,
    SafeName,
    Snapshot,
    SourceError,
    SourceRef,
    model_identity,
)
from bot.sources import SourceStateReader
from bot.sources.dockerhub.settings import DockerHubSettings

NAMESPACE = "ai"
MODEL = "model"
"""The content type of a repository that holds a model."""
PAGE = 100
WALKS = 3
"""Most readings of a list that changes while it is read."""


class _Repository(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    pull_count: Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
    namespace: str = NAMESPACE
    is_private: bool = False
    content_types: list[str] | None = None
    date_registered: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _Page(msgspec.Struct):
    """Both are required: without `next`, a list that was cut would look complete."""

    count: int
    next: str | None
    results: list[_Repository]


@dataclass(frozen=True, slots=True)
class DockerHub:
    """The network's source."""

    settings: DockerHubSettings
    data: Path
    clock: Callable[[], datetime]

    @property
    def settles_for(self) -> timedelta:
        """No time: a counter that was read stands as it was read."""
        return timedelta()

    def event_batches(self, wanted: Period | None, memory: SourceStateReader) -> Iterator[Snapshot | EventBatch]:
        """The list, if it was not read today. Raises `SourceError`."""
        with open_api(self.settings, self.data, self.clock) as api:
            read = read_counted_list(
                lambda: fetch_list(api, self.settings, self.clock), memory.cursor("listed"), wanted, self.clock()
            )
            yield from read_parts([read])


def fetch_list(api: DailyApi, settings: DockerHubSettings, clock: Callable[[], datetime]) -> Snapshot:
    """The models on offer now with their counters. Read again if a repository hid or doubled between two pages. Raises
    `SourceError`."""
    url = f"{settings.api}/v2/namespaces/{NAMESPACE}/repositories"
    for _ in range(WALKS):
        answers: list[ApiAnswer] = []
        pages: list[_Page] = []

        def next_page(answer: ApiAnswer, answers: list[ApiAnswer] = answers, pages: list[_Page] = pages) -> str:
            answers.append(answer)
            pages.append(_decode_page(answer))
            return pages[-1].next or ""

        for _answer in api.pages(url, {"page_size": PAGE, "page": 1}, next_page, settings.page_budget):
            pass
        repositories: dict[str, _Repository] = {}
        for repository in (repository for page in pages for repository in page.results):
            held = repositories.get(repository.name)
            if held is None or held.pull_count <= repository.pull_count:
                repositories[repository.name] = repository
        if {page.count for page in pages} == {len(repositories)}:
            return _snapshot(repositories.values(), api.store_together(answers), clock())
    raise SourceError(
        f"{url}: found {len(repositories)} of {pages[-1].count} repositories, {WALKS} times; run again later"
    )


def _decode_page(answer: ApiAnswer) -> _Page:
    try:
        return msgspec.json.decode(answer.content, type=_Page)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        where = SafeName(answer.ref.url, 200)
        raise SourceError(f"{where}: is not a page of repositories: {error}; run again later") from error


def _snapshot(repositories: Iterable[_Repository], ref: SourceRef, at: datetime) -> Snapshot:
    models = [model for model in repositories if MODEL in (model.content_types or ()) and not model.is_private]
    if not models:
        raise SourceError(f"{SafeName(ref.url, 200)}: lists no repository that holds a model; run again later")
    models.sort(key=lambda model: model.name)
    listings = tuple(
        Listing(
            model_identity(f"{NAMESPACE}/{model.name}"),
            SafeName(NAMESPACE),
            model.date_registered.astimezone(UTC) if model.date_registered else None,
        )
        for model in models
    )
    readings = tuple(Reading(listing.model, model.pull_count) for listing, model in zip(listings, models, strict=True))
    return Snapshot("dockerhub", "models", at, ref, listings, readings)


def make_source(
    settings: DockerHubSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> DockerHub:
    """The network, ready to be read."""
    return DockerHub(settings, data, clock)


def open_api(settings: DockerHubSettings, data: Path, clock: Callable[[], datetime]) -> DailyApi:
    return DailyApi(raw_folder(data), clock, settings.contact, settings.timeout, settings.silence)


def ref_checksum(settings: DockerHubSettings, data: Path, url: str, sha256: str, day: date | None = None) -> str | None:
    """The SHA-256 of this machine's copy of a list."""
    return archived_checksum(raw_folder(data), sha256, day)


def check_reachable(settings: DockerHubSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """Reads one repository of the list, for `doctor`. Raises `SourceError`."""
    now = datetime.now(UTC)
    with open_api(settings, data, lambda: now) as api:
        url = f"{settings.api}/v2/namespaces/{NAMESPACE}/repositories"
        page = _decode_page(api.get(url, {"page_size": 1, "page": 1}))
    return f"{settings.api} answers: {page.count} repositories in {NAMESPACE}"


def raw_folder(data: Path) -> Path:
    """The folder of the raw archive."""
    return data / "lake" / "raw" / "dockerhub"
