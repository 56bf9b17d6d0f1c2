"""Renders a digest as each outlet's post. Pure: a document in, a post out, always within the platform's limits.

What an outlet's posts are follows from its `FORMAT`: a text (`post/`), an embed (`discord/`) or a text with data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from bot import config, findings, outlets
from bot.outlets import PostFormat
from bot.records import COMPARISON, Document, Link, Message, Picture, Post
from bot.render import digest_data, embeds, polls
from bot.render.document_translation import translate_to_text
from bot.render.environment import render_blocks
from bot.render.text_blocks import PARAGRAPH, LintError, TextBlock, fit_blocks, tidy_text, utf16_length
from bot.render.threads import build_thread


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
    limit: int | None = None
    """The longest text, where the outlet's settings say another than its format."""


def build_post(document: Document, outlet: str, options: PostRenderOptions | None = None) -> Post:
    """The post of a digest on an outlet, or as "text" for a terminal. Raises `LintError` if a template would publish a
    number that no figure backs, `TooLongError` if even the shortest form exceeds the platform's limit."""
    options = options or PostRenderOptions()
    if outlet == "text":
        return _terminal_text(document, options)
    declared = outlets.post_format(outlet)
    return _FORMS[declared.form](_Request(document, outlet, options, declared))


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


@dataclass(frozen=True, slots=True)
class _Request:
    """A digest on its way to an outlet."""

    document: Document
    outlet: str
    options: PostRenderOptions
    declared: PostFormat

    @property
    def limit(self) -> int:
        return self.options.limit or self.declared.limit

    @property
    def style(self) -> tuple[str, tuple[str, ...]]:
        return self.options.locale, self.options.hidden_names


def _text_post(request: _Request) -> Post:
    options, declared, outlet = request.options, request.declared, request.outlet
    facts = {**template_context(request.document), "outlet": outlet}
    template = f"post/{_template_name(request.document)}.j2"
    blocks = render_blocks(outlet, template, facts, *request.style)
    blocks += _licence_blocks(facts["c"]["gaps"], options.locale, declared)
    poll = polls.render_poll(options.poll, facts, outlet, options.locale) if options.poll else None
    link = _page_link(declared, options)
    last = (TextBlock("text", "", 2, PARAGRAPH + link.words),) if link else ()
    if options.thread:
        texts = _thread_texts(request, (*blocks, *last), facts, poll.question if poll else "")
    else:
        blocks += (TextBlock("text", "", 0, PARAGRAPH + poll.question),) if poll else ()
        texts = (fit_blocks((*blocks, *last), declared.size, request.limit),)
    for text in texts:
        title = outlets.load_module(outlet).TITLE
        if found := [part for part in declared.linked(text) if part != options.page_url]:
            raise LintError(f"{template}: found {found[0]!r}, which {title} would link; wanted no link, mention or tag")
    # A poll and a picture exclude each other.
    pictures = () if poll and len(texts) == 1 else options.pictures
    return Post(outlet, texts, pictures, poll=poll, link=link)


def _thread_texts(
    request: _Request, blocks: Sequence[TextBlock], facts: Mapping[str, Any], question: str
) -> tuple[str, ...]:
    size = request.declared.size

    def head(number: int, of: int, taken_back: bool = False) -> str:
        """The start of a thread's later parts, so that they differ from those of other days; 0: the poll's."""
        at = {"number": number, "of": of, "taken_back": taken_back}
        part = render_blocks(request.outlet, "post/part.j2", {**facts, "at": at}, *request.style)
        return fit_blocks(part, size, request.limit)

    assert request.options.thread
    texts = build_thread(blocks, head, request.options.thread, size, request.limit)
    return (*texts, f"{head(0, 0)}\n{question}") if question else texts


def _page_link(declared: PostFormat, options: PostRenderOptions) -> Link | None:
    """The link at the end of a text, where the outlet has one and there is a page."""
    if not options.page_url or declared.links == "none":
        return None
    url = options.page_url
    return Link(url if declared.links == "address" else embeds.page_words(options.locale), url)


def _data_post(request: _Request) -> Post:
    data = digest_data.figures_data(request.document, request.options.locale, request.options.hidden_names)
    return replace(_text_post(request), data={**data, "page": request.options.page_url or None})


def _template_name(document: Document) -> str:
    return "networks" if document["network"] == COMPARISON else "digest"


def _licence_blocks(gaps: Sequence[str], locale: str, declared: PostFormat) -> tuple[TextBlock, ...]:
    """The source of numbers whose licence asks every post to name it."""
    named = (gap for gap in gaps if isinstance(gap, Message) and gap.code == "source_licensed")
    return tuple(TextBlock("text", "", 0, PARAGRAPH + declared.escape(translate_to_text(gap, locale))) for gap in named)


def _embed_post(request: _Request) -> Post:
    options, outlet = request.options, request.outlet
    facts, style = {**template_context(request.document), "page": bool(options.page_url)}, request.style
    template = f"discord/{_template_name(request.document)}.j2"
    blocks = render_blocks(outlet, template, facts, *style)
    blocks += render_blocks("text", "discord/footer.j2", facts, *style)
    embed = embeds.build_embed(blocks, template, options.page_url, options.locale)
    post = Post(outlet, ("",), options.pictures, embed)
    if options.poll is None:
        return post
    # A message with a poll has no embed, so it is a separate message.
    over = fit_blocks(render_blocks(outlet, "discord/poll.j2", facts, *style), utf16_length, _OVER_POLL)
    return replace(post, parts=("", over), poll=polls.render_poll(options.poll, facts, outlet, options.locale))


def _terminal_text(document: Document, options: PostRenderOptions) -> Post:
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
_FORMS: Mapping[str, Callable[[_Request], Post]] = {"text": _text_post, "embed": _embed_post, "data": _data_post}


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
