"""OpenGradient's Model Hub: the models it lists, with author, task category and content ids.

All text in a response is hostile. An entry without a usable author and name is skipped and counted; an invalid page
ends the walk with an error. Source: community callers of `hub-api.opengradient.ai/api/v0/models/`; there is no official
description.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import httpx

from bot.clients.http import HttpBody, HttpFailure, get_bounded
from bot.records import Listing, SafeName, Snapshot, SourceError, SourceRef, join_messages, message, model_identity

PAGE = 100
MAX_PAGE_BYTES = 8 * 2**20
MAX_PAGES = 1000
MAX_MODELS = 200_000
MAX_TEXT = 300
"""Characters of an author or a name; longer ones are refused."""
SECONDS = 20.0
WALKS = 4
"""Most walks until two agree; a write during a walk shifts the pages."""
TRIES = 3
"""Attempts for one page, after a response that allows a retry."""

CONTENT_ID = re.compile(r"[A-Za-z0-9_-]{43}|Qm[1-9A-HJ-NP-Za-km-z]{44}")
"""A Walrus blob id or, on older models, an IPFS hash."""

Key = tuple[str, str]
"""Author and name as the Hub writes them; names alone are not unique."""

Sleep = Callable[[float], None]
Keep = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class HubModel:
    """One listed model."""

    key: Key
    category: str
    """`taskName`; empty if there is none."""
    content: str
    """`llmPath` if it is a content id; otherwise empty."""

    @property
    def model(self) -> SafeName:
        """The model's name everywhere in Footfall: author and name together."""
        return model_identity("/".join(self.key))

    @property
    def listing(self) -> Listing:
        category = model_identity(self.category) if self.category else None
        return Listing(self.model, model_identity(self.key[0]), category=category)


@dataclass(frozen=True, slots=True)
class HubListing:
    """The result of one walk over all pages."""

    entries: Mapping[Key, HubModel]
    skipped: int
    """Entries without a usable author and name."""


@dataclass(frozen=True, slots=True)
class HubInventory:
    """The Hub's list at one instant."""

    snapshot: Snapshot
    entries: Mapping[Key, HubModel]

    @property
    def content_claims(self) -> Mapping[str, frozenset[Key]]:
        """Content id to the models whose listing names it. Anybody may name another's."""
        claims: dict[str, set[Key]] = {}
        for entry in self.entries.values():
            if entry.content:
                claims.setdefault(entry.content, set()).add(entry.key)
        return {content: frozenset(keys) for content, keys in claims.items()}


def fetch_inventory(
    client: httpx.Client,
    base: str,
    at: datetime,
    before: Collection[Key] | None = None,
    keep: Keep = lambda page: None,
    sleep: Sleep = time.sleep,
) -> HubInventory:
    """Walk the listing until two walks agree, or one agrees with the day `before`. Models that only one of two agreeing
    walks saw are listed, because pages shift while models are added. `keep` gets every page, for the lake; the ref's
    SHA-256 is that of all pages, each ended by a newline. Raises `SourceError`."""
    digest = hashlib.sha256()

    def keep_page(page: bytes) -> None:
        digest.update(page + b"\n")
        keep(page)

    known: Collection[Key] | None = before
    last: HubListing | None = None
    for _ in range(WALKS):
        this = walk_pages(client, base, keep_page, sleep)
        apart = len(set(known) ^ this.entries.keys()) if known is not None else None
        if apart is not None and apart <= _allowed_difference(len(this.entries)):
            both = {**(last.entries if last else {}), **this.entries}
            return _build_inventory(SourceRef(listing_url(base), at, digest.hexdigest()), both, this.skipped, 0)
        known, last = this.entries.keys(), this
    assert last is not None
    ref = SourceRef(listing_url(base), at, digest.hexdigest())
    return _build_inventory(ref, last.entries, last.skipped, apart or 0)


