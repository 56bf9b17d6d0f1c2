"""Answers as Discord shows them: an embed from `templates/discord/answers/`, every digit traced, within the limits.

Pure: an answer in, an embed out. `bot.queries` settles what an answer holds, the face what stands on a page of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.records import Document
from bot.render import digest_posts, environment, text_blocks

PLAIN: Mapping[str, object] = {
    "rows": [],
    "page": {"number": 1, "of": 1, "first": True, "stamped": False},
    "definition": "",
}
"""The facts beside an answer that lists nothing and has one page."""


def answer_embed(
    answer: Document, facts: Mapping[str, Any], hidden: Iterable[str] = (), locale: str = "en"
) -> dict[str, Any]:
    """The embed of an answer, by its `question`. `facts` holds beside it `rows` (what of its list stands on this page),
    `page` and `definition`. Raises `LintError` where the template would show a number that the answer does not have."""
    template = f"discord/answers/{answer['question']}.j2"
    told = {"answer": answer, **facts}
    parts = [
        *_render_blocks("discord", template, told, hidden, locale),
        *_render_blocks("text", "discord/answers/footer.j2", told, hidden, locale),
    ]
    return digest_posts.build_embed([part for part in parts if part.text.strip()], template)


def _render_blocks(
    outlet: str, template: str, facts: Mapping[str, Any], hidden: Iterable[str], locale: str
) -> tuple[text_blocks.TextBlock, ...]:
    words = environment.get_environment(outlet, locale, hidden)
    return text_blocks.parse_blocks(environment.render_raw(words, template, facts), template)
