"""What deliveries say: the words of a digest, or of its correction, for one destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot import digest, outlets, render
from bot.archive import Archive
from bot.deliveries import Delivery, DeliveryContent, Outbox
from bot.pipeline.collection import render_post
from bot.pipeline.polls import NO_HABITS, PostOptions
from bot.records import Document, FootfallError, Post


class ContentError(FootfallError):
    """A delivery for which no words can be made."""


@dataclass(frozen=True, slots=True)
class DigestContentProvider:
    """What deliveries say; each post is rendered once. For one pass over the outbox, in one thread."""

    archive: Archive
    outbox: Outbox
    hidden: Sequence[str] = ()
    locales: Mapping[str, str] = field(default_factory=dict)
    """Destination to its language."""
    habits: PostOptions = NO_HABITS
    _rendered: dict[tuple[object, ...], tuple[Document, Post]] = field(default_factory=dict)

    def __call__(self, delivery: Delivery) -> DeliveryContent:
        """What a delivery says. Raises `ContentError`."""
        published_edition = parts_to_replace = None
        if delivery.kind == "correction":
            published_edition = self.outbox.last_sent_edition(
                delivery.edition_key, delivery.outlet, delivery.destination
            )
            # One that is not edited in place is a post of its own, however many parts it corrects.
            parts_to_replace = (
                self.outbox.sent_part_count(delivery.edition_key, delivery.outlet, delivery.destination)
                if delivery.edits
                else 1
            )
        locale = self.locales.get(delivery.destination, "en")
        key = (delivery.edition_key, delivery.outlet, locale, published_edition, parts_to_replace)
        if key not in self._rendered:
            self._rendered[key] = self._render_post(delivery, published_edition, locale, parts_to_replace or 0)
        document, made = self._rendered[key]
        parts = outlets.post_parts(made, lambda _: delivery.marker)
        if delivery.kind == "poll" and made.poll is not None:
            return DeliveryContent(document, parts[-1])
        if delivery.kind == "poll" or delivery.part >= len(parts):
            raise ContentError(
                f"{delivery.label}: the post has {len(parts)} parts now{'' if made.poll else ' and no poll'}"
            )
        return DeliveryContent(document, parts[delivery.part])

    def _render_post(
        self, delivery: Delivery, published_edition: int | None, locale: str, parts_to_replace: int
    ) -> tuple[Document, Post]:
        document = self.archive.find_digest(delivery.network, delivery.period, delivery.day, delivery.edition)
        if document is None:
            raise ContentError(f"{delivery.label}: the archive does not have this edition")
        shown = document
        if published_edition is not None and (
            before := self.archive.find_digest(delivery.network, delivery.period, delivery.day, published_edition)
        ):
            # Corrected is what was read there, which need not be the edition just before.
            shown = {**document, "changes": digest.figure_differences(before, document)}
        if delivery.outlet == "site":
            return document, Post("site", (delivery.edition_key.label,))
        try:
            return document, render_post(shown, delivery.outlet, self.hidden, locale, self.habits, parts_to_replace)
        except (render.LintError, render.TooLongError, KeyError) as error:
            raise ContentError(f"{delivery.label}: {error}") from error
