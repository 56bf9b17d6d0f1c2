"""X's limits beyond those of `bot.platform_limits`, the settings of `config.yaml`, and the reasons why X would refuse a
part. Pure.

Limits from docs.x.com: create-post.mdx, media/best-practices.mdx and openapi.json 2.167, read Aug 2026.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from bot import config, platform_limits, x_text
from bot.outlets.types import Part
from bot.outlets.x import lookback
from bot.records import Poll

TEXT_LIMIT = platform_limits.X_TEXT
CHARACTER_LIMIT = 4 * TEXT_LIMIT
"""Longest text that is checked, long links included: the time for a hostile one grows fast."""
CASHTAG_LIMIT = 1
PICTURE_LIMIT = 4
PICTURE_BYTES = 5 * 1024 * 1024
POLL_ANSWERS = range(2, 5)
POLL_LASTS = (timedelta(minutes=5), timedelta(minutes=10_080))

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
"""The first bytes of a PNG and a JPEG."""

Handle = Annotated[str, StringConstraints(pattern=r"^\w{1,15}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^(#\w*[^\W\d_]\w*|\$[A-Za-z]{1,6})$")]


class XSettings(config.OutletConfig):
    """The block `outlets.x` of `config.yaml`."""

    destinations: tuple[Handle, ...] = Field(
        (),
        max_length=1,
        description="the account that posts, without @; at most one, because the keys belong to one account",
    )
    locale: config.Language = Field("en", description="language of the account's posts")
    host: config.PrivateAddress = Field("https://api.x.com", description="address of X's API")
    thread: bool = Field(False, description="true: post all parts as a thread; false: post only the first part")
    links: bool = Field(False, description="true: posts may contain links, and then cost $0.20 each instead of $0.015")
    tags: tuple[Tag, ...] = Field(
        (), description="hashtags and at most one cashtag that posts may contain; no others are allowed"
    )
    monthly_budget: Decimal = Field(
        Decimal(5), ge=0, description="US dollars per calendar month; posting stops at this amount"
    )

    @property
    def locales(self) -> dict[str, str]:
        """Account to its language."""
        return dict.fromkeys(self.destinations, self.locale)

    @field_validator("tags")
    @classmethod
    def _known_to_x(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        if sum(tag.startswith("$") for tag in tags) > CASHTAG_LIMIT:
            raise ValueError(f"wanted at most {CASHTAG_LIMIT} cashtag: X refuses posts with more")
        for tag in tags:
            if [entity.text for entity in x_text.find_entities(tag)] != [tag]:
                raise ValueError(
                    f"{tag!r}: X would not link the whole of it; wanted a hashtag or cashtag as X knows it"
                )
        return tags


def cost(part: Part) -> Decimal:
    """Expected charge of X for one part in US dollars, without failures and look-backs."""
    post = platform_limits.X_POST_WITH_LINK if x_text.find_urls(part.text) else platform_limits.X_POST
    return post + platform_limits.X_ALT_TEXT * len(part.pictures)


def find_refusals(part: Part, settings: XSettings) -> list[str]:
    """Why X would refuse a part, or our own settings do: one line each, empty if there is no reason."""
    return [*_text_refusals(part.text, settings), *_media_refusals(part), *_poll_refusals(part.poll)]


def _text_refusals(text: str, settings: XSettings) -> Iterator[str]:
    if len(text) > CHARACTER_LIMIT:
        yield f"the text has {len(text):,} characters; wanted at most {CHARACTER_LIMIT:,}"
        return
    if (length := x_text.weighted_length(text)) > TEXT_LIMIT:
        yield f"the text is {length} long as X counts it; wanted at most {TEXT_LIMIT}"
    if x_text.has_forbidden(text):
        yield "the text holds a sign that X refuses (U+FFFE, U+FEFF or U+FFFF)"
    if not lookback.is_findable(text):
        yield "the text has no word that is not a link: it could not be found again"
    yield from _entity_refusals(x_text.possible_entities(text), settings)


def _entity_refusals(entities: Sequence[x_text.Entity], chosen: XSettings) -> Iterator[str]:
    if (cashtags := sum(entity.kind == "cashtag" for entity in entities)) > CASHTAG_LIMIT:
        yield f"{cashtags} cashtags; X allows {CASHTAG_LIMIT}"
    own = {tag.casefold() for tag in chosen.tags}
    for entity in entities:
        if entity.kind in ("hashtag", "cashtag") and entity.text.casefold() not in own:
            yield f"{entity.text} would become a tag; wanted only outlets.x.tags"
        elif entity.kind in ("mention", "list"):
            yield f"{entity.text} would mention an account; X forbids that unasked"
    if not chosen.links and (link := next((entity.text for entity in entities if entity.kind == "url"), None)):
        price = platform_limits.X_POST_WITH_LINK
        yield f"{link} would become a link and cost ${price}; allow it with outlets.x.links: true"


def _media_refusals(part: Part) -> Iterator[str]:
    if part.pictures and part.poll:
        yield "a poll and a picture; X allows one of them"
    if len(part.pictures) > PICTURE_LIMIT:
        yield f"{len(part.pictures)} pictures; X allows {PICTURE_LIMIT}"
    for picture in part.pictures:
        if not picture.content.startswith(_SIGNATURES):
            yield f"{picture.name}: wanted a PNG or JPEG"
        if len(picture.content) > PICTURE_BYTES:
            yield f"{picture.name}: {len(picture.content):,} bytes; X allows {PICTURE_BYTES:,}"
        if not 0 < len(picture.alt) <= platform_limits.ALT_TEXT:
            wanted = f"wanted 1 to {platform_limits.ALT_TEXT:,}"
            yield f"{picture.name}: an alt text of {len(picture.alt):,} characters; {wanted}"


def _poll_refusals(poll: Poll | None) -> Iterator[str]:
    if poll is None:
        return
    if len(poll.answers) not in POLL_ANSWERS:
        yield f"a poll of {len(poll.answers)} answers; X allows {POLL_ANSWERS.start} to {POLL_ANSWERS.stop - 1}"
    for answer in poll.answers:
        if not 0 < len(answer) <= platform_limits.X_POLL_ANSWER:
            yield f"poll answer {answer!r}: {len(answer)} characters; X allows 1 to {platform_limits.X_POLL_ANSWER}"
    if not POLL_LASTS[0] <= poll.lasts <= POLL_LASTS[1]:
        yield f"a poll of {poll.lasts}; X allows 5 minutes to 7 days"
