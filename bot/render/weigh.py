"""How long a text is to each platform and what a post would cost. Every limit and price stands with its page."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.records import Post

X_LIMIT = 280
"""Weighted characters; docs.x.com, counting-characters."""
X_ALT_LIMIT = 1000
"""docs.x.com, POST /2/media/metadata."""

# docs.x.com, pricing, August 2026 (pay-per-use, US dollars)
X_POST = Decimal("0.015")
X_POST_WITH_URL = Decimal("0.200")
X_MEDIA_METADATA = Decimal("0.005")

# docs.discord.com, resources/message, "Embed limits"; characters after trimming
EMBED_TITLE, EMBED_DESCRIPTION, EMBED_FIELDS = 256, 4096, 25
EMBED_FIELD_NAME, EMBED_FIELD_VALUE, EMBED_FOOTER, EMBED_TOTAL = 256, 1024, 2048, 6000
DISCORD_ALT_LIMIT = 1024


# Wider than twitter-text's own patterns: it also asks what stands before.
_LINKED = re.compile(r"[@\uff20]\w+|[#\uff03]\w+|\$[A-Za-z]\w*")


def weight(text: str) -> int:
    """Weighted length on X, by its own counting rules."""
    from twitter_text import parse_tweet  # type: ignore[import-untyped]  # 0.3 s: it reads a table of emoji

    return int(parse_tweet(text).weightedLength)


def entities(text: str) -> list[str]:
    """What X would turn into a link, a mention, a tag or a cashtag."""
    return [*_urls(text), *(found[0] for found in _LINKED.finditer(text))]


def cost(post: Post) -> Decimal:
    """What the post would cost in US dollars: an estimate from the published prices. Only X charges."""
    if post.outlet != "x":
        return Decimal(0)
    posts = sum((X_POST_WITH_URL if _urls(part) else X_POST for part in post.parts), Decimal(0))
    return posts + X_MEDIA_METADATA * len(post.pictures)


def _urls(text: str) -> list[str]:
    from twitter_text import extract_urls

    return list(extract_urls(text))