def _allowed_difference(models: int) -> int:
    """How many models two walks may differ by: one in two hundred, and always two."""
    return max(2, models // 200)


def _build_inventory(ref: SourceRef, entries: Mapping[Key, HubModel], skipped: int, apart: int) -> HubInventory:
    notes = []
    if skipped:
        notes.append(message("hub_entries_unusable", n=skipped))
    if apart:
        notes.append(message("hub_listing_changed", n=apart, m=WALKS))
    listings = tuple(entry.listing for _, entry in sorted(entries.items()))
    note = join_messages(notes)
    snapshot = Snapshot("opengradient", "hub", ref.at, ref, listings, unplaced=apart, note=note)
    return HubInventory(snapshot, entries)


def walk_pages(client: httpx.Client, base: str, keep: Keep = lambda _: None, sleep: Sleep = time.sleep) -> HubListing:
    """All pages from 0 until an empty one. A short page does not end the walk, because the Hub's page limit is
    unknown. Raises `SourceError`."""
    entries: dict[Key, HubModel] = {}
    skipped = 0
    before: bytes | None = None
    for number in range(MAX_PAGES):
        raw = _fetch_page(client, base, number, sleep)
        if raw is None or raw == before:
            break
        keep(raw)
        before = raw
        page, refused = _parse_page(listing_url(base), number, raw)
        skipped += refused
        fresh = {entry.key: entry for entry in page if entry.key not in entries}
        entries |= fresh
        if len(entries) > MAX_MODELS:
            raise SourceError(f"{listing_url(base)}: found more than {MAX_MODELS:,} models, not plausible")
        if not fresh and not refused:
            break
    else:
        raise SourceError(f"{listing_url(base)}: found no end after {MAX_PAGES:,} pages")
    if not entries:
        raise SourceError(f"{listing_url(base)}: found no model at all, which is an error and no figure")
    return HubListing(MappingProxyType(entries), skipped)


def listing_url(base: str) -> str:
    return f"{base.rstrip('/')}/api/v0/models/"


def _fetch_page(client: httpx.Client, base: str, number: int, sleep: Sleep) -> bytes | None:
    """One page's bytes; `None` if the Hub says that there is no such page. Raises `SourceError`."""
    answer = get_with_retries(client, listing_url(base), {"page": number, "limit": PAGE}, sleep)
    if isinstance(answer, HttpBody):
        return answer.content
    if answer.status == 404 and number:
        return None
    where = f"{listing_url(base)}: page {number}"
    raise SourceError(f"{where}: found {answer.reason}, wanted a page of models; try again later")


def get_with_retries(
    client: httpx.Client, url: str, params: dict[str, str | int], sleep: Sleep
) -> HttpBody | HttpFailure:
    """Get a URL, with retries after a 429, a 5xx or no response."""
    answer = get_bounded(client, url, MAX_PAGE_BYTES, SECONDS, params)
    for attempt in range(1, TRIES):
        if isinstance(answer, HttpBody) or not (answer.status in (0, 429) or answer.status >= 500):
            break
        sleep(min(answer.retry_after or 2.0**attempt, 60.0))
        answer = get_bounded(client, url, MAX_PAGE_BYTES, SECONDS, params)
    return answer


def _parse_page(url: str, number: int, raw: bytes) -> tuple[list[HubModel], int]:
    """A page's entries, and how many were unusable. Raises `SourceError` if it is not a page."""
    try:
        rows = decode_rows(raw, "models")
    except ValueError as error:
        raise SourceError(f"{url}: page {number}: found no list of models ({SafeName(str(error), 100)})") from error
    models = [_parse_model(row) for row in rows]
    entries = [entry for entry in models if entry]
    return entries, len(models) - len(entries)


def decode_rows(raw: bytes, wrapper: str = "") -> list[object]:
    """The rows of a JSON list, bare or under `wrapper`. Lenient about their fields: half an emoji, NaN or bytes that
    are not UTF-8 in one of them must not take the others away. Raises `ValueError`."""
    text = raw.decode("utf-8", "replace")
    try:
        # Numbers become nothing: none is read, and one of a million digits would take long.
        nothing = lambda _: None  # noqa: E731
        document = json.loads(text, strict=False, parse_int=nothing, parse_float=nothing, parse_constant=nothing)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    rows = document.get(wrapper) if isinstance(document, dict) and wrapper else document
    if not isinstance(rows, list):
        raise ValueError("no list")
    return rows


def _parse_model(row: object) -> HubModel | None:
    if not isinstance(row, dict):
        return None
    author, name = _text_field(row.get("authorUsername")), _text_field(row.get("name"))
    # An author with a slash could pass for another author's model.
    if not (0 < len(author) <= MAX_TEXT and 0 < len(name) <= MAX_TEXT and "/" not in author):
        return None
    content, category = _text_field(row.get("llmPath")), _text_field(row.get("taskName"))[:MAX_TEXT]
    return HubModel((author, name), category, content if CONTENT_ID.fullmatch(content) else "")


def _text_field(value: object) -> str:
    """A field's text; empty if it is not text, or text that cannot be encoded."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ""
    return value
