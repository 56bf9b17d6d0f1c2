"""A text on Mastodon: how it is counted, what it would link, and whether the server's HTML shows it. Pure.

Counting and links: docs.joinmastodon.org/user/posting and github.com/mastodon/mastodon, `StatusLengthValidator`: a link
counts as 23 characters, of a mention the server's name does not count.
"""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

from bot.outlets.post_format import PollFormat, PostFormat, grapheme_length

CHARACTERS = 500
"""The longest post on a server that sets no other limit (entities/Instance, `max_characters`)."""
URL_LENGTH = 23
"""entities/Instance, `characters_reserved_per_url`."""
_URL = re.compile(r"(?:https?|xmpp|magnet)://?[^\s<>\"]+|magnet:\?[^\s<>\"]+", re.IGNORECASE)
_MENTION = re.compile(r"[@\uff20]\w[\w.-]*(?:@[\w.-]+)?")
_HASHTAG = re.compile(r"[#\uff03](?=\w*[^\W\d])\w+")
_EMOJI = re.compile(r"(?<![0-9A-Za-z:]):[0-9A-Za-z_]{2,}:(?![0-9A-Za-z:])")
_SIGNS = str.maketrans({"@": "(at)", "\uff20": "(at)", "\ufe6b": "(at)", "#": "♯", "\uff03": "♯", "\ufe5f": "♯"})
_COLON = re.compile(r":(?=//|\?)|(?<![0-9A-Za-z]):(?=[0-9A-Za-z_]{2})")
"""The colon of an address, and the first one of an emoji, which the text after a name might complete."""


def counted_length(text: str) -> int:
    """Length as Mastodon counts it: characters as readers see them, a link as 23."""
    return grapheme_length(_URL.sub("x" * URL_LENGTH, text))


def for_mastodon(text: str) -> str:
    """A text without anything that Mastodon would turn into a mention, a hashtag, a link or a custom emoji."""
    return _COLON.sub("\u2236", text.translate(_SIGNS))


def _linked(text: str) -> list[str]:
    return [match[0] for pattern in (_URL, _MENTION, _HASHTAG, _EMOJI) for match in pattern.finditer(text)]


FORMAT = PostFormat(
    CHARACTERS,
    counted_length,
    "characters as Mastodon counts",
    escape=for_mastodon,
    linked=_linked,
    links="address",
    pictures=True,
    poll=PollFormat(CHARACTERS, 50),
    correction="reply",
)
"""Polls: entities/Instance, `polls`, of a server that sets no other limits."""


class _Words(HTMLParser):
    """The text of a post's HTML. A paragraph or a line ends a word, an element inside a line does not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.text += "\n" if tag in ("p", "br") else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def is_same_text(ours: str, shown: str) -> bool:
    """Whether the HTML of a post shows a text: all words are equal, and there is at least one. HTML that is far too
    long is not read, because the parser takes time with the square of its length."""
    if len(shown) > 1000 + 20 * len(ours):
        return False
    reader = _Words()
    reader.feed(shown)
    reader.close()
    return bool(_words(ours)) and _words(ours) == _words(reader.text)


def _words(text: str) -> list[str]:
    text = unicodedata.normalize("NFC", text)
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf").split()
