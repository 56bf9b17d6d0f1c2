"""Digests as documents, posts, and the receipts of posts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]
"""A digest as JSON: the archive stores it and every interface shows it. `docs/digest.md` describes it."""


def catalogues_and_panels(document: Document) -> list[dict[str, Any]]:
    return [*document["catalogues"], *document.get("panels", [])]


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart: PNG or SVG bytes, and the same facts in words."""

    name: str
    content: bytes
    alt: str


@dataclass(frozen=True, slots=True)
class Poll:
    """A question to readers, with its answers in order."""

    question: str
    answers: tuple[str, ...]
    lasts: timedelta
    name: str = ""
    """The name in the configuration, the same from week to week."""
    english: tuple[str, ...] = ()
    """Question and answers in English, if they are asked in another language."""

    @property
    def english_texts(self) -> tuple[str, ...]:
        """Question and answers in English, as digests have them."""
        return self.english or (self.question, *self.answers)


@dataclass(frozen=True, slots=True)
class Link:
    """A link from a post to a page: the words that carry it, or the address itself, at the end of the post's text."""

    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Post:
    """What one outlet gets: parts of text in order, pictures with alt text, and the form that its platform takes."""

    outlet: str
    parts: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    embed: Mapping[str, object] | None = None
    poll: Poll | None = None
    """Posted with the last part."""
    link: Link | None = None
    data: Mapping[str, object] | None = None
    """The digest's figures, for an outlet that takes data."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof that one part reached one destination."""

    outlet: str
    destination: str
    part: int
    platform_id: str
    url: str
    at: datetime
