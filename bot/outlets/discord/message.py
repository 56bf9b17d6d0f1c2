"""A part as a Discord message: its limits, its embed with the mark for look-backs, its files; and the calls of a
logged-in discord.py client that send it, one function each. They raise discord.py's errors.

Limits: github.com/discord/discord-api-docs, the page named beside each; lengths in characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, cast

from bot import platform_limits
from bot.outlets.types import LEEWAY, Part, Votes
from bot.records import Poll

if TYPE_CHECKING:
    import discord


CONTENT = 2000
"""resources/message, Create Message, `content`; the OpenAPI description says 4000, which only some accounts have."""
ALT = 1024
"""resources/message, Attachment Structure, `description`."""
FILES = 10
"""resources/message, Create Message, `attachments` (in the OpenAPI description: maxItems)."""
FILE_BYTES, REQUEST_BYTES = 10 * 2**20, 25 * 2**20
"""reference, Uploading Files: 10 MiB a file by default; resources/message, Create Message: 25 MiB a request."""
NONCE = 25
"""resources/message, Create Message, `nonce`."""
POLL_ANSWERS = 10
"""resources/poll, Poll Create Request Object."""
POLL_HOURS = 768
"""resources/poll, Poll Create Request Object, `duration`: up to 32 days, in whole hours."""
_EPOCH_MS = 1_420_070_400_000
MARK = 12
"""Hexadecimal characters of a part's marker in its embed's footer."""


def footer_mark(part: Part) -> str:
    """The mark by which a look-back finds an embed."""
    return f"ref {part.marker[:MARK]}"


def build_embed(part: Part) -> discord.Embed | None:
    """The part's embed with its mark at the end of the footer."""
    if part.embed is None:
        return None
    import discord

    footer = cast(Mapping[str, object], part.embed.get("footer") or {})
    text = " · ".join(str(words) for words in (footer.get("text"), footer_mark(part)) if words)
    return discord.Embed.from_dict({**part.embed, "footer": {**footer, "text": text}})


def build_embeds(part: Part) -> list[discord.Embed]:
    embed = build_embed(part)
    return [embed] if embed else []


@contextmanager
def attached_files(part: Part) -> Iterator[list[discord.File]]:
    """The part's pictures as attachments with alt text, released at the end: discord.py creates a reference cycle that
    would keep each in memory until the next full garbage collection."""
    import discord

    files = [
        discord.File(BytesIO(picture.content), _file_name(picture.name), description=picture.alt)
        for picture in part.pictures
    ]
    try:
        yield files
    finally:
        for file in files:
            file.fp.close()


def _file_name(name: str) -> str:
    """Discord shows a picture only if its file name has a picture's extension."""
    return name if "." in name else f"{name}.png"


def build_poll(poll: Poll) -> discord.Poll:
    import discord

    discord_poll = discord.Poll(poll.question, poll.lasts)
    for answer in poll.answers:
        discord_poll.add_answer(text=answer)
    return discord_poll


def posted_at(message_id: str) -> datetime:
    """When a message was created (UTC) by Discord's own clock, from its id (reference, Snowflakes)."""
    return datetime.fromtimestamp(((int(message_id) >> 22) + _EPOCH_MS) / 1000, UTC)


def matches_part(part: Part, message: discord.Message) -> bool:
    if message.nonce == part.marker:
        return True
    if part.embed is not None:
        return any(footer_mark(part) in (shown.footer.text or "") for shown in message.embeds)
    if part.poll is not None:
        same_text = not part.text or message.content == trimmed(part.text)
        return same_text and message.poll is not None and message.poll.question == trimmed(part.poll.question)
    return message.content == trimmed(part.text)


def trimmed(text: str) -> str:
    """A text as Discord stores it: without leading and trailing spaces (resources/message)."""
    return text.strip()


def find_mistakes(part: Part) -> list[str]:
    """What Discord would refuse: for each, which thing, its length and the limit."""
    mistakes = list(_too_long("text", part.text, CONTENT))
    mistakes += _too_long("marker", part.marker, NONCE)
    if not (part.text.strip() or part.embed or part.poll):
        mistakes.append("nothing to say: no text, no embed, no poll")
    mistakes += _file_mistakes(part)
    if part.embed is not None:
        mistakes += _embed_mistakes(part)
    if part.poll is not None:
        mistakes += _poll_mistakes(part.poll)
        if part.embed is not None:
            mistakes.append("poll: found beside an embed, wanted one of the two")
    return mistakes


def _too_long(what: str, text: object, limit: int) -> Iterator[str]:
    length = len(str(text or "").strip())
    if length > limit:
        yield f"{what}: {length} characters, at most {limit}"


