"""The public list of chutes, or the gateway's list of models where the first cannot be read without a key."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from bot.clients.daily_api import ApiStatusError, DailyApi
from bot.records import Listing, SafeName, Snapshot, SourceError, SourceRef, message, model_identity
from bot.sources.chutes.settings import ChutesSettings
from bot.sources.chutes.usage import PRIVATE, ChuteNames, Id

T = TypeVar("T")
PAGE = 100
NO_ACCESS = (401, 403, 404)


class _Chute(msgspec.Struct):
    chute_id: Id
    name: str
    public: bool = True


class _Page(msgspec.Struct):
    total: int
    items: list[_Chute]


class _GatewayModel(msgspec.Struct):
    id: Id


class _GatewayList(msgspec.Struct):
    data: list[_GatewayModel]


def fetch_list(api: DailyApi, settings: ChutesSettings, names: ChuteNames, at: datetime) -> Snapshot:
    """The models on offer now. Raises `SourceError`."""
    try:
        chutes, ref = _public_chutes(api, settings)
    except ApiStatusError as error:
        if error.status not in NO_ACCESS:
            raise
        return _gateway_list(api, settings, at)
    public = sorted((one for one in chutes.values() if one.public and one.name != PRIVATE), key=lambda one: one.name)
    listings = {one.model: one for one in (names.listing(chute.chute_id, chute.name) for chute in public)}
    return Snapshot("chutes", "models", at, ref, tuple(listings.values()))


def _public_chutes(api: DailyApi, settings: ChutesSettings) -> tuple[dict[str, _Chute], SourceRef]:
    url = f"{settings.api}/chutes/"
    chutes: dict[str, _Chute] = {}
    for page in range(settings.page_budget):
        answer = api.get(url, {"include_public": "true", "page": page, "limit": PAGE})
        found = _decode(answer.content, answer.ref.url, _Page)
        chutes |= {one.chute_id: one for one in found.items}
        if not found.items or len(chutes) >= found.total:
            break
    else:
        raise SourceError(f"{url}: goes on after {settings.page_budget} pages; raise networks.chutes.page_budget")
    if not chutes or len(chutes) < found.total:
        raise SourceError(f"{url}: found {len(chutes)} of {found.total} chutes; run again later")
    return chutes, answer.ref


def _gateway_list(api: DailyApi, settings: ChutesSettings, at: datetime) -> Snapshot:
    answer = api.get(f"{settings.gateway}/v1/models")
    models = {model_identity(one.id) for one in _decode(answer.content, answer.ref.url, _GatewayList).data}
    if not models:
        raise SourceError(f"{answer.ref.url}: lists no model; run again later")
    listings = tuple(Listing(name, SafeName(name.partition("/")[0] if "/" in name else "")) for name in sorted(models))
    return Snapshot("chutes", "models", at, answer.ref, listings, note=message("gateway_list"))


def _decode(content: bytes, url: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f"{SafeName(url, 200)}: is not the list: {error}; run again later") from error
