"""What comes out: digests as documents, posts, and the proof that they arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]
"""A digest as JSON: what the archive keeps and every face shows. `docs/digest.md` holds its shape."""


def catalogues_and_panels(document: Document) -> list[dict[str, Any]]:
    """A digest's catalogues and panels alike."""
    return [*document["catalogues"], *document.get("panels", [])]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure: PNG or SVG bytes and the same facts in words."""

    name: str
    content: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Poll:
    """A question put to readers, with its answers in order."""

    question: str
    answers: tuple[str, ...]
    lasts: timedelta
    name: str = ""
    """What the configuration calls it: the same from week to week, whatever numbers the question holds."""
    english: tuple[str, ...] = ()
    """Question and answers in English, where they are asked in another language."""

    @property
    def english_texts(self) -> tuple[str, ...]:
        """Question and answers as digests tell them, in English like the rest of a digest."""
        return self.english or (self.question, *self.answers)


@dataclass(frozen=True, slots=True)
class Post:
    """What one outlet gets: parts of text in order, pictures with alt text, and for Discord an embed."""

    outlet: str
    parts: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    embed: Mapping[str, object] | None = None
    poll: Poll | None = None
    """Goes with the last part."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that one part reached one destination."""

    outlet: str
    destination: str
    part: int
    platform_id: str
    url: str
    at: datetime
