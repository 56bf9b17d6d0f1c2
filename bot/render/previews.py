"""A post as `preview` shows it: its text, its length and cost, its pictures with their alt texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from bot import outlets
from bot.outlets import Part
from bot.records import Post
from bot.render import embeds
from bot.render.environment import render_blocks
from bot.render.escaping import format_of
from bot.render.text_blocks import fit_blocks


def post_lengths(post: Post) -> list[int]:
    """The length of each part, as the outlet counts; a terminal counts nothing."""
    if post.outlet == "text":
        return []
    if post.embed:
        return [embeds.embed_length(post.embed)]
    return [outlets.post_format(post.outlet).size(part) for part in post.parts]


def cost(post: Post) -> Decimal:
    """The cost of a post in US dollars: an estimate from the published prices."""
    if post.outlet not in outlets.posting_outlets():
        return Decimal(0)
    price = outlets.load_module(post.outlet).cost
    parts = [Part(text, "", post.pictures if number == 0 else ()) for number, text in enumerate(post.parts)]
    return sum(map(price, parts), Decimal(0))


def preview_text(post: Post, paths: Sequence[str] = (), locale: str = "en", limit: int | None = None) -> str:
    """A post's preview: its text and data, its length and cost, each picture's path and alt text. `limit`: the longest
    text, where the settings say another than the outlet."""
    declared, price = format_of(post.outlet), cost(post)
    facts: dict[str, Any] = {
        "counted": declared.counted,
        "limit": limit or declared.limit,
        "lengths": post_lengths(post),
        "cost": f"{price:f}" if price else "",
        "link": post.link.url if post.link and post.link.words != post.link.url else "",
        "pictures": [
            {"path": path, "alt": picture.alt, "length": len(picture.alt)}
            for picture, path in zip(post.pictures, [*paths, *[""] * len(post.pictures)], strict=False)
        ],
    }
    about = render_blocks("text", "text/preview.j2", {"p": facts}, locale)
    words = "\n\n".join(embeds.embed_texts(post.embed) if post.embed else post.parts)
    if post.poll:
        answers = "\n".join(f"( ) {answer}" for answer in post.poll.answers)
        over = post.parts[-1] if post.embed else ""
        words = f"{words}\n\n{over}\nPoll: {post.poll.question}\n{answers}"
    if post.data:
        words = f"{words}\n\n{json.dumps(post.data, indent=2, ensure_ascii=False)}"
    return f"{words}\n\n{fit_blocks(about, len, 10**6)}"
