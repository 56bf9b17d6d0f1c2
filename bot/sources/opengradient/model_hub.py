"""OpenGradient's Model Hub: which models it lists, by whom, in which task category, and under which content ids.

Everything in an answer is a stranger's text. An entry without a usable author and name is skipped and counted; a page
that is not a page stops the walk. Source: community callers of `hub-api.opengradient.ai/api/v0/models/`; no official
description exists.
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
from bot.records import Listing, SafeName, Snapshot, SourceError, SourceRef, model_identity

PAGE = 100
MAX_PAGE_BYTES = 8 * 2**20
MAX_PAGES = 1000
MAX_MODELS = 200_000
MAX_TEXT = 300
"""Characters of an author or a name; longer ones are no names."""
SECONDS = 20.0
WALKS = 4
"""Walks until two agree; writes during a walk shift its pages."""
TRIES = 3
"""Of one page, after an answer that says to come again."""

CONTENT_ID = re.compile(r"[A-Za-z0-9_-]{43}|Qm[1-9A-HJ-NP-Za-km-z]{44}")
"""A Walrus blob id or, on older models, an IPFS hash."""

Key = tuple[str, str]
"""Author and name as the Hub writes them: names alone are not unique."""

Sleep = Callable[[float], None]
Keep = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class HubModel:
    """One listed model."""

    key: Key
    category: str
    """`taskName`; empty where there is none."""
    content: str
    """`llmPath` where it is a content id; empty where not."""

    @property
    def model(self) -> SafeName:
        """The name it is known by everywhere in Footfall: author and name together."""
        return model_identity("/".join(self.key))

    @property
    def listing(self) -> Listing:
        category = model_identity(self.category) if self.category else None
        return Listing(self.model, model_identity(self.key[0]), category=category)


@dataclass(frozen=True, slots=True)
class HubListing:
    """All pages once."""

    entries: Mapping[Key, HubModel]
    skipped: int
    """Entries without a usable author and name."""


@dataclass(frozen=True, slots=True)
class HubInventory:
    """What the Hub lists at one instant."""

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
    """Walk the listing until two walks agree, or one agrees with the day `before`. What only one of two agreeing walks
    saw is listed all the same: pages shift while models are added. `keep` is handed every page read, for the lake; the
    reference's SHA-256 is that of all of them, each ended by a newline. Raises `SourceError`."""
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
    """How many models two walks may differ by: one in two hundred, and two in any case."""
    return max(2, models // 200)


def _build_inventory(ref: SourceRef, entries: Mapping[Key, HubModel], skipped: int, apart: int) -> HubInventory:
    notes = []
    if skipped:
        notes.append(f"{skipped:,} entries of the Hub's listing have no usable author and name and are left out")
    if apart:
        notes.append(f"the Hub's listing changed by {apart:,} models between two walks, {WALKS} times running")
    listings = tuple(entry.listing for _, entry in sorted(entries.items()))
    note = "; ".join(notes)
    snapshot = Snapshot("opengradient", "hub", ref.at, ref, listings, unplaced=apart, note=note)
    return HubInventory(snapshot, entries)


def walk_pages(client: httpx.Client, base: str, keep: Keep = lambda _: None, sleep: Sleep = time.sleep) -> HubListing:
    """All pages from 0 until one brings nothing. A short page does not end the walk: the Hub's own cap on a page is not
    known. Raises `SourceError`."""
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
        raise SourceError(f"{listing_url(base)}: found no model at all, which is a fault rather than a figure")
    return HubListing(MappingProxyType(entries), skipped)


def listing_url(base: str) -> str:
    """Where the listing begins."""
    return f"{base.rstrip('/')}/api/v0/models/"


def _fetch_page(client: httpx.Client, base: str, number: int, sleep: Sleep) -> bytes | None:
    """One page's bytes; none where the Hub says there is no such page. Raises `SourceError`."""
    found = get_with_retries(client, listing_url(base), {"page": number, "limit": PAGE}, sleep)
    if isinstance(found, HttpBody):
        return found.content
    if found.status == 404 and number:
        return None
    where = f"{listing_url(base)}: page {number}"
    raise SourceError(f"{where}: found {found.reason}, wanted a page of models; try again later")


def get_with_retries(
    client: httpx.Client, url: str, params: dict[str, str | int], sleep: Sleep
) -> HttpBody | HttpFailure:
    """An answer, asked for again after a 429, a 5xx or none at all."""
    found = get_bounded(client, url, MAX_PAGE_BYTES, SECONDS, params)
    for attempt in range(1, TRIES):
        if isinstance(found, HttpBody) or not (found.status in (0, 429) or found.status >= 500):
            break
        sleep(min(found.retry_after or 2.0**attempt, 60.0))
        found = get_bounded(client, url, MAX_PAGE_BYTES, SECONDS, params)
    return found


def _parse_page(url: str, number: int, raw: bytes) -> tuple[list[HubModel], int]:
    """A page's entries and how many of them were unusable. Raises `SourceError` where it is no page."""
    try:
        rows = decode_rows(raw, "models")
    except ValueError as error:
        raise SourceError(f"{url}: page {number}: found no list of models ({SafeName(str(error), 100)})") from error
    made = [_parse_model(row) for row in rows]
    entries = [entry for entry in made if entry]
    return entries, len(made) - len(entries)


def decode_rows(raw: bytes, wrapper: str = "") -> list[object]:
    """The rows of a JSON list, bare or under `wrapper`. Lenient about their fields: half an emoji, NaN or bytes that
    are not UTF-8 in one of them must not take the others away. Raises `ValueError`."""
    text = raw.decode("utf-8", "replace")
    try:
        # Numbers become nothing: none is read, and one of a million digits would take long.
        nothing = lambda _: None  # noqa: E731
        found = json.loads(text, strict=False, parse_int=nothing, parse_float=nothing, parse_constant=nothing)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    rows = found.get(wrapper) if isinstance(found, dict) and wrapper else found
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
    """A field's text; empty where it is anything else, or no text that can be written down."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ""
    return value
