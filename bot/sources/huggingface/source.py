"""Hugging Face as a source: the models on offer for inference with their download counters, once a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    model_identity,
)
from bot.sources import SourceStateReader
from bot.sources.huggingface.settings import HuggingFaceSettings

PAGE = 1000
"""Models that a page may hold; the Hub may give fewer."""
FIELDS = ("downloadsAllTime", "createdAt", "pipeline_tag")


class _ListedModel(msgspec.Struct):
    """A model; everything else about it is skipped."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    downloadsAllTime: Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)] | None = None
    createdAt: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    pipeline_tag: str | None = None


_PAGE = msgspec.json.Decoder(list[_ListedModel])


@dataclass(frozen=True, slots=True)
class HuggingFace:
    """The network's source."""

    settings: HuggingFaceSettings
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


def list_parameters(settings: HuggingFaceSettings, limit: int) -> dict[str, str | int | Sequence[str]]:
    """The parameters of the list: whose models, how many on a page, and which fields of each."""
    whose = {"author": settings.author} if settings.author else {"inference_provider": settings.provider}
    return {**whose, "limit": limit, "expand[]": FIELDS}


def fetch_list(api: DailyApi, settings: HuggingFaceSettings, clock: Callable[[], datetime]) -> Snapshot:
    """The models on offer now with their counters. Raises `SourceError`."""
    url = f"{settings.api}/api/models"
    answers: list[ApiAnswer] = []
    models: dict[str, _ListedModel] = {}
    for answer in api.pages(url, list_parameters(settings, PAGE), lambda page: page.next_page, settings.page_budget):
        answers.append(answer)
        for model in _decode_page(answer):
            held = models.get(model.id)
            if held is None or (held.downloadsAllTime or 0) <= (model.downloadsAllTime or 0):
                models[model.id] = model
    if not models:
        raise SourceError(f"{SafeName(answers[0].ref.url, 200)}: lists no model; correct provider, or run again later")
    if all(model.downloadsAllTime is None for model in models.values()):
        raise SourceError(f"{SafeName(answers[0].ref.url, 200)}: no model shows downloadsAllTime; run again later")
    listings = {model.id: _listing(model) for model in sorted(models.values(), key=lambda model: model.id)}
    # A model without a file that counts stays at 0: what its use is, is unknown.
    counters = ((listings[name].model, model.downloadsAllTime) for name, model in models.items())
    readings = tuple(Reading(model, count) for model, count in counters if count)
    return Snapshot("huggingface", "models", clock(), api.store_together(answers), tuple(listings.values()), readings)


def _listing(model: _ListedModel) -> Listing:
    author = model.id.partition("/")[0] if "/" in model.id else ""
    created = model.createdAt.astimezone(UTC) if model.createdAt else None
    category = SafeName(model.pipeline_tag) if model.pipeline_tag else None
    return Listing(model_identity(model.id), SafeName(author), created, category)


def _decode_page(answer: ApiAnswer) -> list[_ListedModel]:
    try:
        return _PAGE.decode(answer.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        where = SafeName(answer.ref.url, 200)
        raise SourceError(f"{where}: is not a page of models: {error}; run again later") from error


def make_source(
    settings: HuggingFaceSettings,
    data: Path,
    secrets: Mapping[str, str],
    clock: Callable[[], datetime],
    executor: Executor | None = None,
) -> HuggingFace:
    """The network, ready to be read."""
    return HuggingFace(settings, data, clock)


def open_api(settings: HuggingFaceSettings, data: Path, clock: Callable[[], datetime]) -> DailyApi:
    return DailyApi(raw_folder(data), clock, settings.contact, settings.timeout, settings.silence)


def ref_checksum(
    settings: HuggingFaceSettings, data: Path, url: str, sha256: str, day: date | None = None
) -> str | None:
    """The SHA-256 of this machine's copy of a list."""
    return archived_checksum(raw_folder(data), sha256, day)


def check_reachable(settings: HuggingFaceSettings, data: Path, secrets: Mapping[str, str]) -> str:
    """Reads one model of the list, for `doctor`. Raises `SourceError`."""
    now = datetime.now(UTC)
    with open_api(settings, data, lambda: now) as api:
        answer = api.get(f"{settings.api}/api/models", list_parameters(settings, 1))
    counted = sum(model.downloadsAllTime is not None for model in _decode_page(answer))
    if not counted:
        raise SourceError(f"{settings.api}: shows no model with downloadsAllTime; correct provider or author")
    return f"{settings.api} answers: its first model shows its counter"


def raw_folder(data: Path) -> Path:
    """The folder of the raw archive."""
    return data / "lake" / "raw" / "huggingface"
