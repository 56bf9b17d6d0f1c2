"""How long a text is to X, what in it X would link, and what a post would cost."""

from __future__ import annotations

import re
from decimal import Decimal

from bot import limits
from bot.limits import weight
from bot.records import Post

__all__ = ["cost", "entities", "weight"]

# Wider than twitter-text's own patterns: it also asks what stands before.
_LINKED = re.compile(r"[@\uff20]\w+|[#\uff03]\w+|\$[A-Za-z]\w*")


def entities(text: str) -> list[str]:
    """What X would turn into a link, a mention, a tag or a cashtag."""
    return [*limits.links(text), *(found[0] for found in _LINKED.finditer(text))]


def cost(post: Post) -> Decimal:
    """What the post would cost in US dollars: an estimate from the published prices. Only X charges."""
    if post.outlet != "x":
        return Decimal(0)
    posts = sum((limits.X_POST_WITH_LINK if limits.links(part) else limits.X_POST for part in post.parts), Decimal(0))
    return posts + limits.X_ALT_TEXT * len(post.pictures)
