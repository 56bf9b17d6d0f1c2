"""Reads Replicate's current list from its API, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

from bot.clients import raw_archive
from bot.records import MAX_COUNT, Listing, Reading, SafeName, Snapshot, SourceError, SourceRef, model_identity
from bot.sources.replicate.settings import TOKEN

_WALKS = 3
"""Most walks over a list that changes while it is read."""


class LiveSettings(Protocol):
    """The API's settings in `networks.replicate`."""

    api: str
    page_budget: int
    timeout: float


Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Word = Annotated[str, msgspec.Meta(min_length=1)]


class ListedModel(msgspec.Struct, gc=False):
    """A model as the API shows it; everything else about it is skipped, unread."""

    owner: Word
    name: Word
    run_count: Count
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    visibility: str = "public"

    @property
    def key(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def listing(self) -> Listing:
        created = self.created_at.astimezone(UTC) if self.created_at else None
        return Listing(model_identity(self.key), model_identity(self.owner), created)


class ModelsPage(msgspec.Struct):
    """One response of the API. Both keys are required: without `next`, a truncated list would look complete."""

    next: str | None
    results: list[ListedModel]


def live_snapshot(settings: LiveSettings, folder: Path, token: str, clock: Callable[[], datetime]) -> Snapshot:
    """One snapshot of the current list; its pages are stored in `folder` under the SHA-256 in its `ref`. Raises
    `SourceError` if any page cannot be read; then nothing is stored."""
    from bot.clients import http

    if not (token.isascii() and token.isprintable()) or " " in token:
        raise SourceError(f"{TOKEN}: holds a character that no token has; copy it again, or unset it")
    limits = http.HttpLimits(settings.timeout)
    with raw_archive.open_raw_archive(folder) as raw, http.make_client(token, limits) as client:
        models = _all_models(settings, lambda url: _parse_page(http.get_body(client, url, limits), url, raw))
    at = clock()
    ref = SourceRef(settings.api, at, raw.sha256)
    listings = tuple(model.listing for model in models.values())
    counts = (model.run_count for model in models.values())
    readings = tuple(Reading(listing.model, count) for listing, count in zip(listings, counts, strict=True))
    return Snapshot("replicate", "models", at, ref, listings, readings)


def _all_models(settings: LiveSettings, page: Callable[[str], ModelsPage]) -> dict[str, ListedModel]:
    """Every public model by `owner/name`. A model that appears twice shows that the list moved during the walk, so
    another may be missing: the list is then read again, until a walk finds nothing new."""
    models: dict[str, ListedModel] = {}
    budget = iter(range(settings.page_budget))
    for _ in range(_WALKS):
        known = len(models)
        moved = _walk_pages(settings, page, budget, models)
        if not models:
            raise SourceError(f"{settings.api}: found no public model, wanted thousands; run again later")
        if not moved or len(models) == known:
            return models
    raise SourceError(f"{settings.api}: the list kept changing while it was read, {_WALKS} times; run again later")


def _walk_pages(
    settings: LiveSettings, page: Callable[[str], ModelsPage], budget: Iterator[int], models: dict[str, ListedModel]
) -> bool:
    """One walk over the list, into `models`; of two counters, the larger and later one stays. True if a model appeared
    twice."""
    from bot.clients.http import next_page_url

    met: set[str] = set()
    visited: set[str] = set()
    moved = False
    url: str | None = settings.api
    while url is not None:
        if url in visited:
            raise SourceError(f"{settings.api}: its pages form a loop, after {len(visited)}; run again later")
        if next(budget, None) is None:
            most = settings.page_budget
            raise SourceError(f"{settings.api}: goes on after {most} pages; raise networks.replicate.page_budget")
        visited.add(url)
        answer = page(url)
        for model in answer.results:
            if model.visibility == "public":
                moved = moved or model.key in met
                met.add(model.key)
                _keep_larger(models, model)
        url = None if answer.next is None else next_page_url(settings.api, answer.next)
    return moved


def _keep_larger(models: dict[str, ListedModel], model: ListedModel) -> None:
    held = models.get(model.key)
    if held is None or held.run_count <= model.run_count:
        models[model.key] = model


def _parse_page(content: bytes, url: str, raw: raw_archive.RawArchiveWriter) -> ModelsPage:
    try:
        page = msgspec.json.decode(content, type=ModelsPage)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{SafeName(url, 200)}: is not a page of models: {error}; run again later") from error
    raw.add(content)
    return page
