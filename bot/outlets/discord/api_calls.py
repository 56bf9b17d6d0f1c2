"""The outlet's calls on a logged-in discord.py client, one function each. They raise discord.py's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.outlets.discord import message
from bot.outlets.platform_clock import LEEWAY
from bot.outlets.types import Part, Votes

if TYPE_CHECKING:
    import discord

LOOK_BACK = 1000
"""Most messages of a channel that a look-back reads."""


async def send_message(client: discord.Client, part: Part, channel_id: int) -> str:
    """The id of the new message, or of the one that Discord has for this nonce."""
    import discord

    with message.attached_files(part) as files:
        sent = await client.get_partial_messageable(channel_id).send(
            part.text or None,
            embeds=message.build_embeds(part),
            files=files,
            poll=message.build_poll(part.poll) if part.poll else discord.utils.MISSING,
            nonce=part.marker,
            allowed_mentions=discord.AllowedMentions.none(),
        )
    return str(sent.id)


async def find_message(client: discord.Client, part: Part, channel_id: int) -> str | bool:
    """The id of the part's message; otherwise whether all possible messages were read."""
    assert client.user is not None
    after, read = part.since - LEEWAY if part.since else None, 0
    history = client.get_partial_messageable(channel_id).history(limit=LOOK_BACK, after=after, oldest_first=False)
    async for shown in history:
        read += 1
        if shown.author.id == client.user.id and message.matches_part(part, shown):
            return str(shown.id)
    return read < LOOK_BACK


async def edit_message(client: discord.Client, part: Part, channel_id: int, message_id: int) -> None:
    """Replaces a message with a part; without pictures, those of the message stay."""
    import discord

    there = client.get_partial_messageable(channel_id).get_partial_message(message_id)
    with message.attached_files(part) as files:
        await there.edit(
            content=part.text or None,
            embeds=message.build_embeds(part),
            attachments=files or discord.utils.MISSING,
            allowed_mentions=discord.AllowedMentions.none(),
        )


async def read_votes(client: discord.Client, channel_id: int, message_id: int) -> Votes | None:
    """Read from the raw JSON, because discord.py shows missing results as zeros."""
    poll = (await client.http.get_message(channel_id, message_id)).get("poll")
    if not poll or not poll.get("results"):
        return None
    by_answer = {row["id"]: row["count"] for row in poll["results"]["answer_counts"]}
    counts = tuple(by_answer.get(answer["answer_id"], 0) for answer in poll["answers"])
    return Votes(counts, poll["results"]["is_finalized"])
