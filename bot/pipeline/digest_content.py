"""Renders a digest as an outlet's post, and each delivery's content for its destination."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import deliveries, digest, outlets, render
from bot.archive import Archive
from bot.pipeline.post_options import PostOptions
from bot.records import COMPARISON, Document, FootfallError, Picture, Post

log = logging.getLogger(__name__)


class ContentError(FootfallError):
    """A delivery whose content cannot be rendered."""


DEFAULT_OPTIONS = PostOptions()


def render_post(
    document: Document,
    outlet: str,
    hidden: Sequence[str] = (),
    locale: str = "en",
    habits: PostOptions = DEFAULT_OPTIONS,
    parts_to_replace: int = 0,
) -> Post:
    """One outlet's post for a digest, with its picture, and with a poll if `habits` have one. `parts_to_replace`: the
    number of parts of the post that it corrects; no poll is posted twice."""
    if parts_to_replace:
        poll, thread = None, range(parts_to_replace, parts_to_replace + 1) if parts_to_replace > 1 else None
    else:
        poll, thread = habits.poll_for(document, outlet), habits.thread_range(outlet)
    drawn = outlet in outlets.posting_outlets() and outlets.post_format(outlet).pictures
    drawn = drawn and document["network"] != COMPARISON
    pictures = (_draw_picture(document, locale, hidden),) if drawn else ()
    page, limit = habits.page_url(document), habits.limits.get(outlet)
    options = render.PostRenderOptions(locale, tuple(hidden), pictures, poll, thread, page, limit)
    try:
        return render.build_post(document, outlet, options)
    except (render.PollSkippedError, render.TooLongError) as error:
        if poll is None:
            raise
        log.warning("%s: posted without its poll: %s", outlet, error)
        return render.build_post(document, outlet, replace(options, poll=None))


def _draw_picture(document: Document, locale: str, hidden: Sequence[str]) -> Picture:
    from bot.pipeline.digest_pictures import draw_picture  # with all charts, which a text has no use for

    return draw_picture(document, locale, hidden)


@dataclass(frozen=True, slots=True)
class DigestContentProvider:
    """The content of deliveries; each post is rendered once. For one pass over the outbox, in one thread."""

    archive: Archive
    outbox: deliveries.Outbox
    hidden: Sequence[str] = ()
    locales: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Outlet and destination to the language there."""
    habits: PostOptions = DEFAULT_OPTIONS
    notices: Callable[[deliveries.Delivery], deliveries.DeliveryContent] | None = None
    """Renders the notices to members."""
    _rendered: dict[tuple[object, ...], tuple[Document, Post]] = field(default_factory=dict)

    def __call__(self, delivery: deliveries.Delivery) -> deliveries.DeliveryContent:
        """A delivery's content. Raises `ContentError`."""
        if delivery.network == deliveries.NOTICES and self.notices:
            return self.notices(delivery)
        corrected, replaced = None, 0
        place = (delivery.edition_key, delivery.outlet, delivery.destination)
        if delivery.kind == "correction":
            corrected = self.outbox.last_sent_edition(*place)
            # A correction that is not an edit is a post of its own, however many parts it corrects.
            replaced = self.outbox.sent_part_count(*place) if delivery.edits else 1
        locale = self.locales.get((delivery.outlet, delivery.destination), "en")
        key = (delivery.edition_key, delivery.outlet, locale, corrected, replaced)
        if key not in self._rendered:
            self._rendered[key] = self._render_post(delivery, corrected, locale, replaced)
        document, post = self._rendered[key]
        last = len(post.parts) - 1
        if (delivery.kind == "poll" and post.poll is None) or (delivery.kind != "poll" and delivery.part > last):
            polls = "" if post.poll else " and no poll"
            raise ContentError(f"{delivery.label}: the post has {last + 1} parts now{polls}")
        place_in_post = last if delivery.kind == "poll" else delivery.part
        poll = post.poll if place_in_post == last else None
        part = outlets.Part(post.parts[place_in_post], delivery.marker, poll=poll, link=post.link)
        if place_in_post == 0:
            part = replace(part, pictures=post.pictures, embed=post.embed, data=post.data)
        return deliveries.DeliveryContent(document, part)

    def _render_post(
        self, delivery: deliveries.Delivery, corrected: int | None, locale: str, replaced: int
    ) -> tuple[Document, Post]:
        period = (delivery.network, delivery.period, delivery.day)
        document = self.archive.find_digest(*period, delivery.edition)
        if document is None:
            raise ContentError(f"{delivery.label}: the archive does not have this edition")
        shown = document
        if corrected is not None and (before := self.archive.find_digest(*period, corrected)):
            # The correction compares with the edition that was sent there, which need not be the one before.
            shown = {**document, "changes": digest.figure_differences(before, document)}
        if delivery.outlet == "site":
            return document, Post("site", (delivery.edition_key.label,))
        try:
            return document, render_post(shown, delivery.outlet, self.hidden, locale, self.habits, replaced)
        except (render.LintError, render.TooLongError, KeyError) as error:
            raise ContentError(f"{delivery.label}: {error}") from error
