"""Discord embeds within Discord's limits: of digests, and of answers from `templates/discord/answers/`.

Pure: text in, an embed out. `bot.queries` decides what an answer holds, the interface what one page of it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot import i18n
from bot import platform_limits as limits
from bot.i18n import N_
from bot.records import Document
from bot.render.environment import render_blocks
from bot.render.text_blocks import PARAGRAPH, TextBlock, TooLongError, fit_blocks, tidy_text, utf16_length, whole_lines

PLAIN: Mapping[str, object] = {
    "rows": [],
    "page": {"number": 1, "of": 1, "first": True, "stamped": False},
    "definition": "",
}
"""The values of an answer without a list, which has one page."""
_PAGE = N_("All figures, and what is not known")
"""The words of the link to a page."""
_DESCRIPTION_SHARE = 2600
"""Characters of the 4,096 that a description may have, so that 6,000 in total leave room for the fields."""


def answer_embed(
    answer: Document, facts: Mapping[str, Any], hidden: Iterable[str] = (), locale: str = "en", page_url: str = ""
) -> dict[str, Any]:
    """The embed of an answer, by its `question`. `facts` also holds `rows` (the rows of this page), `page` and
    `definition`; `page_url` is the page with all figures. Raises `LintError` if the template would show a number that
    the answer does not have."""
    template, context = f"discord/answers/{answer['question']}.j2", {"answer": answer, **facts}
    blocks = render_blocks("discord", template, context, locale, hidden)
    blocks += render_blocks("text", "discord/answers/footer.j2", context, locale, hidden)
    return build_embed([block for block in blocks if block.text.strip()], template, page_url, locale)


def build_embed(blocks: Sequence[TextBlock], template: str, page_url: str = "", locale: str = "en") -> dict[str, Any]:
    """Title, description, footer, then as many fields as fit, in their order. The title and the last line of the
    description link to `page_url`, if there is one. Raises `TooLongError`."""
    if page_url:
        blocks = [*blocks, TextBlock("description", "", 0, f"{PARAGRAPH}[{page_words(locale)}]({page_url})")]

    def fitted(kind: str, limit: int) -> str:
        return fit_blocks([block for block in blocks if block.kind == kind], utf16_length, limit)

    embed: dict[str, Any] = {
        "title": fitted("title", limits.EMBED_TITLE),
        "description": fitted("description", _DESCRIPTION_SHARE),
        "fields": [],
        **({"url": page_url} if page_url else {}),
        "footer": {"text": fitted("footer", limits.EMBED_FOOTER)},
    }
    for block in blocks:
        name = tidy_text(block.title)
        left = limits.EMBED_TOTAL - embed_length(embed) - utf16_length(name)
        value = whole_lines(tidy_text(block.text), utf16_length, min(limits.EMBED_FIELD_VALUE, left))
        if block.kind in ("field", "wide") and value and len(embed["fields"]) < limits.EMBED_FIELDS:
            embed["fields"].append({"name": name, "value": value, "inline": block.kind == "field"})
    if not embed["title"] or any(utf16_length(f["name"]) > limits.EMBED_FIELD_NAME for f in embed["fields"]):
        raise TooLongError(f"{template}: found no title or a field name that is too long")
    return embed


def page_words(locale: str) -> str:
    """The words of the link to a digest's page."""
    return i18n.translator_for(locale).translate_text(_PAGE)


def embed_texts(embed: Mapping[str, Any]) -> list[str]:
    """Every text of an embed, in order; a field is one text of two lines."""
    fields = [f"{field['name']}\n{field['value']}" for field in embed.get("fields", [])]
    return [embed["title"], embed["description"], *fields, embed["footer"]["text"]]


def embed_length(embed: Mapping[str, Any]) -> int:
    """The length that Discord limits to 6,000."""
    return sum(map(utf16_length, embed_texts(embed))) - len(embed.get("fields", []))