def _file_mistakes(part: Part) -> Iterator[str]:
    sizes = [len(picture.content) for picture in part.pictures]
    if len(sizes) > FILES:
        yield f"pictures: {len(sizes)}, at most {FILES}"
    for picture in part.pictures:
        if not picture.alt.strip():
            yield f"picture {picture.name}: no alt text"
        yield from _too_long(f"alt text of {picture.name}", picture.alt, ALT)
        if len(picture.content) > FILE_BYTES:
            yield f"picture {picture.name}: {len(picture.content)} bytes, at most {FILE_BYTES}"
    if sum(sizes) > REQUEST_BYTES - 2**20:
        yield f"pictures: {sum(sizes)} bytes together, at most {REQUEST_BYTES - 2**20}"


def _embed_mistakes(part: Part) -> Iterator[str]:
    embed = build_embed(part)
    assert embed is not None
    yield from _too_long("embed title", embed.title, platform_limits.EMBED_TITLE)
    yield from _too_long("embed description", embed.description, platform_limits.EMBED_DESCRIPTION)
    yield from _too_long("embed footer with its mark", embed.footer.text, platform_limits.EMBED_FOOTER)
    yield from _too_long("embed author", embed.author.name, platform_limits.EMBED_AUTHOR)
    if len(embed.fields) > platform_limits.EMBED_FIELDS:
        yield f"embed fields: {len(embed.fields)}, at most {platform_limits.EMBED_FIELDS}"
    for number, field in enumerate(embed.fields, 1):
        yield from _too_long(f"embed field {number} name", field.name, platform_limits.EMBED_FIELD_NAME)
        yield from _too_long(f"embed field {number} value", field.value, platform_limits.EMBED_FIELD_VALUE)
        if not ((field.name or "").strip() and (field.value or "").strip()):
            yield f"embed field {number}: empty name or value"
    if len(embed) > platform_limits.EMBED_TOTAL:
        yield f"embed: {len(embed)} characters together, at most {platform_limits.EMBED_TOTAL}"
    yield from (f"embed {key}: a picture there has no alt text" for key in ("image", "thumbnail") if key in part.embed)  # type: ignore[operator]


def _poll_mistakes(poll: Poll) -> Iterator[str]:
    yield from _too_long("poll question", poll.question, platform_limits.DISCORD_POLL_QUESTION)
    if not 1 <= len(poll.answers) <= POLL_ANSWERS:
        yield f"poll: {len(poll.answers)} answers, wanted 1 to {POLL_ANSWERS}"
    for number, answer in enumerate(poll.answers, 1):
        yield from _too_long(f"poll answer {number}", answer, platform_limits.DISCORD_POLL_ANSWER)
    if not all(text.strip() for text in (poll.question, *poll.answers)):
        yield "poll: an empty question or answer"
    hours = poll.lasts / timedelta(hours=1)
    if hours != int(hours) or not 1 <= hours <= POLL_HOURS:
        yield f"poll: lasts {poll.lasts}, wanted whole hours from 1 to {POLL_HOURS}"


LOOK_BACK = 1000
"""Messages of a channel that a look-back reads at most."""


async def send_message(client: discord.Client, part: Part, channel_id: int) -> str:
    """The id of the message that was made, or that Discord had for this nonce."""
    import discord

    with attached_files(part) as files:
        sent = await client.get_partial_messageable(channel_id).send(
            part.text or None,
            embeds=build_embeds(part),
            files=files,
            poll=build_poll(part.poll) if part.poll else discord.utils.MISSING,
            nonce=part.marker,
            allowed_mentions=discord.AllowedMentions.none(),
        )
    return str(sent.id)


async def find_message(client: discord.Client, part: Part, channel_id: int) -> str | bool:
    """The id of the message that is this part; else whether all messages that could be were read."""
    assert client.user is not None
    after, read = part.since - LEEWAY if part.since else None, 0
    history = client.get_partial_messageable(channel_id).history(limit=LOOK_BACK, after=after, oldest_first=False)
    async for shown in history:
        read += 1
        if shown.author.id == client.user.id and matches_part(part, shown):
            return str(shown.id)
    return read < LOOK_BACK


async def edit_message(client: discord.Client, part: Part, channel_id: int, message_id: int) -> None:
    """Puts a part in the place of a message; without pictures those of the message stay."""
    import discord

    there = client.get_partial_messageable(channel_id).get_partial_message(message_id)
    with attached_files(part) as files:
        await there.edit(
            content=part.text or None,
            embeds=build_embeds(part),
            attachments=files or discord.utils.MISSING,
            allowed_mentions=discord.AllowedMentions.none(),
        )


async def read_votes(client: discord.Client, channel_id: int, message_id: int) -> Votes | None:
    """Read from the JSON itself: discord.py shows results that are not there as zeros."""
    poll = (await client.http.get_message(channel_id, message_id)).get("poll")
    if not poll or not poll.get("results"):
        return None
    by_answer = {row["id"]: row["count"] for row in poll["results"]["answer_counts"]}
    counts = tuple(by_answer.get(answer["answer_id"], 0) for answer in poll["answers"])
    return Votes(counts, poll["results"]["is_finalized"])
