"""Renders a digest as each outlet's post. Pure: a document in, a post out, always within the platform's limits.

In a thread, a block that opens a paragraph may start a part; the others follow the sentence before them. Blocks that do
not fit into the allowed parts are dropped whole, the least important first, as in a single post.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot import config, findings, platform_limits
from bot.records import COMPARISON, Document, Message, Picture, Post
from bot.render import embeds, polls
from bot.render.document_translation import translate_to_text
from bot.render.environment import render_blocks
from bot.render.escaping import for_x
from bot.render.text_blocks import PARAGRAPH, LintError, TextBlock, TooLongError, fit_blocks, tidy_text, utf16_length
from bot.x_text import find_urls, possible_entities, weighted_length

Head = Callable[..., str]
"""What a part begins with: its number, how many there are, and whether there is nothing left to say in it."""

PARTS = range(1, 6)
"""How many parts a thread has: each costs what a post costs."""


def build_thread(parts: Sequence[TextBlock], head: Head, wanted: range) -> tuple[str, ...]:
    """The parts of a thread, each within X's limit; from the second on with their head, the first with its number at
    its end where there are more. Raises `TooLongError` if the required text does not fit `wanted`."""
    most = wanted[-1]
    # Of pieces with the same title, which are ways to say the same, the first.
    titles = [part.title for part in parts]
    kept = [part for n, part in enumerate(parts) if not part.title or part.title not in titles[:n]]
    room = platform_limits.X_TEXT - max(weighted_length(head(number, most)) for number in range(1, most + 1)) - 1
    while len(texts := _pack_parts(kept, room)) > most:
        least = max((piece for piece in kept if piece.rank), key=lambda piece: piece.rank, default=None)
        if least is None:
            raise TooLongError(f"found {len(texts)} parts in the required text, wanted at most {most}")
        kept.remove(least)
    of = max(len(texts), wanted[0])
    if of == 1:
        return tuple(texts)
    later = [f"{head(number, of)}\n{text}" for number, text in enumerate(texts[1:], 2)]
    empty = [head(number, of, taken_back=True) for number in range(len(texts) + 1, of + 1)]
    return (f"{texts[0]}\n{head(1, of)}", *later, *empty)


def _pack_parts(parts: Sequence[TextBlock], room: int) -> list[str]:
    texts: list[str] = []
    for paragraph in _group_paragraphs(parts):
        text = fit_blocks(paragraph, weighted_length, room)
        longer = f"{texts[-1]}\n\n{text}" if texts else ""
        if longer and weighted_length(longer) <= room:
            texts[-1] = longer
        elif text:
            texts.append(text)
    return texts


def _group_paragraphs(parts: Sequence[TextBlock]) -> list[list[TextBlock]]:
    paragraphs: list[list[TextBlock]] = []
    for piece in parts:
        if not paragraphs or piece.text.lstrip().startswith(PARAGRAPH):
            paragraphs.append([])
        paragraphs[-1].append(piece)
    return paragraphs


@dataclass(frozen=True, slots=True)
class PostRenderOptions:
    """The options of a post besides its digest."""

    locale: str = "en"
    hidden_names: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    poll: config.PollConfig | None = None
    """The poll of the post."""
    thread: range | None = None
    """How many text parts a thread may have; `None`: a single post."""
    page_url: str = ""
    """The address of the digest's page, linked where links are free."""


def build_post(document: Document, outlet: str, options: PostRenderOptions | None = None) -> Post:
    """The post of a digest on "x", "discord" or "text". Raises `LintError` if a template would publish a number that no
    figure backs, `TooLongError` if even the shortest form exceeds the platform's limit."""
    if outlet not in _OUTLETS:
        raise KeyError(f"there are no posts for {outlet}; known: {', '.join(_OUTLETS)}")
    return _OUTLETS[outlet](document, options or PostRenderOptions())


def preview_text(post: Post, paths: Sequence[str] = (), locale: str = "en") -> str:
    """A post's preview: its text, its weighted length and cost, each picture's path and alt text."""
    facts = {
        "outlet": post.outlet,
        "limit": platform_limits.X_TEXT,
        "cost": f"{cost(post):f}",
        "pictures": [
            {"path": path, "alt": picture.alt, "length": len(picture.alt)}
            for picture, path in zip(post.pictures, [*paths, *[""] * len(post.pictures)], strict=False)
        ],
        "parts": [{"weight": weighted_length(part), "length": len(part)} for part in post.parts],
        "total": embeds.embed_length(post.embed) if post.embed else 0,
        "embed_limit": platform_limits.EMBED_TOTAL,
    }
    about = render_blocks("text", "text/preview.j2", {"p": facts}, locale)
    words = "\n\n".join(embeds.embed_texts(post.embed) if post.embed else post.parts)
    if post.poll:
        answers = "\n".join(f"( ) {answer}" for answer in post.poll.answers)
        over = post.parts[-1] if post.embed else ""
        words = f"{words}\n\n{over}\nPoll: {post.poll.question}\n{answers}"
    return f"{words}\n\n{fit_blocks(about, len, 10**6)}"


