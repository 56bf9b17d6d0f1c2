"""Recognises a post in a timeline. X's changes of the text are reverted on X's side only: on ours, that would change a
name that holds `&amp;`. Then both sides are compared word by word. Pure.

X shows `&`, `<` and `>` as HTML entities, each link as a t.co one, and appends one for pictures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.outlets.types import Part
from bot.outlets.x.responses import json_objects

ID = re.compile(r"[0-9]{1,19}")
_EPOCH_MS = 1_288_834_974_657
"""The instant that ids count from: an id's bits above 22 are milliseconds since (docs.x.com fundamentals/x-ids)."""
_MAYBE_LINK = re.compile(r"://|\w\.\w")
_SHORT_LINK = re.compile(r"https?://t\.co/\w+")
_ENTITIES = re.compile("&(amp|lt|gt);")
_SIGNS = {"amp": "&", "lt": "<", "gt": ">"}


def posted_at(platform_id: str) -> datetime:
    """When a post was created (UTC) by X's own clock, from its id."""
    return datetime.fromtimestamp(((int(platform_id) >> 22) + _EPOCH_MS) / 1000, UTC)


def unescape_text(shown: str) -> str:
    """A text as it was sent: only the three characters that X escapes are unescaped, each once."""
    return _ENTITIES.sub(lambda entity: _SIGNS[entity[1]], shown)


def comparable_words(text: str) -> list[str]:
    """A text as words to compare, the same for both sides: NFC, without invisible characters."""
    text = unicodedata.normalize("NFC", text)
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf").split()


def is_same_post(ours: str, shown: str) -> bool:
    """Whether the timeline's text is the one that was sent. All words but links must be equal, and there must be at
    least one."""
    wanted, there = comparable_words(ours), comparable_words(unescape_text(shown))
    if len(there) < len(wanted) or not all(_SHORT_LINK.fullmatch(word) for word in there[len(wanted) :]):
        return False
    pairs = list(zip(wanted, there, strict=False))
    alike = sum(want == have for want, have in pairs)
    linked = sum(want != have and bool(_MAYBE_LINK.search(want)) and "//t.co/" in have for want, have in pairs)
    return alike > 0 and alike + linked == len(pairs)


def is_findable(text: str) -> bool:
    """Whether a look-back could recognise it: it holds a word that is not a link."""
    return any(not _MAYBE_LINK.search(word) for word in comparable_words(text))


def is_part(row: Mapping[str, object], part: Part) -> bool:
    """Whether a post of the timeline is a part: the same words at the same place of the same thread."""
    parents = [ref.get("id") for ref in json_objects(row.get("referenced_tweets")) if ref.get("type") == "replied_to"]
    return parents == ([part.reply_to] if part.reply_to else []) and is_same_post(part.text, str(row["text"]))


def is_whole(row: Mapping[str, object]) -> bool:
    """Whether a post has all the requested fields."""
    return all(isinstance(row.get(key), str) for key in ("text", "created_at")) and bool(
        ID.fullmatch(str(row.get("id")))
    )
