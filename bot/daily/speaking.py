"""What deliveries say: the words of a digest, or of its correction, for one destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot import digest, outlets, render
from bot.archive import Archive
from bot.daily.readers import NO_HABITS, Habits
from bot.daily.walk import post
from bot.deliveries import Content, Delivery, Outbox
from bot.records import Document, FootfallError, Post


class Unspeakable(FootfallError):
    """A delivery for which no words can be made."""


@dataclass(frozen=True, slots=True)
class Posts:
    """What deliveries say; each post is rendered once. For one pass over the outbox, in one thread."""

    archive: Archive
    outbox: Outbox
    hidden: Sequence[str] = ()
    locales: Mapping[str, str] = field(default_factory=dict)
    """Destination to its language."""
    habits: Habits = NO_HABITS
    _made: dict[tuple[object, ...], tuple[Document, Post]] = field(default_factory=dict)

    def __call__(self, one: Delivery) -> Content:
        """What a delivery says. Raises `Unspeakable`."""
        told = again = None
        if one.kind == "correction":
            told = self.outbox.told(one.edition_key, one.outlet, one.destination)
            # One that is not edited in place is a post of its own, however many parts it corrects.
            again = self.outbox.standing(one.edition_key, one.outlet, one.destination) if one.edits else 1
        locale = self.locales.get(one.destination, "en")
        key = (one.edition_key, one.outlet, locale, told, again)
        if key not in self._made:
            self._made[key] = self._post(one, told, locale, again or 0)
        document, made = self._made[key]
        parts = outlets.post_parts(made, lambda _: one.marker)
        if one.kind == "poll" and made.poll is not None:
            return Content(document, parts[-1])
        if one.kind == "poll" or one.part >= len(parts):
            raise Unspeakable(f"{one.label}: the post has {len(parts)} parts now{'' if made.poll else ' and no poll'}")
        return Content(document, parts[one.part])

    def _post(self, one: Delivery, told: int | None, locale: str, again: int) -> tuple[Document, Post]:
        document = self.archive.find_digest(one.network, one.period, one.day, one.edition)
        if document is None:
            raise Unspeakable(f"{one.label}: the archive has no such edition")
        shown = document
        if told is not None and (before := self.archive.find_digest(one.network, one.period, one.day, told)):
            # Corrected is what was read there, which need not be the edition just before.
            shown = {**document, "changes": digest.figure_differences(before, document)}
        if one.outlet == "site":
            return document, Post("site", (one.edition_key.label,))
        try:
            return document, post(shown, one.outlet, self.hidden, locale, self.habits, again)
        except (render.LintError, render.TooLongError, KeyError) as error:
            raise Unspeakable(f"{one.label}: {error}") from error
