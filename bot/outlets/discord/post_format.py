"""What a post on Discord is."""

from __future__ import annotations

import re

from bot import platform_limits
from bot.outlets.post_format import PollFormat, PostFormat

# Discord shows a mark behind a backslash as itself; only @ also acts on the raw text, so it becomes another letter.
_MARKS = re.compile(r"[\\*_~|`<>\[\]()#:]|\.(?![\s0-9]|$)|^[-+]|(?<=\s)[-+]|(?<=^[0-9])\.|(?<=[0-9])\.(?=\s)")


def for_discord(text: str) -> str:
    """A text without anything that Discord would turn into a ping, a link, an emoji, a timestamp or formatting."""
    return _MARKS.sub(lambda m: "\\" + m[0], text.replace("@", "\uff20"))


FORMAT = PostFormat(
    platform_limits.EMBED_TOTAL,
    counted="embed length",
    form="embed",
    escape=for_discord,
    links="words",
    pictures=True,
    poll=PollFormat(platform_limits.DISCORD_POLL_QUESTION, platform_limits.DISCORD_POLL_ANSWER),
    example=True,
)