def cost(post: Post) -> Decimal:
    """The cost of a post in US dollars: an estimate from the published prices. Only X charges."""
    if post.outlet != "x":
        return Decimal(0)
    prices = (platform_limits.X_POST_WITH_LINK if find_urls(part) else platform_limits.X_POST for part in post.parts)
    return sum(prices, Decimal(0)) + platform_limits.X_ALT_TEXT * len(post.pictures)


def picture_words(document: Document, locale: str = "en", hidden: Sequence[str] = ()) -> tuple[str, str]:
    """The title of a digest's picture, which is its finding, and its foot: the source and the day of the reading."""
    blocks = render_blocks("text", "text/picture.j2", template_context(document), locale, hidden)
    title, foot = (
        tidy_text(" ".join(block.text for block in blocks if block.title == part)) for part in ("title", "foot")
    )
    # A long title keeps its first sentences.
    while len(title) > _TITLE and (cut := title[:-1].rpartition(". ")[0]):
        title = cut
    return title.rstrip(".。"), foot


def finding_text(finding: Mapping[str, Any], catalogue: Mapping[str, Any], locale: str = "en") -> str:
    """A finding as text, from `templates/findings/<its key>.j2` and its values only."""
    blocks = render_blocks("text", "text/finding.j2", {"finding": finding, "c": catalogue}, locale)
    return tidy_text("".join(block.text for block in blocks))


def _x_post(document: Document, options: PostRenderOptions) -> Post:
    facts, style = template_context(document), (options.locale, options.hidden_names)
    template = f"x/{_template_name(document)}.j2"
    blocks = render_blocks("x", template, facts, *style) + _licence_blocks(facts["c"]["gaps"], options.locale)
    poll = polls.render_poll(options.poll, facts, "x", options.locale) if options.poll else None

    def head(number: int, of: int, taken_back: bool = False) -> str:
        """The start of a thread's later parts, so that they differ from those of other days; 0: the poll's."""
        at = {"number": number, "of": of, "taken_back": taken_back}
        part = render_blocks("x", "x/part.j2", {**facts, "at": at}, *style)
        return fit_blocks(part, weighted_length, platform_limits.X_TEXT)

    if options.thread:
        texts = build_thread(blocks, head, options.thread)
        texts += (f"{head(0, 0)}\n{poll.question}",) if poll else ()
    else:
        blocks += (TextBlock("text", "", 0, PARAGRAPH + poll.question),) if poll else ()
        texts = (fit_blocks(blocks, weighted_length, platform_limits.X_TEXT),)
    if links := [entity.text for text in texts for entity in possible_entities(text)]:
        raise LintError(f"{template}: found {links[0]!r}, which X would link, wanted no link, mention or tag")
    # A poll and a picture exclude each other.
    return Post("x", texts, () if poll and len(texts) == 1 else options.pictures, poll=poll)


def _template_name(document: Document) -> str:
    return "networks" if document["network"] == COMPARISON else "digest"


def _licence_blocks(gaps: Sequence[str], locale: str) -> tuple[TextBlock, ...]:
    """The source of numbers whose licence asks every post to name it."""
    named = (gap for gap in gaps if isinstance(gap, Message) and gap.code == "source_licensed")
    return tuple(TextBlock("text", "", 0, PARAGRAPH + for_x(translate_to_text(gap, locale))) for gap in named)


def _discord_post(document: Document, options: PostRenderOptions) -> Post:
    facts, style = template_context(document), (options.locale, options.hidden_names)
    facts |= {"page": bool(options.page_url)}
    template = f"discord/{_template_name(document)}.j2"
    blocks = render_blocks("discord", template, facts, *style)
    blocks += render_blocks("text", "discord/footer.j2", facts, *style)
    embed = embeds.build_embed(blocks, template, options.page_url, options.locale)
    post = Post("discord", ("",), options.pictures, embed)
    if options.poll is None:
        return post
    # A message with a poll has no embed, so it is a separate message.
    over = fit_blocks(render_blocks("discord", "discord/poll.j2", facts, *style), utf16_length, _OVER_POLL)
    return replace(post, parts=("", over), poll=polls.render_poll(options.poll, facts, "discord", options.locale))


def _text_post(document: Document, options: PostRenderOptions) -> Post:
    # For a terminal, always in English.
    template = f"text/{_template_name(document)}.j2"
    blocks = render_blocks("text", template, template_context(document), "en", options.hidden_names)
    return Post("text", (fit_blocks(blocks, len, 10**6),), options.pictures)


