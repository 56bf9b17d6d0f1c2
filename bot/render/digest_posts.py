"""A digest as what each outlet gets. Pure: a document in, a post out, always within the platform's limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from bot import config, platform_limits
from bot.records import Document, Picture, Post
from bot.render import environment, number_lint, polls, text_blocks, x_text, x_threads
from bot.render.text_blocks import TextBlock, TooLongError


@dataclass(frozen=True, slots=True)
class PostRenderOptions:
    """What a post can be told beside its digest."""

    locale: str = "en"
    hidden_names: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    poll: config.PollConfig | None = None
    """To be asked with it."""
    thread: range | None = None
    """How many parts of words a thread may have; `None`: one post."""


def build_post(document: Document, outlet: str, options: PostRenderOptions | None = None) -> Post:
    """The post of a digest on "x", "discord" or "text". Raises `LintError` for a template that would publish a number
    which no figure backs, `TooLongError` where even the shortest form exceeds the platform's limit."""
    if outlet not in _OUTLETS:
        raise KeyError(f"no post is written for {outlet}; known: {', '.join(_OUTLETS)}")
    return _OUTLETS[outlet](document, options or PostRenderOptions())


def preview_text(post: Post, paths: Sequence[str] = (), locale: str = "en") -> str:
    """A post as `preview_text` shows it: the words, what they weigh and cost, each picture's path and alt text."""
    rows = [
        {"path": path, "alt": picture.alt, "length": len(picture.alt)}
        for picture, path in zip(post.pictures, [*paths, *[""] * len(post.pictures)], strict=False)
    ]
    heads = [{"weight": x_text.weight(part), "length": len(part)} for part in post.parts]
    made = x_text.cost(post)
    facts = {
        "outlet": post.outlet,
        "limit": platform_limits.X_TEXT,
        "cost": f"{made:f}",
        "pictures": rows,
        "parts": heads,
    }
    facts |= {"total": embed_length(post.embed) if post.embed else 0, "embed_limit": platform_limits.EMBED_TOTAL}
    about = _render_blocks("text", "text/preview.j2", {"p": facts}, PostRenderOptions(locale))
    words = embed_text(post.embed) if post.embed else "\n\n".join(post.parts)
    if post.poll:
        answers = "\n".join(f"( ) {answer}" for answer in post.poll.answers)
        over = post.parts[-1] if post.embed else ""
        words = f"{words}\n\n{over}\nPoll: {post.poll.question}\n{answers}"
    return f"{words}\n\n{text_blocks.fit_blocks(about, len, 10**6)}"


def finding_text(finding: Mapping[str, Any], catalogue: Mapping[str, Any], locale: str = "en") -> str:
    """A finding in plain words, from `templates/findings/<its key>.j2` and nothing but its values."""
    parts = _render_blocks("text", "text/finding.j2", {"finding": finding, "c": catalogue}, PostRenderOptions(locale))
    return text_blocks.tidy_text("".join(part.text for part in parts))


# --- outlets -----------------------------------------------------------------------------------------------------


def _x_post(document: Document, options: PostRenderOptions) -> Post:
    facts = template_context(document)
    said = _render_blocks("x", "x/digest.j2", facts, options)
    poll = polls.render_poll(options.poll, facts, "x", options.locale) if options.poll else None
    if options.thread:
        texts = x_threads.build_thread(said, lambda *at: _part_head(facts, options, *at), options.thread)
        texts += (f"{_part_head(facts, options, 0, 0)}\n{poll.question}",) if poll else ()
    else:
        said += (TextBlock("text", "", 0, text_blocks.PARAGRAPH + poll.question),) if poll else ()
        texts = (text_blocks.fit_blocks(said, x_text.weight, platform_limits.X_TEXT),)
    if found := [entity for text in texts for entity in x_text.linked_entities(text)]:
        raise number_lint.LintError(
            f"x/digest.j2: found {found[0]!r}, which X would link, wanted no link, mention or tag"
        )
    # A poll and a picture exclude each other.
    return Post("x", texts, () if poll and len(texts) == 1 else options.pictures, poll=poll)


def _part_head(
    facts: Mapping[str, Any], options: PostRenderOptions, number: int, of: int, taken_back: bool = False
) -> str:
    """What the later parts of a thread begin with, so that none is like that of another day; 0: the poll's."""
    at = {"number": number, "of": of, "taken_back": taken_back}
    return text_blocks.fit_blocks(
        _render_blocks("x", "x/part.j2", {**facts, "at": at}, options), x_text.weight, platform_limits.X_TEXT
    )


def _discord_post(document: Document, options: PostRenderOptions) -> Post:
    facts = template_context(document)
    parts = _render_blocks("discord", "discord/digest.j2", facts, options) + _render_blocks(
        "text", "discord/footer.j2", facts, options
    )
    made = Post("discord", ("",), options.pictures, build_embed(parts, "discord/digest.j2"))
    if options.poll is None:
        return made
    # A message with a poll has no embed, so it is one of its own.
    over = text_blocks.fit_blocks(
        _render_blocks("discord", "discord/poll.j2", facts, options), platform_limits.utf16_length, _OVER_POLL
    )
    return replace(made, parts=("", over), poll=polls.render_poll(options.poll, facts, "discord", options.locale))


