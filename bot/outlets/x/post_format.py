"""What a post on X is."""

from __future__ import annotations

import re

from bot import platform_limits
from bot.outlets.post_format import PollFormat, PostFormat
from bot.x_text import possible_entities, weighted_length

# X links foo.io, @foo, #foo and $FOO (twitter-text). A dot before a figure (1.1) or a space cannot link and stays.
_SIGNS = str.maketrans(
    {"@": "(at)", "\uff20": "(at)", "\ufe6b": "(at)", "#": "♯", "\uff03": "♯", "\ufe5f": "♯", "\ufe69": "\uff04"}
)
_DOT = re.compile(r"[.\uff0e\uff61\u2024](?![\s0-9.,;:!?)]|$)")
_MONEY = re.compile(r"\$(?![\s0-9]|$)")


def for_x(text: str) -> str:
    """A text without anything that X would turn into a link, a mention, a tag or a cashtag."""
    return _MONEY.sub("\uff04", _DOT.sub("·", text.translate(_SIGNS)))


def _linked(text: str) -> list[str]:
    return [entity.text for entity in possible_entities(text)]


FORMAT = PostFormat(
    platform_limits.X_TEXT,
    weighted_length,
    "weighted length",
    escape=for_x,
    linked=_linked,
    pictures=True,
    poll=PollFormat(100, platform_limits.X_POLL_ANSWER),
    correction="post",
    sample=(
        "12 of 345 models were used on 5 March 2026 \U0001f463, 模型 too. See https://example.org/a/long/address",
        84,
    ),
    example=True,
)
"""A poll's question is part of the post, which has 280 in all."""