_TITLE = 110
"""Most characters of a picture's title, where it has sentences to drop."""
_SHORT = frozenset({"ladder", "mover"})
"""Forms of leads whose posts leave out what is always true."""
_OVER_POLL = 2000
"""docs.discord.com, resources/message, Create Message, `content`."""
_OUTLETS: dict[str, Callable[[Document, PostRenderOptions], Post]] = {
    "x": _x_post,
    "discord": _discord_post,
    "text": _text_post,
}


def template_context(document: Document) -> dict[str, Any]:
    """The context of templates: `d` the digest (the headline's change first; `fresh`: its day was yesterday), `c` the
    headline's catalogue, `headline` the figure's key, `lead` what it opens with, `changes` the changes beside its
    figures, `others` the other catalogues and panels, `shown` all of them."""
    headline, leading = document["headline"]["figure"], leading_block(document)
    others = [c for c in document["catalogues"] if c is not leading] + list(document.get("panels", []))
    changes = sorted(document["changes"], key=lambda change: change["figure"] != headline)
    composed = datetime.fromisoformat(document["composed_at"]).date()
    # A daily digest composed on the day after: its post may say "yesterday" beside the date.
    fresh = document["period"] == "day" and composed - date.fromisoformat(document["day"]) == timedelta(days=1)
    return {
        "d": {**document, "changes": changes, "fresh": fresh},
        "c": leading,
        "headline": headline,
        "lead": _lead_context(document),
        "others": others,
        "shown": [leading, *others],
        "changes": findings.figure_changes(document, leading),
    }


def leading_block(document: Document) -> dict[str, Any]:
    """The catalogue that a digest's headline is about."""
    catalogues: list[dict[str, Any]] = document["catalogues"]
    return next((c for c in catalogues if c["catalogue"] == document["headline"]["catalogue"]), catalogues[0])


def _lead_context(document: Document) -> dict[str, Any]:
    """`form`, `finding` and `again` of the lead; `whole`: what all use did, if a mover of one day leads; `step`: models
    used against the period before; `proven_step`: proven use against the day before; `first_day`: the finding that it
    is the first; `moves`: who gained and lost most in a week or month, if that leads; `period`: what else every post
    about one tells; `others`: further news; `short`: what is always true is left out, because nothing happened or the
    lead has the exact total."""
    lead = findings.lead_of(document)
    move = findings.find_in(document, "model_move") if lead.form == "mover" else None
    same = move is not None and move["values"]["model"] == lead.protagonist and _is_of_one_day(lead.finding)
    news, leading = _headline_findings(document), lead.finding
    moves = [finding for finding in news if finding["key"] == "period_move"]
    moves.sort(key=lambda finding: finding is not leading)
    rest = [finding for finding in news if finding["key"] == "period_arrivals" and finding is not leading]
    step = findings.find_in(document, "used_models_step") or findings.find_in(document, "period_step")
    if not (leads := leading is not None and leading["key"] == "period_move"):
        rest = moves + rest
    others = [finding for finding in findings.other_news(document, lead) if not finding["key"].startswith("period_")]
    if lead.form == "mover" and not same and (total := findings.find_in(document, "total_change")):
        others.insert(0, total)
    return {
        "form": lead.form,
        "finding": lead.finding,
        "again": lead.again,
        "short": document["period"] == "day"
        and (lead.form in _SHORT or _tells_total(leading) or (lead.form == "standing" and step is not None)),
        "whole": move["values"] if move is not None and same else None,
        "step": step,
        "proven_step": proven["values"] if (proven := findings.find_in(document, "uses_step")) else None,
        "first_day": findings.find_in(document, "first_day"),
        "moves": moves if leads else [],
        "period": rest,
        "others": others,
    }


def _is_of_one_day(finding: Mapping[str, Any] | None) -> bool:
    """Whether a mover is told against the day before, so that "all runs" beside it means the same two days."""
    if finding is None or finding["key"] != "passing_surge":
        return finding is not None and finding["key"] == "model_move"
    peak, day = (date.fromisoformat(finding["values"][name]) for name in ("peak_day", "day"))
    return day - peak == timedelta(days=1)


def _tells_total(finding: Mapping[str, Any] | None) -> bool:
    """Whether a finding has all use of the day as an exact number."""
    return finding is not None and (finding["key"] == "total_change" or finding["values"].get("metric") == "uses")


def _headline_findings(document: Document) -> list[Mapping[str, Any]]:
    wanted = document["headline"]["catalogue"]
    return next((list(block["findings"]) for block in document["catalogues"] if block["catalogue"] == wanted), [])