def _text_post(document: Document, options: PostRenderOptions) -> Post:
    # For a terminal, which speaks English.
    parts = _render_blocks("text", "text/digest.j2", template_context(document), replace(options, locale="en"))
    return Post("text", (text_blocks.fit_blocks(parts, len, 10**6),), options.pictures)


_OUTLETS: dict[str, Callable[[Document, PostRenderOptions], Post]] = {
    "x": _x_post,
    "discord": _discord_post,
    "text": _text_post,
}


def template_context(document: Document) -> dict[str, Any]:
    """What templates are given: `d` the digest (the headline's change first; `fresh`: its day was yesterday), `c` the
    catalogue of its headline, `headline` the figure's key, `others` the further catalogues and panels, `shown` all of
    them, `unknown` the labels of unknown figures with their reason."""
    digest: dict[str, Any] = document
    catalogues: list[dict[str, Any]] = digest["catalogues"]
    leading = next((c for c in catalogues if c["catalogue"] == digest["headline"]["catalogue"]), catalogues[0])
    others = [c for c in catalogues if c is not leading] + list(digest.get("panels", []))
    unknown: dict[str, list[str]] = {}
    for figure in leading["figures"].values():
        if figure["value"] is None:
            unknown.setdefault(figure["unknown"], []).append(figure["label"])
    reasons = [{"reason": reason, "labels": labels} for reason, labels in unknown.items()]
    headline = digest["headline"]["figure"]
    changes = sorted(digest["changes"], key=lambda change: change["figure"] != headline)
    digest = {**digest, "changes": changes, "fresh": _is_fresh(document)}
    return {
        "d": digest,
        "c": leading,
        "headline": headline,
        "others": others,
        "shown": [leading, *others],
        "unknown": reasons,
    }


def _is_fresh(document: Document) -> bool:
    """Whether a day's digest was made on the day after, so that its post may say "yesterday" beside the date."""
    made = datetime.fromisoformat(document["composed_at"]).date()
    return bool(document["period"] == "day" and made - date.fromisoformat(document["day"]) == timedelta(days=1))


def _render_blocks(
    outlet: str, template: str, facts: Mapping[str, Any], options: PostRenderOptions
) -> tuple[TextBlock, ...]:
    words = environment.get_environment(outlet, options.locale, options.hidden_names)
    return text_blocks.parse_blocks(environment.render_raw(words, template, facts), template)


# --- embeds ------------------------------------------------------------------------------------------------------


def embed_length(embed: Mapping[str, Any]) -> int:
    """What Discord adds up against its limit of 6,000."""
    fields = [text for field in embed.get("fields", []) for text in (field["name"], field["value"])]
    return sum(
        map(platform_limits.utf16_length, [embed["title"], embed["description"], *fields, embed["footer"]["text"]])
    )


def embed_text(embed: Mapping[str, Any]) -> str:
    """An embed as text, for a preview."""
    fields = [f"{field['name']}\n{field['value']}" for field in embed["fields"]]
    return "\n\n".join([embed["title"], embed["description"], *fields, embed["footer"]["text"]])


def build_embed(parts: Sequence[TextBlock], template: str) -> dict[str, Any]:
    """Title, description, footer, then as many fields as fit, in their order. Raises `TooLongError`."""

    def of(kind: str, limit: int) -> str:
        return text_blocks.fit_blocks(
            [part for part in parts if part.kind == kind], platform_limits.utf16_length, limit
        )

    made: dict[str, Any] = {
        "title": of("title", platform_limits.EMBED_TITLE),
        "description": of("description", _DESCRIPTION_SHARE),
        "fields": [],
        "footer": {"text": of("footer", platform_limits.EMBED_FOOTER)},
    }
    for part in parts:
        name = text_blocks.tidy_text(part.title)
        left = platform_limits.EMBED_TOTAL - embed_length(made) - platform_limits.utf16_length(name)
        value = text_blocks.whole_lines(
            text_blocks.tidy_text(part.text), platform_limits.utf16_length, min(platform_limits.EMBED_FIELD_VALUE, left)
        )
        if part.kind in _FIELDS and value and len(made["fields"]) < platform_limits.EMBED_FIELDS:
            made["fields"].append({"name": name, "value": value, "inline": part.kind == "field"})
    if platform_limits.utf16_length(made["title"]) == 0 or any(
        platform_limits.utf16_length(f["name"]) > platform_limits.EMBED_FIELD_NAME for f in made["fields"]
    ):
        raise TooLongError(f"{template}: found no title or a field name that is too long")
    return made


_FIELDS = ("field", "wide")
_OVER_POLL = 2000
"""docs.discord.com, resources/message, Create Message, `content`."""
_DESCRIPTION_SHARE = 2600
"""Of the 4,096 a description may have, so that 6,000 in all leave room for the fields."""
