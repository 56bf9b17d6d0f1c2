"""How long a text is to X, what in it X would link, and what a post would cost."""

from __future__ import annotations

from decimal import Decimal

from bot import platform_limits, x_text
from bot.records import Post
from bot.x_text import weighted_length as weight

__all__ = ["cost", "linked_entities", "weight"]


def linked_entities(text: str) -> list[str]:
    """What X would turn into a link, a mention, a tag or a cashtag."""
    return [entity.text for entity in x_text.possible_entities(text)]


def cost(post: Post) -> Decimal:
    """What the post would cost in US dollars: an estimate from the published prices. Only X charges."""
    if post.outlet != "x":
        return Decimal(0)
    posts = sum(
        (platform_limits.X_POST_WITH_LINK if x_text.find_urls(part) else platform_limits.X_POST for part in post.parts),
        Decimal(0),
    )
    return posts + platform_limits.X_ALT_TEXT * len(post.pictures)
