"""What X and Discord allow in a post, and what X charges for one: templates fill a post up to here, and outlets refuse
beyond. Every limit and price stands with its page.
"""

from __future__ import annotations

from decimal import Decimal

X_TEXT = 280
"""Weighted characters; docs.x.com, counting-characters."""
ALT_TEXT = 1000
"""Characters of a picture's alt text; docs.x.com, media/best-practices.mdx. Discord takes 1,024."""
X_POLL_ANSWER = 25
"""docs.x.com, create-post.mdx."""

# docs.x.com, pricing.mdx, August 2026 (pay-per-use, US dollars); the console shows the ones in force.
X_POST = Decimal("0.015")
X_POST_WITH_LINK = Decimal("0.200")
X_ALT_TEXT = Decimal("0.005")

# docs.discord.com, resources/message, "Embed Limits"; characters after trimming
EMBED_TITLE, EMBED_DESCRIPTION, EMBED_FOOTER, EMBED_AUTHOR = 256, 4096, 2048, 256
EMBED_FIELDS, EMBED_FIELD_NAME, EMBED_FIELD_VALUE = 25, 256, 1024
EMBED_TOTAL = 6000
"""The sum of all texts of all embeds of a message."""
DISCORD_POLL_QUESTION, DISCORD_POLL_ANSWER = 300, 55
"""docs.discord.com, resources/poll, Poll Media Object."""
