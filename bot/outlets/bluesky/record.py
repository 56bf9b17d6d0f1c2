"""A part as a record of Bluesky: its limits, its record key, its text with the link. Pure.

Limits and fields: the lexicons app.bsky.feed.post, app.bsky.embed.images and app.bsky.richtext.facet
(github.com/bluesky-social/atproto). Record keys: atproto.com/specs/tid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.outlets.post_format import PostFormat, grapheme_length
from bot.outlets.types import Part
from bot.records import Link, start_of_day

COLLECTION = "app.bsky.feed.post"
GRAPHEMES, TEXT_BYTES = 300, 3000
PICTURES, PICTURE_BYTES = 4, 1_000_000
_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_DAY_MICROSECONDS = 86_400_000_000

FORMAT = PostFormat(GRAPHEMES, grapheme_length, "graphemes", links="words", pictures=True, correction="reply")
"""Bluesky links only what a post's facets name, so foreign text needs no escape."""


def record_key(part: Part) -> str:
    """The key of a part's record: a timestamp identifier (TID) that is always the same for the same delivery. Its time
    is within the first day of the period, so that records are in the order of their days."""
    digest = hashlib.sha256(part.marker.encode()).digest()
    start = int(start_of_day(part.day).timestamp()) * 1_000_000 if part.day else 0
    microseconds = start + int.from_bytes(digest[:8]) % _DAY_MICROSECONDS
    value = microseconds << 10 | int.from_bytes(digest[8:10]) & 1023
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(60, -1, -5))


def find_refusals(part: Part) -> Iterator[str]:
    """Why Bluesky would refuse a part."""
    if (length := grapheme_length(part.text)) > GRAPHEMES:
        yield f"the text has {length} graphemes; wanted at most {GRAPHEMES}"
    if (size := len(part.text.encode())) > TEXT_BYTES:
        yield f"the text has {size:,} bytes; wanted at most {TEXT_BYTES:,}"
    if part.poll:
        yield "there are no polls"
    if len(part.pictures) > PICTURES:
        yield f"{len(part.pictures)} pictures; wanted at most {PICTURES}"
    for picture in part.pictures:
        if len(picture.content) > PICTURE_BYTES:
            yield f"{picture.name}: {len(picture.content):,} bytes; wanted at most {PICTURE_BYTES:,}"


def make_record(
    part: Part, at: datetime, language: str, blobs: Sequence[Mapping[str, Any]], reply: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The record of a part. `blobs`: its pictures as the server stored them; `reply`: the posts that it follows."""
    record: dict[str, Any] = {
        "$type": COLLECTION,
        "text": part.text,
        "createdAt": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
        "langs": [language],
    }
    if part.link and part.text.endswith(part.link.words):
        record["facets"] = [_link_facet(part.text, part.link)]
    if blobs:
        images = [
            {"image": blob, "alt": picture.alt, **_aspect_ratio(picture.content)}
            for blob, picture in zip(blobs, part.pictures, strict=True)
        ]
        record["embed"] = {"$type": "app.bsky.embed.images", "images": images}
    return {**record, "reply": reply} if reply else record


def _link_facet(text: str, link: Link) -> dict[str, Any]:
    """The link on the last words of a text. Positions are bytes of UTF-8."""
    end = len(text.encode())
    return {
        "index": {"byteStart": end - len(link.words.encode()), "byteEnd": end},
        "features": [{"$type": "app.bsky.richtext.facet#link", "uri": link.url}],
    }


def _aspect_ratio(content: bytes) -> dict[str, Any]:
    """Width and height of a PNG, so that apps keep room for it."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n") or len(content) < 24:
        return {}
    return {"aspectRatio": {"width": int.from_bytes(content[16:20]), "height": int.from_bytes(content[20:24])}}
